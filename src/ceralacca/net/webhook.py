"""Calls a holder's server: one POST over HTTPS to a public address, signed with the secret that the holder was shown.

    Ceralacca-Delivery: <the same for every try of a notice>
    Ceralacca-Signature: t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body", hexadecimal>

The name is resolved here and must lead to public addresses only; the connection goes to the one that was looked at.
Nothing of the answer is read but its status.

Clauses: SE-5; threats.md 28.
"""

import hmac
import ssl
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

import httpx

from ceralacca.base.errors import UserError
from ceralacca.net.fetch import FetchLimits, Posted, check_scheme, fetch
from ceralacca.net.public_address import Resolve, public_address

LONGEST: Final = 1000
_LIMITS: Final = FetchLimits(octets=1 << 16, silent_seconds=10.0, total_seconds=20.0)
_PORTS: Final = frozenset({443, 8443})


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """How calls are made."""

    tls: ssl.SSLContext
    private: bool = False
    """Any address and port will do: sandboxes only."""
    resolve: Resolve | None = None

    def check(self, url: str) -> str:
        """Return the address that a call would go to. Raises UserError when it may not be called; WorldError."""
        check_scheme(url, "https")
        parsed = httpx.URL(url)
        port = parsed.port or 443
        if len(url) > LONGEST or parsed.fragment or (port not in _PORTS and not self.private):
            raise UserError("not an address that is called", remedy="give an https address on port 443 or 8443")
        return public_address(parsed.host, port, private=self.private, resolve=self.resolve)

    def call(self, url: str, body: bytes, *, secret: bytes, key: str, now: datetime) -> None:
        """Post. Raises UserError when it may not be called, WorldError when it does not answer 200, 201 or 204."""
        address, at = self.check(url), int(now.timestamp())
        signature = hmac.digest(secret, b"%d." % at + body, "sha256").hex()
        posted = Posted(
            octets=body,
            media_type="application/json",
            headers={
                "Ceralacca-Delivery": sha256(key.encode()).hexdigest()[:32],
                "Ceralacca-Signature": f"t={at},v1={signature}",
            },
        )
        fetch(url, _LIMITS, tls=self.tls, post=posted, address=address)
