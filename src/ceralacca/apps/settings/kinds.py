"""Kinds of values in the settings file: what an operator may write, and what the program gets.

Paths are relative to the file that names them. Secrets never stand in the file: a path does.
"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, ValidationInfo

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.ports.mailbox import OrdinaryMail

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+[smhd] ?)+")
_SIZES: Final = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d+) ?(B|KiB|MiB|GiB)?")
_HOSTNAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return Address.parse(value)
    except InvalidAddress as error:
        raise ValueError("not a mail address; write one such as posta-certificata@provider.example") from error


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError('not a length of time; write one such as "90s", "15m", "23h" or "2d 12h"')
    return timedelta(seconds=sum(int(part[:-1]) * _UNITS[part[-1]] for part in re.findall(r"\d+[smhd]", value)))


def _size(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('not a number of octets; write one such as 31457280 or "30 MiB"')
    return int(found[1]) * _SIZES[found[2] or ""]


def read_size(text: str) -> int:
    """Read a size as the settings write it. Raises UserError."""
    try:
        size = _size(int(text) if text.isdecimal() else text)
    except ValueError as error:
        raise UserError(f"{text}: {error}", remedy="see docs/reference/configuration.md") from error
    assert isinstance(size, int), "a text gives a number, or the error above"
    return size


def read_policy(text: str) -> tuple[OrdinaryMail, Address | None]:
    """Read what becomes of ordinary mail: anomaly, discard, reject or forward:<addr> (IP-20). Raises UserError."""
    name, _, target = text.partition(":")
    try:
        if name == OrdinaryMail.FORWARD and target:
            return OrdinaryMail.FORWARD, Address.parse(target)
        if text in set(OrdinaryMail) - {OrdinaryMail.FORWARD}:
            return OrdinaryMail(text), None
    except InvalidAddress as error:
        raise UserError(f"{target}: not a mail address", remedy="write forward:anna@posta.example") from error
    raise UserError(f"{text}: no way with ordinary mail", remedy="anomaly, discard, reject or forward:ADDRESS")


def _policy(value: str) -> str:
    try:
        read_policy(value)
    except UserError as error:
        raise ValueError(f"{error}; {error.remedy}") from error
    return value


def _path(value: object) -> object:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("not a path; write it between quotes")
    return Path(value)


def _beside(value: Path, info: ValidationInfo) -> Path:
    """Make a path absolute: relative to the folder of the settings file."""
    folder = (info.context or {}).get("folder")
    return value if folder is None else (Path(folder) / value.expanduser()).resolve()


def read_place(text: str, *, host: str, port: int) -> tuple[str, int]:
    """Split HOST or HOST:PORT of the settings; what is not said there is the default."""
    name, _, number = text.partition(":")
    return name or host, int(number) if number else port


def _place(value: str) -> str:
    name, colon, number = value.partition(":")
    good = not colon or (number.isascii() and number.isdecimal() and len(number) < 6 and 0 < int(number) < 65536)
    if value and not (_HOSTNAME.fullmatch(name) and good):
        raise ValueError("not a place; write one such as imap.provider.example or imap.provider.example:993")
    return value.lower()


def _site(value: str) -> str:
    if value and (not value.startswith("https://") or _place(value.removeprefix("https://")) == ""):
        raise ValueError("not an address of pages; write one such as https://pec.provider.example")
    return value.lower()


def _hostname(value: str) -> str:
    if not _HOSTNAME.fullmatch(value):
        raise ValueError("not a host name; write one such as mail.provider.example")
    return value.lower()


MailAddress = Annotated[Address, BeforeValidator(_address)]
OrdinaryMailWays = Annotated[tuple[OrdinaryMail, ...], Field(min_length=1)]
"""Some of `anomaly`, `discard`, `reject` and `forward`."""
OrdinaryMailPolicy = Annotated[str, AfterValidator(_policy)]
"""`anomaly`, `discard`, `reject` or `forward:<addr>`."""
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=0)]
FilePath = Annotated[Path, BeforeValidator(_path), AfterValidator(_beside)]
HostName = Annotated[str, AfterValidator(_hostname)]
Place = Annotated[str, AfterValidator(_place)]
"""`HOST` or `HOST:PORT`; empty for the default."""
Site = Annotated[str, AfterValidator(_site)]
"""`https://HOST` or `https://HOST:PORT`, without a path; empty for the default."""
Port = Annotated[int, Field(strict=True, ge=0, le=65535)]
"""0 means any free port: the role says which when it is ready."""
Count = Annotated[int, Field(strict=True, ge=1)]
Flag = StrictBool


def shown(value: object) -> object:
    """Return a value as the settings file writes it."""
    if isinstance(value, timedelta):
        return _shown_duration(value)
    if isinstance(value, Address):
        return value.text
    return str(value) if isinstance(value, Path) else value


def _shown_duration(value: timedelta) -> str:
    left, parts = int(value.total_seconds()), []
    for unit, seconds in reversed(_UNITS.items()):
        if left >= seconds:
            parts.append(f"{left // seconds}{unit}")
            left %= seconds
    return " ".join(parts) or "0s"
