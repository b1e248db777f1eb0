"""Downloads one CRL from one configured address.

The addresses inside certificates are never followed: a stranger chooses them. A CRL is signed, so
plain http is enough; who signed it is judged by `trust.crl_file` before it is kept, and by the
path when it is used.

Clauses: IP-8, IP-9, CE-10.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ceralacca.net.fetch import FetchLimits, check_scheme, client_context, fetch

CRL_LIMITS: Final = FetchLimits(octets=64 * 2**20, total_seconds=120.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlDownload:
    """Fetches one CRL each time it is called. Raises UserError when the settings cannot be used."""

    url: str
    roots: Path | None = None
    """PEM of the roots that vouch for the server; needed for https only."""
    limits: FetchLimits = CRL_LIMITS

    def __post_init__(self) -> None:
        check_scheme(self.url, "http", *(("https",) if self.roots else ()))

    def __call__(self) -> bytes:
        """Return the octets. Raises WorldError."""
        return fetch(self.url, self.limits, tls=client_context(self.roots) if self.roots else None)
