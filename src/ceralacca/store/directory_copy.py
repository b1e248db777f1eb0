"""The local copy of the providers directory on disk (DI-3, DI-5, DI-10).

One folder, mode 0700:

    current                            which copy is in use, with its checksums; replaced by one rename
    copies/<instant>-<sha256>.p7m      as downloaded, kept for audit
    copies/<instant>-<sha256>.ldif     what was inside; this is what is loaded

`current` is exchanged only after both files of the copy are durable, so that at any cut the old
copy or the new one loads, and never half of one. A copy that was touched is not loaded, and no
earlier one is taken in its place: whoever can spoil the copy must not thereby choose another.

Who signed a file is asked of the port `OpensDirectoryFile`; downloading is not done here.

Clauses: DI-3, DI-5, DI-10, SE-5.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ceralacca.base.errors import WorldError
from ceralacca.core.directory import Directory
from ceralacca.core.directory_refresh import (
    AlarmCode,
    DirectoryAlarm,
    Refusal,
    RefusalReason,
    ReplacementRules,
    judge_replacement,
    new_deviations,
)
from ceralacca.formats.directory_ldif import MalformedDirectory, read_directory
from ceralacca.formats.ldif import LDIF_LIMITS
from ceralacca.ports.directory_source import OpensDirectoryFile, UntrustedDirectoryFile, VerifiedContent
from ceralacca.store.durable_files import UnprotectedFile, check_folder, make_folder, put_file, read_protected

_POINTER_OCTETS = 4096


class NoDirectoryCopy(WorldError):
    """There is no local copy yet."""


class DamagedDirectoryCopy(WorldError):
    """The copy in use, or the note that names it, is not what we wrote (DI-10)."""


class DirectoryNotStored(WorldError):
    """Disk or folder failed while the copy was being exchanged: the old copy or the new one is in use, whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """What is known of one stored copy."""

    stem: str
    """Name of its two files without suffix."""
    replaced: datetime
    """When it came into use."""
    refreshed: datetime
    """When the directory was last found to be this one (DI-3)."""
    signed: datetime | None
    """signingTime of the newest seal seen over this content."""
    records: int
    p7m_sha256: str
    ldif_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDirectory:
    """The directory in use, and which copy it is."""

    directory: Directory
    copy: StoredCopy


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """How an attempt to refresh the copy ended."""

    refusal: Refusal | None
    """None when the candidate is now in use."""
    alarms: tuple[DirectoryAlarm, ...]
    """For the operator; never empty after a refusal (DI-5)."""
    in_use: LoadedDirectory | None
    """What is in use now; None when a first copy was refused, or the one in use is damaged."""


class DirectoryCopy:
    """The folder of the local copy. Several processes may load; replacing waits for its turn."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._copies = folder / "copies"

    def load(self) -> LoadedDirectory:
        """Return the directory in use, after owner, permissions and checksums have been checked (DI-10).

        Raises NoDirectoryCopy, UnprotectedFile, DamagedDirectoryCopy.
        """
        return self._load(self._read_pointer())

    def replace(
        self, p7m: bytes, *, opens: OpensDirectoryFile, rules: ReplacementRules, instant: datetime
    ) -> Replacement:
        """Put a downloaded file in use if DI-5 allows; else leave everything as it is and raise the alarm.

        A file with the content in use only renews `refreshed`. Raises DirectoryNotStored when the
        disk fails, UnprotectedFile when others may write to the folder.
        """
        try:
            with self._turn():
                return self._replace(p7m, opens, rules, instant)
        except OSError as error:
            raise DirectoryNotStored(
                f"the directory copy could not be stored: {error.strerror}", remedy="look at the disk; then refresh"
            ) from error

    def history(self) -> tuple[str, ...]:
        """Return the stems of all copies kept for audit, oldest first; `p7m_of` gives each file.

        A copy whose exchange was cut short is among them, though it never came into use.
        """
        return tuple(sorted(path.stem for path in self._copies.glob("*.p7m")))

    def p7m_of(self, stem: str) -> bytes:
        """Return a kept file as it was downloaded. Raises UnprotectedFile, OSError."""
        return read_protected(self._copies / f"{stem}.p7m", limit=LDIF_LIMITS.octets * 2)

    def _load(self, copy: StoredCopy) -> LoadedDirectory:
        try:
            check_folder(self._copies)
            ldif = read_protected(self._copies / f"{copy.stem}.ldif", limit=LDIF_LIMITS.octets)
        except OSError as error:
            raise _damaged("the copy in use cannot be read") from error
        if hashlib.sha256(ldif).hexdigest() != copy.ldif_sha256:
            raise _damaged("the copy in use has another checksum than when it was stored")
        try:
            return LoadedDirectory(directory=read_directory(ldif), copy=copy)
        except MalformedDirectory as error:
            raise _damaged("the copy in use no longer parses") from error

    def _replace(
        self, p7m: bytes, opens: OpensDirectoryFile, rules: ReplacementRules, instant: datetime
    ) -> Replacement:
        copy, before, alarms = self._in_use(instant)
        judged = _judge(p7m, opens, rules, copy)
        if isinstance(judged, Refusal):
            return Replacement(refusal=judged, alarms=(*alarms, judged.alarm(instant)), in_use=before)
        content, candidate = judged
        if before is not None and hashlib.sha256(content.ldif).hexdigest() == before.copy.ldif_sha256:
            copy = replace(before.copy, refreshed=instant, signed=content.signing_time or before.copy.signed)
        else:
            copy = self._store(p7m, content, candidate, instant)
            alarms += _deviation_alarms(candidate, before, instant)
        put_file(self._folder / "current", _write_pointer(copy))
        return Replacement(refusal=None, alarms=alarms, in_use=LoadedDirectory(directory=candidate, copy=copy))

    def _in_use(
        self, instant: datetime
    ) -> tuple[StoredCopy | None, LoadedDirectory | None, tuple[DirectoryAlarm, ...]]:
        """Return what the candidate is measured against; of a damaged copy, what its note still says."""
        copy = None
        try:
            copy = self._read_pointer()
            return copy, self._load(copy), ()
        except NoDirectoryCopy:
            return None, None, ()
        except (UnprotectedFile, DamagedDirectoryCopy) as error:
            evidence = {"problem": str(error)}
            return copy, None, (DirectoryAlarm(code=AlarmCode.COPY_DAMAGED, instant=instant, evidence=evidence),)

    def _store(self, p7m: bytes, content: VerifiedContent, candidate: Directory, instant: datetime) -> StoredCopy:
        p7m_sha256 = hashlib.sha256(p7m).hexdigest()
        moment = instant.astimezone(UTC)
        stem = f"{moment:%Y%m%dT%H%M%S.%fZ}-{p7m_sha256}"
        put_file(self._copies / f"{stem}.p7m", p7m)
        put_file(self._copies / f"{stem}.ldif", content.ldif)
        return StoredCopy(
            stem=stem,
            replaced=moment,
            refreshed=moment,
            signed=content.signing_time,
            records=len(candidate.records),
            p7m_sha256=p7m_sha256,
            ldif_sha256=hashlib.sha256(content.ldif).hexdigest(),
        )

    def _read_pointer(self) -> StoredCopy:
        try:
            check_folder(self._folder)
            octets = read_protected(self._folder / "current", limit=_POINTER_OCTETS)
        except FileNotFoundError:
            raise NoDirectoryCopy("there is no copy of the directory yet", remedy="fetch it") from None
        except OSError as error:
            raise _damaged("the note of the copy in use cannot be read") from error
        return _parse_pointer(octets)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the folder for one writer; make it when it is not there."""
        for folder in (self._folder, self._copies):
            make_folder(folder)
            check_folder(folder)
        handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for half in self._copies.glob("*.new"):  # left by a cut
                half.unlink()
            yield
        finally:
            os.close(handle)


