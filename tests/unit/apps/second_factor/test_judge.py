"""The judge of second factors: what it takes, what it refuses and records, and whom the limiter shuts out."""

from dataclasses import replace

import pyotp
import pytest

from ceralacca.apps.second_factor import totp
from ceralacca.apps.second_factor.challenges import Purpose
from ceralacca.apps.second_factor.recovery import make_recovery_codes
from ceralacca.base.errors import WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.audit import AuditAct, AuditOutcome
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.mailbox import MailboxStatus
from ceralacca.ports.second_factor import Factor, Totp
from ceralacca.ports.sign_in import SignInVerdict
from ceralacca.testing.clock import NOON

from .conftest import ANNA, BRUNO, KEY

pytestmark = pytest.mark.requirement("SE-3")

SECRET = bytes(range(20))
HOME, AWAY, DEVICE = "192.0.2.7", "198.51.100.7", "d" * 64


@pytest.fixture(autouse=True)
def _app(judge):
    kept = Totp(mailbox=ANNA, sealed=KEY.seal(SECRET, ANNA, totp.PURPOSE), last_step=0, created=NOON)
    judge.factors.put_totp(kept)


def code(away=0):
    return pyotp.TOTP(totp.shown_secret(SECRET).replace(" ", "")).generate_otp(totp.step_of(NOON) + away)


def verdicts(judge, codes, mailbox=ANNA, **named):
    return [judge.check_code(mailbox, one, **{"peer": HOME} | named).outcome.verdict.value for one in codes]


def test_a_code_lets_in_once(judge):
    shown = judge.check_code(ANNA, f" {code()[:3]} {code()[3:]} ", peer=HOME)
    assert (shown.outcome.mailbox, shown.factor) == (ANNA, Factor.TOTP)
    assert shown.outcome.may_send_as == {ANNA}
    assert verdicts(judge, [code(), code(-1), code(1), code(1)]) == ["refused", "refused", "signed-in", "refused"]


def test_a_code_is_of_one_mailbox(judge):
    assert verdicts(judge, [code()], BRUNO) == ["refused"]
    judge.factors.put_totp(replace(judge.factors.of_mailbox(ANNA).totp, mailbox=BRUNO))
    with pytest.raises(WorldError):  # a row that was copied to another mailbox does not open
        judge.check_code(BRUNO, code(), peer=HOME)


def test_a_recovery_code_lets_in_once(judge):
    first, *_ = make_recovery_codes(judge.factors, KEY, ANNA, system_entropy)
    shown = judge.check_code(ANNA, first.upper(), peer=HOME)
    assert (shown.outcome.signed_in, shown.factor) == (True, Factor.RECOVERY_CODE)
    assert verdicts(judge, [first, "", "è" * 40]) == ["refused"] * 3


@pytest.mark.parametrize("change", [{"status": MailboxStatus.CLOSED}, {"is_service": True}])
def test_nobody_enters_a_mailbox_that_is_none_to_enter(judge, records, change):
    records[ANNA] = replace(records[ANNA], **change)
    assert verdicts(judge, [code()]) == ["refused"]
    del records[ANNA]
    assert verdicts(judge, [code()]) == ["refused"]


def test_a_mailbox_that_only_receives_may_not_send(judge, records):
    records[ANNA] = replace(records[ANNA], status=MailboxStatus.RECEIVE_ONLY)
    assert judge.check_code(ANNA, code(), peer=HOME).outcome.may_send_as == frozenset()


def test_what_was_refused_is_recorded_without_what_was_typed(judge, trail):
    verdicts(judge, ["123456"], peer=AWAY)
    judge.check_passkey("{}", Purpose.SIGN_IN, browser="b", peer=AWAY)
    first, second = reversed([entry.event for entry in trail.search(AuditQuery(acts=frozenset({AuditAct.SIGN_IN})))])
    assert (first.mailbox, first.outcome, first.origin.peer) == (ANNA, AuditOutcome.REFUSED, AWAY)
    assert dict(first.detail) == {"verdict": "refused", "factor": "totp"}
    assert second.mailbox is None
    assert "123456" not in repr(first)


def test_guesses_shut_the_guesser_out_and_the_answer_waits_ever_longer(judge):
    outcomes = [judge.check_code(ANNA, "123456", peer=AWAY).outcome for _ in range(6)]
    assert [one.delay for one in outcomes[:5]] == [1, 2, 4, 8, 8]
    assert outcomes[5].verdict is SignInVerdict.TOO_MANY
    assert verdicts(judge, [code()], peer=AWAY) == ["too-many"], "not even the right one is looked at"
    assert verdicts(judge, [code()], peer=HOME) == ["signed-in"]
    assert verdicts(judge, [code(1)], BRUNO, peer=AWAY) == ["refused"], "and Bruno's is another matter"


def test_many_guessers_together_do_not_shut_out_where_the_holder_was_before(judge):
    assert verdicts(judge, [code(-1)], device=DEVICE) == ["signed-in"]
    for number in range(60):
        judge.check_code(ANNA, "123456", peer=f"203.0.{number}.1")
    assert verdicts(judge, [code()], peer="203.0.200.1") == ["too-many"]
    assert verdicts(judge, [code()], peer="203.0.1.1", device=DEVICE) == ["signed-in"]


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", '{"id": 5}', '{"id": "' + "a" * 2000 + '"}', "[" * 90_000])
def test_what_is_no_answer_of_a_passkey_is_refused(judge, answer):
    shown = judge.check_passkey(answer, Purpose.SIGN_IN, browser="b", peer=HOME)
    assert shown.outcome.verdict is SignInVerdict.REFUSED
