"""`pec log search`: rows of the message log by transaction, mailbox, counterpart, period, event and outcome.

For those who answer requests. Each search is recorded in the audit trail with its purpose, before anything is shown.

Clauses: LO-1, LO-2, LO-8.
"""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Ticket, Why, told_beforehand
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    as_address,
    as_instant,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.trace import clocks, plain_row
from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.core.model.log import LogEvent
    from ceralacca.ports.log_search import LogEntry, LogQuery, Place

_ADDRESS, _TIME = "ADDRESS", "TIME"


def search_command(
    *,
    identifier: Annotated[
        str | None, typer.Option("--id", help="PEC identifier (identificativo), to the letter.", metavar="ID")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--msgid", help="The client's Message-ID, with or without <>.", metavar="ID")
    ] = None,
    mailbox: Annotated[
        str | None, typer.Option(help="The mailbox that sent, or that the event is about.", metavar=_ADDRESS)
    ] = None,
    role: Annotated[str, typer.Option(help="What the mailbox was: sender, recipient or either.")] = "either",
    counterpart: Annotated[
        str | None, typer.Option("--with", help="The other side: recipient or sender.", metavar=_ADDRESS)
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="From this instant, such as 2026-11-05 or 2026-11-05T10:15Z.", metavar=_TIME),
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this instant.", metavar=_TIME)] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="Only this event, such as acceptance or delivery-failure. Repeatable.")
    ] = None,
    error: Annotated[
        list[str] | None, typer.Option(help="Only this `errore`: no-dest, no-dominio, virus, altro. Repeatable.")
    ] = None,
    failed: Annotated[
        bool | None, typer.Option("--failed/--good", help="Only rows with an error, or only those without.")
    ] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="The other order.")] = False,
    after: Annotated[
        str | None, typer.Option(help="The next page: what the last one said in its end.", metavar="PLACE")
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows shown at most.", min=1, max=10_000)] = 50,
    purpose: Annotated[
        str, typer.Option(help="Why you search, in a few words: kept in the audit trail.", metavar="TEXT")
    ] = "",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Find rows of the message log, the newest first.

    Conditions are joined by "and". An event about some recipients belongs to the sender and to those; one about
    the whole message, such as its acceptance, to all. Shows addresses: it asks for your purpose and records it with
    the search (`pec audit list`). All of one transaction: `pec trace ID`.

    Exit status: 0 found, 1 nothing found, 2 it could not be asked.

    Examples:
      pec log search --mailbox anna@alfa.example --from 2026-11-01 --to 2026-12-01 --purpose "request 12/2026"

      pec log search --failed --from 2026-11-05 --purpose "morning check"
    """
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.ports.log_search import LogQuery, MailboxRole  # noqa: PLC0415

    words = words_of(lang)
    if not purpose.strip():
        raise UserError("a search of the log needs its purpose", remedy='add --purpose "why", and --ticket if any')
    if role not in set(MailboxRole):
        raise UserError(f"--role {role}", remedy=f"one of {', '.join(MailboxRole)}")
    query = LogQuery(
        identifier=identifier,
        client_message_id=message_id,
        mailbox=as_address(mailbox) if mailbox else None,
        role=MailboxRole(role),
        counterpart=as_address(counterpart) if counterpart else None,
        since=as_instant("--from", since),
        until=as_instant("--to", until),
        events=_events(event or ()),
        errors=frozenset(error or ()),
        failed=failed,
        newest_first=not oldest_first,
        after=_place(after),
        limit=limit,
    )
    with closing(open_store_of(config, words)) as store:
        found = store.search_log(query)
        told_beforehand(
            store, AuditAct.LOG_SEARCHED, "pec log search", Why(purpose, ticket), mailbox=query.mailbox,
            about=identifier or message_id or "", detail={"rows": len(found), "asked": asked(query)},
        )  # fmt: skip
    if as_json:
        more = place_text(found[-1].place) if len(found) == limit else None
        write_json({"rows": [{"number": one.seq, **plain_row(one.row)} for one in found], "after": more})
    else:
        _write(found, query, words)
    if not found:
        raise typer.Exit(1)


def asked(query: "LogQuery") -> str:
    """Name the conditions of a search for the audit trail; mailbox and transaction have their own places there."""
    said = [
        ("role", query.role.value if query.role != "either" else ""),
        ("with", query.counterpart.text if query.counterpart else ""),
        ("from", query.since.isoformat() if query.since else ""),
        ("to", query.until.isoformat() if query.until else ""),
        ("event", ",".join(sorted(query.events))),
        ("error", ",".join(sorted(query.errors))),
        ("failed", "" if query.failed is None else str(query.failed).lower()),
    ]
    return " ".join(f"{name}={value}" for name, value in said if value)


def _events(names: "list[str] | tuple[str, ...]") -> "frozenset[LogEvent]":
    from ceralacca.core.model.log import LogEvent  # noqa: PLC0415

    for name in names:
        if name not in set(LogEvent):
            raise UserError(f"there is no event {name}", remedy=f"one of {', '.join(LogEvent)}")
    return frozenset(map(LogEvent, names))


def place_text(place: "Place") -> str:
    """Write where a page ended."""
    return f"{place.instant.isoformat()},{place.seq}"


def _place(text: str | None) -> "Place | None":
    from ceralacca.ports.log_search import Place  # noqa: PLC0415

    if text is None:
        return None
    instant, _, seq = text.rpartition(",")
    at = as_instant("--after", instant or text)
    if at is None or not seq.isdecimal():
        raise UserError(f"--after {text}", remedy="give what the page before said in its end")
    return Place(at, int(seq))


def _write(found: "list[LogEntry]", query: "LogQuery", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    if not found:
        page.line(Run(words("log_search", "none"), "bold"))
        page.line(Run(words("log_search", "none_hint")))
        return
    heads = (words("log_search", "number"), "UTC", "Roma", words("trace", "event"), words("log_search", "parties"))
    table = [[Run(head, "bold") for head in heads]]
    for entry in found:
        row = entry.row
        utc, rome = clocks(row.instant)
        event = Run(words("log_event", row.event.value), "red" if row.is_failure else "")
        table.append([Run(str(entry.seq)), Run(utc), Run(rome), event, Run(visible(_parties(row)))])
    page.grid(table, gap=2)
    if len(found) == query.limit:
        page.gap()
        page.line(Run(words("log_search", "more", after=place_text(found[-1].place)), "dim"))


def _parties(row: Any) -> str:
    """Return what is told of a row on one line: who, to whom, which transaction, what went wrong."""
    whom = ", ".join(address.text for address in row.about_whom[:3])
    if len(row.about_whom) > 3:
        whom += f", + {len(row.about_whom) - 3}"
    sides = " > ".join(part for part in (row.sender.text if row.sender else "", whom) if part)
    wrong = " ".join(part for part in (row.error if row.is_failure else "", row.error_detail) if part)
    return "; ".join(part for part in (sides, row.identifier or row.client_message_id, wrong, row.detail) if part)
