"""Where a name that a stranger has typed leads: to a public address, or nowhere (server-side request forgery).

The name is resolved once, every address that it has must be public, and the connection goes to the one that was looked
at: a name that says something else a moment later changes nothing. Addresses inside others (IPv4 in IPv6, NAT64, 6to4,
Teredo) count as what is inside.

Clauses: SE-5; threats.md 28.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Final

from ceralacca.base.errors import UserError, WorldError

Resolve = Callable[[str, int], list[str]]
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPublic(UserError):
    """The name leads into a network that strangers have no business in."""


def public_address(host: str, port: int, *, private: bool = False, resolve: Resolve | None = None) -> str:
    """Return the address to connect to. With `private`, for sandboxes, any address will do.

    Raises NotPublic; WorldError when the name cannot be resolved.
    """
    found = (resolve or system_resolve)(host, port)
    if not found:
        raise WorldError(f"{host} has no address", remedy="check the name of the server")
    if not private and not all(_is_public(ipaddress.ip_address(one.partition("%")[0])) for one in found):
        raise NotPublic(f"{host} is not a public server", remedy="give the name that your provider tells its customers")
    return found[0]


def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system. Raises WorldError."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WorldError(f"{host} is not found", remedy="check the name of the server") from error
    return [str(answer[4][0]) for answer in answers]


def _is_public(address: _Ip) -> bool:
    inside = _inside(address)
    if inside is not None:
        return _is_public(inside)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside(address: _Ip) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
