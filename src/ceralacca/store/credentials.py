"""Passwords as they are kept: argon2id, salted, with parameters that a mail server can bear (SE-3).

19 MiB and two passes for each check, as the OWASP cheat sheet's second choice: strong enough against a stolen
table, and light enough that many sign-ins at once do not eat the memory of the listeners.
"""

from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from ceralacca.base.errors import UserError

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
SHORTEST: Final = 8
LONGEST: Final = 1024
"""Octets: longer ones are refused unread, so that nobody makes us hash megabytes."""

_NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$Y2VyYWxhY2NhLW5vYm9keQ$fjfCEjpuhzp4t6rj1PxJbVnLZhMVykMgNuT1CeVBCPo"
"""Of no password: gives an unknown mailbox the same time as a known one."""


def hash_password(password: str) -> str:
    """Return what is kept of a password, for `MailboxRecord.password_hash`. Raises UserError: too short, too long."""
    octets = password.encode("utf-8", "surrogateescape")
    if not SHORTEST <= len(octets) <= LONGEST:
        raise UserError(f"a password has {SHORTEST} to {LONGEST} octets", remedy="choose another one")
    return _HASHER.hash(octets)


def is_password(kept: str, password: bytes) -> bool:
    """Say whether that is the password; takes as long where nothing is kept. Blocks for some tens of milliseconds."""
    given = password if len(password) <= LONGEST else b""
    try:
        held = _HASHER.verify(kept or _NOBODYS, given)
    except InvalidHashError:
        _matches_nobody(given)
        return False
    except Argon2Error:
        return False
    return held and bool(kept) and given == password


def _matches_nobody(password: bytes) -> None:
    """Spend the time of a check."""
    is_password("", password)
