"""Folders and the list of a folder's messages: pages, search, and what can be done to several messages at once.

What is deleted goes to the trash first; from the trash it goes for good, and the page says so.

Clauses: DP-8 (nothing changes but what the holder asks for).
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from starlette.background import BackgroundTask
from starlette.responses import Response

from ceralacca.apps.web.judging import rows_of
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import DelegationEnded, NotSignedIn, Visit, go_to
from ceralacca.base.errors import PecError
from ceralacca.net.header_index import WORTH
from ceralacca.net.imap_mailbox import Folder, NotInMailbox
from ceralacca.net.imap_search import KINDS, Wanted

_PER_PAGE: Final = 25
_FARTHEST: Final = 100_000
_LONGEST: Final = 200
"""Characters of what is searched for."""
_ASKED: Final = ("q", "sender", "subject", "identifier", "kind", "since", "until", "unread", "text")


def show(visit: Visit) -> Response:
    """Show one page of a folder, of all messages or of those that are searched for."""
    name, number = visit.query("folder", "INBOX"), min(max(visit.number("page", 1), 1), _FARTHEST)
    wanted = wanted_of(visit)
    folders = visit.ask(lambda box: box.folders())
    folder = folder_of(folders, name)
    page = visit.ask(lambda box: box.page(name, start=(number - 1) * _PER_PAGE, count=_PER_PAGE, wanted=wanted))
    pages = max(1, -(-page.total // _PER_PAGE))
    response = render(
        visit,
        "rows.html" if visit.by_htmx else "folder.html",
        folders=folders,
        folder=folder,
        rows=rows_of(visit, page),
        total=page.total,
        page=number,
        pages=pages,
        wanted=wanted,
        searching=not wanted.nothing,
        query=asked(visit),
        kinds=tuple(KINDS),
        done=visit.query("done"),
    )
    return learning_afterwards(visit, response, (folder,), wanted)


def act(visit: Visit) -> Response:
    """Do something to the chosen messages."""
    name, what = visit.field("folder", "INBOX"), visit.field("what")
    uids = [int(one) for one in visit.fields("uid") if one.isascii() and one.isdecimal() and len(one) < 11]
    if not uids:
        return go_to("/mail", folder=name, done="none")
    folders = visit.ask(lambda box: box.folders())
    folder = folder_of(folders, name)
    match what:
        case "read" | "unread":
            visit.ask(lambda box: box.mark(name, uids, flag=r"\Seen", on=what == "read"))
        case "trash" if folder.role != "trash":
            trash = _with_role(folders, "trash")
            visit.ask(lambda box: box.move(name, uids, target=trash))
        case "delete" if folder.role == "trash":
            visit.ask(lambda box: box.delete(name, uids))
        case "archive":
            archive = _with_role(folders, "archive")
            visit.ask(lambda box: box.move(name, uids, target=archive))
        case "move":
            target = folder_of(folders, visit.field("target")).name
            visit.ask(lambda box: box.move(name, uids, target=target))
        case _:
            return go_to("/mail", folder=name)
    return go_to("/mail", folder=name, done=what)


def folder_of(folders: tuple[Folder, ...], name: str) -> Folder:
    """Return a folder by its name. Raises NotInMailbox."""
    for one in folders:
        if one.name == name and one.selectable:
            return one
    raise NotInMailbox("there is no such folder", remedy="choose one of the list")


def asked(visit: Visit) -> dict[str, str]:
    """Return what was typed into the form of a search."""
    return {name: visit.query(name).strip()[:_LONGEST] for name in _ASKED}


def wanted_of(visit: Visit) -> Wanted:
    """Read what is searched for; a day or a kind that is none is left out."""
    typed = asked(visit)
    until = day_of(typed["until"])
    return Wanted(
        text=typed["q"],
        sender=typed["sender"],
        subject=typed["subject"],
        identifier=typed["identifier"].strip("<>"),
        kind=typed["kind"] if typed["kind"] in KINDS else "",
        everywhere=bool(typed["text"]),
        since=day_of(typed["since"]),
        before=until + timedelta(days=1) if until else None,
        unseen=bool(typed["unread"]),
    )


def learning_afterwards(visit: Visit, response: Response, folders: Iterable[Folder], wanted: Wanted) -> Response:
    """Let the mailbox learn large folders once the answer is on its way, so that the next search in them is quick."""
    large = [one.name for one in folders if one.selectable and one.total >= WORTH]
    if wanted.headers and large:
        response.background = BackgroundTask(_learn, visit, large)
    return response


def _learn(visit: Visit, folders: Sequence[str]) -> None:
    for name in folders:
        with suppress(PecError, NotSignedIn, DelegationEnded):  # searches stay as slow as they were
            visit.ask(lambda box, name=name: box.learn(name))  # type: ignore[misc]


def day_of(text: str) -> date | None:
    """Read a day as a browser's form gives it; None for what is none."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year < 9000 else None


def _with_role(folders: tuple[Folder, ...], role: str) -> str:
    for one in folders:
        if one.role == role:
            return one.name
    raise NotInMailbox("the mailbox has no such folder", remedy="choose another folder")


ENDPOINTS: Final = (("/mail", show, "GET"), ("/mail/act", act, "POST"))
