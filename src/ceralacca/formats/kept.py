"""Remember what was read from short runs of octets that come again and again: one signer's certificates, one From.

Only short inputs are kept, so that what strangers send can fill the memory with a known amount and no more.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

S = TypeVar("S", bytes, str)
T = TypeVar("T")


def kept(*, entries: int, most_octets: int) -> Callable[[Callable[[S], T]], Callable[[S], T]]:
    """Keep the last answers of a pure function of octets, or of text; longer ones are read each time anew.

    What is kept is bounded by `entries` times `most_octets` (of text: characters), besides the answers. Exceptions
    are not kept.
    """

    def decorate(read: Callable[[S], T]) -> Callable[[S], T]:
        remembering = lru_cache(maxsize=entries)(read)

        @wraps(read)
        def reading(octets: S) -> T:
            return remembering(octets) if len(octets) <= most_octets else read(octets)

        return reading

    return decorate
