"""The DNS records by which mail programs find a domain's services, as lines of a zone file.

Sources: RFC 6186, 3 (`_imaps`, `_pop3s`, and `.` where a service is not offered); RFC 8314, 5.1 (`_submissions`);
RFC 2782; RFC 5321, 5.1 (MX); the names `autoconfig` and `_autodiscover` are those of Thunderbird and Outlook.
"""

from dataclasses import dataclass
from typing import Final

from ceralacca.core.model.mail_service import ConnectionSecurity, MailProtocol, MailServices

_NAMES: Final = {
    (MailProtocol.IMAP, ConnectionSecurity.TLS): "_imaps",
    (MailProtocol.POP3, ConnectionSecurity.TLS): "_pop3s",
    (MailProtocol.SUBMISSION, ConnectionSecurity.TLS): "_submissions",
    (MailProtocol.SUBMISSION, ConnectionSecurity.STARTTLS): "_submission",
}
_NOT_OFFERED: Final = ("_imap", "_pop3")
"""Without TLS from the first octet: RFC 6186, 3.4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsRecord:
    """One record to publish."""

    name: str
    """With its final dot."""
    kind: str
    """`MX`, `SRV` or `CNAME`."""
    value: str

    def __str__(self) -> str:
        """Return the line of a zone file."""
        return f"{self.name} IN {self.kind} {self.value}"


def client_records(
    domain: str, services: MailServices, *, exchangers: tuple[str, ...], web: tuple[str, int]
) -> list[DnsRecord]:
    """Return what a mail domain should publish: exchangers, services in their order, where set-up is asked for."""
    records = [
        DnsRecord(name=f"{domain}.", kind="MX", value=f"{10 * rank} {host}.")
        for rank, host in enumerate(exchangers, start=1)
    ]
    records += [
        _srv(domain, _NAMES[one.protocol, one.security], 10 * rank, one.port, one.host)
        for rank, one in enumerate(services)
    ]
    records += [_srv(domain, name, 0, 0, "") for name in _NOT_OFFERED]
    host, port = web
    records.append(DnsRecord(name=f"autoconfig.{domain}.", kind="CNAME", value=f"{host}."))
    records.append(_srv(domain, "_autodiscover", 0, port, host))
    return records


def _srv(domain: str, service: str, priority: int, port: int, host: str) -> DnsRecord:
    weight = 1 if host else 0
    return DnsRecord(name=f"{service}._tcp.{domain}.", kind="SRV", value=f"{priority} {weight} {port} {host}.")
