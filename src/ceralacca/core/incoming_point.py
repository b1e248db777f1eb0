"""The incoming point's decision: what an arriving message is (section 5.2).

Pure: takes the outcome of verifying the seal, the outcome of the formal check and the directory, and
returns a classification that travels to the delivery point as a value, never as a header field that a
sender could forge (MO-14). Looking at octets is `formats.received`, the seal `trust.verifier`, the
form `lint.form`; what is done with the result is `services.receive_message`.

Clauses: IP-4, IP-5, IP-7, IP-8, IP-10, IP-11, IP-14, IP-15, IP-22, MO-5, MO-13, MO-14, DR-1, GE-8, AM-24.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final

from ceralacca.core.anomaly import AnomalyReason, malformed
from ceralacca.core.directory import Directory, ProviderRecord, name_key
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import ErrorKind, NotificationKind
from ceralacca.core.model.outcome import CertificateFacts, Mark, SealReport, SealStep, SealVerdict, StepOutcome


class MessageFamily(StrEnum):
    """What a message says it is, before anything of it is believed."""

    ENVELOPE = "envelope"
    RECEIPT = "receipt"
    ANOMALY = "anomaly"
    """An anomaly envelope of some provider: it certifies nothing."""
    NONE = "none"


class MessageClass(StrEnum):
    """What a message is (1.4)."""

    ENVELOPE = "envelope"
    RECEIPT = "receipt"
    PEC_MALFORMED = "pec-malformed"
    """A provider's good seal over a wrong form: must be delivered in an anomaly envelope (IP-11)."""
    ORDINARY = "ordinary"
    TEMPORARY = "temporary"
    """Not decided because of trouble of our own: answer 4xx, decide nothing (IP-5)."""


