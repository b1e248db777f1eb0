"""`pec trace`: one transaction from its beginning, as the message log has it."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Purpose, Ticket, Why, told_beforehand
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.words import Words
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from ceralacca.core.model.log import LogRow
    from ceralacca.ports.store import SentMessage


def trace_command(
    identifier: Annotated[
        str,
        typer.Argument(metavar="ID", help="The PEC identifier (identificativo), or the client's Message-ID (msgid)."),
    ],
    *,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Tell one transaction from the message log: every event with both clocks (UTC and Rome), then each recipient.

    Shows addresses: it is for those who may read the log; that you looked is recorded (`pec audit list`).

    Exit status: 0 found, 2 there is none.
    """
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        rows = store.log_of(identifier)
        told_beforehand(
            store,
            AuditAct.LOG_SEARCHED,
            "pec trace",
            Why(purpose, ticket),
            about=identifier,
            detail={"rows": len(rows)},
        )
        named = dict.fromkeys(row.identifier for row in rows if row.identifier)
        sent = [one for name in named if (one := store.sent(name)) is not None]
    if not rows:
        raise UserError(
            f"the log has nothing of {identifier}",
            remedy="give the identifier of a receipt (identificativo), or the Message-ID of what was sent",
        )
    if as_json:
        write_json({"rows": [plain_row(row) for row in rows], "recipients": [plain_states(one) for one in sent]})
    else:
        _write(rows, sent, words)


def _write(rows: "list[LogRow]", sent: "list[SentMessage]", words: Words) -> None:
    from ceralacca.apps.cli.page import Page, Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page: Page = page_for(sys.stdout)
    table = [[Run("UTC", "bold"), Run("Roma", "bold"), Run(words("trace", "event"), "bold"), Run("", "bold")]]
    for row in rows:
        utc, rome = clocks(row.instant)
        about = "; ".join(visible(part) for part in _about(row) if part)
        table.append([Run(utc), Run(rome), Run(words("log_event", row.event.value)), Run(about)])
    page.grid(table, gap=2)
    for one in sent:
        page.gap()
        page.line(Run(words("trace", "recipients", identifier=one.original.identifier), "bold"))
        page.grid(
            [[Run(visible(address.text)), Run(words("state", state.value))] for address, state in one.states.items()],
            indent=2,
            gap=2,
        )


def clocks(instant: "datetime") -> tuple[str, str]:
    """Write an instant in UTC, and its time of day in Rome with the offset."""
    from datetime import UTC  # noqa: PLC0415

    from ceralacca.base.instants import ROME  # noqa: PLC0415

    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}", f"{instant.astimezone(ROME):%H:%M:%S%z}"


def _about(row: "LogRow") -> tuple[str, ...]:
    concerned = row.concerned or tuple(one.address for one in row.recipients)
    return (
        row.kind,
        ", ".join(address.text for address in concerned),
        row.error if row.error not in {"", "nessuno"} else "",
        row.error_detail,
        row.detail,
        row.peer,
        row.tls,
        row.message_id,
    )


def plain_row(row: "LogRow") -> dict[str, Any]:
    """Return a row of the log for programs."""
    return {
        "instant": row.instant.isoformat(),
        "rome": clocks(row.instant)[1],
        "event": row.event.value,
        "identifier": row.identifier,
        "msgid": row.client_message_id,
        "sender": row.sender and row.sender.text,
        "recipients": [{"address": one.address.text, "kind": one.kind.value} for one in row.recipients],
        "subject": row.subject,
        "kind": row.kind,
        "error": row.error,
        "error_detail": row.error_detail,
        "concerned": [address.text for address in row.concerned],
        "message_id": row.message_id,
        "provider": row.provider,
        "peer": row.peer,
        "tls": row.tls,
        "detail": row.detail,
    }


def plain_states(sent: "SentMessage") -> dict[str, Any]:
    """Return the state of each recipient for programs."""
    return {
        "identifier": sent.original.identifier,
        "accepted": sent.accepted.isoformat(),
        "states": {address.text: state.value for address, state in sent.states.items()},
    }
