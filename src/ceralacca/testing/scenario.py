"""Every generated message in its own small story: what golden files, samples and benches are made of.

Two providers, a sender, a recipient with PEC and one without. Each transaction is consistent in
itself, as a real archive is: the accepted one has its receipts, the infected one its notices, the
silent one its two warnings. The drafts are made by the real path: submission read, original
prepared, message composed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ceralacca.base.identifiers import Entropy, new_identifier
from ceralacca.core.anomaly import AnomalyReason, malformed
from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.notification import MessageRow, ReceiptKind, RecipientKind
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.draft import Draft
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope, compose_transport_envelope
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.original import PreparedOriginal, prepare_original
from ceralacca.formats.receipt import (
    compose_acceptance,
    compose_delivery,
    compose_non_acceptance,
    compose_non_acceptance_virus,
    compose_non_delivery,
    compose_non_delivery_virus,
    compose_taking_in_charge,
    compose_timeout_notice,
    compose_virus_detection,
)
from ceralacca.formats.submission import Submission, read_submission
from ceralacca.testing.clock import CountingEntropy

INSTANT = datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC)
"""10:15:02 in Rome: the instant of the examples in the norm's section 4.13."""

ALFA = IssuingProvider(name="Gestore Alfa S.p.A.", address=Address("posta-certificata@gestore-alfa.example"))
BETA = IssuingProvider(name="Gestore Beta S.r.l.", address=Address("posta-certificata@gestore-beta.example"))
SERVICE_MAILBOX = Address("ricevute@gestore-alfa.example")
"""`mailReceipt` of Alfa."""
PEC_DOMAINS = frozenset({"pec.alfa.example", "pec.beta.example"})
VIRUS = "Eicar-Test-Signature"
FORMAL_ERROR = "ecceduta la dimensione massima del messaggio"

FORWARDED = (
    b"Date: Wed, 04 Nov 2026 18:00:00 +0100\r\n"
    b"From: info@ditta.example\r\n"
    b"To: mario.rossi@pec.alfa.example\r\n"
    b"Subject: Preventivo\r\n"
    b"Message-ID: <77@ditta.example>\r\n"
    b"\r\n"
    b"In allegato il preventivo.\r\n"
)

SUBMITTED = (
    b"Received: from client.alfa.example (client.alfa.example [192.0.2.10])\r\n"
    b" by smtp.gestore-alfa.example with ESMTPSA id 0001;\r\n"
    b" Thu, 05 Nov 2026 10:15:02 +0100\r\n"
    b"Date: Thu, 05 Nov 2026 10:14:55 +0100\r\n"
    b"Subject: =?utf-8?q?Citt=C3=A0?= & controprova <urgente>\r\n"
    b'From: "Mario Rossi" <mario.rossi@pec.alfa.example>\r\n'
    b'To: "Anna Bianchi" <anna.bianchi@pec.beta.example>\r\n'
    b"Cc: info@ditta.example\r\n"
    b"Message-ID: <20261105091455.4711@client.alfa.example>\r\n"
    b"X-Mailer: Posta 1.0\r\n"
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="=_parti"\r\n'
    b"\r\n"
    b"Messaggio in parti.\r\n"
    b"--=_parti\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n"
    b"\r\n"
    b"Buongiorno, la perizia =C3=A8 allegata.\r\n"
    b"\r\n"
    b"--=_parti\r\n"
    b'Content-Type: application/pdf; name="perizia.pdf"\r\n'
    b'Content-Disposition: attachment; filename="perizia.pdf"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b"\r\n"
    b"JVBERi0xLjQKJSBxdWVzdG8gbm9uIGUnIHVuIHZlcm8gZG9jdW1lbnRvCg==\r\n"
    b"\r\n"
    b"--=_parti\r\n"
    b"Content-Type: text/csv; charset=utf-8\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''quantit%C3%A0.csv\r\n"
    b"\r\n"
    b"voce,euro\r\n"
    b"ponteggio,1200\r\n"
    b"--=_parti\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n" + FORWARDED + b"\r\n--=_parti--\r\n"
)
"""As it stands after the final dot, with the Received field of the access point."""

ORDINARY = (
    b"Return-Path: <info@ditta.example>\r\n"
    b"Received: from posta.ditta.example (posta.ditta.example [198.51.100.7])\r\n"
    b" by mx.gestore-beta.example with ESMTPS id 0002; Thu, 05 Nov 2026 10:15:01 +0100\r\n"
    b"Date: Thu, 05 Nov 2026 10:14:30 +0100\r\n"
    b"From: Ditta <info@ditta.example>\r\n"
    b"To: anna.bianchi@pec.beta.example\r\n"
    b"Cc: ufficio@ditta.example\r\n"
    b"Subject: Offerta\r\n"
    b"Message-ID: <4712@ditta.example>\r\n"
    b"\r\n"
    b"Gentile cliente, ecco la nostra offerta.\r\n"
)

