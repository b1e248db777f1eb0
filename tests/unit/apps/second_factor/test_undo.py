"""A removed factor that the browser carries: whole, for ten minutes, for its own session and mailbox alone."""

from datetime import timedelta

import pytest

from ceralacca.apps.second_factor import totp
from ceralacca.apps.second_factor.undo import GOOD_FOR, brought, carried
from ceralacca.base.identifiers import system_entropy
from ceralacca.ports.second_factor import Factor, FactorsSet, Passkey, Totp
from ceralacca.testing.clock import NOON

from .conftest import ANNA, BRUNO, KEY

pytestmark = pytest.mark.requirement("SE-3")

SESSION, OTHER = "a" * 64, "b" * 64
APP = Totp(mailbox=ANNA, sealed=KEY.seal(bytes(20), ANNA, totp.PURPOSE), last_step=7, created=NOON)
PASSKEY = Passkey(
    mailbox=ANNA,
    credential="Y3JlZA",
    label="Chiave è 'mia' ✓",
    public_key=bytes(range(256)),
    sign_count=4,
    transports=("usb", "nfc"),
    created=NOON - timedelta(days=3),
    used=NOON,
)


@pytest.mark.parametrize(
    ("kept", "factor", "label"), [(APP, Factor.TOTP, ""), (PASSKEY, Factor.PASSKEY, PASSKEY.label)]
)
def test_it_comes_back_as_it_was(kept, factor, label):
    found = brought(KEY, carried(KEY, kept, SESSION, now=NOON), ANNA, SESSION, now=NOON)
    assert (found.kept, found.factor, found.label, found.ends) == (kept, factor, label, NOON + GOOD_FOR)
    assert found.may_return(FactorsSet())
    assert not found.may_return(FactorsSet(totp=APP, passkeys=(PASSKEY,)))


def test_another_passkey_is_in_nobodys_way_and_another_app_is():
    app = brought(KEY, carried(KEY, APP, SESSION, now=NOON), ANNA, SESSION, now=NOON)
    passkey = brought(KEY, carried(KEY, PASSKEY, SESSION, now=NOON), ANNA, SESSION, now=NOON)
    assert passkey.may_return(FactorsSet(totp=APP))
    assert app.may_return(FactorsSet(passkeys=(PASSKEY,)))
    assert passkey.digest != app.digest


@pytest.mark.parametrize(
    ("mailbox", "session", "late"),
    [(BRUNO, SESSION, timedelta()), (ANNA, OTHER, timedelta()), (ANNA, SESSION, GOOD_FOR)],
    ids=["another mailbox", "another session", "too late"],
)
def test_to_anybody_else_and_later_it_is_worth_nothing(mailbox, session, late):
    letters = carried(KEY, APP, SESSION, now=NOON)
    assert brought(KEY, letters, ANNA, SESSION, now=NOON + GOOD_FOR - timedelta(seconds=1))
    assert brought(KEY, letters, mailbox, session, now=NOON + late) is None


def test_what_is_not_ours_is_nothing():
    letters = carried(KEY, APP, SESSION, now=NOON)
    secret = KEY.seal(b"{}", ANNA, totp.NEW_PURPOSE).hex()
    for wrong in ("", "è", "%%%", letters[:-4], "A" + letters[1:], letters + "A" * 5000, secret):
        if wrong != letters:
            assert brought(KEY, wrong, ANNA, SESSION, now=NOON) is None, wrong


def test_a_browser_carries_the_largest_passkey():
    largest = Passkey(
        mailbox=ANNA,
        credential="x" * 1364,  # 1023 octets
        label="l" * 80,
        public_key=system_entropy(280),  # RSA 2048 as COSE
        sign_count=2**32 - 1,
        transports=("usb", "nfc", "ble", "hybrid", "internal", "smart-card"),
        created=NOON,
        used=NOON,
    )
    letters = carried(KEY, largest, SESSION, now=NOON)
    assert len(letters) < 4000  # RFC 6265, 6.1: 4096 octets with its name and attributes
    assert brought(KEY, letters, ANNA, SESSION, now=NOON).kept == largest
