"""Arrived messages, read: what the incoming point has looked at, the delivery point need not take apart again.

A view of octets and nothing decided about them; what a message was found to be travels in the job (MO-14).
"""

from contextlib import suppress

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.kept import kept
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets


@kept(entries=256, most_octets=64 * 1024)
def _small(octets: bytes) -> Received:
    return read_received(octets)


def read(octets: Octets) -> Received:
    """Look at a message; the last small ones are remembered. Raises UnreadableMessage as `read_received` does."""
    return _small(octets) if isinstance(octets, bytes) else read_received(octets)


def transaction_of(octets: Octets) -> str | None:
    """Return the identificativo of the transaction that a small message says it is about; believe nothing of it yet."""
    if not isinstance(octets, bytes):
        return None
    with suppress(UnreadableMessage):
        facts = read(octets).facts
        return facts.original.identifier if facts else None
    return None
