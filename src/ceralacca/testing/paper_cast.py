"""Who plays in the paper circuit: three providers, their holders, the messages they write, the virus they fear.

Part of the paper circuit (`testing.circuit`). All names are invented; the virus is a run of octets
that no antivirus knows.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.testing.keys import private_key
from ceralacca.testing.scenario import ALFA, BETA, SERVICE_MAILBOX
from ceralacca.trust.chain import TrustStore

GAMMA = IssuingProvider(name="Gestore Gamma S.p.A.", address=Address("posta-certificata@gestore-gamma.example"))
"""A provider that the directory lists and that no wire reaches."""

MARIO, CARLA = Address("mario.rossi@pec.alfa.example"), Address("carla.neri@pec.alfa.example")
COUNCIL = Address("protocollo@comune.alfa.example")
"""In a second domain of Alfa's (MO-7)."""
ANNA, BRUNO = Address("anna.bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
NOBODY = Address("nessuno@pec.beta.example")
"""A mailbox that Beta does not have."""
OUT_OF_REACH = Address("dario.gialli@pec.gamma.example")
ORDINARY_RECIPIENT = Address("info@ditta.example")
ALFA_SERVICE, BETA_SERVICE = SERVICE_MAILBOX, Address("ricevute@gestore-beta.example")

VIRUS_MARK, VIRUS_NAME = b"OCTETS-THAT-STAND-FOR-A-VIRUS", "Test-Signature"


def submission(
    *,
    sender: Address = MARIO,
    to: Collection[Address] = (ANNA,),
    cc: Collection[Address] = (),
    fields: str = "Subject: Prova\r\n",
    body: str = "\r\nBuongiorno.\r\n",
) -> bytes:
    """Write a small message as a client submits it; `fields` are more header fields, `body` begins after them."""
    folded = ",\r\n "
    head = "Date: Thu, 05 Nov 2026 10:14:55 +0100\r\nMessage-ID: <4711@client.alfa.example>\r\n"
    head += f"From: {sender}\r\nTo: {folded.join(map(str, to))}\r\n"
    head += f"Cc: {folded.join(map(str, cc))}\r\n" if cc else ""
    return (head + fields + body).encode("latin-1")


def find_virus(octets: bytes) -> str | None:
    """Scan as the test antivirus does."""
    return VIRUS_NAME if VIRUS_MARK in octets else None


def find_nothing(octets: bytes) -> str | None:
    """Scan as an antivirus that is off."""
    del octets
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """What all circuits of one instant share: the authority, the providers' keys, the directory, the trust in them."""

    authority: Authority
    alfa: TestIdentity
    beta: TestIdentity
    gamma: TestIdentity
    directory: Directory
    """As published; a provider may hold another copy, or none."""
    trust: TrustStore


@cache
def cast_at(instant: datetime) -> Cast:
    """Certify the three providers and list them; the same octets on every run."""
    authority = Authority.create(instant)
    alfa = authority.provider(ALFA.name, ALFA.address)
    beta = authority.provider(BETA.name, BETA.address)
    gamma = authority.provider(GAMMA.name, GAMMA.address, key=private_key("Gestore Beta"))
    return Cast(
        authority=authority,
        alfa=alfa,
        beta=beta,
        gamma=gamma,
        directory=directory_of(*_records(alfa, beta, gamma)),
        trust=TrustStore(anchors=authority.anchors(), crls=authority.crls()),
    )


def _records(alfa: TestIdentity, beta: TestIdentity, gamma: TestIdentity) -> Iterator[ProviderRecord]:
    pec_alfa = [ALFA.domain, "pec.alfa.example", COUNCIL.domain]
    yield provider_record(ALFA.name, pec_alfa, certificates=[alfa.certificate], mailbox=ALFA_SERVICE.text)
    pec_beta = [BETA.domain, "pec.beta.example"]
    yield provider_record(BETA.name, pec_beta, certificates=[beta.certificate], mailbox=BETA_SERVICE.text)
    yield provider_record(GAMMA.name, [GAMMA.domain, OUT_OF_REACH.domain], certificates=[gamma.certificate])
