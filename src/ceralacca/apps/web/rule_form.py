"""The form of one rule: what is typed, kept as typed until it is a rule."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from ceralacca.apps.web.visit import Visit
from ceralacca.core.delivery_rules import LONGEST_TEXT, InvalidRule, MessageSort, Rule
from ceralacca.store.maildir_folders import name_on_disk

_KIB: Final = 1024
_FILES: Final = {"": None, "with": True, "without": False}
_WORD_OF: Final = {value: word for word, value in _FILES.items()}
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleForm:
    """Fields of the form as texts."""

    key: str = ""
    name: str = ""
    folder: str = ""
    """One that is there."""
    new_folder: str = ""
    sorts: Collection[str] = ()
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    at_least: str = ""
    """KiB."""
    at_most: str = ""
    files: str = ""
    try_in: str = "INBOX"

    @classmethod
    def of(cls, rule: Rule | None) -> "RuleForm":
        """Return the form of a rule, or an empty one."""
        if rule is None:
            return cls()
        return cls(
            key=rule.key,
            name=rule.name,
            folder=rule.folder,
            sorts=[one.value for one in rule.sorts],
            sender=rule.sender,
            recipient=rule.recipient,
            subject=rule.subject,
            at_least="" if rule.at_least is None else f"{rule.at_least // _KIB}",
            at_most="" if rule.at_most is None else f"{rule.at_most // _KIB}",
            files=_WORD_OF[rule.files],
        )

    @classmethod
    def read(cls, visit: Visit) -> "RuleForm":
        """Return what was typed."""

        def field(name: str) -> str:
            return visit.field(name).strip()[:_LONGEST]

        return cls(
            key=field("key"),
            name=field("name"),
            folder=field("folder"),
            new_folder=field("new_folder"),
            sorts=visit.fields("sort"),
            sender=field("sender"),
            recipient=field("recipient"),
            subject=field("subject"),
            at_least=field("at_least"),
            at_most=field("at_most"),
            files=field("files"),
            try_in=field("try_in") or "INBOX",
        )

    def for_trial(self) -> "RuleForm":
        """Return it with a name and a folder: conditions can be tried without."""
        named = self.name or "?", self.folder or self.new_folder or "?"
        return replace(self, name=named[0], folder=named[1])


def read_rule(form: RuleForm, key: str, *, active: bool) -> Rule:
    """Return the rule that a form makes. Raises InvalidRule."""
    folder = form.new_folder or form.folder
    if len(folder) <= LONGEST_TEXT and folder and not name_on_disk(folder):
        raise InvalidRule("folder", "that cannot be the name of a folder", remedy="write one without dots")
    return Rule(
        key=key,
        name=form.name,
        folder=folder,
        sorts=frozenset(one for one in MessageSort if one.value in form.sorts),
        sender=form.sender,
        recipient=form.recipient,
        subject=form.subject,
        at_least=_octets(form.at_least),
        at_most=_octets(form.at_most),
        files=_FILES.get(form.files),
        active=active,
    )


def _octets(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRule("size", "that is no size", remedy="give a number of KiB")
    return int(text) * _KIB
