"""PEC identifiers, Message-IDs and boundaries: unique for ever, from injected entropy (GE-29, GE-30).

`Entropy` is a function from a number of octets to that many random octets; the real one is
`system_entropy`, a test gives a counter.
"""

import secrets
from collections.abc import Callable
from datetime import datetime

from ceralacca.base.instants import to_the_second

Entropy = Callable[[int], bytes]

_RANDOM_OCTETS = 16  # 128 bits; GE-29 asks for 96 at least
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another: 32

system_entropy: Entropy = secrets.token_bytes
"""The operating system's random source."""


def new_identifier(instant: datetime, entropy: Entropy, *, domain: str) -> str:
    """Return a new identifier `pec<random><yyyymmddhhmmss>@domain`, without angle brackets.

    The left side is alphanumeric, carries 128 random bits and the instant in UTC (GE-29). Used
    for the PEC msgid and, with fresh entropy, for the Message-ID of each receipt (GE-30).
    """
    moment = to_the_second(instant).strftime("%Y%m%d%H%M%S")
    return f"pec{entropy(_RANDOM_OCTETS).hex()}{moment}@{domain}"


def new_boundary(entropy: Entropy) -> str:
    """Return a MIME boundary that no content can hold by chance: 128 random bits."""
    return f"----=_pec{entropy(_RANDOM_OCTETS).hex()}"


def spoken_letters(entropy: Entropy, groups: int) -> str:
    """Return a password that people can copy by hand: groups of four letters, about 20 bits each, none like another."""
    letters = "".join(_LETTERS[octet % len(_LETTERS)] for octet in entropy(4 * groups))
    return "-".join(letters[at : at + 4] for at in range(0, 4 * groups, 4))
