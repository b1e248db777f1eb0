"""Letters: messages with their routing, as the provider holds them between its points.

A letter's octets are final: received octets as they came, generated ones as they were sealed. They
are kept once under their digest; everything else refers to them by it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.splice import Octets, Splice


class Point(StrEnum):
    """Where a letter came in."""

    ACCESS = "access"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What a listener received, or what goes from our relay straight to our own incoming point.

    Durable before `250` (AP-25, IP-21); its job is made in the same commit.
    """

    key: str
    """Unique for ever: made by the listener from entropy, or from the letter for internal passage."""
    point: Point
    octets: Octets | Splice
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    received: datetime
    """T0 at the access point: the instant at which the final dot arrived."""
    peer: str = ""
    """Host name and address of the client, for log and Received."""
    tls: str = ""
    authenticated: str = ""
    """Mailbox that signed in; empty at the incoming point."""
    trace: bytes = b""
    """Our Received field, to be put in front of the message; not part of `octets`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to be delivered or relayed: generated and sealed, or received and passed on."""

    key: str
    """Unique: `identificativo/recipient/kind` for what we generate (design: signed once)."""
    octets: Octets | Splice
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    message_id: str
    instant: datetime
    row: MessageRow | None = None
    """None for a received message."""
    identifier: str = ""
    """The transaction it belongs to; empty for anomalies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLetter:
    """A letter as it is read back; `octets` are read when asked for."""

    key: str
    digest: str
    size: int
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    message_id: str
    instant: datetime
    row: MessageRow | None
    identifier: str = field(default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInbound:
    """An inbound message as it is read back."""

    key: str
    point: Point
    digest: str
    size: int
    reverse_path: Address | None
    forward_paths: tuple[Address, ...]
    received: datetime
    peer: str
    tls: str
    authenticated: str
    trace: bytes
