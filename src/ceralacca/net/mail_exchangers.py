"""Which hosts take mail for a domain: MX by DNS, or a static route of the configuration.

The static table is for the sandbox and for tests; a production configuration has none for domains
it does not own. DNS says where a host is, never who is a PEC provider (MO-8).

Sources: RFC 5321, 5.1; RFC 7505 (null MX); BT-6, IP-2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import dns.exception
import dns.resolver

from ceralacca.net.switchboard import aside

SMTP_PORT = 25


class NoSuchDomain(Exception):
    """The domain does not exist, or says that it takes no mail: for good."""


class LookupDeferred(Exception):
    """DNS gave no answer that can be relied on: for now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanger:
    """One host to try."""

    name: str
    """What its certificate must name."""
    address: str
    """What to connect to: a name or an IP address."""
    port: int = SMTP_PORT


class FindsExchangers(Protocol):
    """Finds the hosts of a domain, the best first."""

    def find(self, domain: str) -> tuple[Exchanger, ...]:
        """Return at least one host. Raises NoSuchDomain or LookupDeferred."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRoutes:
    """Routes of the configuration before any other source."""

    routes: Mapping[str, Exchanger]
    """By domain in lower case."""
    otherwise: FindsExchangers | None = None

    def find(self, domain: str) -> tuple[Exchanger, ...]:
        """Return the configured host, else ask on; without anybody to ask the domain does not exist."""
        route = self.routes.get(domain.lower())
        if route is not None:
            return (route,)
        if self.otherwise is None:
            raise NoSuchDomain(domain)
        return self.otherwise.find(domain)


def _resolver() -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver()
    resolver.lifetime = 20.0
    return resolver


@dataclass(slots=True)
class DnsExchangers:
    """MX records, the best preference first; without any, the domain's own address."""

    resolver: dns.resolver.Resolver = field(default_factory=_resolver)

    def find(self, domain: str) -> tuple[Exchanger, ...]:
        """Ask DNS."""
        return aside(lambda: self._ask(domain))

    def _ask(self, domain: str) -> tuple[Exchanger, ...]:
        try:
            answer = self.resolver.resolve(domain, "MX")
        except dns.resolver.NXDOMAIN as error:
            raise NoSuchDomain(domain) from error
        except dns.resolver.NoAnswer:
            return self._implicit(domain)
        except dns.exception.DNSException as error:
            raise LookupDeferred(domain) from error
        ranked = sorted((record.preference, record.exchange.to_text(omit_final_dot=True)) for record in answer)
        hosts = tuple(Exchanger(name=name, address=name) for _, name in ranked if name not in {"", "."})
        if not hosts:  # RFC 7505: a null MX
            raise NoSuchDomain(domain)
        return hosts

    def _implicit(self, domain: str) -> tuple[Exchanger, ...]:
        """RFC 5321, 5.1: a domain without MX is its own exchanger, if it has an address."""
        for kind in ("A", "AAAA"):
            try:
                self.resolver.resolve(domain, kind)
            except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
                continue
            except dns.exception.DNSException as error:
                raise LookupDeferred(domain) from error
            return (Exchanger(name=domain, address=domain),)
        raise NoSuchDomain(domain)
