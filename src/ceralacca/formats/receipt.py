"""Receipts and notices: one function a row of table 1.1, all but the two envelopes.

Each returns an unsigned draft; `lint` reads it back and `trust.sealer` seals it. When one is due
is decided in `core`; the Italian wording is `formats.texts`; what they share is `formats.issuance`.
None of rows 1, 2, 5, 6, 8, 9 and 11 has a way to take the original in (GE-15, AD-5).

Clauses: 4.1 to 4.3, 4.5, 4.6, 4.8 to 4.12; NA-1, NA-2, NV-1, AC-1, AC-2, TN-1 to TN-4, PC-1 to
PC-4, RV-1, RV-2, MV-1, DR-1 to DR-4, AD-1, AD-2, AD-5, ER-1, AM-2, AM-4, AM-32.
"""

from collections.abc import Sequence

from ceralacca.base.errors import OurError
from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, ReceiptKind, RecipientKind
from ceralacca.formats.brief import BriefOriginal, HashInput, brief_original
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance, certified_entity, notification
from ceralacca.formats.mime.entity import look
from ceralacca.formats.splice import Octets, Splice

_SECURITY = (("X-VerificaSicurezza", "errore"),)


def compose_non_acceptance(issuance: Issuance, *, description: str) -> Draft:
    """Row 1: the message breaks the formal rules (NA-1).

    `description` lists every failure in the wording of 3.2 and becomes `errore-esteso` (NA-2: the
    original is never inside).
    """
    row = MessageRow.NON_ACCEPTANCE
    data = issuance.certification(row, error=ErrorKind.OTHER, error_detail=description)
    return notification(issuance, row, data, certified_entity(issuance, row, data))


def compose_non_acceptance_virus(issuance: Issuance, *, virus: str) -> Draft:
    """Row 2: the message is infected (NV-1). `virus` is the name that the scanner gave."""
    row = MessageRow.NON_ACCEPTANCE_VIRUS
    data = issuance.certification(row, error=ErrorKind.VIRUS, error_detail=virus)
    return notification(issuance, row, data, certified_entity(issuance, row, data), more_marks=_SECURITY)


def compose_acceptance(issuance: Issuance) -> Draft:
    """Row 3: the message is accepted and sent on (AC-1). The instant is T0, as in the envelope (AC-2)."""
    row = MessageRow.ACCEPTANCE
    data = issuance.certification(row)
    return notification(issuance, row, data, certified_entity(issuance, row, data))


def compose_timeout_notice(issuance: Issuance, *, recipient: Address, timeout: Timeout) -> Draft:
    """Row 5: no answer in 12 or 24 hours, to the original sender (TN-1, AM-2).

    Raises OurError when the recipient is not a certified one of this message (TN-4).
    """
    if recipient not in [r.address for r in issuance.original.recipients if r.kind is RecipientKind.CERTIFIED]:
        raise OurError("a notice of timeout is due for certified recipients only")
    row = MessageRow.DELIVERY_TIMEOUT
    data = issuance.certification(
        row,
        error=timeout.value.error,
        error_detail=timeout.value.detail(issuance.provider.name),  # TN-2
        delivery_recipient=recipient,
    )
    return notification(issuance, row, data, certified_entity(issuance, row, data))


def compose_taking_in_charge(issuance: Issuance, *, taken: Sequence[Address], service_mailbox: Address) -> Draft:
    """Row 6: this provider answers for the recipients `taken` of one SMTP transaction (PC-1).

    `service_mailbox` is the `mailReceipt` of the sender's provider (PC-2).
    """
    row = MessageRow.TAKING_IN_CHARGE
    data = issuance.certification(row, taken_recipients=tuple(taken))
    return notification(issuance, row, data, certified_entity(issuance, row, data), to=service_mailbox)


def compose_virus_detection(issuance: Issuance, *, recipient: Address, virus: str, service_mailbox: Address) -> Draft:
    """Row 8: a sound envelope was found infected; one for each recipient, to the sender's provider (RV-1)."""
    row = MessageRow.VIRUS_DETECTION
    data = issuance.certification(row, error=ErrorKind.VIRUS, error_detail=virus, delivery_recipient=recipient)
    return notification(
        issuance,
        row,
        data,
        certified_entity(issuance, row, data),
        to=service_mailbox,
        more_marks=(("X-Mittente", issuance.original.sender.text),),
    )


def compose_non_delivery_virus(issuance: Issuance, *, recipient: Address, virus: str) -> Draft:
    """Row 9: the sender's provider was told by row 8, and tells the sender (MV-1)."""
    row = MessageRow.NON_DELIVERY_VIRUS
    data = issuance.certification(row, error=ErrorKind.VIRUS, error_detail=virus, delivery_recipient=recipient)
    return notification(issuance, row, data, certified_entity(issuance, row, data), more_marks=_SECURITY)


def compose_delivery(
    issuance: Issuance,
    *,
    recipient: Address,
    requested: ReceiptKind,
    issued: ReceiptKind,
    original: Octets,
    hash_input: HashInput = HashInput.ENCODED,
    brief: BriefOriginal | None = None,
) -> Draft:
    """Row 10: the envelope is stored in the recipient's mailbox (DR-1).

    `requested` is what the sender asked for and the XML repeats (AM-4), `issued` what
    `core.delivery_point.receipt_kind` decided (DR-2). `original` are the octets of postacert.eml as
    the envelope has them (`formats.extract`). `brief` spares reducing them again when many
    recipients share one envelope. Raises UnreadableMessage when a brief receipt is due and the
    original passes a limit of SE-7.
    """
    row = MessageRow.DELIVERY
    data = issuance.certification(row, requested_receipt=requested, delivery_recipient=recipient)
    embedded: Octets | Splice | None = original  # DR-3
    if issued is ReceiptKind.CONCISE:
        embedded = None  # DR-4
    elif issued is ReceiptKind.BRIEF:
        reduced = brief or brief_original(original, look(original, into_messages=False), hash_input=hash_input)
        embedded = reduced.splice
    entity = certified_entity(issuance, row, data, issued=issued, original=embedded)
    return notification(issuance, row, data, entity)


def compose_non_delivery(issuance: Issuance, *, recipient: Address, failure: DeliveryFailure) -> Draft:
    """Row 11: a sound envelope could not be delivered to this recipient (AD-1, AD-2)."""
    row = MessageRow.NON_DELIVERY
    data = issuance.certification(
        row,
        error=failure.value.error,
        error_detail=failure.value.detail(issuance.provider.name),
        delivery_recipient=recipient,
    )
    return notification(issuance, row, data, certified_entity(issuance, row, data))
