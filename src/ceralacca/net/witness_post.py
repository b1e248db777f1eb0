"""Hands the sealed heads of blocks to a witness over HTTPS: one POST a block, to the configured address and the name.

The head holds numbers and hashes, no row. Whoever keeps it can say later whether the log that is shown is the log
that was.

Clauses: LO-5, LO-6.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ceralacca.net.fetch import FetchLimits, Posted, check_scheme, client_context, fetch

_LIMITS: Final = FetchLimits(octets=1 << 16, silent_seconds=10.0, total_seconds=30.0)
_MEDIA_TYPE: Final = "application/pkcs7-mime; smime-type=signed-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessPost:
    """A witness that is a server; a `ports.log_seal.Witness`. Raises UserError when the settings cannot be used."""

    url: str
    roots: Path
    """PEM of the roots that vouch for the server."""
    certificate: Path | None = None
    """Our TLS client certificate, PEM."""
    key: Path | None = None

    def __post_init__(self) -> None:
        check_scheme(self.url, "https")

    def __call__(self, name: str, p7m: bytes, /) -> None:
        """Post a block. Raises WorldError unless the server answers 200, 201 or 204."""
        context = client_context(self.roots, certificate=self.certificate, key=self.key)
        posted = Posted(octets=p7m, media_type=_MEDIA_TYPE)
        fetch(f"{self.url.rstrip('/')}/{name}", _LIMITS, tls=context, post=posted)
