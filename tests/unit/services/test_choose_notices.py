"""An address counts once its code has come back; codes and tries are counted."""

from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.notices import CODE_LASTS, MOST_CODES, MOST_TRIES, NoticeWay, NoticeWishes, Trouble
from ceralacca.services.choose_notices import (
    NoCode,
    TooManyCodes,
    with_code_given,
    with_code_sent,
    with_kinds,
    without_address,
)
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SE-3")

ANNA, HOME, WORK = Address("anna@beta.example"), Address("anna@casa.example"), Address("anna@ufficio.example")
NOTHING = NoticeWishes(mailbox=ANNA)
TROUBLE = {NoticeWay.EMAIL: Trouble(instant=NOON, text="550")}


def right(kept):
    return kept == "hash"


def wrong(_kept):
    return False


def confirmed(address=HOME):
    return with_code_given(with_code_sent(NOTHING, address, "hash", NOON), right, NOON)


def test_nothing_is_heard_before_the_code_has_come_back():
    wishes = with_kinds(NOTHING, frozenset(NoticeKind), "en")
    waiting = with_code_sent(wishes, HOME, "hash", NOON)
    assert (waiting.email, waiting.heard) == (None, frozenset())
    done = with_code_given(waiting, right, NOON + CODE_LASTS - timedelta(seconds=1))
    assert (done.email, done.waiting, done.heard) == (HOME, None, frozenset(NoticeKind))


def test_the_address_before_stays_good_until_the_new_one_is_confirmed():
    waiting = with_code_sent(confirmed(), WORK, "hash", NOON)
    assert waiting.email == HOME
    assert with_code_given(waiting, right, NOON).email == WORK


def test_a_code_has_so_many_tries_and_so_much_time():
    wishes = with_code_sent(NOTHING, HOME, "hash", NOON)
    with pytest.raises(NoCode):
        with_code_given(wishes, right, NOON + CODE_LASTS)
    for _ in range(MOST_TRIES):
        wishes = with_code_given(wishes, wrong, NOON)
    with pytest.raises(NoCode):
        with_code_given(wishes, right, NOON)
    with pytest.raises(NoCode):
        with_code_given(NOTHING, right, NOON)


def test_a_mailbox_has_so_many_codes_a_day():
    wishes = NOTHING
    for number in range(MOST_CODES):
        wishes = with_code_sent(wishes, HOME, "hash", NOON + timedelta(hours=number))
    with pytest.raises(TooManyCodes):
        with_code_sent(wishes, HOME, "hash", NOON + timedelta(hours=23, minutes=59))
    assert with_code_sent(wishes, HOME, "hash", NOON + timedelta(days=1)).codes == 1


def test_an_address_that_goes_takes_its_trouble_with_it():
    gone = without_address(NoticeWishes(mailbox=ANNA, email=HOME, troubles=TROUBLE))
    assert (gone.email, gone.troubles) == (None, {})
