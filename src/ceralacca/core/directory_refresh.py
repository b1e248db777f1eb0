"""When the local copy of the directory must be refreshed, and what may take its place (DI-3, DI-5).

Pure: the file's signature is checked by `trust.directory_file`, its form by
`formats.directory_ldif`, the exchange itself is `store.directory_copy`. A refusal is a value
with its reason, and is always an alarm.

Clauses: DI-3, DI-5.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ceralacca.core.directory import Directory

REFRESH_INTERVAL = timedelta(hours=24)  # DI-3


class RefusalReason(StrEnum):
    """Why a candidate does not replace the local copy."""

    SIGNATURE = "signature"
    """Not the sealed file of the pinned directory manager."""
    MALFORMED = "malformed"
    """The LDIF does not parse; evidence `line`."""
    NO_BASE_ENTRY = "no-base-entry"
    NO_OWN_RECORD = "no-own-record"
    TOO_FEW_RECORDS = "too-few-records"
    """Dropped by more than the set share; evidence `before`, `after`, `allowed-percent`."""
    OLDER = "older"
    """Signed before the copy in use: an old file played back."""


class AlarmCode(StrEnum):
    """What an operator must hear about the local copy."""

    REFUSED = "directory-refused"
    """The old copy stays in use; evidence `reason`."""
    DEVIATIONS = "directory-deviations"
    """Replaced, with deviations that the old copy did not have; evidence one per code."""
    COPY_DAMAGED = "directory-copy-damaged"
    """The copy in use was found unreadable or touched."""
    UNREACHABLE = "directory-unreachable"
    """It could not be downloaded; the old copy stays in use; evidence `fault`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryAlarm:
    """One alarm for the operator, with named facts and no prose."""

    code: AlarmCode
    instant: datetime
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementRules:
    """The provider's settings for DI-5."""

    own_name: str
    """Our own `providerName`."""
    drop_percent: int = 20
    """How many in a hundred records may vanish at once."""
    refuse_older: bool = True
    """Refuse a file signed before the one in use; the operator may lift it by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The candidate does not replace the copy in use (DI-5)."""

    reason: RefusalReason
    evidence: Mapping[str, str] = field(default_factory=dict)

    def alarm(self, instant: datetime) -> DirectoryAlarm:
        """Return the alarm that DI-5 asks for."""
        return DirectoryAlarm(
            code=AlarmCode.REFUSED, instant=instant, evidence={"reason": self.reason.value, **self.evidence}
        )


def judge_replacement(
    candidate: Directory,
    rules: ReplacementRules,
    *,
    records_in_use: int | None,
    signed_at: datetime | None = None,
    in_use_signed_at: datetime | None = None,
) -> Refusal | None:
    """Decide whether a verified and parsed candidate may replace the copy in use; None when it may.

    `records_in_use` is None when there is no copy yet.
    """
    if candidate.base is None:
        return Refusal(reason=RefusalReason.NO_BASE_ENTRY)
    if candidate.main_record(rules.own_name) is None:
        return Refusal(reason=RefusalReason.NO_OWN_RECORD, evidence={"provider": rules.own_name})
    before, after = records_in_use or 0, len(candidate.records)
    if (before - after) * 100 > before * rules.drop_percent:
        evidence = {"before": str(before), "after": str(after), "allowed-percent": str(rules.drop_percent)}
        return Refusal(reason=RefusalReason.TOO_FEW_RECORDS, evidence=evidence)
    if rules.refuse_older and signed_at and in_use_signed_at and signed_at < in_use_signed_at:
        evidence = {"signed": signed_at.isoformat(), "in-use-signed": in_use_signed_at.isoformat()}
        return Refusal(reason=RefusalReason.OLDER, evidence=evidence)
    return None


def refresh_due(refreshed: datetime, now: datetime) -> bool:
    """Tell whether a day has passed since the copy was last refreshed or found unchanged (DI-3)."""
    return now - refreshed >= REFRESH_INTERVAL


def new_deviations(candidate: Directory, before: Directory | None) -> Mapping[str, str]:
    """Return, by code, the subjects of deviations that the copy in use does not have."""
    known = {(each.code, each.subject) for each in before.deviations} if before else set()
    fresh: dict[str, list[str]] = {}
    for each in candidate.deviations:
        if (each.code, each.subject) not in known:
            fresh.setdefault(each.code, []).append(each.subject)
    return {code: ", ".join(subjects) for code, subjects in fresh.items()}
