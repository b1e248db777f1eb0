"""Second factors as they are kept, on every engine: each thing is taken once, and the last factor takes all with it."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import MOST_PASSKEYS, FactorsSet, Passkey, Totp
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SE-3")

ANNA, BRUNO = Address("Anna.Bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
SPELT_OTHERWISE = Address(ANNA.text.upper().replace("PEC.BETA", "pec.beta"))
TOTP = Totp(mailbox=ANNA, sealed=b"\0sealed", last_step=100, created=NOON)
LATER = NOON + timedelta(hours=1)


def passkey(credential="abc", mailbox=ANNA, **named):
    fields = {"label": "Chiave però \0", "public_key": b"\0cose", "sign_count": 0, "transports": ("usb", "nfc")}
    return Passkey(mailbox=mailbox, credential=credential, **fields | {"created": NOON} | named)


def test_nothing_is_on_at_first(factors):
    assert not factors.is_on(ANNA)
    assert factors.of_mailbox(ANNA) == FactorsSet()


def test_an_app_or_a_passkey_switches_it_on_for_its_mailbox_alone(factors):
    factors.put_totp(TOTP)
    factors.add_passkey(passkey(mailbox=BRUNO))
    assert factors.is_on(SPELT_OTHERWISE)
    assert factors.is_on(BRUNO)
    assert factors.of_mailbox(SPELT_OTHERWISE) == FactorsSet(totp=TOTP)
    assert factors.of_mailbox(BRUNO) == FactorsSet(passkeys=(passkey(mailbox=BRUNO),))


def test_recovery_codes_alone_switch_nothing_on(factors):
    factors.put_recovery_codes(ANNA, ["a", "b"])
    assert not factors.is_on(ANNA)


def test_a_step_is_taken_once_and_never_an_earlier_one(factors):
    assert not factors.accept_step(ANNA, 101, now=NOON)
    factors.put_totp(TOTP)
    taken = [factors.accept_step(ANNA, step, now=LATER) for step in (99, 100, 101, 101, 100, 103, 102)]
    assert taken == [False, False, True, False, False, True, False]
    assert factors.of_mailbox(ANNA).totp == replace(TOTP, last_step=103, used=LATER)


def test_another_app_takes_the_place_of_the_one_before(factors):
    factors.put_totp(TOTP)
    factors.put_totp(replace(TOTP, sealed=b"other", last_step=7))
    assert factors.of_mailbox(ANNA).totp == replace(TOTP, sealed=b"other", last_step=7)


def test_a_recovery_code_is_taken_once_and_by_its_mailbox(factors):
    factors.put_recovery_codes(ANNA, ["a", "b"])
    assert not factors.use_recovery_code(BRUNO, "a")
    assert not factors.use_recovery_code(ANNA, "c")
    assert factors.use_recovery_code(SPELT_OTHERWISE, "a")
    assert not factors.use_recovery_code(ANNA, "a")
    assert factors.of_mailbox(ANNA).recovery_codes == 1
    factors.put_recovery_codes(ANNA, ["d", "e", "f"])
    assert not factors.use_recovery_code(ANNA, "b")
    assert factors.of_mailbox(ANNA).recovery_codes == 3


def test_a_passkey_is_found_by_its_id_and_kept_once(factors):
    factors.add_passkey(passkey())
    assert factors.passkey("abc") == passkey()
    assert factors.passkey("abd") is None
    for mailbox in (ANNA, BRUNO):
        with pytest.raises(UserError):
            factors.add_passkey(passkey(mailbox=mailbox))
    assert factors.passkey("abc") == passkey()


def test_a_mailbox_has_no_more_passkeys_than_the_most(factors):
    for number in range(MOST_PASSKEYS):
        factors.add_passkey(passkey(f"k{number}"))
    with pytest.raises(UserError):
        factors.add_passkey(passkey("one more"))
    factors.add_passkey(passkey("one more", BRUNO))


def test_a_use_of_a_passkey_is_recorded_only_on_what_was_read(factors):
    factors.add_passkey(passkey(sign_count=4))
    read = factors.passkey("abc")
    assert factors.accept_passkey(read, 5, now=LATER)
    assert not factors.accept_passkey(read, 5, now=LATER)
    assert factors.passkey("abc") == passkey(sign_count=5, used=LATER)


def test_a_passkey_that_does_not_count_is_used_again_and_again(factors):
    factors.add_passkey(passkey())
    assert all(factors.accept_passkey(factors.passkey("abc"), 0, now=LATER) for _ in range(3))


def test_a_challenge_is_spent_once_until_it_has_ended(factors):
    assert factors.spend_challenge("d", ends=LATER)
    assert not factors.spend_challenge("d", ends=LATER)
    assert factors.spend_challenge("e", ends=LATER + timedelta(seconds=1))
    assert factors.forget_spent(now=LATER) == 1
    assert not factors.spend_challenge("e", ends=LATER)


def test_the_last_factor_takes_the_recovery_codes_with_it(factors):
    factors.put_totp(TOTP)
    factors.add_passkey(passkey())
    factors.put_recovery_codes(ANNA, ["a"])
    assert not factors.remove(BRUNO, totp=True, passkey="abc")
    assert factors.remove(ANNA, totp=True)
    assert not factors.remove(ANNA, totp=True)
    assert factors.of_mailbox(ANNA) == FactorsSet(passkeys=(passkey(),), recovery_codes=1)
    assert factors.remove(ANNA, passkey="abc")
    assert factors.of_mailbox(ANNA) == FactorsSet()


def test_a_reset_takes_everything_of_one_mailbox(factors):
    factors.put_totp(TOTP)
    factors.add_passkey(passkey())
    factors.add_passkey(passkey("other", BRUNO))
    factors.put_recovery_codes(ANNA, ["a", "b"])
    assert factors.reset(ANNA) == FactorsSet(totp=TOTP, passkeys=(passkey(),), recovery_codes=2)
    assert factors.reset(ANNA) == FactorsSet()
    assert factors.passkey("abc") is None
    assert factors.is_on(BRUNO)


@pytest.mark.parametrize("what", ["step", "code", "challenge", "passkey"])
def test_of_many_at_the_same_moment_one_wins(database_store, what):
    factors = database_store.second_factors()
    factors.put_totp(TOTP)
    factors.put_recovery_codes(ANNA, ["a"])
    factors.add_passkey(passkey())
    read = factors.passkey("abc")
    take = {
        "step": lambda: factors.accept_step(ANNA, 101, now=NOON),
        "code": lambda: factors.use_recovery_code(ANNA, "a"),
        "challenge": lambda: factors.spend_challenge("d", ends=LATER),
        "passkey": lambda: factors.accept_passkey(read, 1, now=NOON),
    }[what]
    start, taken = Barrier(6), []

    def run():
        start.wait(10)
        taken.append(take())

    threads = [Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(taken) == [False] * 5 + [True]
