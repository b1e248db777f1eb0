"""Sessions of the web pages: they end, they can be ended, and their tickets open a mailbox as long as they last."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import Delegation, DelegationRight
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.sign_in import SignInProtocol, SignInVerdict
from ceralacca.ports.web_session import SessionStage, WebSession, as_password, ticket_of, token_digest
from ceralacca.store import schema
from ceralacca.store.database import open_store
from ceralacca.store.sign_in import SignIn
from ceralacca.store.sign_in_attempts import SignInAttempts
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.databases import sqlite_url

ANNA, BRUNO = Address("Anna.Bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
CARLA = Address("carla.neri@pec.beta.example")
IDLE = timedelta(minutes=30)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def store(request, tmp_path):
    if request.param == "sqlite":
        url = sqlite_url(tmp_path)
        schema.upgrade(url)
    else:
        url = request.getfixturevalue("postgresql").new_database()
    opened = open_store(url, tmp_path)
    opened.add_domain("pec.beta.example", now=NOON)
    for address in (ANNA, BRUNO):
        opened.put_mailbox(MailboxRecord(address=address), now=NOON)
    yield opened
    opened.close()


@pytest.fixture
def sessions(store):
    return store.web_sessions(idle=IDLE)


def session(token, *, holder=ANNA, mailbox=None, stage=SessionStage.FULL, may_send=True, **more):
    return WebSession(
        digest=token_digest(token),
        ticket=token_digest(ticket_of(token)),
        holder=holder,
        mailbox=mailbox or holder,
        stage=stage,
        may_send=may_send,
        created=NOON,
        seen=NOON,
        ends=NOON + timedelta(hours=12),
        peer="192.0.2.7",
        agent="a browser",
        **more,
    )


def test_a_session_is_read_back_and_lasts_while_it_is_used(sessions):
    one = session("a")
    sessions.open(one)
    assert sessions.find(one.digest, now=NOON) == one
    for minutes in range(20, 700, 20):
        now = NOON + timedelta(minutes=minutes)
        assert sessions.find(one.digest, now=now) is not None
        sessions.touch(one.digest, now=now)
    assert sessions.find(one.digest, now=one.ends) is None


def test_a_session_that_nobody_uses_ends_and_is_forgotten(sessions):
    one = session("a")
    sessions.open(one)
    later = NOON + IDLE
    assert sessions.find(one.digest, now=later) is None
    assert sessions.forget_ended(now=later) == 1
    assert sessions.forget_ended(now=later) == 0


def test_that_the_holder_showed_again_who_it_is_stands_on_one_session(sessions):
    for token in ("one", "other"):
        sessions.open(session(token))
    assert sessions.find(token_digest("one"), now=NOON).confirmed is None
    sessions.confirm(token_digest("one"), now=NOON + timedelta(minutes=1))
    assert sessions.find(token_digest("one"), now=NOON).confirmed == NOON + timedelta(minutes=1)
    assert sessions.find(token_digest("other"), now=NOON).confirmed is None


def test_a_holder_ends_all_sessions_but_the_own_and_nobody_elses(sessions):
    for token, holder in (("a", ANNA), ("b", ANNA), ("c", BRUNO)):
        sessions.open(session(token, holder=holder))
    assert {one.digest for one in sessions.of_holder(Address(ANNA.text.lower()), now=NOON)} == {
        token_digest("a"),
        token_digest("b"),
    }
    assert sessions.close_all(ANNA, but=token_digest("a")) == 1
    assert sessions.find(token_digest("a"), now=NOON)
    assert sessions.find(token_digest("b"), now=NOON) is None
    assert sessions.find(token_digest("c"), now=NOON)


@pytest.fixture
def judge(store, sessions, tmp_path):
    clock = FixedClock(NOON)
    attempts = SignInAttempts(tmp_path / "attempts.db")
    return SignIn(store.mailbox, attempts=attempts, clock=clock, entropy=bytes, sessions=sessions)


def check(judge, token, *, mailbox=ANNA.text, protocol=SignInProtocol.IMAP):
    return judge.check(mailbox, as_password(ticket_of(token)), protocol=protocol, peer="127.0.0.1")


@pytest.mark.requirement("AP-1", "AP-2")
def test_a_ticket_opens_its_mailbox_while_its_session_lasts(judge, sessions):
    sessions.open(session("a"))
    for protocol in (SignInProtocol.IMAP, SignInProtocol.SUBMISSION):
        outcome = check(judge, "a", protocol=protocol)
        assert outcome.signed_in
        assert outcome.mailbox == ANNA
        assert outcome.may_send_as == {ANNA}
    sessions.close(token_digest("a"))
    assert check(judge, "a").verdict is SignInVerdict.REFUSED


@pytest.mark.parametrize("protocol", [SignInProtocol.WEB, SignInProtocol.POP3])
def test_a_ticket_is_good_for_nothing_else(judge, sessions, protocol):
    sessions.open(session("a"))
    assert not check(judge, "a", protocol=protocol).signed_in


def test_a_ticket_opens_no_other_mailbox(judge, sessions):
    sessions.open(session("a"))
    assert not check(judge, "a", mailbox=BRUNO.text).signed_in


def given(store, key="k", right=DelegationRight.SEND, **named):
    fields = {"mailbox": ANNA, "delegate": BRUNO, "purpose": "ferie", "created": NOON, "until": NOON + IDLE}
    store.delegations().give(Delegation(key=key, right=right, **fields | named))
    return session("a", holder=BRUNO, mailbox=ANNA, delegation_key=key)


@pytest.mark.requirement("AP-2", "SE-3")
@pytest.mark.parametrize("right", DelegationRight)
def test_a_delegate_opens_the_mailbox_of_the_session_and_not_the_own(judge, store, sessions, right):
    one = given(store, right=right)
    sessions.open(one)
    found = sessions.find(one.digest, now=NOON)
    assert (found.opens_mail, found.may_write, found.may_send) == (True, right == "send", right == "send")
    outcome = check(judge, "a")
    assert outcome.mailbox == ANNA
    assert outcome.delegate == BRUNO
    assert outcome.may_send_as == ({ANNA} if right == "send" else set())
    assert not check(judge, "a", mailbox=BRUNO.text).signed_in


@pytest.mark.requirement("SE-3")
@pytest.mark.parametrize(
    "how", ["ended", "over", "delegate closed", "never given", "of somebody else", "other mailbox"]
)
def test_a_delegates_session_opens_nothing_once_the_delegation_is_not_in_force(judge, store, sessions, how):
    one = given(store)
    other = {"never given": {"delegation_key": "x"}, "of somebody else": {"delegation_key": "y"}}
    sessions.open(replace(one, **other.get(how, {})))
    now = NOON
    match how:
        case "ended":
            assert check(judge, "a").signed_in
            store.delegations().end(ANNA, "k", now=NOON)
        case "over":
            assert check(judge, "a").signed_in
            now = NOON + IDLE - timedelta(seconds=1)
            sessions.touch(one.digest, now=now)
            now = NOON + IDLE
        case "delegate closed":
            assert check(judge, "a").signed_in
            store.put_mailbox(MailboxRecord(address=BRUNO, status=MailboxStatus.CLOSED), now=NOON)
        case "of somebody else":
            store.put_mailbox(MailboxRecord(address=CARLA), now=NOON)
            given(store, "y", delegate=CARLA)
        case "other mailbox":
            store.put_mailbox(MailboxRecord(address=CARLA), now=NOON)
            sessions.close(one.digest)
            sessions.open(replace(one, mailbox=CARLA))
    found = sessions.find(one.digest, now=now)
    assert found is not None, "the delegate stays signed in, and goes back to the own mailbox"
    assert not found.opens_mail
    whose = CARLA if how == "other mailbox" else ANNA
    assert how == "over" or not check(judge, "a", mailbox=whose.text).signed_in
    assert not found.may_send


@pytest.mark.requirement("SE-3")
def test_who_has_the_token_or_the_rows_cannot_make_the_ticket(judge, sessions):
    one = session("a", salt="only the server has it")
    sessions.open(replace(one, ticket=token_digest(ticket_of("a", one.salt))))
    assert not check(judge, "a").signed_in, "the token alone"
    with_both = as_password(ticket_of("a", one.salt))
    assert judge.check(ANNA.text, with_both, protocol=SignInProtocol.IMAP, peer="127.0.0.1").signed_in
    for wrong in (ticket_of(one.digest, one.salt), ticket_of("", one.salt), ticket_of("a", one.salt + "x")):
        assert not judge.check(ANNA.text, as_password(wrong), protocol=SignInProtocol.IMAP, peer="127.0.0.1").signed_in


def test_a_session_without_its_second_factor_opens_nothing(judge, sessions):
    sessions.open(session("a", stage=SessionStage.PASSWORD))
    assert not check(judge, "a").signed_in
    sessions.touch(token_digest("a"), now=NOON, stage=SessionStage.FULL)
    assert check(judge, "a").signed_in


def test_the_tokens_digest_is_no_ticket(judge, sessions):
    sessions.open(session("a"))
    for wrong in (token_digest("a"), token_digest(ticket_of("a")), "a", ""):
        password = as_password(wrong)
        outcome = judge.check(ANNA.text, password, protocol=SignInProtocol.IMAP, peer="127.0.0.1")
        assert outcome.verdict is SignInVerdict.REFUSED
        assert not outcome.delay


def test_a_closed_mailbox_does_not_open(judge, store, sessions):
    sessions.open(session("a"))
    store.put_mailbox(MailboxRecord(address=ANNA, status=MailboxStatus.CLOSED), now=NOON)
    assert not check(judge, "a").signed_in
