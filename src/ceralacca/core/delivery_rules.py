"""Rules of a mailbox: into which folder a message goes, decided by its holder beforehand.

Pure: takes rules and what is known of a message, returns the first rule that fits. A rule names a folder and nothing
else: it cannot alter, answer, pass on, delay or drop a message (DP-8). Texts are looked for as they stand, in any case
of letters: there are no patterns, so that no rule can take long.

Clauses: DP-8.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ceralacca.base.errors import UserError

MOST_RULES: Final = 100
"""Of one mailbox."""
LONGEST_NAME: Final = 80
LONGEST_TEXT: Final = 200
"""Characters of a condition or of a folder's name."""
INBOX: Final = ""
"""The folder in which everything is that nobody wants elsewhere."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class InvalidRule(UserError):
    """The rule cannot be kept: `fault` is a word for what is wrong, which the pages have a sentence for."""

    def __init__(self, fault: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.fault = fault


class MessageSort(StrEnum):
    """What a message is to its holder, as the incoming point found it (MO-14)."""

    CERTIFIED = "certified"
    """A transport envelope."""
    ACCEPTANCE = "acceptance"
    DELIVERY = "delivery"
    """A delivery receipt."""
    NOTICE = "notice"
    """Anything else about a message that was sent: not accepted, not delivered, late, virus."""
    ANOMALY = "anomaly"
    """An anomaly envelope: nothing in it is certified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: all its conditions must hold. Raises InvalidRule for what cannot be one."""

    key: str
    """Tells it from the others of its mailbox, in every version of them."""
    name: str
    folder: str
    """As the holder sees it, `/` between a folder and one inside it."""
    sorts: frozenset[MessageSort] = frozenset()
    """Of one of these sorts; empty: of any."""
    sender: str = ""
    """Occurs in the sender's address or name."""
    recipient: str = ""
    """Occurs among the recipients; of a receipt: in the address that it is about."""
    subject: str = ""
    at_least: int | None = None
    """Octets of the whole message."""
    at_most: int | None = None
    files: bool | None = None
    """With attachments, or without any; None: either."""
    active: bool = True

    def __post_init__(self) -> None:
        for text, longest in ((self.name, LONGEST_NAME), (self.folder, LONGEST_TEXT)):
            if not text.strip() or len(text) > longest or _CONTROL.search(text):
                raise InvalidRule("text", "a rule has a name and a folder", remedy="write both, and not too long")
        for text in (self.sender, self.recipient, self.subject):
            if len(text) > LONGEST_TEXT or _CONTROL.search(text):
                raise InvalidRule("text", "a condition is too long, or more than a line", remedy="shorten it")
        for octets in (self.at_least, self.at_most):
            if octets is not None and not 0 <= octets < 2**40:
                raise InvalidRule("size", "that is no size of a message", remedy="give a number of KiB")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise InvalidRule("size", "no message is so small and so large at once", remedy="change one of the sizes")
        if not self.conditions:
            raise InvalidRule("empty", "a rule without conditions would take every message", remedy="give one")

    @property
    def conditions(self) -> int:
        """How many things must hold."""
        given = (self.sorts, self.sender.strip(), self.recipient.strip(), self.subject.strip())
        bounds = (self.at_least, self.at_most, self.files)
        return sum(map(bool, given)) + sum(one is not None for one in bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What is known of a message when it is put into a mailbox."""

    sort: MessageSort
    senders: tuple[str, ...]
    """Addresses and names."""
    recipients: tuple[str, ...]
    subjects: tuple[str, ...]
    """Its own, and that of the message it is about."""
    octets: int
    files: bool | None
    """Whether it brings attachments; None: it could not be looked into (SE-7), and no rule that asks fits."""


def first_fitting(rules: Sequence[Rule], traits: Traits) -> Rule | None:
    """Return the first active rule that fits, None when none does: then the message goes to the inbox."""
    return next((rule for rule in rules if rule.active and fits(rule, traits)), None)


def fits(rule: Rule, traits: Traits) -> bool:
    """Say whether all conditions of a rule hold, whether it is active or not."""
    return (
        (not rule.sorts or traits.sort in rule.sorts)
        and _occurs(rule.sender, traits.senders)
        and _occurs(rule.recipient, traits.recipients)
        and _occurs(rule.subject, traits.subjects)
        and (rule.at_least is None or traits.octets >= rule.at_least)
        and (rule.at_most is None or traits.octets <= rule.at_most)
        and (rule.files is None or traits.files is rule.files)
    )


def _occurs(wanted: str, texts: Collection[str]) -> bool:
    key = wanted.strip().casefold()
    return not key or any(key in text.casefold() for text in texts)


# -- changes to the rules of a mailbox ----------------------------------------------------------------------


def with_rule(rules: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """Return the rules with one changed where it stands, or added at the end. Raises InvalidRule: too many."""
    if any(one.key == rule.key for one in rules):
        return tuple(rule if one.key == rule.key else one for one in rules)
    if len(rules) >= MOST_RULES:
        raise InvalidRule("most", f"a mailbox has at most {MOST_RULES} rules", remedy="delete one first")
    return (*rules, rule)


def without_rule(rules: Sequence[Rule], key: str) -> tuple[Rule, ...]:
    """Return the rules without one."""
    return tuple(one for one in rules if one.key != key)


def moved(rules: Sequence[Rule], key: str, *, by: int) -> tuple[Rule, ...]:
    """Return the rules with one moved up (-1) or down (1); at the end of the list it stays."""
    found = [*rules]
    at = next((place for place, one in enumerate(found) if one.key == key), None)
    if at is not None and 0 <= at + by < len(found):
        found.insert(at + by, found.pop(at))
    return tuple(found)


def switched(rules: Sequence[Rule], key: str, *, on: bool) -> tuple[Rule, ...]:
    """Return the rules with one switched on or off."""
    return tuple(replace(one, active=on) if one.key == key else one for one in rules)
