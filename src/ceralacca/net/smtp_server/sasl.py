"""What PLAIN (RFC 4616) and LOGIN say: lines to a name and a password; no sockets, no judgement."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ceralacca.base.errors import PeerError

LONGEST_RESPONSE = 12_288
"""Octets of one base64 line (RFC 4954, 4)."""


Ask = Callable[[bytes], Awaitable[bytes]]
"""Puts a challenge (base64) to the client and returns the line that it answers."""


class NoMechanism(PeerError):
    """Neither PLAIN nor LOGIN."""


class Cancelled(PeerError):
    """The client broke off with `*`."""


class BadResponse(PeerError):
    """The response is not base64, or not of the mechanism's form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A name and a password as the client gave them."""

    login: str
    password: bytes = field(repr=False)


async def exchange(argument: bytes, ask: Ask) -> Credentials:
    """Hold the dialogue that `AUTH mechanism [initial-response]` begins. Raises NoMechanism, Cancelled, BadResponse."""
    mechanism, _, initial = argument.strip().partition(b" ")
    match mechanism.upper():
        case b"PLAIN":
            return read_plain(await _response(initial, b"", ask))
        case b"LOGIN":
            login = read_login(await _response(initial, b"VXNlcm5hbWU6", ask))
            return Credentials(login=login, password=await _response(b"", b"UGFzc3dvcmQ6", ask))
        case _:
            raise NoMechanism("not a mechanism of ours")


async def _response(initial: bytes, challenge: bytes, ask: Ask) -> bytes:
    if initial:
        return b"" if initial == b"=" else decode(initial)
    line = await ask(challenge)
    if line == b"*":
        raise Cancelled("broken off")
    return decode(line)


def decode(response: bytes) -> bytes:
    """Read one base64 response. Raises BadResponse."""
    try:
        return b64decode(response, validate=True)
    except binascii.Error as error:
        raise BadResponse("not base64") from error


def read_plain(message: bytes) -> Credentials:
    """Read `authzid NUL authcid NUL password`; another identity to act for than one's own is not granted.

    Raises BadResponse.
    """
    parts = message.split(b"\0")
    if len(parts) != 3:
        raise BadResponse("not of the form of PLAIN")
    acting_for, login, password = parts
    if acting_for and acting_for.lower() != login.lower():
        raise BadResponse("nobody acts for somebody else here")
    return Credentials(login=read_login(login), password=password)


def read_login(octets: bytes) -> str:
    """Read a name; what is not UTF-8 becomes a name that nobody has, so that the answer takes the same time."""
    return octets.decode("utf-8", "replace")
