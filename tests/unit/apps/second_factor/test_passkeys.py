"""Passkeys by an authenticator in software: what holds, and each way in which an answer does not."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.apps.second_factor.challenges import GOOD_FOR, Purpose, good_challenge
from ceralacca.apps.second_factor.passkeys import (
    Refused,
    added_passkey,
    challenge_of,
    options_to_add,
    options_to_show,
)
from ceralacca.base.identifiers import system_entropy
from ceralacca.ports.second_factor import Factor
from ceralacca.testing.clock import NOON

from .conftest import ANNA, BRUNO, KEY
from .soft_authenticator import SoftAuthenticator, octets, text

pytestmark = pytest.mark.requirement("SE-3")

BROWSER = "token of a browser"


@pytest.fixture
def add(judge):
    def add(device, mailbox=ANNA):
        there = judge.factors.of_mailbox(mailbox).passkeys
        challenge = judge.challenge(Purpose.ADD, BROWSER, system_entropy)
        options = options_to_add(
            judge.party, mailbox, handle=KEY.handle_of(mailbox), challenge=challenge, there=there
        )  # fmt: skip
        made = added_passkey(
            judge.party, device.create(options), challenge=challenge, mailbox=mailbox, label=" Chiave ", now=NOON
        )
        judge.factors.add_passkey(made)
        return made

    return add


@pytest.fixture
def device(add):
    device = SoftAuthenticator()
    add(device)
    return device


@pytest.fixture
def ask(judge):
    def ask(purpose=Purpose.SIGN_IN, browser=BROWSER):
        challenge = judge.challenge(purpose, browser, system_entropy)
        return options_to_show(judge.party, challenge=challenge, verified=purpose is not Purpose.SECOND)

    return ask


@pytest.fixture
def show(judge):
    def show(answer, purpose=Purpose.SIGN_IN, **named):
        shown = judge.check_passkey(answer, purpose, **{"browser": BROWSER, "peer": "192.0.2.7"} | named)
        assert shown.factor is Factor.PASSKEY
        return shown.outcome.mailbox

    return show


def test_what_is_kept_is_what_was_made(add, judge):
    device = SoftAuthenticator()
    made = add(device)
    assert judge.factors.of_mailbox(ANNA).passkeys == (made,)
    assert (made.label, made.credential, made.transports) == ("Chiave", text(device.id), ("internal",))
    assert device.handle == KEY.handle_of(ANNA)
    assert ANNA.text.encode() not in device.handle


def test_who_has_one_is_not_asked_to_make_another(add, judge):
    made = add(SoftAuthenticator())
    options = json.loads(options_to_add(judge.party, ANNA, handle=b"h", challenge=b"c", there=[made]))
    assert [one["id"] for one in options["excludeCredentials"]] == [made.credential]
    assert options["attestation"] == "none"


@pytest.mark.parametrize("purpose", [Purpose.SIGN_IN, Purpose.CONFIRM, Purpose.SECOND])
def test_it_lets_its_mailbox_in(device, ask, show, judge, purpose):
    assert show(device.get(ask(purpose)), purpose) == ANNA
    assert judge.factors.of_mailbox(ANNA).passkeys[0].sign_count == device.count


def test_it_is_of_one_mailbox(device, ask, show):
    assert show(device.get(ask(Purpose.SECOND)), Purpose.SECOND, mailbox=BRUNO) is None
    assert show(device.get(ask(Purpose.SECOND)), Purpose.SECOND, mailbox=ANNA) == ANNA


@pytest.mark.parametrize("counts", [True, False])
def test_an_answer_is_taken_once(add, ask, show, counts):
    device = SoftAuthenticator(counts=counts)
    add(device)
    answer = device.get(ask())
    assert [show(answer), show(answer)] == [ANNA, None]
    assert show(device.get(ask())) == ANNA


def test_one_challenge_is_not_answered_by_two_answers(device, ask, show):
    options = ask()
    assert [show(device.get(options)), show(device.get(options))] == [ANNA, None]


def test_a_count_that_goes_back_betrays_a_copy(device, ask, show):
    assert show(device.get(ask())) == ANNA
    device.count -= 1
    assert show(device.get(ask())) is None


def test_only_as_second_step_may_its_user_be_unverified(device, ask, show):
    device.verified = False
    for purpose in (Purpose.SIGN_IN, Purpose.CONFIRM):
        assert show(device.get(ask(purpose)), purpose) is None
    assert show(device.get(ask(Purpose.SECOND)), Purpose.SECOND) == ANNA


def test_a_challenge_is_for_its_purpose_browser_and_time(device, ask, show, clock):
    for purpose in set(Purpose) - {Purpose.SIGN_IN}:
        assert show(device.get(ask(purpose))) is None
    clock.advance(timedelta(hours=1))  # the limiter's patience
    assert show(device.get(ask(browser="another"))) is None
    answer = device.get(ask())
    clock.advance(GOOD_FOR)
    assert show(answer) is None
    assert show(device.get(ask())) == ANNA


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("origin", "https://pec.beta.example.attacker.example"),
        ("origin", "https://pec.beta.example:8443"),
        ("origin", "http://pec.beta.example"),
        ("host", "attacker.example"),
        ("handle", b"of another mailbox"),
    ],
)
def test_an_answer_for_elsewhere_or_somebody_else_is_refused(device, ask, show, change, what):
    setattr(device, change, what)
    assert show(device.get(ask())) is None


@pytest.mark.parametrize("field", ["signature", "authenticatorData", "clientDataJSON"])
def test_an_answer_with_a_changed_octet_is_refused(device, ask, show, field):
    answer = json.loads(device.get(ask()))
    spoilt = bytearray(octets(answer["response"][field]))
    spoilt[-3] ^= 1
    answer["response"][field] = text(bytes(spoilt))
    assert show(json.dumps(answer)) is None


def test_another_key_under_the_same_id_is_refused(device, ask, show):
    other = SoftAuthenticator(2)
    other.id, other.handle, other.count = device.id, device.handle, 100
    assert show(other.get(ask())) is None


def test_one_that_was_removed_or_whose_mailbox_is_gone_is_refused(device, ask, show, judge, records):
    kept = records.pop(ANNA)
    assert show(device.get(ask())) is None
    records[ANNA] = replace(kept, is_service=True)
    assert show(device.get(ask())) is None
    records[ANNA] = kept
    assert show(device.get(ask())) == ANNA
    judge.factors.remove(ANNA, passkey=text(device.id))
    assert show(device.get(ask())) is None


@pytest.mark.parametrize(("change", "what"), [("origin", "https://attacker.example"), ("host", "attacker.example")])
def test_one_that_was_made_elsewhere_is_not_added(add, judge, change, what):
    device = SoftAuthenticator()
    setattr(device, change, what)
    with pytest.raises(Refused):
        add(device)
    assert not judge.factors.is_on(ANNA)


def test_the_challenge_of_an_answer_is_ours_or_none(device, ask):
    answer = device.get(ask())
    assert good_challenge(KEY, challenge_of(answer), Purpose.SIGN_IN, BROWSER, now=NOON) is not None
    for spoilt in (
        "{}",
        '{"response": 5}',
        '{"response": {"clientDataJSON": "W10"}}',
        '{"response": {"clientDataJSON": 5}}',
    ):
        with pytest.raises(Refused):
            challenge_of(spoilt)
