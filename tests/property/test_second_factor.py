"""Codes of an app and challenges, whatever the secret and the instant: windows, replays, and whose they are."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.apps.second_factor import totp
from ceralacca.apps.second_factor.challenges import GOOD_FOR, Purpose, good_challenge, new_challenge
from ceralacca.apps.second_factor.recovery import bare, make_recovery_codes
from ceralacca.base.errors import WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import Totp
from ceralacca.testing.memory_second_factors import MemorySecondFactors
from ceralacca.trust.factor_key import FactorKey

pytestmark = pytest.mark.requirement("SE-3")

ANNA, BRUNO = Address("anna.bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
SECRETS = st.binary(min_size=20, max_size=20)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
KEYS = st.binary(min_size=32, max_size=32).map(FactorKey)


@given(SECRETS, INSTANTS, st.integers(-5, 5))
def test_a_code_is_taken_in_its_step_and_the_two_beside_it(secret, now, away):
    step = totp.step_of(now) + away
    code = app_of(secret).generate_otp(step)
    found = totp.step_of_code(secret, code, now)
    if abs(away) <= 1:
        # Of two steps with the same six figures either is right.
        assert found is not None
        assert app_of(secret).generate_otp(found) == code
    elif found is not None:
        assert app_of(secret).generate_otp(found) == code


@given(SECRETS, INSTANTS, st.text(max_size=12))
def test_what_is_no_code_is_not_taken(secret, now, typed):
    around = {app_of(secret).generate_otp(totp.step_of(now) + away) for away in (-1, 0, 1)}
    assert (totp.step_of_code(secret, typed, now) is not None) == (typed in around)


@given(SECRETS, INSTANTS, st.lists(st.tuples(st.integers(0, 90), st.integers(-1, 1)), max_size=30))
def test_no_code_is_ever_taken_twice(secret, start, tries):
    factors = MemorySecondFactors()
    factors.put_totp(Totp(mailbox=ANNA, sealed=b"", last_step=0, created=start))
    taken, now = [], start
    for seconds, away in tries:
        now += timedelta(seconds=seconds)
        step = totp.step_of_code(secret, app_of(secret).generate_otp(totp.step_of(now) + away), now)
        if step is not None and factors.accept_step(ANNA, step, now=now):
            taken.append(step)
    assert taken == sorted(set(taken))


@given(SECRETS)
def test_what_is_shown_is_what_apps_read(secret):
    shown = totp.shown_secret(secret)
    asked = pyotp.parse_uri(totp.app_address(secret, ANNA, "Gestore Beta S.p.A. & figli"))
    assert asked.secret == shown.replace(" ", "")
    assert (asked.name, asked.issuer) == (ANNA.text, "Gestore Beta S.p.A. & figli")
    assert asked.generate_otp(7) == app_of(secret).generate_otp(7)


@given(KEYS, KEYS, st.binary(min_size=1, max_size=40))
def test_a_secret_opens_with_its_key_for_its_mailbox_and_purpose_alone(key, other, secret):
    sealed = key.seal(secret, ANNA, "totp")
    assert secret not in sealed or len(secret) < 4
    assert key.open(sealed, ANNA, "totp") == secret
    wrong = [(key, BRUNO, "totp"), (key, ANNA, "other")]
    if other.sign(b"") != key.sign(b""):
        wrong.append((other, ANNA, "totp"))
    for opener, mailbox, purpose in wrong:
        with pytest.raises(WorldError):
            opener.open(sealed, mailbox, purpose)
    with pytest.raises(WorldError):
        key.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), ANNA, "totp")


@given(KEYS, INSTANTS, st.sampled_from(Purpose), st.text(max_size=64), st.integers(0, 900), st.data())
def test_a_challenge_is_good_for_its_browser_purpose_and_time(key, made, purpose, browser, seconds, data):
    octets, now = (
        new_challenge(key, purpose, browser, now=made, entropy=system_entropy),
        made + timedelta(seconds=seconds),
    )
    good = good_challenge(key, octets, purpose, browser, now=now)
    ends = (made + GOOD_FOR).replace(microsecond=0)
    assert (good is not None) == (now < ends)
    assert good_challenge(key, octets, purpose, browser + "x", now=made) is None
    for other in set(Purpose) - {purpose}:
        assert good_challenge(key, octets, other, browser, now=made) is None
    at = data.draw(st.integers(0, len(octets) - 1))
    spoilt = octets[:at] + bytes([octets[at] ^ 0x10]) + octets[at + 1 :]
    assert good_challenge(key, spoilt, purpose, browser, now=made) is None
    assert good_challenge(key, octets[:at], purpose, browser, now=made) is None


@given(KEYS, st.sets(st.integers(0, 9)))
def test_a_recovery_code_is_good_once_however_it_is_typed(key, used):
    factors = MemorySecondFactors()
    codes = make_recovery_codes(factors, key, ANNA, system_entropy)
    assert len(set(codes)) == 10
    for number in sorted(used):
        typed = codes[number].upper().replace("-", " - ")
        assert not factors.use_recovery_code(ANNA, key.hash_of(bare(typed), BRUNO))
        assert factors.use_recovery_code(ANNA, key.hash_of(bare(typed), ANNA))
        assert not factors.use_recovery_code(ANNA, key.hash_of(bare(typed), ANNA))
    assert factors.of_mailbox(ANNA).recovery_codes == 10 - len(used)


def app_of(secret):
    return pyotp.TOTP(totp.shown_secret(secret).replace(" ", ""))
