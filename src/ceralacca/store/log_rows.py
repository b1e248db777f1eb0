"""Rows of the message log as lines and lines as rows, and the hashes that they are found by.

Clauses: LO-1, LO-8.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.log_search import MailboxRole
from ceralacca.store.columns import (
    MARK,
    instant_of,
    microseconds,
    read_address,
    read_addresses,
    read_recipients,
    unmarked,
    words_of,
    write_addresses,
    write_recipients,
)
from ceralacca.store.prepared import Record
from ceralacca.store.rows import Line, storable_line

_EVENTS: Final = words_of(LogEvent)
_EVENT_OF: Final = {word: event for event, word in _EVENTS.items()}
_PARTIES: Final = {role: f"{role}:" for role in MailboxRole}
_WITH_INSTANT: Final = re.compile("pec([0-9]{14})[0-9a-f]{32}@")
_NONE: Final = LogRow(instant=instant_of(0), event=LogEvent.SERVICE)
_RECIPIENT, _SENDER = _PARTIES[MailboxRole.RECIPIENT], _PARTIES[MailboxRole.SENDER]


def log_lines(numbers: Iterable[int], rows: Iterable[LogRow]) -> list[Line]:
    """Write rows of the message log with their numbers (LO-1); what one shares with the row before is spelt once."""
    lines: list[Line] = []
    before, at, recipients, concerned = _NONE, microseconds(_NONE.instant), "[]", "[]"
    for seq, row in zip(numbers, rows, strict=True):
        if row.instant is not before.instant:
            at = microseconds(row.instant)
        if row.recipients is not before.recipients:
            recipients = write_recipients(row.recipients)
        if row.concerned is not before.concerned:
            concerned = write_addresses(row.concerned)
        lines.append(_log_line(seq, row, at, recipients, concerned))
        before = row
    return lines


def _log_line(seq: int, row: LogRow, at: int, recipients: str, concerned: str) -> Line:
    identifier, client_message_id, sender, subject = row.identifier, row.client_message_id, row.sender, row.subject
    of_sender = None if sender is None else sender.text
    texts = (row.kind, row.error, row.error_detail, row.message_id, row.provider, row.peer, row.tls, row.detail)
    kind, error, error_detail, message_id, *others = texts
    return storable_line(
        (identifier or "", client_message_id or "", of_sender or "", subject or "", *texts),
        (
            seq,
            at,
            _EVENTS[row.event],
            identifier,
            None if identifier is None else identifier_hash(identifier),
            client_message_id,
            None if client_message_id is None else short_hash(client_message_id),
            of_sender,
            recipients,
            subject,
            kind,
            error,
            error_detail,
            concerned,
            message_id,
            *others,
        ),
    )


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


def read_log_line(line: Sequence[Any]) -> LogRow:
    """Read a row of the message log from the values of all its columns, as the driver has them."""
    texts = [each for each in line if isinstance(each, str)]
    if MARK in "".join(texts):
        line = [unmarked(each) if isinstance(each, str) else each for each in line]
    _, instant, event, identifier, _, client_message_id, _, sender, recipients, subject, *others = line
    kind, error, error_detail, concerned, message_id, provider, peer, tls, detail = others
    return LogRow(
        instant=instant_of(instant),
        event=_EVENT_OF[event],
        identifier=identifier,
        client_message_id=client_message_id,
        sender=None if sender is None else read_address(sender),
        recipients=read_recipients(recipients),
        subject=subject,
        kind=kind,
        error=error,
        error_detail=error_detail,
        concerned=read_addresses(concerned),
        message_id=message_id,
        provider=provider,
        peer=peer,
        tls=tls,
        detail=detail,
    )


def party_hash(role: MailboxRole, address: Address) -> int:
    """Return what the rows are found by in which an address has part as sender or recipient."""
    return _party_hash(_PARTIES[role] + address.key)


@lru_cache(maxsize=4096)
def _party_hash(party: str) -> int:
    return _hash(party)


def places_of(seq: int, at: int, row: LogRow) -> list[tuple[int, int, int]]:
    """Return what a row is found by that stands under this number and instant in `log_address`, each once (LO-8)."""
    hashes = {_party_hash(_RECIPIENT + address.key) for address in row.about_whom}
    if row.sender is not None:
        hashes.add(_party_hash(_SENDER + row.sender.key))
    return [(each, at, seq) for each in hashes]


@lru_cache(maxsize=1024)  # a step writes several rows about one transaction
def identifier_hash(identifier: str) -> int:
    """Return what the rows of a transaction are found by: its instant and 2 octets of hash, where it begins with one.

    So rows of one time lie together in the index, which grows at its end. Of other identifiers it is `short_hash`.
    """
    found = _WITH_INSTANT.match(identifier)
    return short_hash(identifier) if found is None else int(found[1]) << 16 | _hash(identifier) & 0xFFFF


def identifier_hashes(identifiers: Iterable[str]) -> list[int]:
    """Return all that rows may be found by of transactions: older ones have the `short_hash` of every identifier."""
    return list(dict.fromkeys(each(one) for one in identifiers for each in (identifier_hash, short_hash)))


@lru_cache(maxsize=1024)
def short_hash(text: str) -> int:
    """Return 8 octets of SHA-256 as a signed integer: what the log is found by."""
    return _hash(text)


def _hash(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
