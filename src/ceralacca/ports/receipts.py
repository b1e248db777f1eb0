"""The shelf of receipts: the sender's receipts and notices, as the provider keeps them after they were delivered.

By contract a receipt is kept octet for octet, so that it can be given out again, or as its hash alone. Beside that
there is always the message log.

Clauses: LO-8, DPR 68/2005 art. 6 and 11 (10.4).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.core.log_extract import KeptAs, KeptReceipt
from ceralacca.core.model.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelvedReceipt:
    """One receipt or notice, for one holder."""

    identifier: str
    """`identificativo` of its transaction."""
    holder: Address
    """The sender of the original, to whom it was given."""
    message_id: str
    """Of the receipt itself, with angle brackets."""
    kind: str
    """`tipo`."""
    instant: datetime
    """When it was made by us, or came in here."""
    digest: str
    """SHA-256 of all its octets, hexadecimal."""
    size: int
    kept: KeptAs
    """BYTES or HASH."""

    @property
    def summary(self) -> KeptReceipt:
        """What an extract says of it."""
        return KeptReceipt(message_id=self.message_id, kept=self.kept, sha256=self.digest, size=self.size)


class ReceiptShelf(Protocol):
    """Where receipts are found again. Every method may raise WorldError."""

    def receipts(self, identifier: str, holder: Address) -> list[ShelvedReceipt]:
        """Return the receipts of one transaction that were given to one holder, oldest first."""
        ...
