"""`pec audit`: who did what with the service, as the audit trail has it. Looking into it is itself recorded."""

import sys
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Purpose, Ticket, Why, told_beforehand
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
from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.core.model.audit import AuditEvent
    from ceralacca.ports.audit import AuditEntry, AuditQuery

commands = typer.Typer(
    name="audit",
    help="The audit trail: who did what with the service, when, from where, and why.",
    no_args_is_help=True,
)
_INSTANT = "TIME"


@commands.command("list")
def list_command(
    *,
    config: Config = DEFAULT_CONFIG,
    act: Annotated[
        list[str] | None,
        typer.Option(help="Only acts of this name, or all of a group: sign-in, mailbox, key.used. Repeatable."),
    ] = None,
    mailbox: Annotated[str | None, typer.Option(help="Only what is about this mailbox.", metavar="ADDRESS")] = None,
    actor: Annotated[str, typer.Option(help="Only what this login, holder or process did.", metavar="NAME")] = "",
    about: Annotated[
        str, typer.Option(help="Only about this identifier, domain, job or certificate.", metavar="WHAT")
    ] = "",
    outcome: Annotated[str | None, typer.Option(help="Only what ended so: done, refused or failed.")] = None,
    since: Annotated[
        str | None, typer.Option(help="From this instant, such as 2026-11-05 or 2026-11-05T10:15Z.", metavar=_INSTANT)
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this instant.", metavar=_INSTANT)] = None,
    before: Annotated[int | None, typer.Option(help="Below this number: the next page.", metavar="NUMBER")] = None,
    limit: Annotated[int, typer.Option(help="Entries shown at most.", min=1, max=10_000)] = 50,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """List events, the newest first.

    Administrators' commands, sign-ins and refusals, use of keys, configuration, extracts and searches of the log.
    Message content is never among them. That you looked is recorded, with your purpose and ticket.
    """
    from ceralacca.core.model.audit import AuditAct, AuditOutcome  # noqa: PLC0415
    from ceralacca.ports.audit import AuditQuery  # noqa: PLC0415

    words = words_of(lang)
    if outcome is not None and outcome not in set(AuditOutcome):
        raise UserError(f"--outcome {outcome}", remedy=f"one of {', '.join(AuditOutcome)}")
    query = AuditQuery(
        acts=frozenset(AuditAct(one) for one in _acts(act or ())),
        mailbox=as_address(mailbox) if mailbox else None,
        actor=actor,
        about=about,
        outcome=AuditOutcome(outcome) if outcome else None,
        since=as_instant("--since", since),
        until=as_instant("--until", until),
        before=before,
        limit=limit,
    )
    with closing(open_store_of(config, words)) as store:
        found = store.audit.search(query)
        told_beforehand(
            store, AuditAct.AUDIT_READ, "pec audit list", Why(purpose, ticket),
            mailbox=query.mailbox, about=about, detail={"entries": len(found), "asked": _asked(query)},
        )  # fmt: skip
    if as_json:
        write_json([plain_entry(entry) for entry in found])
    else:
        _write_list(found, limit, words)


@commands.command("show")
def show_command(
    seq: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of an entry, as `pec audit list` shows it.")],
    *,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show all of one entry. That you looked is recorded."""
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        found = store.audit.entry(seq)
        if found is None:
            raise UserError(f"there is no entry {seq}", remedy="pec audit list shows them")
        told_beforehand(
            store, AuditAct.AUDIT_READ, "pec audit show", Why(purpose, ticket),
            mailbox=found.event.mailbox, about=str(seq),
        )  # fmt: skip
    facts = plain_entry(found)
    if as_json:
        write_json(facts)
        return
    for name, value in {**facts, "act": f"{facts['act']} ({words('audit_act', facts['act'])})"}.items():
        for key, one in value.items() if isinstance(value, dict) else [("", value)]:
            if one not in {None, ""}:
                print(f"{name}{'.' if key else ''}{key}: {visible(str(one))}")


def _write_list(found: "list[AuditEntry]", limit: int, words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    if not found:
        page.line(Run(words("audit", "none")))
        return
    rows = [[Run(words("audit", head), "bold") for head in ("number", "when", "who", "act", "outcome", "about")]]
    for entry in found:
        event = entry.event
        good = event.outcome.value == "done"
        rows.append([
            Run(str(entry.seq)),
            Run(f"{event.instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"),
            Run(visible(event.actor.name or words("audit", "nobody"))),
            Run(words("audit_act", event.act.value)),
            Run(words("audit_outcome", event.outcome.value), "" if good else "yellow"),
            Run(visible("; ".join(_about(event)))),
        ])  # fmt: skip
    page.grid(rows, gap=2)
    if len(found) == limit:
        page.gap()
        page.line(Run(words("audit", "more", before=found[-1].seq), "dim"))


def _about(event: "AuditEvent") -> list[str]:
    """Return what is told of an event on one line: whom and what it was about, its facts, why, from where."""
    facts = [f"{name} {value}" for name, value in event.detail.items()]
    mailbox = "" if event.mailbox is None or event.mailbox.text == event.actor.name else event.mailbox.text
    parts = [mailbox, event.about, *facts, event.purpose, event.ticket and f"#{event.ticket}", event.origin.peer]
    return [part for part in parts if part]


def plain_entry(entry: "AuditEntry") -> dict[str, Any]:
    """Return an entry for programs."""
    event = entry.event
    return {
        "seq": entry.seq,
        "instant": event.instant.isoformat(),
        "act": event.act.value,
        "actor": {"kind": event.actor.kind.value, "name": event.actor.name},
        "origin": {"process": event.origin.process, "host": event.origin.host, "peer": event.origin.peer},
        "outcome": event.outcome.value,
        "mailbox": event.mailbox and event.mailbox.text,
        "about": event.about,
        "purpose": event.purpose,
        "ticket": event.ticket,
        "detail": dict(event.detail),
    }


def _acts(asked: "list[str] | tuple[()]") -> list[str]:
    """Return the acts that are meant: by their whole name, or by that of a group."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    meant: list[str] = []
    for name in asked:
        some = [act.value for act in AuditAct if act == name or act.value.partition(".")[0] == name]
        if not some:
            raise UserError(f"there is no act {name}", remedy=f"one of {', '.join(AuditAct)}")
        meant += some
    return meant


def _asked(query: "AuditQuery") -> str:
    """Return the filters that were set, by name."""
    names = ("acts", "mailbox", "actor", "about", "outcome", "since", "until", "before")
    return " ".join(name for name in names if getattr(query, name)) or "all"