class Suspicion(StrEnum):
    """Why a receipt is delivered but does not move the state of its recipient (IP-15)."""

    NOT_OWN_PROVIDER = "not-own-provider"
    """Only the sender's own provider issues this kind, and another one signed it."""
    NOT_RECIPIENT_PROVIDER = "not-recipient-provider"
    """The signer does not manage the recipient's domain."""
    NO_RECIPIENT = "no-recipient"
    """The receipt names no recipient to judge its signer by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingFacts:
    """What is known of an arriving message when it is classified."""

    seal: SealReport
    """Judged for the instant of reception."""
    family: MessageFamily
    form: tuple[StepOutcome, ...]
    certification: CertificationData | None
    directory: Directory | None
    """None when the local copy cannot be read."""
    own_provider: str
    """`providerName` of ourselves."""
    to_service_mailbox: bool
    """A recipient of the transaction is our service mailbox."""
    lacks_tls: bool = False
    """It came over an unprotected connection, and the provider takes no PEC traffic so (IP-4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The decision. Trusted inside the provider, and made nowhere else (MO-14)."""

    kind: MessageClass
    anomaly: str = ""
    """What the anomaly envelope gives as the reason (4.7); empty for sound messages and temporary trouble."""
    suspicion: Suspicion | None = None
    """Set for a receipt that must not move any state (IP-15)."""
    quarantine: bool = False
    """Arrived at the service mailbox and is not one of rows 6 and 8: kept aside, never wrapped nor answered (IP-22)."""

    @property
    def receipt_due(self) -> bool:
        """Whether receipts or notices may ever follow from it: for an envelope and nothing else (MO-13, DR-1)."""
        return self.kind is MessageClass.ENVELOPE

    @property
    def moves_state(self) -> bool:
        """Whether it feeds the state machine of the sender's side (1.3)."""
        return self.kind is MessageClass.RECEIPT and self.suspicion is None


_ORIGIN: Final = (
    SealStep.SHAPE,
    SealStep.SIGNER,
    SealStep.DIGEST,
    SealStep.SIGNATURE,
    SealStep.KEY,
    SealStep.PATH,
    SealStep.REVOCATION,
    SealStep.VALIDITY,
    SealStep.DIRECTORY,
)
"""Tests 1 to 3: existence, validity, origin (IP-6 to IP-8). The address is a matter of form (IP-12)."""
_NOT_AUTHENTIC = frozenset({SealStep.SHAPE, SealStep.SIGNER, SealStep.DIGEST, SealStep.SIGNATURE})
TO_SERVICE_MAILBOX: Final = frozenset({NotificationKind.TAKING_IN_CHARGE, NotificationKind.VIRUS_DETECTION})
"""What a service mailbox takes (MO-4)."""
_BY_RECIPIENT_PROVIDER = TO_SERVICE_MAILBOX | {NotificationKind.DELIVERY}

DETAILS: Final = {
    "no-marker": "manca l'intestazione X-Trasporto o X-Ricevuta",
    "both-markers": "le intestazioni X-Trasporto e X-Ricevuta sono entrambe presenti",
    "repeated-marker": "l'intestazione X-Trasporto o X-Ricevuta e' ripetuta",
    "unknown-marker": "l'intestazione X-Trasporto o X-Ricevuta ha un valore non previsto",
    "field-missing": "manca un'intestazione obbligatoria",
    "field-repeated": "un'intestazione obbligatoria e' ripetuta",
    "no-from-address": "il campo From non contiene un indirizzo valido",
    "several-from-addresses": "il campo From contiene piu' indirizzi",
    "from-not-signer": "il campo From non coincide con l'indirizzo del certificato di firma",
    "sender-differs": "il campo Sender non coincide con il campo From",
    "no-seal": "la struttura della firma non e' corretta",
    "opaque-seal": "la firma non e' separata dal contenuto",
    "limit-passed": "la struttura del messaggio supera i limiti previsti",
    "not-mixed": "il contenuto firmato non e' di tipo multipart/mixed",
    "no-readable-part": "manca il testo descrittivo",
    "certification-missing": "mancano i dati di certificazione",
    "several-certifications": "i dati di certificazione sono presenti piu' volte",
    "certification-unexpected": "una busta di anomalia contiene dati di certificazione",
    "certification-malformed": "i dati di certificazione non sono validi",
    "original-missing": "manca il messaggio originale",
    "several-originals": "il messaggio originale e' presente piu' volte",
    "kind-not-marker": "il tipo nei dati di certificazione non coincide con l'intestazione",
    "no-message-id": "manca l'identificativo del messaggio",
    "identifier-not-message-id": "l'identificativo nei dati di certificazione non coincide con il Message-ID",
    "sender-not-reverse-path": "il mittente nei dati di certificazione non coincide con il mittente SMTP",
    "recipient-not-certified": "un destinatario SMTP non e' nei dati di certificazione",
    "to-not-sender": "la ricevuta non e' indirizzata al mittente del messaggio",
    "recipient-not-sender": "la ricevuta non e' indirizzata al mittente del messaggio",
    "not-to-service-mailbox": "il messaggio non e' indirizzato alla casella di servizio del gestore",
}
"""Italian detail of the anomaly envelope for each reason of `lint.reason` that can be a failure (4.7)."""
_ANOMALY_DETAIL = "il messaggio e' una busta di anomalia"
_LACKS_TLS_DETAIL = "il messaggio e' stato ricevuto su una connessione non protetta"
_UNNAMED_DETAIL = "la struttura del messaggio non e' corretta"


def classify(facts: IncomingFacts) -> Classification:
    """Tell what an arriving message is (IP-10, IP-11, IP-14, IP-15, IP-22).

    The outer header has no say but through the formal check, which compares it with what is signed (GE-8).
    """
    kind, anomaly = _kind(facts)
    return Classification(
        kind=kind,
        anomaly=anomaly,
        suspicion=_suspicion(facts) if kind is MessageClass.RECEIPT else None,
        quarantine=_quarantined(facts, kind),
    )


def _kind(facts: IncomingFacts) -> tuple[MessageClass, str]:
    refused = _origin_refused(facts.seal)
    if refused is not None:
        return MessageClass.ORDINARY, refused  # IP-10
    if facts.directory is None or not _origin_proven(facts.seal):
        return MessageClass.TEMPORARY, ""  # IP-5
    fault = _form_fault(facts)
    if fault:
        return MessageClass.PEC_MALFORMED, malformed(fault)  # IP-11
    if facts.family is MessageFamily.RECEIPT:
        return MessageClass.RECEIPT, ""
    assert facts.certification is not None, "a form without failure has certification data"
    signer = _Signer.of(facts.directory, facts.seal.signer)
    if not signer.manages(facts.certification.original.sender.domain):
        return MessageClass.PEC_MALFORMED, AnomalyReason.FOREIGN_SENDER_DOMAIN  # IP-14, AM-24
    return MessageClass.ENVELOPE, ""


def origin_is_proven(seal: SealReport) -> bool:
    """Tell whether a seal passes every test of existence, validity and origin (IP-6 to IP-8)."""
    return _origin_refused(seal) is None and _origin_proven(seal)


def _origin_refused(seal: SealReport) -> str | None:
    """Return the reason of 4.7 when a test of existence, validity or origin is negative; None when none is."""
    for outcome in seal.steps:
        if outcome.mark is Mark.FAILED and outcome.step in _ORIGIN:
            not_authentic = outcome.step in _NOT_AUTHENTIC
            return AnomalyReason.NO_SIGNATURE if not_authentic else AnomalyReason.UNTRUSTED_SIGNATURE
    if seal.verdict is SealVerdict.UNSIGNED:
        return AnomalyReason.NO_SIGNATURE
    # Good once and no longer: at reception that is not good (IP-8).
    return AnomalyReason.UNTRUSTED_SIGNATURE if seal.verdict is SealVerdict.VALID_WHEN_SIGNED else None


def _origin_proven(seal: SealReport) -> bool:
    """Tell whether every test of existence, validity and origin was taken and is positive."""
    good = {outcome.step for outcome in seal.steps if outcome.mark is Mark.PASSED or outcome.mark is Mark.TOLERATED}
    return good.issuperset(_ORIGIN)


def _form_fault(facts: IncomingFacts) -> str:
    """Return the Italian detail of the first formal failure, that of the address included; empty when there is none."""
    if facts.family is MessageFamily.ANOMALY:
        return _ANOMALY_DETAIL  # certifies nothing, whatever its form
    for outcome in facts.form:
        if outcome.mark is Mark.FAILED:
            return DETAILS.get(outcome.reason, _UNNAMED_DETAIL)
    address = next((outcome for outcome in facts.seal.steps if outcome.step == SealStep.ADDRESS), None)
    if address is not None and address.mark is Mark.FAILED:  # IP-12
        return DETAILS["from-not-signer"]
    checked = facts.form and facts.certification is not None and facts.family is not MessageFamily.NONE
    if not checked:
        return _UNNAMED_DETAIL  # what was not checked may not be claimed
    return _LACKS_TLS_DETAIL if facts.lacks_tls else ""  # IP-4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    """The provider that sealed, as the directory knows it."""

    directory: Directory
    records: tuple[ProviderRecord, ...]
    """Those that list the very certificate (DI-8)."""

    @classmethod
    def of(cls, directory: Directory, certificate: CertificateFacts | None) -> "_Signer":
        if certificate is None:
            return cls(directory=directory, records=())
        # The directory's hash is SHA-1; the other digest stands for "byte for byte" (IP-7).
        listed = directory.records_of_certificate(certificate.sha1)
        same = [record for record in listed if certificate.sha256.upper() in map(_sha256, record.certificates)]
        return cls(directory=directory, records=tuple(same))

    def manages(self, domain: str) -> bool:
        return any(record in self.records for record in self.directory.records_of_domain(domain))

    def is_provider(self, name: str) -> bool:
        return any(record.provider_key == name_key(name) for record in self.records)


@lru_cache(maxsize=512)
def _sha256(der: bytes) -> str:
    """Return the digest of a listed certificate as `CertificateFacts` writes it; it signs every message of a day."""
    return sha256(der).hexdigest().upper()


def _suspicion(facts: IncomingFacts) -> Suspicion | None:
    """Judge whether the signer is the one that may issue this receipt (IP-15)."""
    certification, directory = facts.certification, facts.directory
    assert certification is not None, "a receipt has certification data"
    assert directory is not None, "a receipt was looked up"
    signer = _Signer.of(directory, facts.seal.signer)
    if certification.kind in _BY_RECIPIENT_PROVIDER:
        return _foreign_to_recipients(certification, signer)
    if signer.is_provider(facts.own_provider):
        return None
    # Row 11 comes from the recipient's provider, or from our own after a permanent refusal (AD-3); row 9 only from us.
    may_be_theirs = certification.kind is NotificationKind.NON_DELIVERY and certification.error is not ErrorKind.VIRUS
    return _foreign_to_recipients(certification, signer) if may_be_theirs else Suspicion.NOT_OWN_PROVIDER


def _foreign_to_recipients(certification: CertificationData, signer: _Signer) -> Suspicion | None:
    recipients = _recipients(certification)
    if not recipients:
        return Suspicion.NO_RECIPIENT
    managed = all(signer.manages(recipient.domain) for recipient in recipients)
    return None if managed else Suspicion.NOT_RECIPIENT_PROVIDER


def _recipients(certification: CertificationData) -> tuple[Address, ...]:
    """Return whom the receipt is about."""
    if certification.kind is NotificationKind.TAKING_IN_CHARGE:
        return certification.taken_recipients
    return () if certification.delivery_recipient is None else (certification.delivery_recipient,)


def _quarantined(facts: IncomingFacts, kind: MessageClass) -> bool:
    if not facts.to_service_mailbox or kind is MessageClass.TEMPORARY:
        return False
    expected = facts.certification is not None and facts.certification.kind in TO_SERVICE_MAILBOX
    return not (kind is MessageClass.RECEIPT and expected)  # IP-22
