"""Values as rows and rows as values: one pair of functions for each table.

What a step writes goes to the driver as a *line*: the values of a row, converted, in the order of the columns that
`store.bulk` names. Texts that an engine would refuse are looked for in all of a line at once.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from ceralacca.core.delivery_point import Fate
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.notices import NoticeKind
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.letters import Inbound, Letter, Point, StoredInbound, StoredLetter
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.notices import Notice
from ceralacca.ports.store import (
    InfectedMessage,
    Job,
    JobKind,
    NewJob,
    ReceivedReceipt,
    RecipientFate,
    SentMessage,
    Taken,
)
from ceralacca.store.blobs import Blob
from ceralacca.store.columns import (
    is_storable,
    microseconds,
    shortened,
    storable,
    words_of,
    write_addresses,
    write_mapping,
    write_recipients,
)
from ceralacca.store.prepared import Record

Values = Mapping[str, Any]
Line: TypeAlias = tuple[Any, ...]
"""Values as the driver takes them."""

_POINTS: Final = words_of(Point)
_ROWS: Final = words_of(MessageRow)
_KINDS: Final = words_of(JobKind)
_STATES: Final = words_of(RecipientState)
_FATES: Final = words_of(Fate)
_NOTICES: Final = words_of(NoticeKind)
_NO_KINDS: frozenset[NoticeKind] = frozenset()


def inbound_line(message: Inbound, key: str, blob: Blob | None) -> Line:
    """Write a received message."""
    reverse_path, digest = _text(message.reverse_path), _digest(blob)
    texts = (key, reverse_path or "", message.peer, message.tls, message.authenticated)
    return storable_line(
        texts,
        (
            key,
            _POINTS[message.point],
            digest,
            reverse_path,
            write_addresses(message.forward_paths),
            microseconds(message.received),
            message.peer,
            message.tls,
            message.authenticated,
            message.trace,
        ),
    )


def read_inbound(key: str, row: Record) -> StoredInbound:
    """Read a received message; the row has `size` of its blob beside it."""
    return StoredInbound(
        key=key,
        point=row.point,
        digest=row.digest,
        size=row.size,
        reverse_path=row.reverse_path,
        forward_paths=row.forward_paths,
        received=row.received,
        peer=row.peer,
        tls=row.tls,
        authenticated=row.authenticated,
        trace=row.trace,
    )


def letter_line(letter: Letter, key: str, blob: Blob | None) -> Line:
    """Write a letter."""
    reverse_path, digest = _text(letter.reverse_path), _digest(blob)
    return storable_line(
        (key, reverse_path or "", letter.message_id, letter.identifier),
        (
            key,
            digest,
            reverse_path,
            write_addresses(letter.forward_paths),
            letter.message_id,
            microseconds(letter.instant),
            None if letter.row is None else _ROWS[letter.row],
            letter.identifier,
        ),
    )


def stored_letter(letter: Letter, key: str, blob: Blob) -> StoredLetter:
    """Return a letter as it is read back."""
    return StoredLetter(
        key=key,
        digest=blob.digest,
        size=blob.size,
        reverse_path=letter.reverse_path,
        forward_paths=letter.forward_paths,
        message_id=letter.message_id,
        instant=letter.instant,
        row=letter.row,
        identifier=letter.identifier,
    )


def read_letter(key: str, row: Record) -> StoredLetter:
    """Read a letter; the row has `size` of its blob beside it."""
    return StoredLetter(
        key=key,
        digest=row.digest,
        size=row.size,
        reverse_path=row.reverse_path,
        forward_paths=row.forward_paths,
        message_id=row.message_id,
        instant=row.instant,
        row=row.row,
        identifier=row.identifier,
    )


def blob_line(blob: Blob, octets: bytes | None, place: str | None) -> Line:
    """Write octets into the row, or (None) only where they are: at a place in a pack, or in a file of their own."""
    return blob.digest, blob.size, octets, place


def job_line(job: NewJob, key: str, created: datetime, *, until: datetime | None, claimer: str) -> Line:
    """Write a job to be done, or (`until` is told) one that is claimed with its making."""
    due = microseconds(job.due)
    claimed = (due, False, 0, None) if until is None else (microseconds(until), True, 1, claimer)
    return storable_line(
        (key,), (key, _KINDS[job.kind], due, microseconds(created), write_mapping(job.payload), *claimed)
    )


def kept_job(number: int, job: NewJob, key: str, created: datetime, until: datetime | None) -> Job:
    """Return a job that was claimed with its making, as it would be read."""
    return Job(
        id=number,
        key=key,
        kind=job.kind,
        due=job.due,
        payload=job.payload,
        attempts=1,
        created=created,
        note="",
        held=False,
        leased_until=until,
    )


def read_job(row: Record) -> Job:
    """Read a job."""
    return Job(
        id=row.id,
        key=row.key,
        kind=row.kind,
        due=row.due,
        payload=row.payload,
        attempts=row.attempts,
        created=row.created,
        note=row.note,
        held=row.held,
        leased_until=row.ready if row.leased else None,
    )


def sent_line(sent: SentMessage, key: str, blob: Blob | None) -> Line:
    """Write an accepted message without its states."""
    del blob
    original = sent.original
    sender, sender_key = original.sender.text, shortened(original.sender.key)
    subject, client_message_id = original.subject, original.client_message_id
    return storable_line(
        (key, sender, sender_key, original.reply_to, subject or "", client_message_id or ""),
        (
            key,
            sender,
            write_recipients(original.recipients),
            original.reply_to,
            subject,
            client_message_id,
            sent.subject_body,
            microseconds(sent.accepted),
            sender_key,
        ),
    )


def state_lines(sent: SentMessage, key: str) -> list[Line]:
    """Write the states of an accepted message."""
    return [
        storable_line(
            (key, recipient.text),
            (key, shortened(recipient.key), recipient.text, position, _STATES[state]),
        )
        for position, (recipient, state) in enumerate(sent.states.items())
    ]


def read_sent(row: Record, states: Mapping[Address, Any]) -> SentMessage:
    """Read an accepted message."""
    return SentMessage(
        original=OriginalData(
            sender=row.sender,
            recipients=row.recipients,
            reply_to=row.reply_to,
            subject=row.subject,
            identifier=row.identifier,
            client_message_id=row.client_message_id,
        ),
        subject_body=row.subject_body,
        accepted=row.accepted,
        states=states,
    )


def taken_line(taken: Taken, key: tuple[str, str, str], blob: Blob | None) -> Line:
    """Write a taking in charge."""
    del blob
    recipients = write_addresses(sorted(taken.recipients, key=lambda each: each.key))
    return storable_line((*key, taken.letter), (*key, recipients, taken.letter, microseconds(taken.at)))


def read_taken(provider: str, identifier: str, row: Record) -> Taken:
    """Read a taking in charge; its keys are what it was asked for by, since long ones are stored shortened."""
    return Taken(
        provider=provider,
        identifier=identifier,
        recipients=frozenset(row.recipients),
        letter=row.letter,
        at=row.at,
    )


def recipients_key(recipients: frozenset[Address]) -> str:
    """Name a set of recipients, whatever their spelling and order."""
    keys = sorted(recipient.key for recipient in recipients)
    return hashlib.sha256("\n".join(keys).encode("utf-8", "surrogatepass")).hexdigest()


def fate_line(fate: RecipientFate, key: tuple[str, str, str], blob: Blob | None) -> Line:
    """Write what became of an envelope for one recipient."""
    del blob
    recipient = fate.recipient.text
    return storable_line((*key, recipient), (*key, recipient, _FATES[fate.fate], microseconds(fate.at)))


def read_fate(provider: str, identifier: str, row: Record) -> RecipientFate:
    """Read what became of an envelope for one recipient; its keys are what it was asked for by."""
    return RecipientFate(provider=provider, identifier=identifier, recipient=row.recipient, fate=row.fate, at=row.at)


def infected_line(infected: InfectedMessage, key: str, blob: Blob | None) -> Line:
    """Write an infected message, whose octets came with another thing."""
    del blob
    identifier, sender = shortened(infected.identifier), _text(infected.sender)
    return storable_line(
        (key, identifier, sender or "", infected.virus, infected.engine),
        (
            key,
            infected.digest,
            identifier,
            microseconds(infected.found),
            sender,
            write_addresses(infected.recipients),
            infected.virus,
            infected.engine,
        ),
    )


def read_infected(row: Record) -> InfectedMessage:
    """Read an infected message."""
    return InfectedMessage(
        key=row.key,
        digest=row.digest,
        identifier=row.identifier,
        found=row.found,
        sender=row.sender,
        recipients=row.recipients,
        virus=row.virus,
        engine=row.engine,
    )


def _text(address: Address | None) -> str | None:
    return None if address is None else address.text


def _digest(blob: Blob | None) -> str:
    assert blob is not None, "what has octets comes with them"
    return blob.digest


def storable_line(texts: Sequence[str], line: Line) -> Line:
    """Return a line as every engine takes it; `texts` are those of its values that anybody may have written."""
    if is_storable("".join(texts)):
        return line
    return tuple([storable(value) if isinstance(value, str) else value for value in line])


def mailbox_values(record: MailboxRecord, created: Any) -> Values:
    """Write a mailbox."""
    return {
        "address_key": record.address.key,
        "address": record.address,
        "domain": record.address.domain,
        "status": record.status,
        "quota": record.quota,
        "ordinary_mail": record.ordinary_mail,
        "forward_to": record.forward_to,
        "is_service": record.is_service,
        "password_hash": record.password_hash,
        "created": created,
        "ends": record.ends,
    }


def read_mailbox(row: Record) -> MailboxRecord:
    """Read a mailbox."""
    return MailboxRecord(
        address=row.address,
        status=row.status,
        quota=row.quota,
        ordinary_mail=row.ordinary_mail,
        forward_to=row.forward_to,
        is_service=row.is_service,
        password_hash=row.password_hash,
        created=row.created,
        notices=read_kinds(row.notices),
        ends=row.ends,
    )


def notice_line(notice: Notice, key: str, blob: Blob | None) -> Line:
    """Write that a notice went out."""
    del blob
    mailbox = notice.mailbox.text
    return storable_line((key, mailbox), (key, mailbox, _NOTICES[notice.kind], microseconds(notice.instant)))


def receipt_line(receipt: ReceivedReceipt) -> Line:
    """Write a receipt for the shelf."""
    identifier, holder_key, holder = shortened(receipt.identifier), shortened(receipt.holder.key), receipt.holder.text
    return storable_line(
        (identifier, holder, receipt.message_id, receipt.kind),
        (
            identifier,
            holder_key,
            receipt.digest,
            holder,
            receipt.message_id,
            receipt.kind,
            microseconds(receipt.instant),
        ),
    )


def write_kinds(kinds: frozenset[NoticeKind]) -> str:
    """Write kinds of notices as a column has them."""
    return " ".join(sorted(kinds))


def read_kinds(text: str) -> frozenset[NoticeKind]:
    """Read kinds of notices; those of a later release are left out."""
    words = text.split()
    return frozenset(one for one in NoticeKind if one in words) if words else _NO_KINDS
