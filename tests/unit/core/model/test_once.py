"""What is made of a frozen value once: for this very instance, never for another one that is equal."""

import copy
import pickle
from dataclasses import replace

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData, Recipient
from ceralacca.core.model.notification import RecipientKind

MARIO = Address("mario@pec.alfa.example")
ORIGINAL = OriginalData(
    sender=MARIO,
    recipients=(Recipient(address=MARIO, kind=RecipientKind.CERTIFIED),),
    reply_to=MARIO.text,
    subject="Prova",
    identifier="pec1@alfa.example",
    client_message_id=None,
)


def test_it_is_made_once_by_each_that_makes_something():
    calls = []

    def sender(original):
        calls.append(original)
        return original.sender.text

    original = replace(ORIGINAL)
    assert [original.once(sender), original.once(sender)] == [MARIO.text, MARIO.text]
    assert original.once(lambda one: one.subject) == "Prova"
    assert calls == [original]


def test_equal_values_that_are_spelled_differently_have_each_their_own():
    other = replace(ORIGINAL, sender=Address("MARIO@pec.alfa.example"))
    assert other == ORIGINAL
    assert [one.once(lambda one: one.sender.text) for one in (ORIGINAL, other)] == [MARIO.text, other.sender.text]


def test_a_value_is_the_same_whether_something_was_made_of_it_or_not():
    fresh, used = replace(ORIGINAL), replace(ORIGINAL)
    used.once(repr)
    assert (used, hash(used), repr(used)) == (fresh, hash(fresh), repr(fresh))
    for again in (copy.copy(used), copy.deepcopy(used), pickle.loads(pickle.dumps(used))):
        assert again == used
        assert again.once(lambda one: one.subject) == "Prova"
