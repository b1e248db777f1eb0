"""A small PEC world in a folder: one sealed message of every kind with all that is needed to judge it.

What `pec sample` writes. Two providers under the test authority, their directory sealed by its
manager, and the story of `testing.scenario`: every row of table 1.1, every kind of receipt. The
messages are made by the real path: composed, linted, sealed. Everything is marked TEST.

Clauses: DI-2, DI-11, T-20 of the conformance scenarios.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.directory_ldif import write_directory
from ceralacca.formats.message_summary import summarise
from ceralacca.lint.sealable import examine
from ceralacca.testing.authority import Authority, TestIdentity, pem
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.testing.scenario import ALFA, BETA, SERVICE_MAILBOX, Scenario, all_drafts
from ceralacca.trust.cms_writer import sign_opaque
from ceralacca.trust.sealer import SealedMessage, Sealer

READ_ME = """\
TEST data of a PEC (Posta Elettronica Certificata) provider. Nothing here is real mail: the authority,
its keys and all names are invented, and anybody can make them again.

  NN-*.eml          one sealed message of every kind; NN is its row in table 1.1 of the technical reference
  pki/              root and intermediate authority, their revocation lists, the providers' certificates
  igpec.ldif        the providers directory; igpec.ldif.p7m is the same, sealed by its manager
  originals/        the files attached to the original message, for: pec verify --originals

Try:
  pec verify --trust pki --directory igpec.ldif.p7m *.eml
  openssl cms -verify -in 03-accettazione-completa.eml -CAfile pki/root.pem -purpose any -out /dev/null
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFile:
    """One file of the sample."""

    name: str
    """Relative path with `/`."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleWorld:
    """Authority, providers and directory at one instant; makes messages under them."""

    authority: Authority
    identities: dict[IssuingProvider, TestIdentity]
    scenario: Scenario

    @classmethod
    def at(cls, instant: datetime) -> "SampleWorld":
        """Make the world in which messages are accepted at an instant and answered in the day that follows."""
        authority = Authority.create(instant)
        identities = {one: authority.provider(one.name, one.address) for one in (ALFA, BETA)}
        scenario = Scenario(instant=instant, spread=True)
        return cls(authority=authority, identities=identities, scenario=scenario)

    def ldif(self) -> bytes:
        """Write the providers directory."""
        alfa = provider_record(
            ALFA.name,
            [ALFA.domain, "pec.alfa.example"],
            certificates=[self.identities[ALFA].certificate],
            mailbox=SERVICE_MAILBOX.text,
        )
        beta = provider_record(
            BETA.name, [BETA.domain, "pec.beta.example"], certificates=[self.identities[BETA].certificate]
        )
        return write_directory(directory_of(alfa, beta))

    def messages(self) -> Iterator[tuple[str, SealedMessage]]:
        """Compose, lint and seal one message after the other; names are file names without ending."""
        sealers = {
            provider: Sealer(identity, provider.address, self.scenario.entropy)
            for provider, identity in self.identities.items()
        }
        for name, draft in all_drafts(self.scenario).items():
            yield name, sealers[self.scenario.issuer(draft)].seal(examine(draft))

    def files(self) -> Iterator[SampleFile]:
        """Give every file of the sample, the quick ones first."""
        yield SampleFile(name="README.txt", content=READ_ME.encode("ascii"))
        yield from self._pki()
        ldif = self.ldif()
        yield SampleFile(name="igpec.ldif", content=ldif)
        manager = self.authority.directory_manager()
        yield SampleFile(name="igpec.ldif.p7m", content=sign_opaque(manager, ldif, self.scenario.instant))  # DI-2
        summary = summarise(self.scenario.submitted)
        for attachment in summary.attachments if summary else ():
            yield SampleFile(name=f"originals/{attachment.name or 'messaggio.eml'}", content=attachment.content())
        for name, sealed in self.messages():
            yield SampleFile(name=f"{name}.eml", content=bytes(sealed.octets))

    def _pki(self) -> Iterator[SampleFile]:
        yield SampleFile(name="pki/root.pem", content=pem(self.authority.root.certificate))
        yield SampleFile(name="pki/intermediate.pem", content=pem(self.authority.intermediate.certificate))
        for name, crl in zip(("root", "intermediate"), self.authority.crls(), strict=True):
            yield SampleFile(name=f"pki/{name}.crl", content=crl)
        for provider, identity in self.identities.items():
            yield SampleFile(name=f"pki/{provider.domain}.pem", content=pem(identity.certificate))
