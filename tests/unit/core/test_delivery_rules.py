"""Rules of a mailbox: which fits, in which order, and what cannot be one."""

from dataclasses import replace

import pytest

from ceralacca.core.delivery_rules import (
    MOST_RULES,
    InvalidRule,
    MessageSort,
    Rule,
    Traits,
    first_fitting,
    fits,
    moved,
    switched,
    with_rule,
    without_rule,
)

pytestmark = pytest.mark.requirement("DP-8")

MESSAGE = Traits(
    sort=MessageSort.CERTIFIED,
    senders=("Per conto di: mario.rossi@pec.alfa.example", "Màrio Rossi <mario.rossi@pec.alfa.example>"),
    recipients=("anna@pec.beta.example", "Bruno <bruno@pec.beta.example>"),
    subjects=("POSTA CERTIFICATA: Disdetta del CONTRATTO",),
    octets=20_000,
    files=True,
)


def rule(key="1", **named) -> Rule:
    return Rule(**{"key": key, "name": f"regola {key}", "folder": "Contratti"} | (named or {"subject": "contratto"}))


@pytest.mark.parametrize(
    ("wanted", "yes"),
    [
        ({"sorts": frozenset({MessageSort.CERTIFIED, MessageSort.ANOMALY})}, True),
        ({"sorts": frozenset({MessageSort.DELIVERY})}, False),
        ({"sender": " màRIO rossi "}, True),
        ({"sender": "@pec.alfa.example"}, True),
        ({"sender": "anna@"}, False),
        ({"sender": ".*"}, False),
        ({"recipient": "BRUNO"}, True),
        ({"recipient": "mario"}, False),
        ({"subject": "contratto"}, True),
        ({"subject": "fattura"}, False),
        ({"at_least": 20_000}, True),
        ({"at_least": 20_001}, False),
        ({"at_most": 20_000}, True),
        ({"at_most": 19_999}, False),
        ({"at_least": 0, "at_most": 30_000, "files": True}, True),
        ({"files": False}, False),
        ({"sender": "mario", "subject": "fattura"}, False),
    ],
)
def test_all_conditions_must_hold(wanted, yes):
    assert fits(rule(**wanted), MESSAGE) is yes


@pytest.mark.parametrize("files", [True, False])
def test_what_is_not_known_fits_nobody_who_asks(files):
    assert not fits(rule(files=files), replace(MESSAGE, files=None))


def test_the_first_active_rule_that_fits_counts():
    first, second = rule("1"), rule("2")
    assert first_fitting([rule("0", subject="fattura"), first, second], MESSAGE) == first
    assert first_fitting([replace(first, active=False), second], MESSAGE) == second
    assert first_fitting([rule("0", subject="fattura")], MESSAGE) is None
    assert first_fitting([], MESSAGE) is None


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"sender": "   "}, "empty"),
        ({"sorts": frozenset()}, "empty"),
        ({"name": " ", "subject": "x"}, "text"),
        ({"name": "x" * 81, "subject": "x"}, "text"),
        ({"folder": "", "subject": "x"}, "text"),
        ({"folder": "a\r\nb", "subject": "x"}, "text"),
        ({"subject": "x" * 201}, "text"),
        ({"subject": "x\0"}, "text"),
        ({"at_least": -1}, "size"),
        ({"at_most": 2**40}, "size"),
        ({"at_least": 2, "at_most": 1}, "size"),
    ],
)
def test_what_cannot_be_a_rule_is_refused_with_a_word_for_it(wrong, fault):
    with pytest.raises(InvalidRule) as refused:
        rule(**wrong)
    assert refused.value.fault == fault
    assert refused.value.remedy


def test_rules_are_changed_where_they_stand_and_added_at_the_end():
    rules = with_rule(with_rule((), rule("1")), rule("2"))
    assert [one.key for one in rules] == ["1", "2"]
    changed = replace(rules[0], name="altro")
    assert with_rule(rules, changed) == (changed, rules[1])
    assert without_rule(rules, "1") == rules[1:]
    assert without_rule(rules, "9") == rules
    assert [one.active for one in switched(rules, "2", on=False)] == [True, False]
    full = tuple(rule(f"{number}") for number in range(MOST_RULES))
    with pytest.raises(InvalidRule, match="at most"):
        with_rule(full, rule("new"))
    assert with_rule(full, rule("3")) == full


@pytest.mark.parametrize(
    ("key", "by", "order"), [("1", -1, "123"), ("1", 1, "213"), ("3", -1, "132"), ("3", 1, "123"), ("9", 1, "123")]
)
def test_rules_move_within_their_list(key, by, order):
    rules = tuple(rule(one) for one in "123")
    assert "".join(one.key for one in moved(rules, key, by=by)) == order
