"""Rules: the holder says into which folder mail goes as it comes; nothing here needs a script.

Every change makes a new version of all rules and can be undone; who had the page open before another change is told to
look again. A rule is tried on messages that are there before it is switched on. The delivery point does the rest.

Clauses: DP-8; threats.md 29.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.pages import render
from ceralacca.apps.web.rule_form import RuleForm, read_rule
from ceralacca.apps.web.safety_pages import record_act
from ceralacca.apps.web.visit import Visit, go_to, holder_only
from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.delivery_rules import (
    InvalidRule,
    MessageSort,
    Rule,
    Traits,
    first_fitting,
    moved,
    switched,
    with_rule,
    without_rule,
)
from ceralacca.core.model.audit import AuditAct
from ceralacca.formats.received import read_received
from ceralacca.net.imap_mailbox import Folder, Listed, MailboxRefused, NotInMailbox
from ceralacca.ports.delivery_rules import RuleBook, RulesChanged
from ceralacca.services.choose_folder import sort_of_row, traits_of

_PAGE: Final = "/rules"
_TRIED: Final = 50
"""Messages that a rule is tried on: the newest of a folder."""
_LARGEST_TRIED: Final = 2**20
NEVER: Final = frozenset({"inbox", "sent", "drafts", "trash"})
"""Folders by role that no rule leads to: what comes must not lie among copies of one's own, drafts or rubbish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One message that a rule was tried on, and that it fits."""

    folder: str
    uid: int
    arrived: datetime
    subject: str
    sender: str
    taken_by: str
    """Name of an earlier rule that would have it first; empty when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying a rule."""

    looked_at: int
    left_out: int
    """Too large to try here, or no message that was delivered."""
    fitting: tuple[Tried, ...]


def show(visit: Visit) -> Response:
    """Show the rules in their order."""
    mailbox, books = holder_only(visit), visit.parts.rules
    book = books.current(mailbox)
    return render(
        visit,
        "rules.html",
        book=book,
        there=[one.name for one in _targets(visit)],
        may_undo=book.version > 0 and books.earlier(mailbox, book.version - 1) is not None,
        done=visit.query("done"),
        status=409 if visit.query("done") == "changed" else 200,
    )


def edit(visit: Visit) -> Response:
    """Show one rule to be changed, or an empty form."""
    book = visit.parts.rules.current(holder_only(visit))
    key = visit.query("key")
    rule = next((one for one in book.rules if one.key == key), None)
    if key and rule is None:
        return go_to(_PAGE, done="changed")
    return _form(visit, book, RuleForm.of(rule), version=book.version)


def save(visit: Visit) -> Response:
    """Try a rule, or keep it switched on or off."""
    book = visit.parts.rules.current(holder_only(visit))
    form, what = RuleForm.read(visit), visit.field("what")
    try:
        rule = read_rule(
            form if what != "try" else form.for_trial(),
            visit.field("key") or visit.parts.entropy(6).hex(),
            active=what == "on",
        )
        if what == "try":
            trial = _try(visit, with_rule(book.rules, replace(rule, active=True)), rule.key, form.try_in)
            return _form(visit, book, form, version=visit.number("version"), trial=trial)
        rules = with_rule(book.rules, rule)
        _make_folder(visit, rule.folder)
    except InvalidRule as wrong:
        return _form(visit, book, form, version=visit.number("version"), fault=wrong.fault, status=400)
    except MailboxRefused as refused:
        answer = refused.answer
        return _form(visit, book, form, version=visit.number("version"), fault="refused", answer=answer, status=400)
    return _change(visit, book, rules, what="kept", about=rule.key)


def act(visit: Visit) -> Response:
    """Move a rule, switch it, or delete it."""
    book, key, what = visit.parts.rules.current(holder_only(visit)), visit.field("key"), visit.field("what")
    match what:
        case "up" | "down":
            rules = moved(book.rules, key, by=-1 if what == "up" else 1)
        case "on" | "off":
            rules = switched(book.rules, key, on=what == "on")
        case "delete":
            rules = without_rule(book.rules, key)
        case _:
            return go_to(_PAGE)
    return _change(visit, book, rules, what=what, about=key)


