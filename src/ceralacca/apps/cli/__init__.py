"""The command `pec`: says what is wrong and what to do, in English or Italian.

Exit status: 0 all well, 1 some message is not a valid PEC message, 2 the command could not be
carried out (usage, a file that cannot be read). A defect of ours is not dressed up: it shows its
traceback and ends with 70.

What a command needs is imported when it runs, so that `pec --help` answers at once.
"""

# ruff: noqa: PLC0415

import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ceralacca import __version__
from ceralacca.apps.cli import holder_commands, provider_commands
from ceralacca.base.clock import Clock, SystemClock
from ceralacca.base.errors import OurError, PecError

CANNOT, OUR_DEFECT = 2, 70

app = typer.Typer(
    name="pec",
    help="Certified mail (PEC): verify messages and receipts, make samples.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

Lang = Annotated[
    str | None, typer.Option("--lang", metavar="en|it", help="Language of the answer; by default that of your locale.")
]


@app.callback(invoke_without_command=True)
def version_option(
    *, show: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False
) -> None:
    """Certified mail (PEC): verify messages and receipts, make samples."""
    if show:
        print(f"pec {__version__}")
        raise typer.Exit


@app.command("verify", no_args_is_help=True)
def verify_command(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="Messages: .eml files, mbox files, folders, or - for standard input."),
    ] = None,
    *,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            help="Authorities to trust: a PEM or DER file, or a folder of them (may hold CRLs). Repeatable.",
            metavar="DIR|PEM",
        ),
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="The providers directory: LDIF, or the sealed .p7m.", metavar="LDIF|P7M")
    ] = None,
    crl: Annotated[
        list[Path] | None,
        typer.Option(
            help="Revocation lists: a file or a folder, beside those found with --trust. Repeatable.",
            metavar="DIR|CRL",
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            help="Judge the certificates for the instant of sealing, for now, or for a time such as "
            "2026-11-05T10:15:02+01:00.",
            metavar="signing|now|TIME",
        ),
    ] = "signing",
    short: Annotated[bool, typer.Option("--short", help="One line a message, and the transactions.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")] = False,
    json_schema: Annotated[bool, typer.Option("--json-schema", help="Print the JSON schema of the answer.")] = False,
    extract: Annotated[
        Path | None,
        typer.Option(help="Write daticert.xml, postacert.eml and attachments to this folder.", metavar="DIR"),
    ] = None,
    originals: Annotated[
        Path | None,
        typer.Option(help="Hold the hashes of brief receipts against the files of this folder.", metavar="DIR"),
    ] = None,
    lang: Lang = None,
) -> None:
    """Say what each message is, who sealed it, whether the seal holds, and what it proves.

    Without --trust, --crl and --directory the seal is checked as far as it goes, and the verdict is never "valid".
    Several messages are matched into transactions, each recipient with its outcome.

    Exit status: 0 all are valid PEC messages, 1 some are not, 2 usage or unreadable file.
    """
    from ceralacca.apps.cli.json_report import schema_text

    if json_schema:
        print(schema_text(), end="")
        raise typer.Exit
    if not files:
        raise typer.BadParameter("give at least one message", param_hint="FILE")

    from ceralacca.apps.cli.judgement import prepare
    from ceralacca.apps.cli.verify import VerifyOptions, verify_files
    from ceralacca.apps.cli.words import Words, choose_language

    words = Words(choose_language(lang))
    judgement = prepare(trust=trust or [], crls=crl or [], directory=directory, at=at, present=_present(context))
    options = VerifyOptions(as_json=as_json, short=short, extract=extract, originals=originals)
    raise typer.Exit(verify_files(files, judgement, options, words))


@app.command("sample")
def sample_command(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    *,
    lang: Lang = None,
) -> None:
    """Write one sealed TEST message of every kind, with the authority and directory to judge it by.

    For whoever writes software that reads PEC: try your parser on them.
    """
    from ceralacca.apps.cli.sample import write_sample
    from ceralacca.apps.cli.screen import page_for
    from ceralacca.apps.cli.words import Words, choose_language

    write_sample(folder, _present(context), Words(choose_language(lang)), page_for(sys.stdout))


holder_commands.add_to(app)
provider_commands.add_to(app)


def _present(context: typer.Context) -> datetime:
    clock: Clock = context.obj or SystemClock()
    return clock.now()


def run(arguments: Sequence[str] | None = None, *, clock: Clock | None = None) -> int:
    """Run the command line and return its exit status; errors become one line on standard error.

    Without arguments those of the process are taken, without a clock that of the machine.
    """
    try:
        app(arguments, prog_name="pec", obj=clock)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except OurError:
        traceback.print_exc()
        return OUR_DEFECT
    except PecError as error:
        from ceralacca.apps.cli.screen import tell_error

        tell_error(error)
        return CANNOT
    except Exception:  # noqa: BLE001 - a defect of ours must not look like "some are not valid", which is 1
        traceback.print_exc()
        return OUR_DEFECT
    return 0


def main() -> None:
    """Be the program: a pipe that is closed early ends it quietly, as it ends every filter."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(run())
