"""What a holder is told of a message in the mailbox: is it certified, by whom, when, for whom; by its seal alone.

Folders prove nothing: a client can put any message anywhere (threats.md 45). So every message is judged as a stranger
would judge it, and what is not proven is said not to be. Header fields never decide (GE-8).

Clauses: IP-11 to IP-15, TO-20, TO-21, GE-8.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.splice import Octets
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.services.verify_message import MessageReport, Nature, verify_message


class Standing(StrEnum):
    """What a message in a mailbox is worth."""

    CERTIFIED = "certified"
    """A transport envelope whose seal holds: the message inside was sent by PEC."""
    RECEIPT = "receipt"
    """A receipt or notice whose seal holds."""
    UNPROVEN = "unproven"
    """It says that it is PEC, and that could not be checked to the end."""
    FALSE = "false"
    """It says that it is PEC, and is not: the seal does not hold, or it contradicts itself."""
    ANOMALY = "anomaly"
    """An anomaly envelope: ordinary mail, which our provider has wrapped. Nothing in it is certified."""
    ORDINARY = "ordinary"
    """No PEC message: a draft, a copy of one's own, something put there by a program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One message, judged, in the few values that lists show; kept for a while by whoever asks."""

    standing: Standing
    row: MessageRow | None
    provider: str
    """Who sealed it, when the seal holds."""
    instant: datetime | None
    """Of the certification data."""
    sealed: datetime | None
    sender: str
    recipients: tuple[str, ...]
    subject: str
    identifier: str
    concerned: tuple[str, ...]
    """Of a receipt: the recipients that it is about."""
    detail: str
    """`errore-esteso`."""
    verdict: str
    """A member of `SealVerdict`, empty when nothing was sealed."""
    reason: str
    """Code of the first reason why the seal does not hold."""
    for_us: bool
    """The mailbox is its sender or among its recipients; false of a message that was put here from elsewhere."""


def judge(octets: Octets, verify: VerifiesSeal, mailbox: Address) -> tuple[Judged, MessageReport]:
    """Judge a message that lies in a mailbox; never raises for what it holds."""
    report = verify_message("message", octets, verify)
    standing, data, seal = _standing(report), report.certification, report.seal
    holds = standing in {Standing.CERTIFIED, Standing.RECEIPT, Standing.ANOMALY}
    proven = data if holds else None
    recipients = tuple(one.address for one in proven.original.recipients) if proven else ()
    concerned = _concerned(report) if proven else ()
    return Judged(
        standing=standing,
        row=report.row,
        provider=seal.provider if seal and holds else "",
        instant=proven.instant if proven else None,
        sealed=seal.signing_time if seal and holds else None,
        sender=proven.original.sender.text if proven else "",
        recipients=tuple(one.text for one in recipients),
        subject=(proven.original.subject or "") if proven else "",
        identifier=proven.original.identifier if proven else "",
        concerned=tuple(one.text for one in concerned),
        detail=(proven.error_detail or "") if proven else "",
        verdict=str(seal.verdict) if seal and report.nature is not Nature.ORDINARY else "",
        reason=seal.reason if seal and not seal.good else "",
        for_us=proven is None or mailbox == proven.original.sender or mailbox in recipients,
    ), report


def _standing(report: MessageReport) -> Standing:
    if report.nature in {Nature.ORDINARY, Nature.UNREADABLE}:
        return Standing.ORDINARY
    if report.valid and report.nature is Nature.ANOMALY:
        return Standing.ANOMALY
    if report.valid and report.row is MessageRow.TRANSPORT_ENVELOPE:
        return Standing.CERTIFIED
    if report.valid and report.row is not None:
        return Standing.RECEIPT
    unknown = report.seal is not None and report.seal.verdict == "indeterminate" and not report.wrong_in_form
    return Standing.UNPROVEN if unknown else Standing.FALSE


def _concerned(report: MessageReport) -> tuple[Address, ...]:
    data = report.certification
    if data is None:
        return ()
    return (data.delivery_recipient,) if data.delivery_recipient else tuple(data.taken_recipients)
