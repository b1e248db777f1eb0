"""Programs that come in from new networks: the holder is told once for each, and the first is learnt in silence."""

from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.safety_alarm import AlarmKind
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.services.watch_places import WatchedSignIn, network_place
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.memory_audit import MemoryAuditTrail
from ceralacca.testing.memory_safety_alarms import MemorySafetyAlarms

pytestmark = pytest.mark.requirement("SE-3")

ANNA = Address("anna.bianchi@pec.beta.example")
HOME, NEAR, FAR, SIX = "192.0.2.7", "192.0.200.9", "198.51.100.7", "2001:db8::1"
IN = SignInOutcome(verdict=SignInVerdict.SIGNED_IN, mailbox=ANNA)


class Judge:
    outcome = IN

    def check(self, mailbox, password, *, protocol, peer, device=""):
        return self.outcome


class CountingAlarms(MemorySafetyAlarms):
    asked = 0

    def learn(self, mailbox, places, *, now):
        self.asked += 1
        return super().learn(mailbox, places, now=now)


@pytest.fixture
def clock():
    return FixedClock(NOON)


@pytest.fixture
def alarms():
    return CountingAlarms()


@pytest.fixture
def trail():
    return MemoryAuditTrail()


@pytest.fixture
def enter(alarms, trail, clock):
    judge = Judge()
    watched = WatchedSignIn(judge, alarms, trail, clock=clock, host="host")

    def enter(peer, protocol=SignInProtocol.IMAP, outcome=IN):
        judge.outcome = outcome
        return watched.check(ANNA.text, b"x", protocol=protocol, peer=peer)

    return enter


def raised(alarms):
    return [(one.alarm.kind, one.alarm.way, one.alarm.peer) for one in alarms.unsent()]


def test_the_first_network_is_learnt_and_each_new_one_raises_an_alarm_once(enter, alarms, trail):
    for peer in (HOME, NEAR, HOME):
        assert enter(peer) is IN
    assert raised(alarms) == []
    enter(FAR, SignInProtocol.SUBMISSION)
    enter(SIX)
    enter(FAR, SignInProtocol.POP3)
    assert raised(alarms) == [(AlarmKind.NEW_PLACE, "submission", FAR), (AlarmKind.NEW_PLACE, "imap", SIX)]
    events = [entry.event for entry in trail.search(AuditQuery(acts=frozenset({AuditAct.NEW_PLACE})))]
    assert [(one.mailbox, one.origin.process, one.origin.peer) for one in events] == [
        (ANNA, "imap", SIX),
        (ANNA, "submission", FAR),
    ]


@pytest.mark.parametrize(
    ("protocol", "outcome"),
    [
        (SignInProtocol.WEB, IN),
        (SignInProtocol.IMAP, SignInOutcome(verdict=SignInVerdict.SIGNED_IN, mailbox=ANNA, by_web_session=True)),
        (SignInProtocol.IMAP, SignInOutcome(verdict=SignInVerdict.REFUSED)),
    ],
)
def test_only_what_programs_opened_counts(enter, alarms, protocol, outcome):
    enter(HOME)
    assert enter(FAR, protocol, outcome) is outcome
    assert raised(alarms) == []


def test_the_store_is_asked_once_an_hour(enter, alarms, clock):
    for _ in range(5):
        enter(HOME)
    assert alarms.asked == 1
    clock.advance(timedelta(hours=1))
    enter(NEAR)  # the same place
    assert alarms.asked == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (HOME, NEAR, True),
        (HOME, FAR, False),
        (HOME, f"::ffff:{NEAR}", True),
        (SIX, "2001:db8:ffff::9", True),
        (SIX, "2001:db9::1", False),
        ("no address", "no address", True),
        ("no address", "another", False),
    ],
)
def test_a_place_is_a_wide_network(one, other, same):
    assert (network_place(one) == network_place(other)) == same
