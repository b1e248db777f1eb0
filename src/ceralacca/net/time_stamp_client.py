"""Posts a request to a time-stamping authority over HTTP (RFC 3161, 3.4).

What comes is octets: whether they are the stamp that was asked for is judged by `trust.time_stamp`. The reply is
signed, so plain http is enough.

Clauses: LO-4.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ceralacca.net.fetch import FetchLimits, Posted, check_scheme, client_context, fetch

STAMP_LIMITS: Final = FetchLimits(octets=1 << 17, silent_seconds=10.0, total_seconds=30.0)
_REQUEST_TYPE: Final = "application/timestamp-query"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampClient:
    """Asks one authority each time it is called. Raises UserError when the settings cannot be used."""

    url: str
    roots: Path | None = None
    """PEM of the roots that vouch for the server; needed for https only."""
    authorization: tuple[str, str] | None = None
    """Name and password, where the authority wants them."""
    limits: FetchLimits = STAMP_LIMITS

    def __post_init__(self) -> None:
        check_scheme(self.url, "http", *(("https",) if self.roots else ()))

    def __call__(self, request: bytes) -> bytes:
        """Return the reply. Raises WorldError."""
        posted = Posted(octets=request, media_type=_REQUEST_TYPE, authorization=self.authorization)
        return fetch(self.url, self.limits, tls=client_context(self.roots) if self.roots else None, post=posted)
