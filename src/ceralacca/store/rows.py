"""Values as rows and rows as values: one pair of functions for each table."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.log import LogRow
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.letters import Inbound, Letter, StoredInbound, StoredLetter
from ceralacca.ports.log_search import MailboxRole
from ceralacca.ports.notices import Notice
from ceralacca.ports.store import (
    InfectedMessage,
    Job,
    MailboxRecord,
    NewJob,
    RecipientFate,
    SentMessage,
    Taken,
)
from ceralacca.store.blobs import Blob
from ceralacca.store.columns import microseconds
from ceralacca.store.prepared import Record

Values = Mapping[str, Any]
_NO_KINDS: frozenset[NoticeKind] = frozenset()


def inbound_values(message: Inbound, digest: str) -> Values:
    """Write a received message."""
    return {
        "key": message.key,
        "point": message.point,
        "digest": digest,
        "reverse_path": message.reverse_path,
        "forward_paths": message.forward_paths,
        "received": message.received,
        "peer": message.peer,
        "tls": message.tls,
        "authenticated": message.authenticated,
        "trace": message.trace,
    }


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


def letter_values(letter: Letter, digest: str) -> Values:
    """Write a letter."""
    return {
        "key": letter.key,
        "digest": digest,
        "reverse_path": letter.reverse_path,
        "forward_paths": letter.forward_paths,
        "message_id": letter.message_id,
        "instant": letter.instant,
        "row": letter.row,
        "identifier": letter.identifier,
    }


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


def blob_values(blob: Blob, *, in_row: bool) -> Values:
    """Write octets into the row, or only where they are."""
    return {"digest": blob.digest, "size": blob.size, "octets": bytes(blob.octets) if in_row else None}


def job_values(job: NewJob, created: Any) -> Values:
    """Write a job to be done."""
    return {
        "key": job.key,
        "kind": job.kind,
        "due": job.due,
        "ready": job.due,
        "created": created,
        "payload": job.payload,
    }


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


def sent_values(sent: SentMessage) -> Values:
    """Write an accepted message without its states."""
    original = sent.original
    return {
        "identifier": original.identifier,
        "sender": original.sender,
        "recipients": original.recipients,
        "reply_to": original.reply_to,
        "subject": original.subject,
        "client_message_id": original.client_message_id,
        "subject_body": sent.subject_body,
        "accepted": sent.accepted,
        "sender_key": original.sender.key,
    }


def state_values(sent: SentMessage) -> list[Values]:
    """Write the states of an accepted message."""
    return [
        {
            "identifier": sent.original.identifier,
            "recipient_key": recipient.key,
            "recipient": recipient,
            "position": position,
            "state": state,
        }
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


def taken_values(taken: Taken) -> Values:
    """Write a taking in charge."""
    return {
        "identifier": taken.identifier,
        "provider": taken.provider,
        "recipients_key": recipients_key(taken.recipients),
        "recipients": sorted(taken.recipients, key=lambda each: each.key),
        "letter": taken.letter,
        "at": taken.at,
    }


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


def fate_values(fate: RecipientFate) -> Values:
    """Write what became of an envelope for one recipient."""
    return {
        "identifier": fate.identifier,
        "provider": fate.provider,
        "recipient_key": fate.recipient.key,
        "recipient": fate.recipient,
        "fate": fate.fate,
        "at": fate.at,
    }


def read_fate(provider: str, identifier: str, row: Record) -> RecipientFate:
    """Read what became of an envelope for one recipient; its keys are what it was asked for by."""
    return RecipientFate(provider=provider, identifier=identifier, recipient=row.recipient, fate=row.fate, at=row.at)


def infected_values(infected: InfectedMessage) -> Values:
    """Write an infected message."""
    return {
        "key": infected.key,
        "digest": infected.digest,
        "identifier": infected.identifier,
        "found": infected.found,
        "sender": infected.sender,
        "recipients": infected.recipients,
        "virus": infected.virus,
        "engine": infected.engine,
    }


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


def log_values(row: LogRow) -> Values:
    """Write a row of the message log (LO-1)."""
    return {
        "instant": row.instant,
        "event": row.event,
        "identifier": row.identifier,
        "identifier_hash": None if row.identifier is None else short_hash(row.identifier),
        "client_message_id": row.client_message_id,
        "client_message_id_hash": None if row.client_message_id is None else short_hash(row.client_message_id),
        "sender": row.sender,
        "recipients": row.recipients,
        "subject": row.subject,
        "kind": row.kind,
        "error": row.error,
        "error_detail": row.error_detail,
        "concerned": row.concerned,
        "message_id": row.message_id,
        "provider": row.provider,
        "peer": row.peer,
        "tls": row.tls,
        "detail": row.detail,
    }


def read_log(row: Record) -> LogRow:
    """Read a row of the message log."""
    return LogRow(
        instant=row.instant,
        event=row.event,
        identifier=row.identifier,
        client_message_id=row.client_message_id,
        sender=row.sender,
        recipients=row.recipients,
        subject=row.subject,
        kind=row.kind,
        error=row.error,
        error_detail=row.error_detail,
        concerned=row.concerned,
        message_id=row.message_id,
        provider=row.provider,
        peer=row.peer,
        tls=row.tls,
        detail=row.detail,
    )


@lru_cache(maxsize=4096)
def party_hash(role: MailboxRole, address: Address) -> int:
    """Return what the rows are found by in which an address has part as sender or recipient."""
    return short_hash(f"{role}:{address.key}")


def address_values(seq: int, row: LogRow) -> Iterator[tuple[int, int, int]]:
    """Return what a row with this number is found by, as it stands in `log_address`, each once (LO-8)."""
    hashes = {party_hash(MailboxRole.RECIPIENT, address) for address in row.about_whom}
    if row.sender is not None:
        hashes.add(party_hash(MailboxRole.SENDER, row.sender))
    instant = microseconds(row.instant)
    return ((each, instant, seq) for each in hashes)


def short_hash(text: str) -> int:
    """Return 8 octets of SHA-256 as a signed integer: what the log is found by."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


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


def notice_values(notice: Notice) -> Values:
    """Write that a notice went out."""
    return {"key": notice.key, "mailbox": notice.mailbox, "kind": notice.kind, "at": notice.instant}


def write_kinds(kinds: frozenset[NoticeKind]) -> str:
    """Write kinds of notices as a column has them."""
    return " ".join(sorted(kinds))


def read_kinds(text: str) -> frozenset[NoticeKind]:
    """Read kinds of notices; those of a later release are left out."""
    words = text.split()
    return frozenset(one for one in NoticeKind if one in words) if words else _NO_KINDS
