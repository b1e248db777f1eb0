"""The own log: what the provider's log says of the mailbox's messages, found and paged, and the signed extract of it.

Every row goes through `core.log_extract.seen_by`, the whole of the privacy rule, whatever was searched for. The extract
is drawn by the role that has the log's key; its purpose is asked for and recorded.

Clauses: LO-1, LO-2, LO-5, LO-8, TI-3.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.own_pages import asked, own_mailbox
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit
from ceralacca.base.instants import ROME
from ceralacca.core.log_extract import HOLDERS_EVENTS, seen_by
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.errand import Errand
from ceralacca.ports.log_search import LogEntry, LogQuery, Place

_PAGE: Final = "/own/log"
_PER_PAGE: Final = 50
_MOST_LOOKS: Final = 20
"""Searches for one page, when most of what is found is not for this holder."""
_LONGEST: Final = 300


def show(visit: Visit) -> Response:
    """Show a page of rows."""
    return _page(visit)


def extract(visit: Visit) -> Response:
    """Ask for an extract of what the page shows the search for."""
    whose = own_mailbox(visit)
    purpose = " ".join(visit.field("purpose").split())[:_LONGEST]
    since, until = _begin(visit.field("since")), _end(visit.field("until"))
    if not purpose:
        return _page(visit, fault="purpose", status=400)
    if since is not None and until is not None and until <= since:
        return _page(visit, fault="period", status=400)
    wanted = {
        "purpose": purpose,
        "since": since.isoformat() if since else "",
        "until": until.isoformat() if until else "",
        "message": visit.field("message").strip()[:_LONGEST],
        "language": visit.words.language,
        "peer": visit.peer,
    }

    def ask() -> Errand:
        return visit.parts.desk.extract(whose, {name: value for name, value in wanted.items() if value})

    return asked(visit, ask, None, _page)


def _page(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    whose = own_mailbox(visit)
    counterpart, wrong = _address(visit.query("with"))
    event = visit.query("event")
    query = LogQuery(
        mailbox=whose,
        counterpart=counterpart,
        since=_begin(visit.query("since")),
        until=_end(visit.query("until")),
        events=frozenset({LogEvent(event)}) if event in HOLDERS_EVENTS else frozenset(),
        after=_place(visit.query("after")),
        limit=_PER_PAGE,
    )
    named = visit.query("id").strip()[:_LONGEST]
    rows, more = ([], None) if wrong else _rows(visit, whose, query, named)
    return render(
        visit,
        "log.html",
        status=status,
        rows=rows,
        more=f"{more.instant.isoformat()}~{more.seq}" if more else "",
        events=[one.value for one in LogEvent if one in HOLDERS_EVENTS],
        asked={name: visit.query(name)[:_LONGEST] for name in ("since", "until", "with", "id", "event")},
        wrong=wrong,
        fault=fault,
        extracts=visit.parts.desk.extracts,
        purpose=visit.field("purpose")[:_LONGEST],
    )


def _rows(visit: Visit, whose: Address, query: LogQuery, named: str) -> tuple[list[LogRow], Place | None]:
    """Return the rows of one page as this holder may see them, and where the next page begins."""
    if named:
        plain = replace(query, mailbox=None, counterpart=None, identifier=named.strip("<>"))
        found, more = _found(visit, whose, plain)
        if not found and query.after is None:
            found, more = _found(visit, whose, replace(plain, identifier=None, client_message_id=named))
        return found, more
    return _found(visit, whose, query)


def _found(visit: Visit, whose: Address, query: LogQuery) -> tuple[list[LogRow], Place | None]:
    found: list[LogRow] = []
    for _ in range(_MOST_LOOKS):
        entries: list[LogEntry] = visit.parts.log.search_log(query)
        for entry in entries:
            seen = seen_by(whose, entry.row)
            if seen is not None:
                found.append(seen)
            if len(found) == _PER_PAGE:
                return found, entry.place
        if len(entries) < query.limit:
            return found, None
        query = replace(query, after=entries[-1].place)
    return found, query.after


def _address(text: str) -> tuple[Address | None, bool]:
    """Return the counterpart, and whether what was typed is none."""
    text = text.strip()[:_LONGEST]
    if not text:
        return None, False
    try:
        return Address.parse(text), False
    except InvalidAddress:
        return None, True


def _begin(text: str) -> datetime | None:
    """Return the beginning of a day in legal time."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), ROME).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _end(text: str) -> datetime | None:
    try:
        return _begin((date.fromisoformat(text) + timedelta(days=1)).isoformat())
    except (ValueError, OverflowError):
        return None


def _place(text: str) -> Place | None:
    instant, _, number = text.partition("~")
    try:
        at = datetime.fromisoformat(instant)
    except ValueError:
        return None
    return Place(at, int(number)) if at.tzinfo and number.isdecimal() and len(number) < 19 else None


ENDPOINTS: Final = ((_PAGE, show, "GET"), ("/own/extract", extract, "POST"))
