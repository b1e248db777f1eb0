"""Who signs in: the one home of passwords for submission, IMAP, POP3 and the web (SE-3, DP-7).

    1. the limiter, before any password is looked at
    2. the password, in the same time whether or not there is such a mailbox
    3. the mailbox: open, a holder's, and able to send or, also once its contract has ended, only to read

A password that was right a few minutes ago from the same network is known again by a keyed digest in memory:
mail clients sign in every minute, and argon2 is made to be slow. A changed password or mailbox counts at once.

An app password (`ports.app_password`) opens the protocols that it was made for, never the web pages. Its first letters
say which hash to look at, so that any guess costs one hash, whoever it is and however many app passwords there are.

Where a second factor is on (`ports.second_factor`), the main password opens no protocol of programs: it is not even
looked at there, and counts apart, so that a program that still has it shuts nobody out. At the web pages it is the
first half, and the outcome says that the other is owed.

In place of a password the web role gives the ticket of a session (`ports.web_session`): looked up, never hashed,
good for IMAP and submission alone. It cannot be guessed, so a wrong one, as of a session that has just ended, counts
against nobody.

Clauses: AP-1, AP-2, DP-7, MO-4, SE-3.
"""

import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from ceralacca.base.clock import Clock
from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.ports.app_password import APP_PROTOCOLS, AppPasswords, bare_letters, selector_of
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.second_factor import SecondFactors
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.ports.web_session import TICKET_MARK, WebSessions, token_digest
from ceralacca.store.credentials import is_password
from ceralacca.store.sign_in_attempts import Attempt, SignInAttempts

_LOG = structlog.get_logger(__name__)

_AT_ONCE: Final = 2
"""Passwords hashed at the same time in one process: bounds memory, and what a burst of guesses gains."""
_REMEMBERED: Final = 10_000
_LONGEST_NAME: Final = 320
_NOBODY: Final = Address("nobody@nobody.invalid")
_APART: Final = "main password at programs: "
_TICKETS_AT: Final = frozenset({SignInProtocol.IMAP, SignInProtocol.SUBMISSION})


class SignIn:
    """Checks names and passwords against the mailboxes of a store: a `SignsIn`. Safe between threads."""

    def __init__(  # noqa: PLR0913 each is one thing that a judge needs
        self,
        mailbox: Callable[[Address], MailboxRecord | None],
        *,
        attempts: SignInAttempts,
        clock: Clock,
        entropy: Entropy,
        remember: timedelta = timedelta(minutes=10),
        delay: float = 1.0,
        longest_delay: float = 8.0,
        sessions: WebSessions | None = None,
        app_passwords: AppPasswords | None = None,
        second_factors: SecondFactors | None = None,
    ) -> None:
        """Look mailboxes up by `mailbox` (`Store.mailbox`); a failure's answer waits `delay`, then ever longer.

        `sessions` are those whose tickets are taken; without them none is. Likewise `app_passwords`. Without
        `second_factors` none is ever on.
        """
        self._mailbox = mailbox
        self._attempts = attempts
        self._clock = clock
        self._right = _RightPasswords(entropy(32), remember)
        self._delay = delay
        self._longest_delay = longest_delay
        self._hashing = threading.BoundedSemaphore(_AT_ONCE)
        self._sessions = sessions
        self._app_passwords = app_passwords
        self._second_factors = second_factors

    def check(
        self, mailbox: str, password: bytes, *, protocol: SignInProtocol, peer: str, device: str = ""
    ) -> SignInOutcome:
        """Check one attempt; blocks. Raises WorldError when the store or the counts are away."""
        if password.startswith(TICKET_MARK):
            outcome = self._check_ticket(mailbox, password, protocol)
        else:
            outcome = self._check(mailbox, password, protocol, device or peer)
        _LOG.info("sign-in", protocol=str(protocol), verdict=str(outcome.verdict))
        return outcome

    def _check(self, mailbox: str, password: bytes, protocol: SignInProtocol, place: str) -> SignInOutcome:
        record = self._record(mailbox)
        against = self._what_is_kept(record, password, protocol)
        attempt = Attempt(account=against.apart + mailbox[:_LONGEST_NAME].lower(), peer=place)
        shut = self._attempts.wait(attempt, self._clock.now())
        if shut:
            return _too_many(shut, self._longest_delay)
        if not self._right.has(against, attempt, self._clock.now()):
            with self._hashing:
                # Asked again, for the guesses that were hashed while this one waited.
                shut = self._attempts.wait(attempt, self._clock.now())
                if shut:
                    return _too_many(shut, self._longest_delay)
                if not is_password(against.kept, against.given):
                    return self._refused(attempt)
        if record is None or not may_enter(record):
            return self._refused(attempt)
        self._right.add(against, attempt, self._clock.now())
        self._attempts.succeeded(attempt, self._clock.now())
        if against.selector and self._app_passwords is not None:
            self._app_passwords.touch(record.address, against.selector, now=self._clock.now())
        return signed_in(record, now=self._clock.now(), app_password=against.selector, owes_factor=against.owes_factor)

    def _what_is_kept(self, record: MailboxRecord | None, password: bytes, protocol: SignInProtocol) -> "_Against":
        """Choose the one hash that a password is checked against; asks the same of the store whoever it is."""
        address = record.address if record else _NOBODY
        guarded = self._second_factors is not None and self._second_factors.is_on(address)
        letters = bare_letters(password) if self._app_passwords and protocol in APP_PROTOCOLS else None
        if letters is not None and self._app_passwords is not None:
            one = self._app_passwords.find(address, selector_of(letters))
            if one is not None and protocol in one.protocols:
                return _Against(address, one.password_hash, letters, one.selector)
        if guarded and protocol is not SignInProtocol.WEB:
            return _Against(address, "", password, apart=_APART)
        return _Against(address, record.password_hash if record else "", password, owes_factor=guarded)

    def _check_ticket(self, mailbox: str, password: bytes, protocol: SignInProtocol) -> SignInOutcome:
        """Take the ticket of a session that opens mail, for the mailbox that it has open."""
        ticket = token_digest(password.removeprefix(TICKET_MARK).decode("ascii", "replace"))
        sessions = self._sessions if protocol in _TICKETS_AT else None
        session = sessions.find_ticket(ticket, now=self._clock.now()) if sessions else None
        record = self._record(mailbox)
        if session is None or record is None or not session.opens_mail:
            return SignInOutcome(verdict=SignInVerdict.REFUSED, by_web_session=True)
        if session.mailbox != record.address or not may_enter(record):
            return SignInOutcome(verdict=SignInVerdict.REFUSED, by_web_session=True)
        outcome = signed_in(record, now=self._clock.now(), may_send=session.may_send)
        return replace(outcome, by_web_session=True, delegate=None if session.is_own else session.holder)

    def _record(self, mailbox: str) -> MailboxRecord | None:
        try:
            return self._mailbox(Address.parse(mailbox))
        except InvalidAddress:
            return None

    def _refused(self, attempt: Attempt) -> SignInOutcome:
        failures = self._attempts.failed(attempt, self._clock.now())
        delay = min(self._delay * 2.0 ** min(failures - 1, 30), self._longest_delay)
        return SignInOutcome(verdict=SignInVerdict.REFUSED, delay=delay)


