"""What the delivery point must know of an envelope to answer it: read from it, or kept since it was composed here.

An envelope for one of our own holders is delivered a moment after the same process has composed it. What its receipt
repeats is then what it was composed from, and is not read out of its octets again. A worker that has not composed it,
or not lately, reads.

Clauses: XM-7, DR-2, DR-3, DR-5.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple

from ceralacca.core.delivery_point import requested_receipt
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.formats.mime.header import Head, read_head
from ceralacca.formats.received import Received
from ceralacca.formats.splice import Octets

_MOST: Final = 256
LARGEST: Final = 32 * 1024
"""Octets of an original that is kept: so that all together have a bound."""


class EnvelopeContents(NamedTuple):
    """An envelope, as its receipt repeats it."""

    original: OriginalData
    """Of its certification data, never computed anew (XM-7)."""
    subject_body: bytes | None
    requested: ReceiptKind
    """The kind of receipt that its sender asked for (DR-5)."""
    to: Sequence[Address] | None
    """The addresses of the field; None when it is there and says none (DR-2)."""
    cc: Sequence[Address] | None
    message: Octets
    """postacert.eml (DR-3)."""


def read_contents(received: Received) -> EnvelopeContents:
    """Take them out of a sound envelope."""
    assert received.facts is not None, "a sound envelope has certification data"
    assert received.original is not None, "a sound envelope has its original"
    outer = received.outer
    return EnvelopeContents(
        original=received.facts.original,
        subject_body=subject_body(received.original),
        requested=requested_receipt(received.facts.requested_receipt, outer.receipt_kind),
        to=named(received.head, "To", outer.to),
        cc=named(received.head, "Cc", outer.cc),
        message=received.original,
    )


def named(head: Head, name: str, found: Sequence[Address]) -> Sequence[Address] | None:
    """Return the addresses of a field; None when it is there and says none (DR-2)."""
    return None if head.count_of(name) and not found else found


def subject_body(original: Octets) -> bytes | None:
    """Return the body of the Subject field of an original; None without one."""
    subject = read_head(original).first("Subject")
    return subject.body if subject else None


@dataclass(slots=True)
class OwnEnvelopes:
    """The last ones of ours, by the keys of their letters; for all threads of a process."""

    _kept: OrderedDict[str, EnvelopeContents] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, key: str, contents: EnvelopeContents) -> None:
        """Keep one that was composed, instead of the oldest when there are many."""
        with self._lock:
            self._kept[key] = contents
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)

    def get(self, key: str) -> EnvelopeContents | None:
        """Return one that is kept."""
        with self._lock:
            return self._kept.get(key)
