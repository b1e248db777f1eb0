"""The command `pec`: says what is wrong and what to do, in English or Italian.

Exit status: 0 all well, 1 some message is not a valid PEC message, 2 the command could not be
carried out (usage, a file that cannot be read). A defect of ours is not dressed up: it shows its
traceback and ends with 70.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ceralacca import __version__
from ceralacca.apps.cli.judgement import prepare
from ceralacca.apps.cli.sample import write_sample
from ceralacca.apps.cli.verify import VerifyOptions, verify_files
from ceralacca.apps.cli.words import Words, choose_language
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import OurError, PecError

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
def version(
    *, show: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False
) -> None:
    """Certified mail (PEC): verify messages and receipts, make samples."""
    if show:
        print(f"pec {__version__}")
        raise typer.Exit


@app.command()
def verify(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Messages: .eml files, mbox files, folders, or - for standard input."),
    ],
    *,
    trust: Annotated[
        list[Path] | None,
        typer.Option(help="Authorities to trust: PEM or DER file, or a folder of them (may hold CRLs). Repeatable."),
    ] = None,
    directory: Annotated[
        Path | None, typer.Option(help="The providers directory: LDIF, or the sealed .p7m.", metavar="LDIF|P7M")
    ] = None,
    crl: Annotated[
        list[Path] | None, typer.Option(help="Revocation lists: file or folder, beside those found with --trust.")
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            help="Judge the certificates for the instant of sealing, for now, or for a time such as "
            "2026-11-05T10:15:02+01:00.",
            metavar="signing|now|TIME",
        ),
    ] = "signing",
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON (schema: docs/reference).")] = False,
    extract: Annotated[
        Path | None, typer.Option(help="Write daticert.xml, postacert.eml and attachments to this folder.")
    ] = None,
    originals: Annotated[
        Path | None, typer.Option(help="Hold the hashes of brief receipts against the files of this folder.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Say what each message is, who sealed it, whether the seal holds, and what it proves.

    Without --trust, --crl and --directory the seal is checked as far as it goes, and the verdict is never "valid".
    Several messages are matched into transactions, each recipient with its outcome.

    Exit status: 0 all are valid PEC messages, 1 some are not, 2 usage or unreadable file.
    """
    words = Words(choose_language(lang))
    judgement = prepare(trust=trust or [], crls=crl or [], directory=directory, at=at, present=SystemClock().now())
    options = VerifyOptions(as_json=as_json, extract=extract, originals=originals)
    raise typer.Exit(verify_files(files, judgement, options, words))


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    *,
    lang: Lang = None,
) -> None:
    """Write one sealed TEST message of every kind, with the authority and directory to judge it by.

    For whoever writes software that reads PEC: try your parser on them.
    """
    write_sample(folder, SystemClock().now(), Words(choose_language(lang)), Console(highlight=False))


def main() -> None:
    """Run the command line; errors become one line on standard error and an exit status."""
    try:
        app()
    except OurError:
        raise
    except PecError as error:
        print(f"pec: {error}", file=sys.stderr)
        if error.remedy:
            print(f"     {error.remedy}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(2)
