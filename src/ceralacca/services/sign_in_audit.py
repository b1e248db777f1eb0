"""Sign-ins in the audit trail, whatever the protocol: who came in, who was refused, and from where (SE-3).

The first sign-in of a kind (mailbox, protocol, address of the client, verdict) is recorded before its answer is
given; those alike within the interval after are counted, and stand in one entry when it is over. So a mail client
that signs in every minute leaves six entries an hour, and a storm of guesses does not fill the disk: attempts that
the limiter did not even look at are only counted.

Nothing is let in that could not be recorded. What a process that was killed had counted is lost; the first of
each kind is not.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, AuditOutcome, Origin
from ceralacca.ports.audit import AuditTrail
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict, SignsIn

_KINDS: Final = 10_000
"""Kinds that are counted at a time; beyond them the oldest are recorded early."""
BY_WEB_SESSION: Final = "web-session"
"""Stands in the detail of a sign-in that the web pages made in the name of whoever is signed in there."""
OWES_FACTOR: Final = "owes-second-factor"
"""Stands in the detail of a sign-in whose password was right and whose second factor was still to come."""


class _Kind(NamedTuple):
    mailbox: Address | None
    protocol: SignInProtocol
    peer: str
    verdict: SignInVerdict
    app_password: str
    by_web_session: bool
    owes_factor: bool
    delegate: Address | None


@dataclass(slots=True)
class _Count:
    since: datetime
    last: datetime
    count: int = 0
    """Those that have no entry yet."""


class AuditedSignIn:
    """A `SignsIn` that records what another one judges. Safe between threads."""

    def __init__(
        self, judge: SignsIn, trail: AuditTrail, *, clock: Clock, host: str, every: timedelta = timedelta(minutes=10)
    ) -> None:
        """Record in `trail` what `judge` says; sign-ins alike within `every` become one entry."""
        self._judge, self._trail, self._clock, self._host, self._every = judge, trail, clock, host, every
        self._counts: OrderedDict[_Kind, _Count] = OrderedDict()
        self._unwritten: list[AuditEvent] = []
        self._lock = threading.Lock()

    def check(
        self, mailbox: str, password: bytes, *, protocol: SignInProtocol, peer: str, device: str = ""
    ) -> SignInOutcome:
        """Judge one attempt and record it; blocks. Raises WorldError when it cannot be judged or recorded."""
        outcome = self._judge.check(mailbox, password, protocol=protocol, peer=peer, device=device)
        whose = outcome.mailbox or _address(mailbox)
        looked = outcome.verdict is not SignInVerdict.TOO_MANY
        kind = _Kind(
            mailbox=whose if looked else None,
            protocol=protocol,
            peer=peer,
            verdict=outcome.verdict,
            app_password=outcome.app_password,
            by_web_session=outcome.by_web_session,
            owes_factor=outcome.owes_factor,
            delegate=outcome.delegate,
        )
        self._note(kind, looked=looked)
        return outcome

    def close(self) -> None:
        """Record what was counted and has no entry yet. Raises WorldError."""
        with self._lock:
            due = [self._event(kind, count) for kind, count in self._counts.items() if count.count]
            self._counts.clear()
        self._write(due)

    def _note(self, kind: _Kind, *, looked: bool) -> None:
        now = self._clock.now()
        with self._lock:
            due = [self._event(old, count) for old, count in self._ended(now) if count.count]
            count = self._counts.get(kind)
            if count is not None:
                count.count, count.last = count.count + 1, now
            else:
                self._counts[kind] = _Count(since=now, last=now, count=0 if looked else 1)
                if looked:
                    due.append(self._event(kind, None, now))
        try:
            self._write(due)
        except WorldError:
            with self._lock:
                self._counts.pop(kind, None)  # its next is again the first
            raise

    def _ended(self, now: datetime) -> list[tuple[_Kind, _Count]]:
        """Take out the kinds whose interval is over, and the oldest of too many."""
        ended = []
        while self._counts:
            kind, count = next(iter(self._counts.items()))
            if now - count.since < self._every and len(self._counts) < _KINDS:
                break
            ended.append((kind, self._counts.pop(kind)))
        return ended

    def _event(self, kind: _Kind, count: _Count | None, now: datetime | None = None) -> AuditEvent:
        facts: dict[str, str | int] = {"verdict": kind.verdict.value}
        if kind.app_password:
            facts["app-password"] = kind.app_password
        if kind.by_web_session:
            facts[BY_WEB_SESSION] = 1
        if kind.owes_factor:
            facts[OWES_FACTOR] = 1
        if count is not None:
            facts |= {"count": count.count, "from": count.since.isoformat()}
        who = kind.delegate or kind.mailbox
        instant = count.last if count is not None else now
        assert instant is not None, "one of them is given"
        return AuditEvent(
            instant=instant,
            act=AuditAct.SIGN_IN,
            actor=Actor(kind=ActorKind.HOLDER, name=who.text if who else ""),
            origin=Origin(process=kind.protocol.value, host=self._host, peer=kind.peer),
            outcome=AuditOutcome.DONE if kind.verdict is SignInVerdict.SIGNED_IN else AuditOutcome.REFUSED,
            mailbox=kind.mailbox,
            detail=facts,
        )

    def _write(self, due: list[AuditEvent]) -> None:
        """Record, with what could not be recorded before."""
        with self._lock:
            due, self._unwritten = [*self._unwritten, *due], []
        try:
            self._trail.record(*due)
        except WorldError:
            with self._lock:
                self._unwritten = [*due, *self._unwritten][-_KINDS:]
            raise


def _address(text: str) -> Address | None:
    """Return the mailbox that was named; None for what is no address: it may be a password in the wrong field."""
    try:
        return Address.parse(text)
    except InvalidAddress:
        return None
