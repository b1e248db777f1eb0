"""`pec log seal`: put into blocks what is new, write files that are due, have them stamped, now."""

import sys
from contextlib import closing
from typing import Annotated

import typer

from ceralacca.apps.cli.audited import audited
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of


def seal_command(
    *,
    config: Config = DEFAULT_CONFIG,
    close: Annotated[
        bool, typer.Option("--close", help="End the present day's file now; the rest of the day gets another.")
    ] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Seal the message log and the audit trail now, as the timekeeper does by itself all day.

    New rows go into a block, signed with the log's own key. Every day that has ended has a file, which is written,
    signed and time-stamped; with --close today's is ended now. Safe while the provider runs.

    Exit status: 0 all is sealed and stamped, 1 something waits (for the time-stamping authority, the witness or a
    transaction), 2 it cannot be done.
    """
    from ceralacca.apps import diagnostics  # noqa: PLC0415
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415
    from ceralacca.apps.log_sealer import LogSealer, sealed_folder  # noqa: PLC0415
    from ceralacca.base.clock import SystemClock  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    diagnostics.quiet()
    with (
        closing(open_store_of(config, words)) as store,
        closing(LogSealer(settings)) as sealer,
        audited(store, AuditAct.LOG_SEALED, "pec log seal", detail={"close": int(close)}),
    ):
        sealed = sealer.seal(SystemClock().now(), close=close)
    waits = any(one.waits for one in sealed.values())
    if as_json:
        write_json(
            {
                ledger.value: {
                    "blocks": one.blocks,
                    "rows": one.rows,
                    "files": one.files,
                    "stamps": one.stamps,
                    "witnessed": one.witnessed,
                    "waits": one.waits,
                }
                for ledger, one in sealed.items()
            }
        )
        raise typer.Exit(int(waits))
    page = page_for(sys.stdout)
    for ledger, one in sealed.items():
        page.line(Run(words("ledger", ledger.value), "bold"))
        page.line(Run(words("log_seal", "blocks", rows=one.rows, blocks=one.blocks)), indent=2)
        for name in one.files:
            page.line(Run(words("log_seal", "file", path=sealed_folder(settings) / name)), indent=2)
        for name in one.stamps:
            page.line(Run(words("log_seal", "stamp", name=name)), indent=2)
        for wait in one.waits:
            page.line(Run(words("log_seal", "waits", what=wait), "yellow"), indent=2, hang=2)
    raise typer.Exit(int(waits))
