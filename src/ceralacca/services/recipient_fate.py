"""What an envelope has come to for one recipient of ours: fixed once, with the one answer that its sender is owed.

Fate and answer stand in one commit: neither a receipt without its fate nor a fate without its receipt
survives a crash (DP-3). The key of the answer says for whom and from which provider, not when.

Clauses: DP-3, DP-4, AD-1, AD-2, RV-1, XM-7, LO-2; the right half of 1.4.
"""

from typing import Unpack

from ceralacca.core.delivery_point import DeliveryFailure, Fate
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.receipt import compose_non_delivery
from ceralacca.formats.received import Received
from ceralacca.ports.store import RecipientFate
from ceralacca.services.desk import Desk
from ceralacca.services.keys import letter_key, transaction_of
from ceralacca.services.log_rows import Details

_EVENTS = {
    Fate.STORED: LogEvent.DELIVERY,
    Fate.UNDELIVERABLE: LogEvent.DELIVERY_FAILURE,
    Fate.INFECTED: LogEvent.VIRUS_DETECTION_ISSUED,
}


def issuance_about(desk: Desk, received: Received) -> Issuance:
    """Compose from the envelope's own certification data, never computed anew (XM-7)."""
    assert received.facts is not None, "a sound envelope has certification data"
    assert received.original is not None, "a sound envelope has its original"
    subject = read_head(received.original).first("Subject")
    return desk.issuance(received.facts.original, subject.body if subject else None)


def settle(
    desk: Desk,
    issuance: Issuance,
    draft: Draft,
    *,
    sealed_by: str,
    recipient: Address,
    fate: Fate,
    error: ErrorKind = ErrorKind.NONE,
    **details: Unpack[Details],
) -> None:
    """Fix the fate, issue the answer and send it on its way. `sealed_by` is the provider of the envelope."""
    original = issuance.original
    desk.fates.append(
        RecipientFate(
            provider=sealed_by, identifier=original.identifier, recipient=recipient, fate=fate, at=desk.instant
        )
    )
    letter = desk.issue(
        draft,
        key=letter_key(original.identifier, recipient, draft.row, peer=transaction_of(sealed_by, ())),
        event=_EVENTS[fate],
        original=original,
        error=error,
        concerned=(recipient,),
        **details,
    )
    desk.send_letter(letter)


def not_delivered(
    desk: Desk, received: Received, *, provider: str, recipient: Address, failure: DeliveryFailure, detail: str = ""
) -> None:
    """F11: row 11, one for the recipient (AD-1)."""
    issuance = issuance_about(desk, received)
    settle(
        desk,
        issuance,
        compose_non_delivery(issuance, recipient=recipient, failure=failure),
        sealed_by=provider,
        recipient=recipient,
        fate=Fate.UNDELIVERABLE,
        error=failure.value.error,
        error_detail=failure.value.detail(desk.office.provider.name),
        detail=detail,
    )