BOUNCE = (
    b"Received: from posta.ditta.example by mx.gestore-beta.example; Thu, 05 Nov 2026 10:15:01 +0100\r\n"
    b"From: MAILER-DAEMON@ditta.example (Mail Delivery System)\r\n"
    b"To: anna.bianchi@pec.beta.example\r\n"
    b"Subject: Undelivered Mail Returned to Sender\r\n"
    b"Date: Thu, 05 Nov 2026 10:15:00 +0100\r\n"
    b"\r\n"
    b"Il destinatario \xe8 sconosciuto.\r\n"
)
"""With octets above 127, without Message-ID, under the null reverse path (TO-19)."""

_SENT_BY_SENDERS_PROVIDER = frozenset(
    {
        MessageRow.NON_ACCEPTANCE,
        MessageRow.NON_ACCEPTANCE_VIRUS,
        MessageRow.ACCEPTANCE,
        MessageRow.TRANSPORT_ENVELOPE,
        MessageRow.DELIVERY_TIMEOUT,
        MessageRow.NON_DELIVERY_VIRUS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Who writes to whom, when, what: change any of it, the rest follows."""

    sender_provider: IssuingProvider = ALFA
    recipient_provider: IssuingProvider = BETA
    service_mailbox: Address = SERVICE_MAILBOX
    pec_domains: frozenset[str] = PEC_DOMAINS
    submitted: bytes = SUBMITTED
    """Passes the formal checks, has no X-TipoRicevuta, and its first To is in a PEC domain."""
    instant: datetime = INSTANT
    """T0 of every transaction."""
    spread: bool = False
    """Whether each message comes at its natural time after T0 instead of at T0."""
    entropy: Entropy = field(default_factory=CountingEntropy)
    with_html: bool = False

    def is_pec(self, domain: str) -> bool:
        """Satisfies `core.access_point.PecDomains`."""
        return domain in self.pec_domains

    def issuer(self, draft: Draft) -> IssuingProvider:
        """Return the provider whose key seals the draft."""
        return self.sender_provider if draft.row in _SENT_BY_SENDERS_PROVIDER else self.recipient_provider

    def after(self, **elapsed: int) -> datetime:
        """Return the instant of a later step."""
        return self.instant + timedelta(**elapsed) if self.spread else self.instant

    def transaction(self, kind: ReceiptKind | None = None) -> "Transaction":
        """Submit the message once more, asking for a kind of receipt; None leaves the field out."""
        field_ = f"X-TipoRicevuta: {kind}\r\n".encode("ascii") if kind else b""
        place = read_head(self.submitted).fields_end
        return Transaction.of(self, self.submitted[:place] + field_ + self.submitted[place:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One accepted submission and what both providers know of it."""

    scenario: Scenario
    submission: Submission
    original: OriginalData
    prepared: PreparedOriginal

    @classmethod
    def of(cls, scenario: Scenario, submitted: bytes) -> "Transaction":
        """Take a submission whose paths are what its From, To and Cc say."""
        head = read_head(submitted)
        addresses = [
            mailbox.address
            for name in ("From", "To", "Cc")
            for found in head.all(name)
            for mailbox in read_addresses(found.body).mailboxes
        ]
        submission = read_submission(submitted, reverse_path=addresses[0], forward_paths=tuple(addresses[1:]))
        identifier = new_identifier(scenario.instant, scenario.entropy, domain=scenario.sender_provider.domain)
        return cls(
            scenario=scenario,
            submission=submission,
            original=submission.original_data(identifier, scenario),
            prepared=prepare_original(submitted, identifier=identifier, client_message_id=submission.client_message_id),
        )

    @property
    def recipient(self) -> Address:
        """The first recipient with PEC."""
        return next(r.address for r in self.original.recipients if r.kind is RecipientKind.CERTIFIED)

    def by_sender(self, instant: datetime | None = None) -> Issuance:
        """Return what the sender's provider composes with; at T0 unless said otherwise."""
        return self._issuance(self.scenario.sender_provider, instant or self.scenario.instant)

    def by_recipient(self, instant: datetime) -> Issuance:
        """Return what the recipient's provider composes with."""
        return self._issuance(self.scenario.recipient_provider, instant)

    def _issuance(self, provider: IssuingProvider, instant: datetime) -> Issuance:
        return Issuance(
            provider=provider,
            instant=instant,
            entropy=self.scenario.entropy,
            original=self.original,
            subject_body=self.submission.subject_body,
            with_html=self.scenario.with_html,
        )

    def envelope(self) -> Draft:
        """Compose the transport envelope."""
        return compose_transport_envelope(
            self.by_sender(),
            original=self.prepared.splice,
            head=self.prepared.head,
            requested=self.submission.requested_receipt,
        )

    def delivery(self) -> Draft:
        """Compose the delivery receipt of the kind that was asked for."""
        requested = self.submission.requested_receipt
        return compose_delivery(
            self.by_recipient(self.scenario.after(seconds=3)),
            recipient=self.recipient,
            requested=requested,
            issued=requested,
            original=bytes(self.prepared.splice),
        )

    def taking_in_charge(self) -> Draft:
        """Compose the receipt for the service mailbox of the sender's provider."""
        return compose_taking_in_charge(
            self.by_recipient(self.scenario.after(seconds=2)),
            taken=(self.recipient,),
            service_mailbox=self.scenario.service_mailbox,
        )


def all_drafts(scenario: Scenario | None = None) -> dict[str, Draft]:
    """Compose every row, every receipt kind, every notice and reason; keys are file names without ending.

    The number that begins a name is the row of table 1.1. With the default scenario the result is
    the same octets on every call.
    """
    one = scenario or Scenario()
    return dict(
        pair for story in (_refused, _accepted, _silent, _infected, _undeliverable, _anomalies) for pair in story(one)
    )


def _refused(scenario: Scenario) -> Iterator[tuple[str, Draft]]:
    formal, infected = scenario.transaction(), scenario.transaction()
    yield "01-non-accettazione", compose_non_acceptance(formal.by_sender(), description=FORMAL_ERROR)
    yield "02-non-accettazione-virus", compose_non_acceptance_virus(infected.by_sender(), virus=VIRUS)


def _accepted(scenario: Scenario) -> Iterator[tuple[str, Draft]]:
    for kind in ReceiptKind:
        sent = scenario.transaction(kind if kind is not ReceiptKind.COMPLETE else None)
        yield f"03-accettazione-{kind}", compose_acceptance(sent.by_sender())
        yield f"04-busta-di-trasporto-{kind}", sent.envelope()
        yield f"06-presa-in-carico-{kind}", sent.taking_in_charge()
        yield f"10-avvenuta-consegna-{kind}", sent.delivery()


def _silent(scenario: Scenario) -> Iterator[tuple[str, Draft]]:
    sent = scenario.transaction()
    for hours, later, timeout in ((12, 12, Timeout.TWELVE_HOURS), (24, 23, Timeout.TWENTY_FOUR_HOURS)):  # AM-19
        issuance = sent.by_sender(scenario.after(hours=later))
        yield (
            f"05-mancata-consegna-{hours}-ore",
            compose_timeout_notice(issuance, recipient=sent.recipient, timeout=timeout),
        )


def _infected(scenario: Scenario) -> Iterator[tuple[str, Draft]]:
    sent = scenario.transaction()
    found, told = sent.by_recipient(scenario.after(seconds=3)), sent.by_sender(scenario.after(seconds=5))
    yield (
        "08-rilevazione-virus",
        compose_virus_detection(found, recipient=sent.recipient, virus=VIRUS, service_mailbox=scenario.service_mailbox),
    )
    yield (
        "09-mancata-consegna-virus",
        compose_non_delivery_virus(told, recipient=sent.recipient, virus=VIRUS),
    )


def _undeliverable(scenario: Scenario) -> Iterator[tuple[str, Draft]]:
    for failure in DeliveryFailure:
        sent = scenario.transaction()
        yield (
            f"11-mancata-consegna-{failure.name.lower().replace('_', '-')}",
            compose_non_delivery(
                sent.by_recipient(scenario.after(seconds=4)), recipient=sent.recipient, failure=failure
            ),
        )


def _anomalies(scenario: Scenario) -> Iterator[tuple[str, Draft]]:
    sender, recipient = Address("info@ditta.example"), scenario.transaction().recipient
    ordinary = Arrival(octets=ORDINARY, reverse_path=sender, forward_paths=(recipient,))
    bounce = Arrival(octets=BOUNCE, reverse_path=None, forward_paths=(recipient,))
    for name, arrival, error in (
        ("firma-assente", ordinary, AnomalyReason.NO_SIGNATURE),
        ("firma-non-attendibile", ordinary, AnomalyReason.UNTRUSTED_SIGNATURE),
        ("dominio-mittente", ordinary, AnomalyReason.FOREIGN_SENDER_DOMAIN),
        ("non-conforme", ordinary, malformed("mancano i dati di certificazione")),
        ("rimbalzo", bounce, AnomalyReason.NO_SIGNATURE),
    ):
        yield (
            f"07-busta-di-anomalia-{name}",
            compose_anomaly_envelope(
                arrival,
                provider=scenario.recipient_provider,
                instant=scenario.after(seconds=1),
                entropy=scenario.entropy,
                error=error,
                with_html=scenario.with_html,
            ),
        )
