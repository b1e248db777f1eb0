"""Mail programs that come in from a network they never came from: the holder is told (SE-3).

A *place* of a program is its network, coarse enough that a phone that moves about in one town does not alarm every
hour: the /16 of an IPv4 address, the /32 of an IPv6 one. The web pages tell browsers apart themselves
(`apps/web/entering.py`), and what they do at Dovecot by the ticket of a session is no coming in of anybody.

A sign-in whose place was seen within the hour asks nothing of the store.
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Final

from ceralacca.base.clock import Clock
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, Origin
from ceralacca.ports.audit import AuditTrail
from ceralacca.ports.safety_alarm import AlarmKind, NewAlarm, SafetyAlarms
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignsIn

_REMEMBERED: Final = 10_000
_AGAIN: Final = timedelta(hours=1)


class WatchedSignIn:
    """A `SignsIn` that learns the places of programs. Safe between threads."""

    def __init__(self, judge: SignsIn, alarms: SafetyAlarms, trail: AuditTrail, *, clock: Clock, host: str) -> None:
        """Watch what `judge` lets in."""
        self._judge, self._alarms, self._trail, self._clock, self._host = judge, alarms, trail, clock, host
        self._seen: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._lock = threading.Lock()

    def check(
        self, mailbox: str, password: bytes, *, protocol: SignInProtocol, peer: str, device: str = ""
    ) -> SignInOutcome:
        """Judge one attempt; blocks. Raises WorldError when it cannot be judged, or a new place not be recorded."""
        outcome = self._judge.check(mailbox, password, protocol=protocol, peer=peer, device=device)
        by_program = protocol is not SignInProtocol.WEB and not outcome.by_web_session
        if outcome.mailbox is not None and by_program:
            self._look(outcome.mailbox, protocol, peer)
        return outcome

    def _look(self, mailbox: Address, protocol: SignInProtocol, peer: str) -> None:
        place, now = network_place(peer), self._clock.now()
        key = (mailbox.key, place)
        with self._lock:
            seen = self._seen.get(key)
        if seen is not None and now - seen < _AGAIN:
            return
        if self._alarms.learn(mailbox, (place,), now=now):
            self._alarm(mailbox, protocol, peer, now)
        with self._lock:
            self._seen[key] = now
            self._seen.move_to_end(key)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def _alarm(self, mailbox: Address, protocol: SignInProtocol, peer: str, now: datetime) -> None:
        self._trail.record(
            AuditEvent(
                instant=now,
                act=AuditAct.NEW_PLACE,
                actor=Actor(kind=ActorKind.HOLDER, name=mailbox.text),
                origin=Origin(process=protocol.value, host=self._host, peer=peer),
                mailbox=mailbox,
                detail={"kind": AlarmKind.NEW_PLACE.value},
            )
        )
        alarm = NewAlarm(mailbox=mailbox, kind=AlarmKind.NEW_PLACE, instant=now, way=protocol.value, peer=peer)
        self._alarms.raise_alarm(alarm)


def network_place(peer: str) -> str:
    """Return the place that an IP address is in, as a digest; of the text itself when it is no address."""
    try:
        address = ip_address(peer)
    except ValueError:
        network = peer
    else:
        mapped = getattr(address, "ipv4_mapped", None) or address
        network = str(ip_network(f"{mapped}/{16 if mapped.version == 4 else 32}", strict=False))
    return sha256(f"network {network}".encode()).hexdigest()
