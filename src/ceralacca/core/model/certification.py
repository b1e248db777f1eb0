"""Certification data (`dati di certificazione`, daticert.xml) as a value (section 8).

The one machine-readable truth of every PEC message: programs read this, never the text (GE-18).
Octets: `formats.certification_xml` reads, `formats.certification_writer` writes.
"""

from dataclasses import dataclass
from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.core.model.once import Once


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One recipient of the original message and whether its domain was PEC at acceptance (AP-24)."""

    address: Address
    kind: RecipientKind


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalData(Once):
    """What every message of one transaction repeats about the original (`intestazione` and identifiers).

    The recipient's provider copies this from the envelope and never recomputes it (XM-7).
    """

    sender: Address
    """`mittente`: the reverse path (MO-6)."""
    recipients: tuple[Recipient, ...]
    """`destinatari`: at least one, To before Cc."""
    reply_to: str
    """`risposte`: addresses of Reply-To, else of From; several with comma and space."""
    subject: str | None
    """`oggetto`: decoded and unfolded; None when the original has no Subject."""
    identifier: str
    """`identificativo`: PEC msgid, without angle brackets."""
    client_message_id: str | None
    """`msgid`: what the user's client had put, with angle brackets; None when it put none (AP-22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificationData:
    """The whole content of one daticert.xml."""

    kind: NotificationKind
    error: ErrorKind
    original: OriginalData
    issuer: str
    """`gestore-emittente`: descriptive name of the provider that issues this message."""
    instant: datetime
    """`data`: aware, whole seconds, in UTC."""
    requested_receipt: ReceiptKind | None = None
    """`ricevuta`: the kind requested, not the kind issued (AM-4)."""
    delivery_recipient: Address | None = None
    """`consegna`: the recipient whose delivery was done or tried."""
    taken_recipients: tuple[Address, ...] = ()
    """`ricezione`: the recipients taken in charge."""
    error_detail: str | None = None
    """`errore-esteso`: present exactly when `error` is not NONE (ER-1)."""
