"""`pec log retention`: which months of the log have ended their thirty months, and lets them go (LO-5)."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock

if TYPE_CHECKING:
    from ceralacca.ports.log_retention import Purge
    from ceralacca.services.keep_log import DueMonth


def retention_command(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go.")] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Delete the months of the message log whose term of 30 months has ended; the timekeeper does it daily.

    A month goes when all of it stands in sealed files, and leaves a signed certificate beside them: how many rows,
    from which to which, and the digests of the files. What `pec hold` names stays. It cannot be undone: look with
    `--dry-run` first.

    Exit status: 0 done, or nothing is due; 1 a month waits for its seal or for a key; 2 it could not be done.
    """
    from ceralacca.apps.log_keeper import log_keeper  # noqa: PLC0415
    from ceralacca.apps.log_sealer import sealed_folder  # noqa: PLC0415
    from ceralacca.core.retention import oldest_kept  # noqa: PLC0415
    from ceralacca.services.keep_log import Obstacle  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    with closing(open_store_of(config, words)) as store:
        keeper = log_keeper(settings, store, command="pec log retention")
        due = list(keeper.due(now))
        done = [] if dry_run else keeper.do_what_is_due(now)
    if as_json:
        write_json({
            "kept_from": oldest_kept(now).isoformat(),
            "due": [plain_due(one) for one in due],
            "deleted": [plain_purge(one) for one in done],
        })  # fmt: skip
    elif not due and not done:
        print(words("retention", "none", oldest=f"{oldest_kept(now):%Y-%m-%d}"))
    else:
        _write(due, words)
        for purge in done:
            print(
                words(
                    "retention", "deleted", month=purge.month, rows=purge.rows, held=purge.held,
                    folder=sealed_folder(settings),
                )
            )  # fmt: skip
    if any(one.obstacle in {Obstacle.UNSEALED, Obstacle.NO_KEY} for one in due):
        raise typer.Exit(1)


def plain_due(due: "DueMonth") -> dict[str, Any]:
    """Return a month for programs."""
    figures = due.figures
    return {
        "month": str(figures.month),
        "rows": figures.rows,
        "held": figures.held,
        "first": figures.first_seq,
        "last": figures.last_seq,
        "waits_for": due.obstacle.value or None,
    }


def plain_purge(purge: "Purge") -> dict[str, Any]:
    """Return what was deleted for programs."""
    from ceralacca.formats.purge_certificate import record_digest  # noqa: PLC0415

    return {
        "month": str(purge.month),
        "rows": purge.rows,
        "held": purge.held,
        "certificate": record_digest(purge.record),
    }


def _write(due: "list[DueMonth]", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    rows = [[Run(words("retention", head), "bold") for head in ("month", "rows", "held", "goes", "why")]]
    for one in due:
        figures, state = one.figures, one.obstacle.value or "ready"
        numbers = (figures.rows, figures.held, 0 if one.obstacle else figures.goes)
        rows.append([
            Run(str(figures.month)),
            *(Run(f"{number:,}") for number in numbers),
            Run(words("retention", state), "" if state in {"ready", "all-held"} else "yellow"),
        ])  # fmt: skip
    page_for(sys.stdout).grid(rows, gap=2)
