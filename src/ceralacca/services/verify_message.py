"""Say of one message what it is, who sealed it, what that is worth and what it proves.

For a reader who holds a file, not for a provider who receives mail: that is
`core.incoming_point`, with the same form rules. The result is a value; sentences and colours are
`apps.cli`. Nothing is decided from the outer header (GE-8) or the text (GE-18): both are held
against the certification data and every contradiction is reported (TO-20).

Clauses: IP-12 to IP-15, TO-16, TO-20, TO-21, GE-8, GE-18.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.core.model.outcome import Mark, SealReport, SealVerdict, StepOutcome
from ceralacca.formats.message_summary import MessageSummary, summarise, summarise_original
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets
from ceralacca.lint.contradictions import Contradiction, contradictions
from ceralacca.lint.form import check_form
from ceralacca.ports.seal_verifier import VerifiesSeal
from ceralacca.services.messages_inside import Inside, claims_to_be_pec

_BY_RECIPIENT_PROVIDER = frozenset({MessageRow.TAKING_IN_CHARGE, MessageRow.VIRUS_DETECTION, MessageRow.DELIVERY})


class Nature(StrEnum):
    """What a message is, once judged."""

    PEC = "pec"
    """Has certification data, and a seal or at least the marks of PEC, whatever they are worth."""
    ANOMALY = "anomaly"
    """An anomaly envelope: sealed, and nothing in it certified."""
    ORDINARY = "ordinary"
    DAMAGED = "damaged"
    """Claims to be a PEC message, by its seal or its marks, and cannot be read as one."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReport:
    """Everything there is to say about one message."""

    name: str
    octets: int
    nature: Nature
    fault: str = ""
    """Why it is unreadable, in English."""
    row: MessageRow | None = None
    issued_receipt: ReceiptKind | None = None
    """Of a delivery receipt: the kind that it is, which need not be the kind requested (AM-4)."""
    seal: SealReport | None = None
    form: tuple[StepOutcome, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    certification: CertificationData | None = None
    certification_fault: str = ""
    deviations: tuple[str, ...] = ()
    """How the certification data leave the rules, within what section 11 bears."""
    summary: MessageSummary | None = None
    """Of the message itself, when it is no PEC message or too damaged to have its original found."""
    original: MessageSummary | None = None
    """Of the original inside."""
    nested: "tuple[MessageReport, ...]" = ()
    """PEC messages inside, from the outside in, forwarded or attached (TO-16); each judged by itself."""
    nested_cut: bool = False
    """There are more messages inside than are looked at (SE-7)."""

    @property
    def valid(self) -> bool:
        """Whether this is a PEC message whose seal holds, in due form, and which does not contradict itself."""
        return (
            self.nature in {Nature.PEC, Nature.ANOMALY}
            and self.seal is not None
            and self.seal.good
            and not self.wrong_in_form
        )

    @property
    def wrong_in_form(self) -> bool:
        """Whether the message is not in due form (IP-12, IP-13) or contradicts itself (TO-20)."""
        return bool(self.contradictions) or any(step.mark is Mark.FAILED for step in self.form)

    @property
    def proven(self) -> bool:
        """Whether its certification data may be relied on: the seal holds over them.

        What the outer header says may still contradict them: it is not what was sealed.
        """
        return self.certification is not None and self.seal is not None and self.seal.good


def verify_message(name: str, data: Octets, verify: VerifiesSeal) -> MessageReport:
    """Judge one message; never raises for what it holds."""
    try:
        received = read_received(data)
    except UnreadableMessage as fault:
        return MessageReport(name=name, octets=len(data), nature=Nature.UNREADABLE, fault=str(fault))
    if not any(received.head.names):
        return MessageReport(name=name, octets=len(data), nature=Nature.UNREADABLE, fault="it has no header")
    report = _judge(name, received, verify)
    inside = Inside(len(data))
    original = None if report.nature is Nature.ORDINARY else received.original
    found = inside.search(original, report.original or report.summary)
    nested = tuple(_judge(f"{name}!{number}", one, verify) for number, one in enumerate(found, 1))
    return replace(report, nested=nested, nested_cut=inside.cut) if nested or inside.cut else report


def _judge(name: str, received: Received, verify: VerifiesSeal) -> MessageReport:
    row = received.row
    seal = _seal(received, row, verify)
    nature = _nature(received, row, seal)
    if nature is Nature.ORDINARY:
        summary = summarise(received.data)
        return MessageReport(name=name, octets=len(received.data), nature=nature, seal=seal, summary=summary)
    damaged = nature is Nature.DAMAGED and received.original_part.entity is None
    return MessageReport(
        name=name,
        octets=len(received.data),
        nature=nature,
        row=row,
        issued_receipt=issued_receipt(received) if row is MessageRow.DELIVERY else None,
        seal=seal,
        form=check_form(received, signer_addresses=seal.signer.addresses if seal.signer else None),
        contradictions=contradictions(received),
        certification=received.facts,
        certification_fault=received.certification_fault,
        deviations=received.certification.deviations if received.certification else (),
        summary=summarise(received.data) if damaged else None,
        original=summarise_original(received),
    )


def _nature(received: Received, row: MessageRow | None, seal: SealReport) -> Nature:
    if not claims_to_be_pec(received):
        return Nature.ORDINARY  # somebody may attach a daticert.xml to any mail
    if row is MessageRow.ANOMALY_ENVELOPE:
        return Nature.ANOMALY
    if row is not None:
        return Nature.PEC
    marked = received.outer.receipt_marks or received.outer.transport_marks
    sealed_by_provider = received.signed is not None and bool(seal.provider)
    return Nature.DAMAGED if marked or sealed_by_provider else Nature.ORDINARY


def _seal(received: Received, row: MessageRow | None, verify: VerifiesSeal) -> SealReport:
    """Judge the seal; where two providers may have sealed (row 11), either will do."""
    message = received.signed if received.signed is not None else received.data
    reports = []
    for domain in domains_in_charge(row, received.facts):
        report = verify(message, sender_domain=domain)
        if report.verdict is not SealVerdict.WRONG_PROVIDER:
            return report
        reports.append(report)
    return reports[0]


def domains_in_charge(row: MessageRow | None, facts: CertificationData | None) -> tuple[str | None, ...]:
    """Return the domains of which one must be managed by the provider that sealed (IP-14, IP-15).

    The sender's provider answers for rows 1 to 5 and 9, the recipient's for rows 6, 8, 10 and 11;
    row 11 comes from the sender's where it could not deliver to the other (AD-3, AD-4). `(None,)`
    when there is none to ask for.
    """
    if row is None or facts is None:
        return (None,)
    concerned = [facts.delivery_recipient] if facts.delivery_recipient else list(facts.taken_recipients[:1])
    recipient = tuple(address.domain for address in concerned)
    sender = facts.original.sender.domain
    if row is MessageRow.NON_DELIVERY:
        return (*recipient, sender)
    return (recipient or (None,)) if row in _BY_RECIPIENT_PROVIDER else (sender,)


def issued_receipt(received: Received) -> ReceiptKind:
    """Return which kind a delivery receipt is: without an original concise, else the kind requested (DR-2, DR-4)."""
    facts = received.facts
    if received.original_part.entity is None or facts is None:
        return ReceiptKind.CONCISE
    return ReceiptKind.BRIEF if facts.requested_receipt is ReceiptKind.BRIEF else ReceiptKind.COMPLETE
