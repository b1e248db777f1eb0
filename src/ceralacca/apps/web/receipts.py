"""The receipts of one sent message, found in the holder's own mailbox and judged: attached to it, not strewn about.

A receipt is looked for by the header field that every receipt has (GE-22), in every folder, and believed by its seal
and its identifier alone: what somebody put there and called a receipt is passed over. The answer of our own access
point is in the store as well, so it is never lost with a deleted message.

Clauses: GE-20, GE-22, AP-23, GE-8, AC-1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ceralacca.apps.web.judging import judged_message
from ceralacca.apps.web.visit import Visit
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.net.imap_mailbox import ImapMailbox
from ceralacca.services.keys import letter_key
from ceralacca.services.own_transactions import OwnTransaction
from ceralacca.services.read_message import Judged, Standing, judge

_REFERENCE: Final = "X-Riferimento-Message-ID"
_MOST: Final = 200
"""Receipts that a page shows: fifty recipients with what each of them can cause."""
_ROWS: Final = frozenset(
    {
        MessageRow.ACCEPTANCE,
        MessageRow.DELIVERY,
        MessageRow.NON_DELIVERY,
        MessageRow.NON_DELIVERY_VIRUS,
        MessageRow.DELIVERY_TIMEOUT,
    }
)

_STATES: Final[Mapping[MessageRow | None, tuple[RecipientState, ...]]] = {
    MessageRow.DELIVERY: (RecipientState.DELIVERED,),
    MessageRow.NON_DELIVERY: (RecipientState.FAILED,),
    MessageRow.NON_DELIVERY_VIRUS: (RecipientState.FAILED_VIRUS,),
    MessageRow.DELIVERY_TIMEOUT: (RecipientState.WARNED, RecipientState.EXPIRED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt of a message, whose seal holds."""

    judged: Judged
    octets: bytes
    folder: str = ""
    """Empty: not in the mailbox any more, given by the store."""
    uid: int = 0

    @property
    def instant(self) -> datetime:
        """When it says that it happened."""
        assert self.judged.instant is not None, "a receipt has certification data"
        return self.judged.instant


def receipts_of(visit: Visit, transaction: OwnTransaction) -> tuple[Receipt, ...]:
    """Return the receipts of a message in the order of what they tell, each once."""
    found: dict[tuple[MessageRow | None, tuple[str, ...], datetime], Receipt] = {}
    for receipt in (*_in_mailbox(visit, transaction), *_in_store(visit, transaction)):
        found.setdefault((receipt.judged.row, receipt.judged.concerned, receipt.instant), receipt)
    return tuple(sorted(found.values(), key=lambda one: (one.instant, one.judged.concerned)))


def as_receipts_say(transaction: OwnTransaction, receipts: tuple[Receipt, ...]) -> OwnTransaction:
    """Return the transaction with the instants that its receipts certify, where there is one for the state (TI-2).

    The log says when we heard of it; what the law goes by is what the receipt says.
    """
    told = {
        (address, state): one.instant
        for one in receipts
        for address in one.judged.concerned
        for state in _STATES.get(one.judged.row, ())
    }
    recipients = tuple(
        replace(one, since=told.get((one.address.text, one.state), one.since)) for one in transaction.recipients
    )
    return replace(transaction, recipients=recipients)


def envelope_of(visit: Visit, transaction: OwnTransaction) -> bytes | None:
    """Return the transport envelope as it was sealed: the message, signed by our provider."""
    return _letter(visit, transaction, MessageRow.TRANSPORT_ENVELOPE)


def _in_mailbox(visit: Visit, transaction: OwnTransaction) -> Iterator[Receipt]:
    original = transaction.sent.original
    wanted = original.client_message_id or f"<{original.identifier}>"  # AP-23

    def places(box: ImapMailbox) -> list[tuple[str, int]]:
        folders = [one.name for one in box.folders() if one.selectable and one.total and one.role != "drafts"]
        return [(name, uid) for name in folders for uid in box.find(name, _REFERENCE, wanted)]

    for folder, uid in visit.ask(places)[:_MOST]:
        listed, validity = visit.ask(lambda box, folder=folder, uid=uid: box.one(folder, uid))  # type: ignore[misc]
        octets = visit.ask(lambda box, folder=folder, uid=uid: box.fetch(folder, uid))  # type: ignore[misc]
        judged, _ = judged_message(visit, folder, validity, listed.uid, octets)
        if _is_of(judged, transaction):
            yield Receipt(judged=judged, octets=octets, folder=folder, uid=uid)


def _in_store(visit: Visit, transaction: OwnTransaction) -> Iterator[Receipt]:
    octets = _letter(visit, transaction, MessageRow.ACCEPTANCE)
    if octets is not None:
        judged, _ = judge(octets, visit.parts.verifier(visit.parts.clock.now()), visit.mailbox)
        if _is_of(judged, transaction):
            yield Receipt(judged=judged, octets=octets)


def _letter(visit: Visit, transaction: OwnTransaction, row: MessageRow) -> bytes | None:
    store = visit.parts.store
    letter = store.letter(letter_key(transaction.identifier, None, row))
    return None if letter is None else bytes(store.octets(letter.digest))


def _is_of(judged: Judged, transaction: OwnTransaction) -> bool:
    return (
        judged.standing is Standing.RECEIPT
        and judged.row in _ROWS
        and judged.identifier == transaction.identifier
        and judged.for_us
    )