def undo(visit: Visit) -> Response:
    """Have the rules again as they were before the last change."""
    book = visit.parts.rules.current(holder_only(visit))
    before = visit.parts.rules.earlier(book.mailbox, book.version - 1)
    if before is None:
        return go_to(_PAGE)
    return _change(visit, book, before.rules, what="undone", about="")


# -- inside -------------------------------------------------------------------------------------------------


def _change(visit: Visit, book: RuleBook, rules: Sequence[Rule], *, what: str, about: str) -> Response:
    """Make the next version of what the holder had before the eyes."""
    if visit.number("version") != book.version:
        return go_to(_PAGE, done="changed")
    if tuple(rules) == book.rules:
        return go_to(_PAGE)
    try:
        made = visit.parts.rules.change(replace(book, rules=tuple(rules)), now=visit.parts.clock.now())
    except RulesChanged:
        return go_to(_PAGE, done="changed")
    record_act(visit, AuditAct.RULES_CHANGED, about, {"what": what, "version": made.version})
    return go_to(_PAGE, done=what)


def _form(
    visit: Visit,
    book: RuleBook,
    form: RuleForm,
    *,
    version: int,
    trial: Trial | None = None,
    fault: str = "",
    answer: str = "",
    status: int = 200,
) -> Response:
    targets = _targets(visit)
    return render(
        visit,
        "rule.html",
        status=status,
        rule=form,
        known=any(one.key == form.key for one in book.rules),
        version=version,
        targets=targets,
        tried_in=[one for one in visit.ask(lambda box: box.folders()) if one.selectable],
        sorts=tuple(MessageSort),
        trial=trial,
        fault=fault,
        answer=answer,
    )


def _targets(visit: Visit) -> list[Folder]:
    return [one for one in visit.ask(lambda box: box.folders()) if one.selectable and one.role not in NEVER]


def _make_folder(visit: Visit, name: str) -> None:
    """See that the mail server has the folder, on disk too. Raises InvalidRule, MailboxRefused."""
    folders = {one.name: one for one in visit.ask(lambda box: box.folders())}
    known = folders.get(name)
    if known is not None and known.role in NEVER:
        raise InvalidRule("folder", "no rule leads to this folder", remedy="choose another one")
    if known is None:
        visit.ask(lambda box: box.create(name))
    visit.ask(lambda box: box.page(name, start=0, count=1))  # one that the settings name is made when it is opened


def _try(visit: Visit, rules: Sequence[Rule], key: str, folder: str) -> Trial:
    """Try one of the rules on the newest messages of a folder."""
    page = visit.ask(lambda box: box.page(folder, start=0, count=_TRIED))
    looked_at = [(one, traits) for one in page.messages if (traits := _traits(visit, folder, one)) is not None]
    alone = [one for one in rules if one.key == key]
    fitting = tuple(
        Tried(
            folder=folder,
            uid=listed.uid,
            arrived=listed.arrived,
            subject=traits.subjects[0],
            sender=next((one for one in traits.senders if one), ""),
            taken_by=first.name if (first := first_fitting(rules, traits)) and first.key != key else "",
        )
        for listed, traits in looked_at
        if first_fitting(alone, traits)
    )
    return Trial(looked_at=len(looked_at), left_out=len(page.messages) - len(looked_at), fitting=fitting)


def _traits(visit: Visit, folder: str, listed: Listed) -> Traits | None:
    """Return what a rule may ask of a message that is there; None for one that is not tried."""
    if listed.size > _LARGEST_TRIED:
        return None
    try:
        received = read_received(visit.ask(lambda box: box.fetch(folder, listed.uid)))
    except (UnreadableMessage, NotInMailbox):
        return None
    return traits_of(received, sort_of_row(received.row), visit.mailbox) if received.row else None


ENDPOINTS: Final = (
    (_PAGE, show, "GET"),
    ("/rules/edit", edit, "GET"),
    ("/rules/save", save, "POST"),
    ("/rules/act", act, "POST"),
    ("/rules/undo", undo, "POST"),
)
