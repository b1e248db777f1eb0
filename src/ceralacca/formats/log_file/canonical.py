"""JSON with one spelling: what is hashed must be the same octets wherever and whenever it is written (LO-7).

No spaces, members in the order given, UTF-8 with nothing escaped that JSON lets stand; half a surrogate
pair, which a hostile peer may have written into certification data, stands as its escape. Instants
are UTC to the microsecond.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, allow_nan=False).encode


def value_text(value: object) -> str:
    """Return the spelling of a value; may hold half a surrogate pair, until `octets`."""
    return _encode(value)


def object_text(members: Iterable[tuple[str, object]]) -> str:
    """Return an object with its members in this order."""
    return "{" + ",".join(f'"{name}":{_encode(value)}' for name, value in members) + "}"


def octets(text: str) -> bytes:
    """Return the octets of a spelling."""
    return text.encode("utf-8", "backslashreplace")  # of a lone surrogate it makes the very escape of JSON


@lru_cache(maxsize=256)  # equal instants have one text, whatever their zone
def instant_text(instant: datetime) -> str:
    """Return an instant as every line writes it: `2026-11-28T10:15:02.000000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"
