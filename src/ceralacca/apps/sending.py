"""Sending as a holder does: submit, then watch the mailbox until the outcome for every recipient is known.

Only what comes to the mailbox itself is looked at, through IMAP. Whether a receipt's seal holds is not judged
here, that is `pec verify`: our provider delivers as a receipt only what it has verified, and everything
else as an anomaly, which has no certification data and therefore says nothing here.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ceralacca.apps.mail_client import Account, Mailbox, Writing, new_message_id, submit, write
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import PeerError, UserError
from ceralacca.base.identifiers import system_entropy
from ceralacca.base.instants import to_the_second
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.core.story import RecipientOutcome, Witness, tell
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.received import Received, read_received

_LOOK: Final = 0.2
_OPEN: Final = frozenset(
    {
        RecipientOutcome.WARNED,
        RecipientOutcome.TAKEN,
        RecipientOutcome.SENT,
        RecipientOutcome.ACCEPTED,
        RecipientOutcome.UNKNOWN,
    }
)
"""Outcomes after which something is still to come."""
_GOOD: Final = frozenset({RecipientOutcome.DELIVERED, RecipientOutcome.ACCEPTED_EXTERNAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A message ready to be submitted."""

    octets: bytes
    sender: Address
    recipients: tuple[Address, ...]
    message_id: str
    """By which receipts are known; empty: only a change of identifier can be seen."""


@dataclass(slots=True, kw_only=True)
class Sent:
    """What is known of a submitted message."""

    message_id: str
    answer: str = ""
    identifier: str = ""
    outcomes: dict[Address, RecipientOutcome] = field(default_factory=dict)
    messages: list[tuple[int, str]] = field(default_factory=list)
    """Rows of table 1.1 with `errore-esteso`, in order of arrival."""

    @property
    def complete(self) -> bool:
        """Whether nothing more will come."""
        return outcome_known(self)

    @property
    def delivered(self) -> bool:
        """Whether it is with everybody, as far as can be known."""
        return all(outcome in _GOOD for outcome in self.outcomes.values())


def outcome_known(sent: Sent) -> bool:
    """Say whether the outcome for every recipient is known."""
    return bool(sent.outcomes) and not any(outcome in _OPEN for outcome in sent.outcomes.values())


def prepare(
    *,
    file: Path | None,
    sender: Address | None,
    to: Sequence[Address],
    cc: Sequence[Address],
    subject: str,
    text: str,
    attachments: Sequence[Path],
    receipt: ReceiptKind | None,
) -> Sending:
    """Make a message of the parts, or take the one in the file. Raises UserError."""
    if file is None:
        if sender is None or not to:
            raise UserError("a message needs a sender and a recipient", remedy="give --from and --to")
        message_id = new_message_id(system_entropy(12), sender)
        writing = Writing(
            sender=sender, to=to, cc=cc, subject=subject, text=text, attachments=attachments, receipt=receipt
        )
        octets = write(writing, message_id=message_id, instant=to_the_second(SystemClock().now()))
        return Sending(octets=octets, sender=sender, recipients=writing.recipients, message_id=message_id)
    if cc or subject or text or attachments or receipt:
        raise UserError("a file is sent as it is", remedy="leave out --cc, --subject, --text, --attach and --receipt")
    return _from_file(file, sender, to)


def _from_file(file: Path, sender: Address | None, to: Collection[Address]) -> Sending:
    try:
        octets = file.read_bytes()
        outer = read_received(octets).outer
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", remedy="check the name") from error
    except PeerError as error:
        raise UserError(f"{file}: {error}", remedy="give a mail message (.eml)") from error
    author = sender or next(iter(outer.sender), None)
    if author is None:
        raise UserError(f"{file}: no From", remedy="give --from")
    recipients = tuple(dict.fromkeys(to or (*outer.to, *outer.cc)))
    if not recipients:
        raise UserError(f"{file}: no To and no Cc", remedy="give --to")
    crlf = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # SMTP has no other line end
    found = read_head(crlf).first("Message-ID")
    message_id = found.body.strip().decode("ascii", "replace") if found else ""
    return Sending(octets=crlf, sender=author, recipients=recipients, message_id=message_id)


def follow(
    account: Account,
    sending: Sending,
    *,
    wait: float,
    tell: Callable[[int, str], None] = lambda _row, _detail: None,
    submitted: Callable[[str], None] = lambda _: None,
) -> Sent:
    """Submit, and watch until everything is known or the time is over. Raises Refused, WorldError."""
    sent = Sent(message_id=sending.message_id)
    if wait <= 0:
        sent.answer = submit(account, sending.octets, recipients=sending.recipients)
        submitted(sent.answer)
        return sent
    with Mailbox(account) as box:
        box.skip()
        sent.answer = submit(account, sending.octets, recipients=sending.recipients)
        submitted(sent.answer)
        witnesses: list[Witness] = []
        until = time.monotonic() + wait
        while not outcome_known(sent) and time.monotonic() < until:
            for octets in box.fresh():
                received = read_received(octets)
                if _is_about(received, sending, sent):
                    _take(received, sent, witnesses)
                    tell(*sent.messages[-1])
            if not outcome_known(sent):
                time.sleep(_LOOK)
    return sent


def _is_about(received: Received, sending: Sending, sent: Sent) -> bool:
    """Say whether a message is a receipt or notice of what was sent (GE-8: by the certification data)."""
    facts = received.facts
    if facts is None or not received.outer.receipt_marks:
        return False
    if sent.identifier:
        return facts.original.identifier == sent.identifier
    return sending.message_id in {facts.original.client_message_id, ""}


def _take(received: Received, sent: Sent, witnesses: list[Witness]) -> None:
    facts, row = received.facts, received.row
    assert facts is not None, "`_is_about` has seen them"
    assert row is not None, "what has certification data has a row"
    sent.identifier = facts.original.identifier
    witnesses.append(Witness(name=str(len(witnesses)), certification=facts, proven=True))
    (story,) = tell(witnesses)
    sent.outcomes = {one.address: one.outcome for one in story.recipients}
    about = f"{facts.delivery_recipient}: " if facts.delivery_recipient else ""
    sent.messages.append((row.facts.number, (about + (facts.error_detail or "")).removesuffix(": ")))
