"""PEC identifiers, Message-IDs and boundaries: unique for ever, from injected entropy (GE-29, GE-30).

`Entropy` is a function from a number of octets to that many random octets; the real ones are
`system_entropy` and, where names are made by the dozen, `name_entropy`; a test gives a counter.
"""

import os
import secrets
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from ceralacca.base.instants import to_the_second

Entropy = Callable[[int], bytes]

_RANDOM_OCTETS = 16  # 128 bits; GE-29 asks for 96 at least
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that looks like another: 32

system_entropy: Entropy = secrets.token_bytes
"""The operating system's random source."""

_AT_ONCE = 64
_drawn: deque[bytes] = deque()
os.register_at_fork(after_in_child=_drawn.clear)  # no two processes give out the same


def name_entropy(octets: int) -> bytes:
    """Return random octets for what is unique and no secret: identifiers, boundaries. Safe between threads and forks.

    The system is asked for many at once; each is given out to one caller only.
    """
    if octets != _RANDOM_OCTETS:
        return system_entropy(octets)
    try:
        return _drawn.pop()
    except IndexError:
        fresh = system_entropy(_AT_ONCE * octets)
        _drawn.extend([fresh[at : at + octets] for at in range(octets, len(fresh), octets)])
        return fresh[:octets]


def new_identifier(instant: datetime, entropy: Entropy, *, domain: str) -> str:
    """Return a new identifier `pec<yyyymmddhhmmss><random>@domain`, without angle brackets.

    The left side is alphanumeric, carries the instant in UTC and 128 random bits (GE-29). The instant stands first, so
    that identifiers of one time lie together in every index. Used for the PEC msgid and, with fresh entropy, for the
    Message-ID of each receipt (GE-30).
    """
    return f"pec{_moment(to_the_second(instant))}{entropy(_RANDOM_OCTETS).hex()}@{domain}"


@lru_cache(maxsize=256)
def _moment(instant: datetime) -> str:
    return instant.strftime("%Y%m%d%H%M%S")


def new_boundary(entropy: Entropy) -> str:
    """Return a MIME boundary that no content can hold by chance: 128 random bits."""
    return f"----=_pec{entropy(_RANDOM_OCTETS).hex()}"


def spoken_letters(entropy: Entropy, groups: int) -> str:
    """Return a password that people can copy by hand: groups of four letters, about 20 bits each, none like another."""
    letters = "".join(_LETTERS[octet % len(_LETTERS)] for octet in entropy(4 * groups))
    return "-".join(letters[at : at + 4] for at in range(0, 4 * groups, 4))
