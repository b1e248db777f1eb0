"""`pec probe`: watches a provider from outside, as a holder sees it."""

import json
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.provider_options import AsJson, Lang, words_of, write_json
from ceralacca.apps.cli.words import Words

if TYPE_CHECKING:
    from ceralacca.core.availability import Loop

_FAILED = 1


def probe_command(
    *,
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", envvar="PEC_PROBE", help="The probe's settings file.")
    ] = Path("/etc/ceralacca/probe.toml"),
    once: Annotated[bool, typer.Option("--once", help="Walk once and stop.")] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Walk through a provider as a holder does, every 30 seconds, and keep what was seen as evidence.

    One walk signs in, submits a message, waits for the acceptance and delivery receipts, reads by IMAP and POP3, and
    where the settings say so opens the web page and looks into directory and log. Each walk is one line of a file,
    durable at once and chained to the line before it; `pec availability` computes from these files. Run two probes
    from two places, and bring their folders together.

    It needs a mailbox that nobody else uses: what comes to it is deleted. docs/how-to/watch-a-provider.md has a
    settings file to copy.

    Exit status with --once: 0 everything worked, 1 something did not, 2 the probe could not begin.
    """
    from ceralacca.apps import diagnostics  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.apps.duty import Duty  # noqa: PLC0415
    from ceralacca.apps.probe.look_ups import look_ups  # noqa: PLC0415
    from ceralacca.apps.probe.rounds import Rounds  # noqa: PLC0415
    from ceralacca.apps.probe.settings import read_probe_settings  # noqa: PLC0415
    from ceralacca.apps.probe.walk import Walk  # noqa: PLC0415
    from ceralacca.base.clock import SystemClock  # noqa: PLC0415
    from ceralacca.base.identifiers import system_entropy  # noqa: PLC0415
    from ceralacca.store.probe_evidence import EvidenceWriter  # noqa: PLC0415

    words, settings = words_of(lang), read_probe_settings(config)
    diagnostics.quiet()
    account, looks_up, clock = settings.account, look_ups(settings), SystemClock()
    account.tls()
    writer = EvidenceWriter(settings.evidence, settings.name)

    def walks(ending: threading.Event) -> "Loop":
        return Walk(settings, account, clock=clock, entropy=system_entropy, ending=ending, looks_up=looks_up).go()

    tells = (lambda _: None) if once else _line if as_json else partial(_told, words)
    with Duty().watched() as duty:
        ending = duty.ending
        rounds = Rounds(settings, lambda: walks(ending), writer, clock=clock, ending=ending, tells=tells)
        if not once:
            if not as_json:
                every = int(settings.every.total_seconds())
                print(words("probe", "begins", name=settings.name, server=settings.server, seconds=every), flush=True)
            rounds.run()
            return
        loop = rounds.once()
    if as_json:
        write_json(_values(loop))
    else:
        _table(loop, words)
    raise typer.Exit(0 if all(one.ok for one in loop.tried.values()) else _FAILED)


def _values(loop: "Loop") -> dict[str, Any]:
    return {
        "probe": loop.probe,
        "at": loop.at.isoformat(),
        "service": loop.ok,
        "tried": {
            function.value: {"ok": one.ok, "seconds": one.seconds, "reason": one.reason}
            for function, one in loop.tried.items()
        },
    }


def _line(loop: "Loop") -> None:
    print(json.dumps(_values(loop)), flush=True)


def _told(words: Words, loop: "Loop") -> None:
    """Say on one line how a walk was."""
    failed = [f"{words('function', f.value)} ({one.reason})" for f, one in loop.tried.items() if not one.ok]
    slowest = max((one.seconds or 0.0 for one in loop.tried.values()), default=0.0)
    well = words("probe", "worked", seconds=f"{slowest:.2f}")
    said = words("probe", "failed", what=", ".join(failed)) if failed else well
    print(f"{loop.at:%Y-%m-%d %H:%M:%S} UTC  {said}", flush=True)


def _table(loop: "Loop", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    rows = []
    for function, one in loop.tried.items():
        mark = Run(words("probe", "ok" if one.ok else "not_ok"), "green" if one.ok else "bold red")
        seconds = "" if one.seconds is None else f"{one.seconds:.3f} s"
        rows.append((mark, Run(words("function", function.value)), Run(seconds), Run(one.reason, "dim")))
    page.grid(rows, gap=2)
    page.gap()
    page.line(Run(words("probe", "service" if loop.ok else "no_service")))
