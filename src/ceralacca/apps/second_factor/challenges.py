"""Challenges for passkeys: signed by us, for one browser and one purpose, good for ten minutes and once.

A challenge is made for everybody who looks at the sign-in page, so nothing is kept of it: it is random octets with
the instant of its end and our mark over these, the purpose and the browser's token. Only one that somebody has
answered is recorded, so that it is not answered twice.

Clauses: SE-3.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from ceralacca.base.identifiers import Entropy
from ceralacca.trust.factor_key import FactorKey

GOOD_FOR: Final = timedelta(minutes=10)
_RANDOM: Final = 16
_INSTANT: Final = 8
_MARK: Final = 32


class Purpose(StrEnum):
    """What a passkey is asked for."""

    ADD = "add"
    SIGN_IN = "sign-in"
    SECOND = "second"
    """After the password."""
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class GoodChallenge:
    """A challenge that is ours and has not ended."""

    octets: bytes
    digest: str
    ends: datetime


def new_challenge(key: FactorKey, purpose: Purpose, browser: str, *, now: datetime, entropy: Entropy) -> bytes:
    """Return a challenge for the browser with that token."""
    ends = int((now + GOOD_FOR).timestamp()).to_bytes(_INSTANT, "big")
    head = entropy(_RANDOM) + ends
    return head + _mark(key, head, purpose, browser)


def good_challenge(
    key: FactorKey, octets: bytes, purpose: Purpose, browser: str, *, now: datetime
) -> GoodChallenge | None:
    """Return the challenge if we made it for that and it has not ended."""
    head = octets[: _RANDOM + _INSTANT]
    if len(octets) != _RANDOM + _INSTANT + _MARK:
        return None
    if not hmac.compare_digest(octets[len(head) :], _mark(key, head, purpose, browser)):
        return None
    ends = datetime.fromtimestamp(int.from_bytes(head[_RANDOM:], "big"), UTC)
    return GoodChallenge(octets, sha256(octets).hexdigest(), ends) if now < ends else None


def _mark(key: FactorKey, head: bytes, purpose: Purpose, browser: str) -> bytes:
    return key.sign(b"\0".join((purpose.value.encode(), sha256(browser.encode()).digest(), head)))
