"""Column types that read back as what was put in, on every engine.

SQLite knows no instants and PostgreSQL no NUL in text, and what peers write into certification data
may hold anything. So an instant is stored as microseconds of UTC since 1970, and a text that an
engine would refuse is stored escaped behind a mark; any other text stands as it is.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, Text, TypeDecorator

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.notification import RecipientKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MARK = "\x01"
_KEY_OCTETS = 600  # three of them fit into one entry

Number = BigInteger().with_variant(Integer, "sqlite")
"""An integer of 8 octets; on SQLite also the only kind that a row number can be."""

Raw = LargeBinary
"""Octets."""


_Member = TypeVar("_Member", bound=Enum)

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Instant(TypeDecorator[datetime]):
    """An aware datetime, to the microsecond; read back in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Write."""
        del dialect
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Read."""
        del dialect
        return None if value is None else instant_of(value)


def microseconds(instant: datetime) -> int:
    """Return what stands in a column for an instant."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(value: int) -> datetime:
    """Return the instant that stands in a column."""
    return _EPOCH + value * _MICROSECOND


class Words(TypeDecorator[str]):
    """Text from anywhere, given back to the letter."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return value if value is None else storable(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Read."""
        del dialect
        return value if value is None else unmarked(value)


def unmarked(text: str) -> str:
    """Return the text for which something stands in a column."""
    return str(json.loads(text[1:])) if text and text[0] == MARK else text


def is_storable(text: str) -> bool:
    """Say whether a text, and each piece that it is joined of, stands in a column as it is; of some it says no."""
    return text.isascii() and "\x00" not in text and MARK not in text


def storable(text: str) -> str:
    """Return what stands in a column for a text: itself, unless it holds NUL, half a surrogate pair or our mark."""
    if is_storable(text):
        return text
    if "\x00" in text or text.startswith(MARK) or any("\ud800" <= sign <= "\udfff" for sign in text):
        return MARK + json.dumps(text)
    return text


class Key(Words):
    """Text that an index holds: PostgreSQL refuses more than 2,704 octets in an entry.

    A longer key, which only a hostile peer makes, is stored as its beginning and its SHA-256; it is
    found under its full text, and reads back shortened.
    """

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write."""
        return super().process_bind_param(None if value is None else shortened(value), dialect)


def shortened(key: str) -> str:
    """Return what a key is stored as; shortening it again changes nothing."""
    if len(key) <= _KEY_OCTETS // 4:
        return key
    octets = key.encode("utf-8", "surrogatepass")
    return key if len(octets) <= _KEY_OCTETS else f"{key[:60]}...{hashlib.sha256(octets).hexdigest()}"


class _Coded(TypeDecorator[Any]):
    """A value written as text by one function and read by another."""

    impl = Text
    cache_ok = True
    _write: Callable[[Any], str]
    _read: Callable[[str], Any]

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return None if value is None else type(self)._write(value)  # noqa: SLF001 the own class

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read."""
        del dialect
        return None if value is None else type(self)._read(value)  # noqa: SLF001 the own class


def words_of(members: type[_Member]) -> dict[_Member, str]:
    """Return by which word each member of an enumeration is stored: its value when that is text, else its name."""
    return {each: str(each.value) if isinstance(each.value, str) else each.name for each in members}


_KINDS = words_of(RecipientKind)


def write_mapping(value: Mapping[str, Any]) -> str:
    """Write a small flat mapping as JSON; what a step writes is plain text as a rule, and needs no escape."""
    try:
        text = "".join(value.values())
    except TypeError:
        return _encode(dict(value))
    if not _is_plain(text + "".join(value)):
        return _encode(dict(value))
    return "{" + ",".join([f'"{name}":"{each}"' for name, each in value.items()]) + "}"


def _is_plain(text: str) -> bool:
    """Ask whether JSON has a text as it stands."""
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text


class Json(_Coded):
    """A small flat mapping."""

    cache_ok = True
    _write = staticmethod(write_mapping)
    _read = staticmethod(json.loads)


read_address = lru_cache(maxsize=1024)(Address)
"""Reads an address: the same few again and again."""


class One(_Coded):
    """An address, spelt as it came."""

    cache_ok = True
    _write = staticmethod(lambda value: storable(value.text))
    _read = staticmethod(read_address)


class Day(_Coded):
    """A day of the calendar, as ISO writes it: later ones sort after."""

    cache_ok = True
    _write = staticmethod(date.isoformat)
    _read = staticmethod(date.fromisoformat)


def write_addresses(addresses: Iterable[Address]) -> str:
    """Write addresses in their order as JSON."""
    texts = [address.text for address in addresses]
    if not texts:
        return "[]"
    return '["' + '","'.join(texts) + '"]' if _is_plain("".join(texts)) else _encode(texts)


@lru_cache(maxsize=1024)
def read_addresses(text: str) -> tuple[Address, ...]:
    """Read addresses: a step's rows have the same."""
    return tuple(Address(each) for each in json.loads(text))


class Many(_Coded):
    """Addresses in their order."""

    cache_ok = True
    _write = staticmethod(write_addresses)
    _read = staticmethod(read_addresses)


def write_recipients(recipients: Iterable[Recipient]) -> str:
    """Write recipients with their kinds in their order as JSON."""
    pairs = [(each.address.text, _KINDS[each.kind]) for each in recipients]
    if not _is_plain("".join([address for address, _ in pairs])):
        return _encode(pairs)
    return "[" + ",".join([f'["{address}","{kind}"]' for address, kind in pairs]) + "]"


@lru_cache(maxsize=1024)
def read_recipients(text: str) -> tuple[Recipient, ...]:
    """Read recipients with their kinds: all rows of a transaction have the same."""
    return tuple(Recipient(address=Address(each), kind=RecipientKind(kind)) for each, kind in json.loads(text))


class Recipients(_Coded):
    """Recipients of an original message with their kinds."""

    cache_ok = True
    _write = staticmethod(write_recipients)
    _read = staticmethod(read_recipients)


class Word(TypeDecorator[Any]):
    """A member of an enumeration: by its value when that is text, else by its name."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[Enum]) -> None:
        super().__init__()
        self.members = members
        self._words = words_of(members)
        self._of = {word: member for member, word in self._words.items()}

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return None if value is None else self._words[value]

    def process_result_value(self, value: str | None, dialect: Dialect) -> Enum | None:
        """Read."""
        del dialect
        return None if value is None else self._of[value]
