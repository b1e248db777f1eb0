"""`pec log extract`: what the log has of one mailbox, signed, for the holder (LO-8)."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli import period
from ceralacca.apps.cli.audited import Ticket, Why, told_beforehand
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    as_address,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError, WorldError

if TYPE_CHECKING:
    from ceralacca.services.extract_log import Finished

_LANGUAGES = ("it", "en")


def extract_command(
    *,
    mailbox: Annotated[str, typer.Option(metavar="ADDRESS", help="Whose messages; the mailbox may be closed.")],
    purpose: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Why: who asked, and how they were identified. It stands in the extract."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; made when it is not there.")],
    begin: period.From = None,
    end: period.To = None,
    message: Annotated[
        str | None,
        typer.Option(metavar="ID", help="One message alone: its identificativo, or the Message-ID of the client."),
    ] = None,
    pages: Annotated[str, typer.Option(metavar="it|en|it,en", help="Languages of the pages for people.")] = "it",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Draw an extract of the log for a holder: pages for people and JSON for programs, both signed and stamped.

    All events of the mailbox in the period, message by message: for what it sent the outcome of every recipient, for
    what it got only its own. Nothing of anybody else, and never content. A message with an event in the period is told
    whole. What is left of each receipt is said: the receipt itself (pec receipt again), its hash, or the log alone.

    Signed with the key of the log (message_log.keys), time stamps beside the files when the authority answers. Each
    extract is recorded in the audit trail with its purpose before it is written. Exit status: 0 done, 2 not possible.
    """
    from ceralacca.apps.log_extract import extract_hand, new_reference  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.core.log_extract import Selection  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.services.extract_log import draw, finish  # noqa: PLC0415
    from ceralacca.services.shelf import Shelf  # noqa: PLC0415

    words, now = words_of(lang), SystemClock().now()
    if not purpose.strip():
        raise UserError("an extract needs its purpose", remedy="say who asked for it and how they were identified")
    selection = Selection(
        mailbox=as_address(mailbox), since=period.since(begin), until=period.until(end), identifier=message
    )
    period.in_order(selection.since, selection.until)
    settings = load_settings(config, words)
    hand = extract_hand(settings, _languages(pages))
    with closing(open_store_of(config, words)) as store:
        drawn = draw(
            store,
            selection,
            shelf=Shelf(store),
            own_domains=store.domains(),
            reference=new_reference(now),
            provider=settings.provider.name,
            made=now,
            purpose=purpose,
        )
        finished = finish(drawn, hand)
        told_beforehand(
            store, AuditAct.LOG_EXTRACTED, "pec log extract", Why(purpose, ticket),
            mailbox=selection.mailbox, about=drawn.reference, detail=_detail(finished),
        )  # fmt: skip
    paths = _write(out, finished)
    if as_json:
        write_json({**_detail(finished), "stamped": finished.stamped, "files": [str(path) for path in paths]})
    else:
        _tell(finished, paths, words)


def _languages(pages: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(one.strip().lower() for one in pages.split(",")))
    if not set(chosen) <= set(_LANGUAGES):
        raise UserError(f"--pages {pages}", remedy="give it, en, or it,en")
    return chosen


def _detail(finished: "Finished") -> dict[str, Any]:
    drawn = finished.extract
    selection = drawn.selection
    facts = {
        "reference": drawn.reference,
        "since": selection.since.isoformat() if selection.since else "",
        "until": selection.until.isoformat() if selection.until else "",
        "message": selection.identifier or "",
        "messages": len(drawn.transactions),
        "rows": drawn.rows,
    }
    return {name: value for name, value in facts.items() if value != ""}


def _write(folder: Path, finished: "Finished") -> list[Path]:
    from ceralacca.store.durable_files import put_file  # noqa: PLC0415

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in finished.files:
            put_file(folder / file.name, file.octets)
    except OSError as error:
        raise WorldError(f"{folder}: {error.strerror}", remedy="give another --out") from error
    return [folder / file.name for file in finished.files]


def _tell(finished: "Finished", paths: list[Path], words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page, drawn = page_for(sys.stdout), finished.extract
    page.line(
        Run(words("log_extract", "drawn", reference=drawn.reference), "bold"),
        Run(" " + words("log_extract", "content", messages=len(drawn.transactions), rows=drawn.rows)),
    )
    for path in paths:
        page.line(Run(str(path)), indent=2, wrap=False)
    if not finished.stamped:
        page.line(Run(words("log_extract", "unstamped"), "yellow"))
    page.line(Run(words("log_extract", "recorded"), "dim"))