def _judge(
    p7m: bytes, opens: OpensDirectoryFile, rules: ReplacementRules, copy: StoredCopy | None
) -> Refusal | tuple[VerifiedContent, Directory]:
    """Take the steps of DI-5 in its order: signature, form, base entry, own record, share of records."""
    try:
        content = opens(p7m)
    except UntrustedDirectoryFile as error:
        return Refusal(reason=RefusalReason.SIGNATURE, evidence={"signature": error.reason})
    try:
        candidate = read_directory(content.ldif)
    except MalformedDirectory as error:
        return Refusal(reason=RefusalReason.MALFORMED, evidence={"line": str(error.line), "fault": str(error)})
    refusal = judge_replacement(
        candidate,
        rules,
        records_in_use=copy.records if copy else None,
        signed_at=content.signing_time,
        in_use_signed_at=copy.signed if copy else None,
    )
    return refusal or (content, candidate)


def _deviation_alarms(
    candidate: Directory, before: LoadedDirectory | None, instant: datetime
) -> tuple[DirectoryAlarm, ...]:
    found = new_deviations(candidate, before.directory if before else None)
    return (DirectoryAlarm(code=AlarmCode.DEVIATIONS, instant=instant, evidence=found),) if found else ()


def _write_pointer(copy: StoredCopy) -> bytes:
    """One line of JSON under the line of its checksum."""
    facts = {
        "stem": copy.stem,
        "replaced": copy.replaced.isoformat(),
        "refreshed": copy.refreshed.isoformat(),
        "signed": copy.signed and copy.signed.isoformat(),
        "records": copy.records,
        "p7m_sha256": copy.p7m_sha256,
        "ldif_sha256": copy.ldif_sha256,
    }
    body = json.dumps(facts, sort_keys=True).encode() + b"\n"
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _parse_pointer(octets: bytes) -> StoredCopy:
    checksum, _, body = octets.partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        raise _damaged("the note of the copy in use has a wrong checksum")
    try:
        facts: Mapping[str, Any] = json.loads(body)
        stem = facts["stem"]
        if Path(stem).name != stem:
            raise _damaged("the note of the copy in use names a file elsewhere")
        return StoredCopy(
            stem=stem,
            replaced=datetime.fromisoformat(facts["replaced"]),
            refreshed=datetime.fromisoformat(facts["refreshed"]),
            signed=facts["signed"] and datetime.fromisoformat(facts["signed"]),
            records=int(facts["records"]),
            p7m_sha256=str(facts["p7m_sha256"]),
            ldif_sha256=str(facts["ldif_sha256"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged("the note of the copy in use cannot be read") from error


def _damaged(what: str) -> DamagedDirectoryCopy:
    return DamagedDirectoryCopy(what, remedy="find out who touched it; fetch the directory again")
