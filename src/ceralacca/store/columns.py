"""Column types that read back as what was put in, on every engine.

SQLite knows no instants and PostgreSQL no NUL in text, and what peers write into certification data
may hold anything. So an instant is stored as microseconds of UTC since 1970, and a text that an
engine would refuse is stored escaped behind a mark; any other text stands as it is.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, Text, TypeDecorator

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.notification import RecipientKind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MARK = "\x01"
_KEY_OCTETS = 600  # three of them fit into one entry

Number = BigInteger().with_variant(Integer, "sqlite")
"""An integer of 8 octets; on SQLite also the only kind that a row number can be."""

Raw = LargeBinary
"""Octets."""


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
        return None if value is None else _EPOCH + value * _MICROSECOND


def microseconds(instant: datetime) -> int:
    """Return what stands in a column for an instant."""
    return (instant - _EPOCH) // _MICROSECOND


class Words(TypeDecorator[str]):
    """Text from anywhere, given back to the letter."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return value if value is None or (value.isascii() and value.isprintable()) else storable(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Read."""
        del dialect
        return json.loads(value[1:]) if value and value[0] == _MARK else value


def storable(text: str) -> str:
    """Return what stands in a column for a text: itself, unless it holds NUL, half a surrogate pair or our mark."""
    if text.isascii() and "\x00" not in text and not text.startswith(_MARK):
        return text
    if "\x00" in text or text.startswith(_MARK) or any("\ud800" <= sign <= "\udfff" for sign in text):
        return _MARK + json.dumps(text)
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


class Json(_Coded):
    """A small flat mapping."""

    cache_ok = True
    _write = staticmethod(lambda value: _encode(dict(value)))
    _read = staticmethod(json.loads)


class One(_Coded):
    """An address, spelt as it came."""

    cache_ok = True
    _write = staticmethod(lambda value: storable(value.text))
    _read = staticmethod(Address)


class Day(_Coded):
    """A day of the calendar, as ISO writes it: later ones sort after."""

    cache_ok = True
    _write = staticmethod(date.isoformat)
    _read = staticmethod(date.fromisoformat)


def _write_addresses(addresses: Iterable[Address]) -> str:
    return _encode([address.text for address in addresses])


def _read_addresses(text: str) -> tuple[Address, ...]:
    return tuple(Address(each) for each in json.loads(text))


class Many(_Coded):
    """Addresses in their order."""

    cache_ok = True
    _write = staticmethod(_write_addresses)
    _read = staticmethod(_read_addresses)


def _write_recipients(recipients: Iterable[Recipient]) -> str:
    return _encode([[each.address.text, each.kind.value] for each in recipients])


def _read_recipients(text: str) -> tuple[Recipient, ...]:
    return tuple(Recipient(address=Address(each), kind=RecipientKind(kind)) for each, kind in json.loads(text))


class Recipients(_Coded):
    """Recipients of an original message with their kinds."""

    cache_ok = True
    _write = staticmethod(_write_recipients)
    _read = staticmethod(_read_recipients)


class Word(TypeDecorator[Any]):
    """A member of an enumeration: by its value when that is text, else by its name."""

    impl = Text
    cache_ok = True

    def __init__(self, members: type[Enum]) -> None:
        super().__init__()
        self.members = members
        self._of = {_word(member): member for member in members}

    def process_bind_param(self, value: Enum | None, dialect: Dialect) -> str | None:
        """Write."""
        del dialect
        return None if value is None else _word(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Enum | None:
        """Read."""
        del dialect
        return None if value is None else self._of[value]


def _word(member: Enum) -> str:
    return member.value if isinstance(member.value, str) else member.name
