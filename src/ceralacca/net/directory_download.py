"""Downloads the signed providers directory over HTTPS, with our certificate shown and the server's verified (DI-4).

Only the address in the settings is ever asked. What comes is octets: whose seal they carry and
whether they may replace the local copy is judged by `services.refresh_directory`. The directory
manager of the sandbox collects the providers' own files with the same class.

Clauses: DI-1, DI-3, DI-4.
"""

from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Final

from ceralacca.net.fetch import FetchLimits, check_scheme, client_context, fetch

DIRECTORY_LIMITS: Final = FetchLimits(octets=64 * 2**20)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryDownload:
    """Fetches one directory file each time it is called. Raises UserError when the settings cannot be used."""

    url: str
    roots: Path
    """PEM of the roots that vouch for the server."""
    certificate: Path
    """PEM of our TLS client certificate and those above it."""
    key: Path
    limits: FetchLimits = DIRECTORY_LIMITS
    _context: SSLContext = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_scheme(self.url, "https")  # DI-4
        context = client_context(self.roots, certificate=self.certificate, key=self.key)
        object.__setattr__(self, "_context", context)

    def __call__(self) -> bytes:
        """Return the file. Raises WorldError."""
        return fetch(self.url, self.limits, tls=self._context)
