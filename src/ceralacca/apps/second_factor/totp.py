"""Codes of an app: six figures, another every 30 seconds (TOTP, RFC 6238).

One step before and one after the present are taken, for clocks that are a little off and people who type slowly.

Clauses: SE-3.
"""

import base64
import hmac
from datetime import datetime
from typing import Final

import pyotp

from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address

STEP: Final = 30
"""Seconds."""
FIGURES: Final = 6
PURPOSE: Final = "totp"
"""What the secret is sealed for, kept."""
NEW_PURPOSE: Final = "totp being set up"
"""What it is sealed for while the holder's form carries it: the other is not taken for it."""
_SECRET_OCTETS: Final = 20  # RFC 4226, section 4: the length of SHA-1
_AROUND: Final = (-1, 0, 1)


def new_secret(entropy: Entropy) -> bytes:
    """Return a new secret: 160 bits."""
    return entropy(_SECRET_OCTETS)


def shown_secret(secret: bytes) -> str:
    """Return a secret as people type it: base32 in groups of four."""
    letters = base64.b32encode(secret).decode("ascii")
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def app_address(secret: bytes, mailbox: Address, provider: str) -> str:
    """Return what an app reads: an `otpauth` address."""
    return _app(secret).provisioning_uri(name=mailbox.text, issuer_name=provider)


def step_of(now: datetime) -> int:
    """Return the step of an instant."""
    return int(now.timestamp()) // STEP


def step_of_code(secret: bytes, code: str, now: datetime) -> int | None:
    """Return the step whose code that is, of the present and its neighbours; None for none of them."""
    app, present, found = _app(secret), step_of(now), None
    for step in (present + around for around in _AROUND):
        if hmac.compare_digest(app.generate_otp(step).encode(), code.encode("utf-8", "surrogatepass")):
            found = step
    return found


def _app(secret: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(base64.b32encode(secret).decode("ascii"), digits=FIGURES, interval=STEP)
