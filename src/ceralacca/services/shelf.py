"""The shelf: a holder's receipts and notices found again after they were delivered, and given out as they were (LO-8).

What we issued lies among the letters, under the key of its transaction; what came in from other providers, or from
ourselves the same way, on the shelf of received receipts. The octets are given out only if they have their hash.

Clauses: LO-8, invariant 5 of ARCHITECTURE.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.log_extract import KeptAs
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import StoredLetter
from ceralacca.ports.receipts import ShelvedReceipt
from ceralacca.ports.store import ReceivedReceipt, Store
from ceralacca.services.keys import Timer, letter_key


@dataclass(frozen=True, slots=True)
class Shelf:
    """The receipts of one provider; a `ports.receipts.ReceiptShelf`."""

    store: Store

    def receipts(self, identifier: str, holder: Address) -> list[ShelvedReceipt]:
        """Return the receipts of one transaction that were given to one holder, oldest first. Raises WorldError."""
        own = (self._of_letter(letter) for letter in self._letters(identifier) if holder in letter.forward_paths)
        received = (self._of_received(one) for one in self.store.received_receipts(identifier, holder))
        found: dict[str, ShelvedReceipt] = {}
        for one in (*own, *received):
            found.setdefault(one.digest, one)  # the same receipt may have come in twice
        return sorted(found.values(), key=lambda one: (one.instant, one.kind, one.message_id))

    def octets(self, receipt: ShelvedReceipt) -> Octets:
        """Return a receipt octet for octet, as it was given to the holder.

        Raises UserError when its hash alone is kept, WorldError when what is stored is not what was kept.
        """
        if receipt.kept is not KeptAs.BYTES:
            raise UserError(
                f"of {receipt.message_id} only the hash is kept",
                remedy=f"a copy that has it is the receipt: SHA-256 {receipt.digest}",
            )
        octets = self.store.octets(receipt.digest)
        if sha256(octets).hexdigest() != receipt.digest:
            raise WorldError(f"the octets of {receipt.message_id} are damaged", remedy="restore them from a backup")
        return octets

    def _letters(self, identifier: str) -> Iterator[StoredLetter]:
        """Give what we issued to the sender of a transaction: the answer, and for each recipient the notices."""
        sent = self.store.sent(identifier)
        keys = [letter_key(identifier, None, MessageRow.ACCEPTANCE)]
        for recipient in sent.states if sent else ():
            timeout = letter_key(identifier, recipient, MessageRow.DELIVERY_TIMEOUT)
            keys += [f"{timeout}-{timer.value}" for timer in Timer]
            keys += [
                letter_key(identifier, recipient, row)
                for row in (MessageRow.NON_DELIVERY, MessageRow.NON_DELIVERY_VIRUS)
            ]
        yield from filter(None, map(self.store.letter, keys))

    def _of_letter(self, letter: StoredLetter) -> ShelvedReceipt:
        kind = letter.row.facts.kind if letter.row else None
        return ShelvedReceipt(
            identifier=letter.identifier,
            holder=letter.forward_paths[0],
            message_id=letter.message_id,
            kind=kind.value if kind else "",
            instant=letter.instant,
            digest=letter.digest,
            size=letter.size,
            kept=self._kept(letter.digest)[1],
        )

    def _of_received(self, one: ReceivedReceipt) -> ShelvedReceipt:
        size, kept = self._kept(one.digest)
        return ShelvedReceipt(
            identifier=one.identifier,
            holder=one.holder,
            message_id=one.message_id,
            kind=one.kind,
            instant=one.instant,
            digest=one.digest,
            size=size,
            kept=kept,
        )

    def _kept(self, digest: str) -> tuple[int, KeptAs]:
        size, here = self.store.size_of(digest)
        return size, KeptAs.BYTES if here else KeptAs.HASH
