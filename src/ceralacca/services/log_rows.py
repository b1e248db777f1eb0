"""Rows of the message log as the steps write them: one place that fills in what LO-1 asks of every row.

Content never goes in (LO-9); the instant is the step's own (LO-3).

Clauses: LO-1, LO-2, LO-3, LO-7, LO-9.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple, TypedDict, Unpack

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import ErrorKind
from ceralacca.ports.letters import StoredInbound

_OfOriginal = tuple[str, str | None, Address, tuple[Recipient, ...], str | None]

_of_original: Callable[[OriginalData], _OfOriginal] = attrgetter(
    "identifier", "client_message_id", "sender", "recipients", "subject"
)
"""The fields of `LogRow` after instant and event, in their order; then come `kind`, `error` and `error_detail`."""


class Details(TypedDict, total=False):
    """What a row may say beside what it is about: the fields of `LogRow` of these names."""

    kind: str
    error_detail: str
    concerned: tuple[Address, ...]
    message_id: str
    provider: str
    peer: str
    tls: str
    detail: str


def about(
    event: LogEvent,
    instant: datetime,
    original: OriginalData | None,
    *,
    error: ErrorKind = ErrorKind.NONE,
    **details: Unpack[Details],
) -> LogRow:
    """Return the row of an event about an original message; None when it is about no transaction of PEC."""
    said = "" if error is ErrorKind.NONE else error.value
    if original is None:
        return LogRow(instant, event, error=said, **details)
    return LogRow(instant, event, *_of_original(original), error=said, **details)


class Way(NamedTuple):
    """How a message came to the incoming point."""

    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    peer: str
    tls: str


def arrived(
    event: LogEvent,
    instant: datetime,
    inbound: StoredInbound | Way,
    facts: CertificationData | None,
    *,
    about_whom: Iterable[Address] | None = None,
    **details: Unpack[Details],
) -> LogRow:
    """Return the row of something that came in: where it came from, and how it was protected (IP-4).

    `facts` are its certification data when they may be believed; without them the sender is the reverse path.
    It concerns the recipients of the SMTP transaction unless `about_whom` says otherwise.
    """
    details["concerned"] = inbound.forward_paths if about_whom is None else tuple(about_whom)
    details["peer"], details["tls"] = inbound.peer, inbound.tls
    if facts is None:
        return LogRow(instant, event, sender=inbound.reverse_path, **details)
    error = "" if facts.error is ErrorKind.NONE else facts.error.value
    said = str(facts.kind), error, facts.error_detail or ""
    return LogRow(instant, event, *_of_original(facts.original), *said, **details)