@dataclass(frozen=True, slots=True)
class _Against:
    """A password with the hash that it is checked against."""

    mailbox: Address
    kept: str
    given: bytes = field(repr=False)
    selector: str = ""
    """Of the app password whose hash that is."""
    owes_factor: bool = False
    apart: str = ""
    """What failures are counted under, before the name of the mailbox."""


def signed_in(
    record: MailboxRecord,
    *,
    now: datetime,
    may_send: bool = True,
    app_password: str = "",
    owes_factor: bool = False,
) -> SignInOutcome:
    """Return the outcome for whoever has shown what a mailbox asks for. The mailbox must be one to enter."""
    sends = may_send and record.sends(now)
    return SignInOutcome(
        verdict=SignInVerdict.SIGNED_IN,
        mailbox=record.address,
        may_send_as=frozenset({record.address} if sends else ()),
        ends=record.ends,
        app_password=app_password,
        owes_factor=owes_factor,
    )


def may_enter(record: MailboxRecord) -> bool:
    """Say whether a mailbox is one that its holder may enter now."""
    # MO-4, MO-5: what comes to the service mailbox is never shown to holders.
    return not record.is_service and record.status is not MailboxStatus.CLOSED


def _too_many(shut: timedelta, longest: float) -> SignInOutcome:
    return SignInOutcome(verdict=SignInVerdict.TOO_MANY, delay=min(shut.total_seconds(), longest))


class _RightPasswords:
    """Passwords that were right of late, by keyed digest; lost with the process."""

    def __init__(self, key: bytes, remember: timedelta) -> None:
        self._key = key
        self._remember = remember
        self._until: OrderedDict[bytes, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, against: _Against, attempt: Attempt, now: datetime) -> bool:
        with self._lock:
            until = self._until.get(self._digest(against, attempt))
        return until is not None and now < until

    def add(self, against: _Against, attempt: Attempt, now: datetime) -> None:
        digest = self._digest(against, attempt)
        with self._lock:
            if digest not in self._until or self._until[digest] <= now:
                self._until[digest] = now + self._remember
                self._until.move_to_end(digest)
            while len(self._until) > _REMEMBERED:
                self._until.popitem(last=False)

    def _digest(self, against: _Against, attempt: Attempt) -> bytes:
        parts = (against.mailbox.key.encode(), against.kept.encode(), attempt.network.encode(), against.given)
        return hmac.digest(self._key, b"".join(b"%d:%b" % (len(part), part) for part in parts), "sha256")
