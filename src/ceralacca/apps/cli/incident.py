"""`pec incident`: the register of incidents, malfunctions and planned work (circular 51/2006; record P02)."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli import period
from ceralacca.apps.cli.audited import Ticket, Why, audited
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.core.model.disservice import Disservice

commands = typer.Typer(
    name="incident",
    help="The register of incidents, malfunctions and planned work: add, list, close.",
    no_args_is_help=True,
)
_TIME = "2026-11-05T10:15+01:00"
_KINDS = "planned|incident|malfunction"
_LONG_AGO, _FAR = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
Begins = Annotated[str, typer.Option(metavar=_TIME, help="When it began or will begin; without an offset: legal time.")]
Ends = Annotated[str | None, typer.Option(metavar=_TIME, help="When it ended or will end.")]


@commands.command("add", no_args_is_help=True)
def add_command(
    *,
    kind: Annotated[str, typer.Option(metavar=_KINDS, help="TipoDisservizio of P02: 01, 02 or 03.")],
    begins: Begins,
    what: Annotated[str, typer.Option(metavar="TEXT", help="In a few words, without an address of a holder.")],
    ends: Ends = None,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="1-5",
            help="Table A of circular 51/2006: 1 anomalous, not circumscribed; 2 anomalous, circumscribed; 3 blocking; "
            "4 serious; 5 malfunction. Not for planned work.",
        ),
    ] = None,
    found_by: Annotated[str, typer.Option(metavar="A|B", help="A: found by the provider; B: by third parties.")] = "A",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Enter an incident, a malfunction, or planned work.

    Planned work is told apart in P02 when it was entered before it began; it counts as time down all the same.
    Entries are closed, never changed or deleted.
    """
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.core.model.disservice import Disservice, DisserviceKind, FoundBy, IncidentCode  # noqa: PLC0415

    words, now = words_of(lang), SystemClock().now()
    entry = Disservice(
        kind=DisserviceKind[_one_of("--kind", kind.upper(), DisserviceKind.__members__)],
        begins=_instant("--begins", begins),
        ends=_instant("--ends", ends) if ends else None,
        recorded=now,
        code=IncidentCode(_one_of("--code", code, set(IncidentCode))) if code else None,
        found_by=FoundBy(_one_of("--found-by", found_by.upper(), set(FoundBy))),
        what=what,
    )
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.INCIDENT, "pec incident add", Why(what, ticket), about=entry.kind.name.lower()),
    ):
        number = store.disservices.add(entry)
    if as_json:
        write_json({"number": number})
    else:
        print(words("incident", "added", number=number))


@commands.command("close", no_args_is_help=True)
def close_command(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As `pec incident list` shows it.")],
    *,
    remedy: Annotated[str, typer.Option(metavar="TEXT", help="What was done.")],
    ends: Ends = None,
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    lang: Lang = None,
) -> None:
    """Close an entry: say when it ended (by default now) and what was done."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words, now = words_of(lang), SystemClock().now()
    until = _instant("--ends", ends) if ends else now
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.INCIDENT, "pec incident close", Why(remedy, ticket), about=str(number)),
    ):
        store.disservices.close(number, ends=until, remedy=remedy, now=now)
    print(words("incident", "closed", number=number))


@commands.command("list")
def list_command(
    *,
    begin: period.From = None,
    end: period.To = None,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show the register, or what was in it between two days."""
    words = words_of(lang)
    since, until = period.since(begin), period.until(end)
    period.in_order(since, until)
    with closing(open_store_of(config, words)) as store:
        entries = store.disservices.entries(since=since or _LONG_AGO, until=until or _FAR)
    if as_json:
        write_json([plain_entry(one) for one in entries])
        return
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    if not entries:
        page.line(Run(words("incident", "none")))
        return
    heads = ("number", "begins", "ends", "kind", "code", "what")
    rows = [[Run(words("incident", head), "bold") for head in heads]]
    for one in entries:
        lasts = Run(words("incident", "lasts"), "bold red")
        rows.append(
            [
                Run(str(one.number)),
                Run(f"{one.begins:%Y-%m-%d %H:%M} UTC"),
                Run(f"{one.ends:%Y-%m-%d %H:%M} UTC") if one.ends else lasts,
                Run(words("disservice_kind", one.kind.value)),
                Run(f"{one.code.value}{one.found_by.value}" if one.code else ""),
                Run(visible(f"{one.what}{' - ' + one.remedy if one.remedy else ''}")),
            ]
        )
    page.grid(rows, gap=2)


def plain_entry(one: "Disservice") -> dict[str, Any]:
    """Return an entry for programs."""
    return {
        "number": one.number,
        "kind": one.kind.value,
        "begins": one.begins.isoformat(),
        "ends": one.ends.isoformat() if one.ends else None,
        "code": one.code.value if one.code else None,
        "found_by": one.found_by.value,
        "what": one.what,
        "remedy": one.remedy,
        "recorded": one.recorded.isoformat(),
        "closed": one.closed.isoformat() if one.closed else None,
    }


def _instant(option: str, text: str) -> datetime:
    instant = period.since(text)
    assert instant is not None, f"{option} was given"
    return instant


def _one_of(option: str, text: str, known: Any) -> str:
    if text not in known:
        raise UserError(f"{option} {text}", remedy=f"one of {', '.join(str(one).lower() for one in known)}")
    return text
