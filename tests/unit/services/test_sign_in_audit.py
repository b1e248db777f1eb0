from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import ActorKind, AuditAct, AuditOutcome
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.services.sign_in_audit import AuditedSignIn
from ceralacca.testing.clock import NOON
from ceralacca.testing.memory_audit import MemoryAuditTrail

pytestmark = pytest.mark.requirement("SE-3")

ANNA = Address("Anna@beta.example")
PEER = "192.0.2.7"


class Judge:
    """Lets Anna in with the right password; the limiter shuts when it is told to."""

    shut = False

    def check(self, mailbox, password, *, protocol, peer, device=""):
        if self.shut:
            return SignInOutcome(verdict=SignInVerdict.TOO_MANY)
        if mailbox.lower() == ANNA.key and password == b"right":
            return SignInOutcome(verdict=SignInVerdict.SIGNED_IN, mailbox=ANNA)
        return SignInOutcome(verdict=SignInVerdict.REFUSED)


class Clock:
    instant = NOON

    def now(self):
        return self.instant

    def pass_by(self, **span):
        self.instant += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def judge():
    return Judge()


@pytest.fixture
def trail():
    return MemoryAuditTrail()


@pytest.fixture
def audited(judge, trail, clock):
    return AuditedSignIn(judge, trail, clock=clock, host="mail1")


def attempt(audited, password=b"right", mailbox=ANNA.text, protocol=SignInProtocol.IMAP, peer=PEER):
    return audited.check(mailbox, password, protocol=protocol, peer=peer)


def test_who_came_in_is_recorded_with_protocol_and_origin(audited, trail):
    assert attempt(audited, mailbox=ANNA.key).signed_in

    (event,) = trail.events
    assert (event.act, event.outcome, event.instant) == (AuditAct.SIGN_IN, AuditOutcome.DONE, NOON)
    assert (event.actor.kind, event.actor.name, event.mailbox) == (ActorKind.HOLDER, ANNA.text, ANNA)
    assert (event.origin.process, event.origin.peer, event.origin.host) == ("imap", PEER, "mail1")
    assert event.detail == {"verdict": "signed-in"}


@pytest.mark.parametrize("protocol", SignInProtocol)
def test_who_was_refused_is_recorded_in_every_protocol(audited, trail, protocol):
    attempt(audited, b"wrong", protocol=protocol)

    (event,) = trail.events
    assert (event.outcome, event.mailbox, event.origin.process) == (AuditOutcome.REFUSED, ANNA, protocol.value)


def test_no_password_is_recorded_not_even_one_in_the_wrong_field(audited, trail):
    attempt(audited, b"segreta", mailbox="una frase segreta")

    (event,) = trail.events
    assert event.mailbox is None
    assert "segreta" not in repr(event)


def test_those_alike_are_counted_and_stand_in_one_entry(audited, trail, clock):
    for _ in range(5):
        attempt(audited)
        clock.pass_by(minutes=1)
    assert len(trail.events) == 1
    clock.pass_by(minutes=10)
    attempt(audited, b"wrong")

    _, counted, refused = trail.events
    assert counted.detail == {"verdict": "signed-in", "count": 4, "from": NOON.isoformat()}
    assert counted.instant == NOON + timedelta(minutes=4)
    assert refused.outcome is AuditOutcome.REFUSED


def test_another_protocol_address_or_verdict_is_another_kind(audited, trail):
    attempt(audited)
    attempt(audited, protocol=SignInProtocol.POP3)
    attempt(audited, peer="192.0.2.8")
    attempt(audited, b"wrong")

    assert len(trail.events) == 4


def test_after_the_interval_the_next_is_the_first_again(audited, trail, clock):
    attempt(audited)
    clock.pass_by(minutes=10)
    attempt(audited)

    assert [event.detail for event in trail.events] == [{"verdict": "signed-in"}] * 2


def test_a_storm_that_the_limiter_holds_off_is_one_entry_for_each_address(audited, judge, trail):
    judge.shut = True
    for number in range(500):
        attempt(audited, mailbox=f"m{number}@beta.example")
    assert trail.events == []
    audited.close()

    (event,) = trail.events
    assert (event.detail["verdict"], event.detail["count"], event.mailbox) == ("too-many", 500, None)


def test_at_the_end_what_was_counted_is_recorded(audited, trail):
    for _ in range(3):
        attempt(audited)
    audited.close()
    audited.close()

    assert [event.detail.get("count", 1) for event in trail.events] == [1, 2]


def test_nobody_is_let_in_unrecorded_and_what_was_counted_comes_later(audited, trail, clock, monkeypatch):
    attempt(audited)
    attempt(audited)
    clock.pass_by(minutes=10)

    def full(*_):
        raise WorldError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryAuditTrail, "record", full)
        with pytest.raises(WorldError):
            attempt(audited)
    attempt(audited)

    assert [event.detail.get("count", 1) for event in trail.events] == [1, 1, 1, 1]


def test_threads_lose_no_attempt(audited, trail):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: attempt(audited), range(200)))
    audited.close()

    assert sum(event.detail.get("count", 1) for event in trail.events) == 200


def test_what_opened_the_mailbox_stands_in_the_trail(trail, clock):
    class Several:
        def check(self, mailbox, password, *, protocol, peer, device=""):
            named = {b"app": {"app_password": "abcd"}, b"ticket": {"by_web_session": True}}.get(password, {})
            return SignInOutcome(verdict=SignInVerdict.SIGNED_IN, mailbox=ANNA, **named)

    audited = AuditedSignIn(Several(), trail, clock=clock, host="mail1")
    for password in (b"app", b"ticket", b"main"):
        audited.check(ANNA.text, password, protocol=SignInProtocol.IMAP, peer=PEER)
    app, ticket, main = (event.detail for event in trail.events)
    assert (app["app-password"], "web-session" in app) == ("abcd", False)
    assert ("app-password" in ticket, ticket["web-session"]) == (False, 1)
    assert set(main) == {"verdict"}
