"""What a holder wants to be told of and where to, changed one act at a time: decided here, kept by `ports.notices`.

An address counts only once the code that was sent there has come back. Codes and tries are counted with the wishes, so
that no second window and no second process has more of them.

Clauses: SE-3.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.notices import (
    CODE_LASTS,
    CODES_COUNTED_FOR,
    MOST_CODES,
    MOST_TRIES,
    AddressInWaiting,
    NoticeWay,
    NoticeWishes,
    Trouble,
)


class TooManyCodes(UserError):
    """The mailbox has had its codes for the day."""

    def __init__(self) -> None:
        super().__init__("too many codes were asked for", remedy="try again tomorrow")


class NoCode(UserError):
    """No code is waited for, or the one that was has run out."""

    def __init__(self) -> None:
        super().__init__("no code is waited for", remedy="give the address again")


def with_kinds(wishes: NoticeWishes, kinds: frozenset[NoticeKind], language: str) -> NoticeWishes:
    """Return the wishes with other kinds, in another language."""
    return replace(wishes, kinds=kinds, language=language)


def without_address(wishes: NoticeWishes) -> NoticeWishes:
    """Return the wishes with nobody to write to."""
    return replace(wishes, email=None, waiting=None, troubles=_but(wishes, NoticeWay.EMAIL))


def with_code_sent(wishes: NoticeWishes, address: Address, code_hash: str, now: datetime) -> NoticeWishes:
    """Return the wishes while an address waits for its code; the one before stays good. Raises TooManyCodes."""
    since, codes = wishes.codes_since, wishes.codes
    if since is None or now - since >= CODES_COUNTED_FOR:
        since, codes = now, 0
    if codes >= MOST_CODES:
        raise TooManyCodes
    waiting = AddressInWaiting(address=address, code_hash=code_hash, since=now)
    return replace(wishes, waiting=waiting, codes=codes + 1, codes_since=since)


def with_code_given(wishes: NoticeWishes, is_right: Callable[[str], bool], now: datetime) -> NoticeWishes:
    """Return the wishes once a code was typed in: the address confirmed, or one try less.

    `is_right` holds the code against its hash. Raises NoCode.
    """
    waiting = wishes.waiting
    if waiting is None or now - waiting.since >= CODE_LASTS or waiting.tries >= MOST_TRIES:
        raise NoCode
    if not is_right(waiting.code_hash):
        return replace(wishes, waiting=replace(waiting, tries=waiting.tries + 1))
    return replace(wishes, email=waiting.address, waiting=None, troubles=_but(wishes, NoticeWay.EMAIL))


def with_webhook(wishes: NoticeWishes, url: str, secret: bytes) -> NoticeWishes:
    """Return the wishes with another server to call, or none, and the encrypted secret that calls are signed with."""
    return replace(wishes, webhook=url, secret=secret, troubles=_but(wishes, NoticeWay.WEBHOOK))


def _but(wishes: NoticeWishes, way: NoticeWay) -> dict[NoticeWay, Trouble]:
    return {one: trouble for one, trouble in wishes.troubles.items() if one is not way}
