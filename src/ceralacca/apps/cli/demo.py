"""`pec demo`: a whole PEC nation on this machine, for trying things."""

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ceralacca.apps.cli.provider_options import AsJson, Lang, words_of, write_json
from ceralacca.apps.cli.words import Words

_INTERRUPTED = 130

if TYPE_CHECKING:
    from ceralacca.apps.demo.nation import Nation
    from ceralacca.apps.demo.report import Screen


def demo_command(
    *,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the nation, made if need be. By default ~/.local/share/ceralacca-demo, for root "
            "/var/lib/ceralacca-demo; with --once a temporary one.",
        ),
    ] = None,
    port_base: Annotated[
        int, typer.Option(metavar="N", help="First of the 31 ports of 127.0.0.1 that are used.")
    ] = 28000,
    once: Annotated[bool, typer.Option("--once", help="Play every scenario, check each, and stop.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="With --once: keep the temporary folder.")] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Run a whole PEC nation on this machine: an authority, two providers, a mail server outside PEC. All TEST.

    Prints addresses, passwords and what to type into a mail client, then tells the story of one certified message
    while it travels. Stays up until Ctrl-C; the same command finds the same nation again.

    With --once it plays the conformance scenarios instead, checks every message with `pec verify`, OpenSSL and the
    DTD, and stops. Needs dovecot, clamd and openssl. Exit status: 0 all is well, 1 a scenario failed, 2 it cannot run.
    """
    words = words_of(lang)
    try:
        with _interruptible():
            status = (
                _once(data, port_base, words, keep=keep, as_json=as_json) if once else _stay(data, port_base, words)
            )
    except KeyboardInterrupt:
        print(words("demo", "interrupted"), file=sys.stderr)
        status = _INTERRUPTED
    raise typer.Exit(status)


def _stay(data: Path | None, port_base: int, words: Words) -> int:
    from ceralacca.apps.demo.checks import Checker  # noqa: PLC0415 `pec --help` waits for nobody
    from ceralacca.apps.demo.nation import default_folder  # noqa: PLC0415
    from ceralacca.apps.demo.running import RunningNation  # noqa: PLC0415
    from ceralacca.apps.demo.story import tell_story  # noqa: PLC0415
    from ceralacca.apps.demo.watch import Lookout  # noqa: PLC0415

    begun, screen = time.monotonic(), _screen(words)
    screen.warn()
    nation = _nation(data or default_folder(), port_base)
    screen.starting(nation)
    with RunningNation(nation) as running:
        screen.up(time.monotonic() - begun)
        screen.how_to_use(nation)
        with Lookout(running) as lookout:
            screen.story()
            told = tell_story(
                running,
                lookout,
                Checker(nation, lookout.stores),
                subject=words("demo", "story_subject"),
                text=words("demo", "story_text"),
                submitted=screen.submitted,
                step=screen.step,
            )
        screen.told(nation, told)
        with _ending() as ending:
            screen.next_steps(nation)
            ending.wait()
        screen.stopping()
    screen.stopped(nation, kept=True)
    return 0 if not any(step.checked.faults for step in told.steps) else 1


def _once(data: Path | None, port_base: int, words: Words, *, keep: bool, as_json: bool) -> int:
    from ceralacca.apps.demo.checks import Checker  # noqa: PLC0415
    from ceralacca.apps.demo.once import play_all  # noqa: PLC0415
    from ceralacca.apps.demo.report import as_values  # noqa: PLC0415
    from ceralacca.apps.demo.running import RunningNation  # noqa: PLC0415
    from ceralacca.apps.demo.stage import Stage  # noqa: PLC0415
    from ceralacca.apps.demo.watch import Lookout  # noqa: PLC0415

    begun = time.monotonic()
    screen = None if as_json else _screen(words)
    if screen:
        screen.warn()
    with _folder(data, keep=keep) as folder:
        nation = _nation(folder, port_base)
        if screen:
            screen.starting(nation)
        with RunningNation(nation) as running, Lookout(running) as lookout:
            if screen:
                screen.up(time.monotonic() - begun)
                screen.table_head()
            stage = Stage(running, lookout, Checker(nation, lookout.stores))
            outcomes = play_all(stage, done=screen.outcome if screen else lambda _: None)
        if screen:
            screen.summary(outcomes, len(stage.checked), time.monotonic() - begun)
            screen.stopped(nation, kept=keep or data is not None)
        else:
            write_json({"scenarios": as_values(outcomes, words), "messages": len(stage.checked)})
    return 0 if all(one.holds for one in outcomes) else 1


def _nation(folder: Path, port_base: int) -> "Nation":
    from ceralacca.apps import diagnostics  # noqa: PLC0415
    from ceralacca.apps.demo.nation import set_up  # noqa: PLC0415
    from ceralacca.apps.demo.ports import Ports  # noqa: PLC0415
    from ceralacca.apps.settings.sections import LogSection  # noqa: PLC0415

    diagnostics.configure(LogSection(stderr=False), role="demo")
    ports = Ports(base=port_base)
    ports.check_free()
    nation = set_up(folder, ports)
    diagnostics.configure(LogSection(file=nation.folder / "demo.log", stderr=False), role="demo")
    return nation


def _screen(words: Words) -> "Screen":
    from ceralacca.apps.cli.screen import holds_signs, page_for  # noqa: PLC0415
    from ceralacca.apps.demo.report import Screen  # noqa: PLC0415

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # each step is told when it happens, also into a pipe
    return Screen(page_for(sys.stdout), words, signs=holds_signs(sys.stdout))


@contextmanager
def _folder(data: Path | None, *, keep: bool) -> Iterator[Path]:
    """Give the folder that was named, or a temporary one."""
    if data is not None:
        yield data
    elif keep:
        yield Path(tempfile.mkdtemp(prefix="pec-demo-"))
    else:
        with tempfile.TemporaryDirectory(prefix="pec-demo-") as folder:
            yield Path(folder)


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Give the event that Ctrl-C and SIGTERM set."""
    ending = threading.Event()
    before = {one: signal.signal(one, lambda *_: ending.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ending
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM unwind like Ctrl-C, so that no process is left behind."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
