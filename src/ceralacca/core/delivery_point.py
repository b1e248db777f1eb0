"""The delivery point's decisions: which delivery receipt is issued, and how a failure is named.

Pure tables. Storing a message in its mailbox is `services.deliver_message`; the wording of the
receipts is `formats.texts`, their octets `formats.receipt`.

Clauses: 1.4, DP-1, DP-5, PC-3, RV-1, DR-1, DR-2, DR-5, AD-1, MO-13, AP-16, AM-7, the tables of 4.10 and 4.11, TN-2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, ReceiptKind


class Fate(StrEnum):
    """What became of an arrived message for one local recipient."""

    STORED = "stored"
    """On stable storage in the mailbox, read or not."""
    UNDELIVERABLE = "undeliverable"
    """Given up, for a `DeliveryFailure`."""
    INFECTED = "infected"
    WAITING = "waiting"
    """Not yet decided: to be tried again."""


_OWED = {
    Fate.STORED: (MessageRow.TAKING_IN_CHARGE, MessageRow.DELIVERY),  # DR-1
    Fate.UNDELIVERABLE: (MessageRow.TAKING_IN_CHARGE, MessageRow.NON_DELIVERY),  # AD-1
    Fate.INFECTED: (MessageRow.TAKING_IN_CHARGE, MessageRow.VIRUS_DETECTION),  # RV-1, AM-7
    Fate.WAITING: (MessageRow.TAKING_IN_CHARGE,),
}


def owed(message: MessageClass, fate: Fate) -> tuple[MessageRow, ...]:
    """Return the receipts and notices that the recipient's provider owes about one recipient (1.4).

    For a sound transport envelope the taking in charge, whatever becomes of it (PC-3), and then one
    outcome; for anything else nothing at all (DP-1, DP-5, MO-13). The taking in charge is one for
    all recipients of an SMTP transaction (PC-1).
    """
    return _OWED[fate] if message is MessageClass.ENVELOPE else ()


def requested_receipt(certified: ReceiptKind | None, header_value: str | None) -> ReceiptKind:
    """Return the kind of receipt that the sender of an envelope asked for (DR-5).

    `certified` is `ricevuta` of the envelope's certification data, which wins; `header_value` is
    its `X-TipoRicevuta`, read only when the certification data have none.
    """
    return certified if certified is not None else ReceiptKind.requested_by(header_value)


def receipt_kind(
    requested: ReceiptKind,
    recipient: Address,
    to: Sequence[Address] | None,
    cc: Sequence[Address] | None,
) -> ReceiptKind:
    """Return the kind of delivery receipt to issue for one recipient: the table of 4.10 (DR-2).

    `to` and `cc` are the addresses in those fields of the envelope; None means that the field
    is there and cannot be read. Only a recipient who is surely in Cc and surely not in To counts
    as a copy: every doubt is decided for the primary recipient.
    """
    only_copied = to is not None and recipient not in to and cc is not None and recipient in cc
    return ReceiptKind.CONCISE if only_copied else requested


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedError:
    """A row of the tables in 4.5 and 4.11: enhanced status code, `errore`, and what it says."""

    code: str
    error: ErrorKind
    text: str

    def detail(self, provider_name: str) -> str:
        """Write `errore-esteso`: `{codice} - {gestore} - {testo}`."""
        return f"{self.code} - {provider_name} - {self.text}"


class DeliveryFailure(Enum):
    """Why a sound envelope could not be delivered (table of 4.11)."""

    NO_MAILBOX = ExtendedError(code="5.1.1", error=ErrorKind.NO_RECIPIENT, text="casella del destinatario inesistente")
    NO_DOMAIN = ExtendedError(code="5.1.2", error=ErrorKind.NO_DOMAIN, text="dominio del destinatario non valido")
    OVER_QUOTA = ExtendedError(code="5.2.2", error=ErrorKind.OTHER, text="casella piena")
    DISABLED = ExtendedError(code="5.2.1", error=ErrorKind.OTHER, text="casella non attiva")
    TOO_BIG = ExtendedError(code="5.2.3", error=ErrorKind.OTHER, text="ecceduta la dimensione massima del messaggio")
    UNSPECIFIED = ExtendedError(
        code="5.3.0", error=ErrorKind.OTHER, text="si sono verificati dei problemi consegnando il messaggio"
    )


class Timeout(Enum):
    """The two notices that the maximum times have passed; only these details tell them apart (TN-2)."""

    TWELVE_HOURS = ExtendedError(
        code="4.4.1",
        error=ErrorKind.OTHER,  # AM-3
        text="il messaggio non è stato consegnato nelle prime dodici ore dal suo invio",
    )
    TWENTY_FOUR_HOURS = ExtendedError(
        code="5.4.1",
        error=ErrorKind.OTHER,
        text="il messaggio non è stato consegnato nelle ventiquattro ore successive al suo invio",
    )
