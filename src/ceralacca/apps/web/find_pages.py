"""Find: the same search as in a folder, over all folders of the mailbox, the newest first.

Every folder is asked for as many messages as the page may need; what the page shows is judged as in any list.

Clauses: GE-8.
"""

from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.folder_pages import asked, learning_afterwards, wanted_of
from ceralacca.apps.web.judging import Row, rows_of
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit
from ceralacca.net.imap_mailbox import Folder, Listed, NotInMailbox, Page
from ceralacca.net.imap_search import KINDS, Wanted

_PER_PAGE: Final = 25
_FARTHEST: Final = 40
"""Pages: who has so many hits narrows the search."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRow:
    """One line of what was found, with the folder that it is in."""

    folder: Folder
    row: Row


def show(visit: Visit) -> Response:
    """Show what was found in all folders."""
    wanted, number = wanted_of(visit), min(max(visit.number("page", 1), 1), _FARTHEST)
    folders = visit.ask(lambda box: box.folders())
    total, rows = (0, []) if wanted.nothing else _found(visit, folders, wanted, first=(number - 1) * _PER_PAGE)
    response = render(
        visit,
        "found.html",
        folders=folders,
        rows=rows,
        total=total,
        page=number,
        pages=min(max(1, -(-total // _PER_PAGE)), _FARTHEST),
        searching=not wanted.nothing,
        query=asked(visit),
        kinds=tuple(KINDS),
    )
    return learning_afterwards(visit, response, folders, wanted)


def _found(visit: Visit, folders: tuple[Folder, ...], wanted: Wanted, *, first: int) -> tuple[int, list[FoundRow]]:
    """Return how many messages were found, and one page of them."""
    searched = [
        (folder, page)
        for folder in folders
        if folder.selectable and (page := _search(visit, folder.name, wanted, count=first + _PER_PAGE)) is not None
    ]
    hits = [(listed, at) for at, (_, page) in enumerate(searched) for listed in page.messages]
    hits.sort(key=lambda hit: (hit[0].arrived, -hit[1], hit[0].uid), reverse=True)
    shown = hits[first : first + _PER_PAGE]
    rows = {
        (at, row.listed.uid): row
        for at, (_, page) in enumerate(searched)
        for row in rows_of(visit, replace(page, messages=_of(shown, at)))
    }
    found = [FoundRow(folder=searched[at][0], row=rows[at, listed.uid]) for listed, at in shown]
    return sum(page.total for _, page in searched), found


def _search(visit: Visit, folder: str, wanted: Wanted, *, count: int) -> Page | None:
    try:
        return visit.ask(lambda box: box.page(folder, start=0, count=count, wanted=wanted))
    except NotInMailbox:  # deleted meanwhile
        return None


def _of(hits: list[tuple[Listed, int]], at: int) -> tuple[Listed, ...]:
    return tuple(listed for listed, where in hits if where == at)


ENDPOINTS: Final = (("/find", show, "GET"),)
