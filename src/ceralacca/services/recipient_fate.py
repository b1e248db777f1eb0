"""What an envelope has come to for one recipient of ours: fixed once, with the one answer that its sender is owed.

Fate and answer stand in one commit: neither a receipt without its fate nor a fate without its receipt
survives a crash (DP-3). The key of the answer says for whom and from which provider, not when.

Clauses: DP-3, DP-4, AD-1, AD-2, RV-1, XM-7, LO-2; the right half of 1.4.
"""

from dataclasses import dataclass

from ceralacca.core.delivery_point import DeliveryFailure, Fate
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.receipt import compose_non_delivery
from ceralacca.formats.received import Received
from ceralacca.ports.store import RecipientFate
from ceralacca.services import payload
from ceralacca.services.desk import Desk
from ceralacca.services.envelope_contents import subject_body
from ceralacca.services.inside import send_receipt
from ceralacca.services.keys import letter_key, transaction_of
from ceralacca.services.scanning import edition_of

_EVENTS = {
    Fate.STORED: LogEvent.DELIVERY,
    Fate.UNDELIVERABLE: LogEvent.DELIVERY_FAILURE,
    Fate.INFECTED: LogEvent.VIRUS_DETECTION_ISSUED,
}


def issuance_about(desk: Desk, received: Received) -> Issuance:
    """Compose from the envelope's own certification data, never computed anew (XM-7)."""
    assert received.facts is not None, "a sound envelope has certification data"
    assert received.original is not None, "a sound envelope has its original"
    return desk.issuance(received.facts.original, subject_body(received.original))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """To whom one answer is owed: the provider that sealed the envelope, about one recipient of ours (DP-4)."""

    provider: str
    recipient: Address


def settle(
    desk: Desk,
    owed: Owed,
    fate: Fate,
    issuance: Issuance,
    draft: Draft,
    *,
    error: ErrorKind = ErrorKind.NONE,
    error_detail: str = "",
    detail: str = "",
) -> None:
    """Fix the fate, issue the answer and send it on its way."""
    original, recipient = issuance.original, owed.recipient
    desk.fates.append(
        RecipientFate(
            provider=owed.provider, identifier=original.identifier, recipient=recipient, fate=fate, at=desk.instant
        )
    )
    letter = desk.issue(
        draft,
        key=letter_key(original.identifier, recipient, draft.row, peer=transaction_of(owed.provider, ())),
        event=_EVENTS[fate],
        original=original,
        error=error,
        error_detail=error_detail,
        concerned=(recipient,),
        detail=detail,
    )
    scanned = payload.word(desk.job, "scanned") if fate is Fate.STORED else edition_of(desk)
    assert draft.certification is not None, "an answer certifies something"
    send_receipt(desk, letter, draft.certification, scanned=scanned)


def not_delivered(desk: Desk, owed: Owed, issuance: Issuance, failure: DeliveryFailure, *, detail: str = "") -> None:
    """F11: row 11, one for the recipient (AD-1)."""
    settle(
        desk,
        owed,
        Fate.UNDELIVERABLE,
        issuance,
        compose_non_delivery(issuance, recipient=owed.recipient, failure=failure),
        error=failure.value.error,
        error_detail=failure.value.detail(desk.office.provider.name),
        detail=detail,
    )
