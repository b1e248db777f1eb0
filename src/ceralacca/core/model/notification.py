"""The kinds of PEC message and the closed lists of words they use on the wire.

The members' values are the wire words of the norm (sections 2.3, 4.12 and 8.1 of the
technical rules). `MessageRow` is the table of who sends what to whom (1.1): eleven rows, each
with its subject prefix, marker and contents.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class NotificationKind(StrEnum):
    """`tipo` of the certification data; all but the envelope are also values of `X-Ricevuta`."""

    ACCEPTANCE = "accettazione"
    NON_ACCEPTANCE = "non-accettazione"
    TAKING_IN_CHARGE = "presa-in-carico"
    DELIVERY = "avvenuta-consegna"
    TRANSPORT_ENVELOPE = "posta-certificata"
    NON_DELIVERY = "errore-consegna"
    DELIVERY_TIMEOUT = "preavviso-errore-consegna"
    VIRUS_DETECTION = "rilevazione-virus"


class ErrorKind(StrEnum):
    """`errore` of the certification data."""

    NONE = "nessuno"
    NO_RECIPIENT = "no-dest"
    NO_DOMAIN = "no-dominio"
    VIRUS = "virus"
    OTHER = "altro"


class ReceiptKind(StrEnum):
    """`ricevuta/@tipo` and `X-TipoRicevuta`: which delivery receipt the sender asked for."""

    COMPLETE = "completa"
    BRIEF = "breve"
    CONCISE = "sintetica"

    @classmethod
    def requested_by(cls, header_value: str | None) -> "ReceiptKind":
        """Read `X-TipoRicevuta`: any case, and whatever is unknown or absent is complete (AP-16, TO-12)."""
        try:
            return cls((header_value or "").strip().lower())
        except ValueError:
            return cls.COMPLETE


class RecipientKind(StrEnum):
    """`destinatari/@tipo`: whether the recipient's domain is a PEC domain."""

    CERTIFIED = "certificato"
    EXTERNAL = "esterno"


class TransportKind(StrEnum):
    """`X-Trasporto`."""

    CERTIFIED_MAIL = "posta-certificata"
    ERROR = "errore"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """What one row of table 1.1 fixes for its message."""

    number: int
    kind: NotificationKind | None
    """None for the anomaly envelope, which has no certification data (GE-16)."""
    subject_prefix: str
    """Upper case with its colon, without the space that follows."""
    is_envelope: bool = False
    security: bool = False
    """Carries `X-VerificaSicurezza: errore`."""
    to_service_mailbox: bool = False
    errors: frozenset[ErrorKind] = frozenset({ErrorKind.NONE})
    """The values of `errore` that we emit with it (4.12, ER-1)."""


class MessageRow(Enum):
    """The eleven messages that a provider generates (table 1.1)."""

    NON_ACCEPTANCE = RowFacts(
        number=1,
        kind=NotificationKind.NON_ACCEPTANCE,
        subject_prefix="AVVISO DI NON ACCETTAZIONE:",
        errors=frozenset({ErrorKind.OTHER}),
    )
    NON_ACCEPTANCE_VIRUS = RowFacts(
        number=2,
        kind=NotificationKind.NON_ACCEPTANCE,
        subject_prefix="AVVISO DI NON ACCETTAZIONE PER VIRUS:",
        security=True,
        errors=frozenset({ErrorKind.VIRUS}),
    )
    ACCEPTANCE = RowFacts(number=3, kind=NotificationKind.ACCEPTANCE, subject_prefix="ACCETTAZIONE:")
    TRANSPORT_ENVELOPE = RowFacts(
        number=4,
        kind=NotificationKind.TRANSPORT_ENVELOPE,
        subject_prefix="POSTA CERTIFICATA:",
        is_envelope=True,
    )
    DELIVERY_TIMEOUT = RowFacts(
        number=5,
        kind=NotificationKind.DELIVERY_TIMEOUT,
        subject_prefix="AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO:",
        errors=frozenset({ErrorKind.OTHER}),
    )
    TAKING_IN_CHARGE = RowFacts(
        number=6,
        kind=NotificationKind.TAKING_IN_CHARGE,
        subject_prefix="PRESA IN CARICO:",
        to_service_mailbox=True,
    )
    ANOMALY_ENVELOPE = RowFacts(number=7, kind=None, subject_prefix="ANOMALIA MESSAGGIO:", is_envelope=True)
    VIRUS_DETECTION = RowFacts(
        number=8,
        kind=NotificationKind.VIRUS_DETECTION,
        subject_prefix="PROBLEMA DI SICUREZZA:",
        to_service_mailbox=True,
        errors=frozenset({ErrorKind.VIRUS}),
    )
    NON_DELIVERY_VIRUS = RowFacts(
        number=9,
        kind=NotificationKind.NON_DELIVERY,
        subject_prefix="AVVISO DI MANCATA CONSEGNA PER VIRUS:",
        security=True,
        errors=frozenset({ErrorKind.VIRUS}),
    )
    DELIVERY = RowFacts(number=10, kind=NotificationKind.DELIVERY, subject_prefix="CONSEGNA:")
    NON_DELIVERY = RowFacts(
        number=11,
        kind=NotificationKind.NON_DELIVERY,
        subject_prefix="AVVISO DI MANCATA CONSEGNA:",
        errors=frozenset({ErrorKind.NO_RECIPIENT, ErrorKind.NO_DOMAIN, ErrorKind.OTHER}),
    )

    __hash__ = object.__hash__
    """Of the member itself, in C: tables by row are looked into for every message."""

    def __init__(self, facts: RowFacts) -> None:
        self.facts = facts
        """What the norm fixes for this row."""

    @classmethod
    def of(cls, kind: NotificationKind, error: ErrorKind) -> "MessageRow":
        """Return the row that certification data of this `tipo` and `errore` belong to (4.12)."""
        virus = {
            NotificationKind.NON_ACCEPTANCE: cls.NON_ACCEPTANCE_VIRUS,
            NotificationKind.NON_DELIVERY: cls.NON_DELIVERY_VIRUS,
        }
        if error is ErrorKind.VIRUS and kind in virus:
            return virus[kind]
        return next(row for row in cls if row.facts.kind is kind and not row.facts.security)
