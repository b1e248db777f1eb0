"""Messages as they arrive at an incoming point, from providers who do not compose as we do.

A sound seal of a test provider over any octets, without lint and without our composers: what section
11 tells us to bear and what section 5.2 tells us to refuse can only come from strangers. The whole
way of classifying stands here too, so that tests take it as the incoming point will.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from ceralacca.core.directory import Directory
from ceralacca.core.incoming_point import Classification, IncomingFacts, classify
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import SealReport, StepOutcome
from ceralacca.formats.draft import Draft
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.smime_writer import frame
from ceralacca.formats.splice import Octets, Splice
from ceralacca.lint.form import check_form, family_of
from ceralacca.testing import good_drafts as good
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.cms_writer import SealTemplate
from ceralacca.trust.verifier import JudgedAt, verify_seal

ALFA_NAME, BETA_NAME, STRANGER_NAME = "Gestore Alfa S.p.A.", "Gestore Beta S.r.l.", "Gestore Gamma S.p.A."
OUR_MAILBOX = Address(good.MAILBOX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Three providers in one directory: Alfa (sender), Beta (recipient), Gamma (neither)."""

    authority: Authority
    alfa: TestIdentity
    beta: TestIdentity
    gamma: TestIdentity
    trust: TrustStore
    directory: Directory


@cache
def peers() -> Peers:
    """Return the providers; the same on every call."""
    authority = Authority.create(good.INSTANT)
    alfa = authority.provider(ALFA_NAME, good.ALFA)
    beta = authority.provider(BETA_NAME, good.BETA)
    gamma = authority.provider(STRANGER_NAME, "posta-certificata@gestore-gamma.example")
    directory = directory_of(
        provider_record(ALFA_NAME, ["pec.alfa.example"], certificates=[alfa.certificate], mailbox=good.MAILBOX),
        provider_record(BETA_NAME, ["pec.beta.example"], certificates=[beta.certificate]),
        provider_record(STRANGER_NAME, ["pec.gamma.example"], certificates=[gamma.certificate]),
    )
    trust = TrustStore(anchors=authority.anchors(), crls=authority.crls())
    return Peers(authority=authority, alfa=alfa, beta=beta, gamma=gamma, trust=trust, directory=directory)


def signer_of(draft: Draft) -> TestIdentity:
    """Return the provider whose address the draft shows in From."""
    return peers().beta if good.BETA.encode() in bytes(draft.header) else peers().alfa


def sealed(draft: Draft, signer: TestIdentity | None = None) -> bytes:
    """Seal a draft of any kind, right or wrong; the signer is the one in From unless given."""
    digest = sha256(bytes(draft.entity))
    cms = SealTemplate(signer or signer_of(draft)).sign(digest.digest(), draft.instant)
    return bytes(frame(draft.header, draft.entity, cms, boundary=f"----=_pec{digest.hexdigest()[:32]}"))


def sealed_good(row: MessageRow) -> bytes:
    """Seal the good draft of a row."""
    return sealed(good.good_draft(row))


def with_parts(row: MessageRow, parts: Iterable[bytes]) -> Draft:
    """Return the good draft of a row with other parts."""
    return replace(good.good_draft(row), entity=good.mixed(*parts))


def with_octets(row: MessageRow, entity: bytes) -> Draft:
    """Return the good draft of a row with another entity."""
    return replace(good.good_draft(row), entity=Splice.of(entity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message with its SMTP transaction, as the incoming point meets it."""

    octets: Octets
    reverse_path: Address | None
    recipients: tuple[Address, ...]
    own_provider: str
    directory: Directory | None
    trust: TrustStore | None
    service_mailbox: Address = OUR_MAILBOX

    @property
    def received(self) -> Received:
        """The message looked at."""
        return read_received(self.octets)

    def seal(self) -> SealReport:
        """Verify the seal for the moment of reception."""
        return verify_seal(
            self.octets, trust=self.trust, directory=self.directory, at=JudgedAt.now(good.INSTANT), sender_domain=None
        )

    def form(self, seal: SealReport) -> tuple[StepOutcome, ...]:
        """Check the form against the transaction."""
        return check_form(
            self.received,
            reverse_path=self.reverse_path,
            local_recipients=self.recipients,
            signer_addresses=seal.signer.addresses if seal.signer else (),
            service_mailboxes=(self.service_mailbox,),
        )

    def facts(self) -> IncomingFacts:
        """Gather what is known."""
        seal = self.seal()
        received = self.received
        return IncomingFacts(
            seal=seal,
            family=family_of(received),
            form=self.form(seal),
            certification=received.facts,
            directory=self.directory,
            own_provider=self.own_provider,
            to_service_mailbox=self.service_mailbox in self.recipients,
        )

    def classify(self) -> Classification:
        """Classify the message the whole way."""
        return classify(self.facts())


def arrival_of(draft: Draft, *, signer: TestIdentity | None = None, octets: Octets | None = None) -> Arrival:
    """Return a draft as it arrives: an envelope at Beta, everything else at Alfa."""
    envelope = draft.row is MessageRow.TRANSPORT_ENVELOPE
    local = ("pec.beta.example",) if envelope else ("pec.alfa.example", "gestore-alfa.example")
    return Arrival(
        octets=octets if octets is not None else sealed(draft, signer),
        reverse_path=draft.reverse_path,
        recipients=tuple(path for path in draft.forward_paths if path.domain in local),
        own_provider=BETA_NAME if envelope else ALFA_NAME,
        directory=peers().directory,
        trust=peers().trust,
    )
