"""Who plays in the demonstration: two providers, a third on paper, their holders, somebody outside PEC.

Alfa and Beta run. Gamma has a key, a certificate and its place in the directory, but no machine: it is
played by hand where a scenario needs a provider that misbehaves or that cannot be reached. Whoever wants three that
run gives it a machine (`GAMMA_ALIVE`). All names are invented.
"""

from dataclasses import dataclass, replace
from typing import Final

from ceralacca.core.model.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One mailbox."""

    address: Address
    quota: int = 2**30
    """Octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider of the nation."""

    key: str
    """Names its folder."""
    name: str
    home: str
    """Its own domain, where its address and service mailbox are."""
    domains: tuple[str, ...]
    """PEC domains of its holders."""
    holders: tuple[Holder, ...] = ()

    @property
    def address(self) -> Address:
        """What every generated message comes from (MO-3)."""
        return Address(f"posta-certificata@{self.home}")

    @property
    def service_mailbox(self) -> Address:
        """Where takings in charge arrive (MO-4)."""
        return Address(f"ricevute@{self.home}")

    @property
    def hostname(self) -> str:
        """How its machine greets others."""
        return f"mail.{self.home}"

    @property
    def all_domains(self) -> tuple[str, ...]:
        """As the directory lists them."""
        return (self.home, *self.domains)


MARIO, CARLA = Address("mario.rossi@pec.alfa.example"), Address("carla.neri@pec.alfa.example")
COUNCIL = Address("protocollo@comune.alfa.example")
ANNA, BRUNO = Address("anna.bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
STUDIO = Address("segreteria@studio.beta.example")
FULL = Address("piena@pec.beta.example")
"""A mailbox without room."""
NOBODY = Address("nessuno@pec.beta.example")
"""A mailbox that Beta does not have."""
OUTSIDER = Address("info@ditta.example")
"""Has ordinary mail."""
UNREACHED = Address("dario.gialli@lontano.gamma.example")
"""In a PEC domain that no wire reaches."""
REFUSED = Address("elena.blu@chiuso.gamma.example")
"""In a PEC domain whose host refuses everybody."""
FRANCO, GIADA = Address("franco.viola@pec.gamma.example"), Address("giada.rosa@pec.gamma.example")
"""Gamma's holders: what is for them is kept by the post."""
LUCA = Address("luca.grigi@secondario.gamma.example")
"""A holder of Gamma's secondary environment."""
GAMMA_SECOND_MAILBOX = Address("ricevute@secondario.gamma.example")
"""`mailReceipt` of that environment (9.2)."""

ALFA: Final = Provider(
    key="alfa",
    name="Gestore Alfa S.p.A. TEST",
    home="gestore-alfa.example",
    domains=("pec.alfa.example", "comune.alfa.example"),
    holders=(Holder(address=MARIO), Holder(address=CARLA), Holder(address=COUNCIL)),
)
BETA: Final = Provider(
    key="beta",
    name="Gestore Beta S.r.l. TEST",
    home="gestore-beta.example",
    domains=("pec.beta.example", "studio.beta.example"),
    holders=(Holder(address=ANNA), Holder(address=BRUNO), Holder(address=STUDIO), Holder(address=FULL, quota=100)),
)
GAMMA: Final = Provider(
    key="gamma",
    name="Gestore Gamma S.p.A. TEST",
    home="gestore-gamma.example",
    domains=("pec.gamma.example", UNREACHED.domain, REFUSED.domain, LUCA.domain),
)
RUNNING: Final = (ALFA, BETA)
GAMMA_ALIVE: Final = replace(GAMMA, domains=(FRANCO.domain,), holders=(Holder(address=FRANCO), Holder(address=GIADA)))
"""Gamma with a machine and mailboxes of its own, in a nation that is set up with it."""
ORDINARY_DOMAIN: Final = "ditta.example"
POST_HOST: Final = "mail.ditta.example"
"""Name of the mail server outside PEC, which also takes what is for Gamma."""
