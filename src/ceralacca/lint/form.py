"""The formal check of a received message: test 4 of the incoming point, envelopes and receipts (IP-12, IP-13).

Serves the incoming point, which knows the SMTP transaction and must decide, and `pec verify`, which
knows the file alone: what cannot be decided is marked so and is never counted as a failure. The
tolerances of section 11 come before any failure (IP-16), each under a reason code of its own.

Clauses: IP-12, IP-13, IP-16, GE-8, GE-17, GE-18, GE-26, MO-5, XM-6, TO-5 to TO-8, TO-11 to TO-14, TO-17, AM-14, SE-7.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from ceralacca.core.incoming_point import MessageFamily
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import NotificationKind
from ceralacca.core.model.outcome import Mark, StepOutcome
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.received import Absence, Found, PartDeviation, Received
from ceralacca.formats.smime import SealForm
from ceralacca.lint.reason import FormReason


class FormStep(StrEnum):
    """The steps of the formal check, in order."""

    MARKER = "marker"
    HEADER_FIELDS = "header-fields"
    FROM = "from"
    STRUCTURE = "structure"
    READABLE_PART = "readable-part"
    CERTIFICATION_PART = "certification-part"
    CERTIFICATION = "certification"
    ORIGINAL_PART = "original-part"
    KIND = "kind"
    IDENTIFIER = "identifier"
    REVERSE_PATH = "reverse-path"
    RECIPIENTS = "recipients"


_STEPS = tuple(FormStep)
_SERVICE_KINDS = frozenset({NotificationKind.TAKING_IN_CHARGE, NotificationKind.VIRUS_DETECTION})
_MARKS = {
    "x-ricevuta": {kind.value for kind in NotificationKind} - {NotificationKind.TRANSPORT_ENVELOPE.value},
    "x-trasporto": {"posta-certificata", "errore"},
}
_REQUIRED = ("Date", "Subject", "From", "Message-ID")
_EXPECTED = {
    MessageFamily.ENVELOPE: ("X-Riferimento-Message-ID", "X-TipoRicevuta", "To", "Reply-To"),
    MessageFamily.RECEIPT: ("X-Riferimento-Message-ID", "To"),
}
"""What we would write and another provider may leave out: the certification data say it (TO-8, TO-12, AP-23)."""
_NO_ORIGINAL = frozenset(NotificationKind) - {NotificationKind.TRANSPORT_ENVELOPE, NotificationKind.DELIVERY}


def family_of(received: Received) -> MessageFamily:
    """Tell what a message says it is: by its markers, and without any by its certification data."""
    if received.outer.receipt_marks:
        return MessageFamily.RECEIPT
    marks = [mark.lower() for mark in received.outer.transport_marks]
    if marks:
        return MessageFamily.ANOMALY if set(marks) == {"errore"} else MessageFamily.ENVELOPE
    if received.facts is None:
        return MessageFamily.NONE
    is_envelope = received.facts.kind is NotificationKind.TRANSPORT_ENVELOPE
    return MessageFamily.ENVELOPE if is_envelope else MessageFamily.RECEIPT


def check_form(
    received: Received,
    *,
    reverse_path: Address | None = None,
    local_recipients: Collection[Address] | None = None,
    signer_addresses: Collection[str] | None = None,
    service_mailboxes: Collection[Address] | None = None,
) -> tuple[StepOutcome, ...]:
    """Check the form of a message: envelope, receipt or anomaly envelope, as its marker says.

    `local_recipients` are the RCPT addresses of the transaction in our domains, None when the message
    was not seen arriving: then `reverse_path` says nothing either. With recipients, a `reverse_path`
    of None is the null path. `signer_addresses` are the rfc822Names of the signer's certificate,
    `service_mailboxes` our own ones (rows 6 and 8); None when not known. Every member of `FormStep`
    comes out once, in order.
    """
    return _Form(
        received=received,
        family=family_of(received),
        reverse_path=reverse_path,
        local_recipients=None if local_recipients is None else tuple(local_recipients),
        signer_addresses=None if signer_addresses is None else tuple(signer_addresses),
        service_mailboxes=None if service_mailboxes is None else tuple(service_mailboxes),
    ).outcomes()


def failed(outcomes: Collection[StepOutcome]) -> bool:
    """Tell whether the form is wrong: a step failed. What was not decided does not count."""
    return any(outcome.mark is Mark.FAILED for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class _Result:
    """How one step ended, before it has its name and clauses."""

    mark: Mark = Mark.PASSED
    reason: FormReason | None = None
    evidence: tuple[tuple[str, str], ...] = ()


_PASSED = _Result()
_NOT_ASKED = _Result(Mark.NOT_REACHED)
_CLAUSES = {
    FormStep.MARKER: ("GE-20",),
    FormStep.HEADER_FIELDS: ("TO-5", "AP-23"),
    FormStep.FROM: ("GE-3", "GE-26"),
    FormStep.STRUCTURE: ("IP-6", "GE-9", "SE-7"),
    FormStep.READABLE_PART: ("GE-12", "TO-6"),
    FormStep.CERTIFICATION_PART: ("GE-11", "TO-11", "TO-17"),
    FormStep.CERTIFICATION: ("XM-5", "XM-6", "TO-9"),
    FormStep.ORIGINAL_PART: ("GE-10", "TO-17"),
    FormStep.KIND: ("GE-8",),
    FormStep.IDENTIFIER: ("XM-6", "GE-30", "TO-7"),
    FormStep.REVERSE_PATH: ("MO-6", "AM-14"),
    FormStep.RECIPIENTS: ("MO-5", "MO-10", "AM-14"),
}
_CLAUSE = {
    MessageFamily.ENVELOPE: "IP-12",
    MessageFamily.RECEIPT: "IP-13",
    MessageFamily.ANOMALY: "BA-1",
    MessageFamily.NONE: "IP-12",
}


def _outcome(family: MessageFamily, step: FormStep, result: _Result) -> StepOutcome:
    return StepOutcome(
        step=step,
        mark=result.mark,
        requirements=(_CLAUSE[family], *_CLAUSES[step]),
        reason=result.reason or "",
        evidence=dict(result.evidence),
    )


_PLAIN = {family: tuple(_outcome(family, step, _PASSED) for step in FormStep) for family in MessageFamily}
"""Of steps that are plainly passed, as nearly all are."""


def _failed(reason: FormReason, **evidence: str) -> _Result:
    return _Result(Mark.FAILED, reason, tuple(evidence.items()))


def _tolerated(reason: FormReason, **evidence: str) -> _Result:
    return _Result(Mark.TOLERATED, reason, tuple(evidence.items()))


def _unknown(reason: FormReason) -> _Result:
    return _Result(Mark.UNKNOWN, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One check in progress."""

    received: Received
    family: MessageFamily
    reverse_path: Address | None
    local_recipients: tuple[Address, ...] | None
    signer_addresses: tuple[str, ...] | None
    service_mailboxes: tuple[Address, ...] | None

    def outcomes(self) -> tuple[StepOutcome, ...]:
        family = self.family
        return tuple(
            [
                passed if result is _PASSED else _outcome(family, step, result)
                for step, passed, result in zip(_STEPS, _PLAIN[family], self._results(), strict=True)
            ]
        )

    def _results(self) -> tuple[_Result, ...]:
        """Take the steps, in the order of `FormStep`."""
        # An anomaly envelope never has certification data to compare with (GE-16).
        compares = self.family is not MessageFamily.ANOMALY
        return (
            self._marker(),
            self._header_fields(),
            self._from(),
            self._structure(),
            self._readable_part(),
            self._certification_part(),
            self._certification() if compares else _NOT_ASKED,
            self._original_part(),
            self._kind() if compares else _NOT_ASKED,
            self._identifier() if compares else _NOT_ASKED,
            self._reverse_path() if compares else _NOT_ASKED,
            self._recipients() if compares else _NOT_ASKED,
        )

    # -- outer header --------------------------------------------------------------------------

    def _marker(self) -> _Result:
        outer = self.received.outer
        if outer.receipt_marks and outer.transport_marks:
            return _failed(FormReason.BOTH_MARKERS)
        marks = outer.receipt_marks or outer.transport_marks
        if not marks:
            return _failed(FormReason.NO_MARKER)
        if len(marks) > 1:
            return _failed(FormReason.REPEATED_MARKER, count=str(len(marks)))
        mark = marks[0].lower()
        if mark not in _MARKS["x-ricevuta" if outer.receipt_marks else "x-trasporto"]:
            return _failed(FormReason.UNKNOWN_MARKER, value=marks[0][:80])
        return _PASSED if marks[0] == mark else _tolerated(FormReason.MARKER_CASE, value=marks[0])

    def _header_fields(self) -> _Result:
        head = self.received.head
        for name in _REQUIRED:
            if (count := head.count_of(name)) != 1:
                return _failed(FormReason.FIELD_REPEATED if count else FormReason.FIELD_MISSING, field=name)
        missing = [name for name in _EXPECTED.get(self.family, ()) if not head.count_of(name)]
        return _tolerated(FormReason.OPTIONAL_FIELD_MISSING, fields=", ".join(missing)) if missing else _PASSED

    def _from(self) -> _Result:
        senders = self.received.outer.sender
        if len(senders) != 1:
            reason = FormReason.SEVERAL_FROM_ADDRESSES if senders else FormReason.NO_FROM_ADDRESS
            return _failed(reason)
        for field in self.received.head.all("Sender"):
            if [mailbox.address for mailbox in read_addresses(field.body).mailboxes] != [senders[0]]:
                return _failed(FormReason.SENDER_DIFFERS)
        if self.signer_addresses is None:
            return _unknown(FormReason.SIGNER_UNKNOWN)
        if senders[0].key in {address.lower() for address in self.signer_addresses}:
            return _PASSED
        return _failed(
            FormReason.FROM_NOT_SIGNER, address=senders[0].text, certificate=", ".join(self.signer_addresses)
        )

    # -- parts -----------------------------------------------------------------------------------

    def _structure(self) -> _Result:
        received = self.received
        if received.signed is None:
            return _failed(FormReason.NO_SEAL, fault=received.seal_fault or "")
        if received.signed.form is SealForm.OPAQUE:
            return _failed(FormReason.OPAQUE_SEAL)
        if received.limit_passed or received.entity is None:
            return _failed(FormReason.LIMIT_PASSED)
        if received.entity.media_type != "multipart/mixed":
            return _failed(FormReason.NOT_MIXED, type=received.entity.media_type[:80])
        return _PASSED

    def _readable_part(self) -> _Result:
        readable = self.received.readable
        if readable is None:
            return _failed(FormReason.NO_READABLE_PART)
        has_plain = any(part.media_type == "text/plain" for part in readable.walk())
        return _PASSED if has_plain else _tolerated(FormReason.HTML_ONLY)

    def _certification_part(self) -> _Result:
        found = self.received.certification_part
        if self.family is MessageFamily.ANOMALY:
            return (
                _PASSED if found.absence is Absence.MISSING else _failed(FormReason.CERTIFICATION_UNEXPECTED)
            )  # GE-16
        if found.absence is Absence.SEVERAL:
            return _failed(FormReason.SEVERAL_CERTIFICATIONS)
        return _labelled(found) if found.entity is not None else _failed(FormReason.CERTIFICATION_MISSING)  # TO-11

    def _certification(self) -> _Result:
        if self.received.certification_part.entity is None:
            return _unknown(FormReason.CERTIFICATION_UNREAD)
        read = self.received.certification
        if read is None:
            return _failed(FormReason.CERTIFICATION_MALFORMED, fault=self.received.certification_fault)
        if read.deviations:
            return _tolerated(FormReason.CERTIFICATION_DEVIATES, deviations=", ".join(read.deviations))
        return _PASSED

    def _original_part(self) -> _Result:
        found, facts = self.received.original_part, self.received.facts
        if self.family is MessageFamily.RECEIPT:
            unexpected = facts is not None and facts.kind in _NO_ORIGINAL and found.absence is not Absence.MISSING
            return _tolerated(FormReason.ORIGINAL_UNEXPECTED) if unexpected else _labelled(found)
        if found.absence is Absence.SEVERAL:
            return _failed(FormReason.SEVERAL_ORIGINALS)
        return _labelled(found) if found.entity is not None else _failed(FormReason.ORIGINAL_MISSING)

    # -- what is signed against what is not --------------------------------------------------------

    def _kind(self) -> _Result:
        facts, outer = self.received.facts, self.received.outer
        if facts is None:
            return _unknown(FormReason.CERTIFICATION_UNREAD)
        marks = [mark.lower() for mark in outer.receipt_marks or outer.transport_marks]
        if marks == [facts.kind.value]:
            return _PASSED
        return _failed(FormReason.KIND_NOT_MARKER, certified=facts.kind, outer=", ".join(marks)[:80])

    def _identifier(self) -> _Result:
        facts, message_id = self.received.facts, bare_identifier(self.received.outer.message_id)
        if not message_id:
            return _failed(FormReason.NO_MESSAGE_ID)
        if facts is None:
            return _unknown(FormReason.CERTIFICATION_UNREAD)
        same = message_id == facts.original.identifier
        if self.family is not MessageFamily.ENVELOPE:
            return _tolerated(FormReason.RECEIPT_UNDER_ENVELOPE_ID) if same else _PASSED
        if same:
            return _PASSED
        return _failed(
            FormReason.IDENTIFIER_NOT_MESSAGE_ID, certified=facts.original.identifier, outer=message_id[:200]
        )

    def _reverse_path(self) -> _Result:
        if self.family is not MessageFamily.ENVELOPE:
            return _PASSED  # the norm fixes none for receipts (MO-12 is a SHOULD)
        facts = self.received.facts
        if self.local_recipients is None:
            return _unknown(FormReason.TRANSACTION_UNKNOWN)
        if facts is None:
            return _unknown(FormReason.CERTIFICATION_UNREAD)
        if self.reverse_path == facts.original.sender:
            return _PASSED
        return _failed(
            FormReason.SENDER_NOT_REVERSE_PATH,
            certified=facts.original.sender.text,
            outer=self.reverse_path.text if self.reverse_path else "<>",
        )

    def _recipients(self) -> _Result:
        facts = self.received.facts
        if facts is None:
            return _unknown(FormReason.CERTIFICATION_UNREAD)
        if self.family is MessageFamily.ENVELOPE:
            return self._certified_recipients({recipient.address for recipient in facts.original.recipients})
        if facts.kind in _SERVICE_KINDS:
            return self._service_recipients()
        return self._sender_is_recipient(facts.original.sender)

    def _certified_recipients(self, certified: set[Address]) -> _Result:
        if self.local_recipients is None:
            return _unknown(FormReason.TRANSACTION_UNKNOWN)
        strangers = [address.text for address in self.local_recipients if address not in certified]
        return _failed(FormReason.RECIPIENT_NOT_CERTIFIED, addresses=", ".join(strangers)) if strangers else _PASSED

    def _service_recipients(self) -> _Result:
        if self.local_recipients is None or self.service_mailboxes is None:
            return _unknown(FormReason.TRANSACTION_UNKNOWN)
        strangers = [address.text for address in self.local_recipients if address not in self.service_mailboxes]
        return _failed(FormReason.NOT_TO_SERVICE_MAILBOX, addresses=", ".join(strangers)) if strangers else _PASSED

    def _sender_is_recipient(self, sender: Address) -> _Result:
        to = self.received.outer.to
        if to and set(to) != {sender}:
            return _failed(
                FormReason.TO_NOT_SENDER, certified=sender.text, outer=", ".join(address.text for address in to)[:200]
            )
        if self.local_recipients is None:
            return _unknown(FormReason.TRANSACTION_UNKNOWN)
        strangers = [address.text for address in self.local_recipients if address != sender]
        return _failed(FormReason.RECIPIENT_NOT_SENDER, addresses=", ".join(strangers)) if strangers else _PASSED


def _labelled(found: Found) -> _Result:
    deviation: PartDeviation | None = found.deviation
    return _tolerated(FormReason.PART_LABEL, deviation=deviation) if deviation else _PASSED  # TO-17


def bare_identifier(message_id: str | None) -> str:
    """Return an identifier without white space around it and without its brackets (XM-6)."""
    return (message_id or "").strip().removeprefix("<").removesuffix(">").strip()
