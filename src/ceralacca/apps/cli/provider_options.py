"""What the commands about a provider share: where its settings are, how the answer is written."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.words import Words, choose_language
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from ceralacca.apps.settings import Settings

CANNOT = 2
DEFAULT_CONFIG = Path("/etc/ceralacca/pec.toml")

Config = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", envvar="PEC_CONFIG", help="The provider's settings file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
Lang = Annotated[
    str | None, typer.Option("--lang", metavar="en|it", help="Language of the answer; by default that of your locale.")
]


def words_of(lang: str | None) -> Words:
    """Return the sentences of the language asked for."""
    return Words(choose_language(lang))


def load_settings(path: Path, words: Words) -> "Settings":
    """Read the settings; when they cannot be used every fault is told on standard error, and the command ends."""
    from ceralacca.apps.settings.reading import BadSettings, read_settings  # noqa: PLC0415 `pec --help` waits for nobody

    try:
        return read_settings(path)
    except BadSettings as error:
        tell_problems(error, words)
        raise typer.Exit(CANNOT) from error


def tell_problems(error: Any, words: Words) -> None:
    """Write every fault of a settings file, with its hint under it."""
    print(words("config", "bad", path=error.path, count=len(error.problems)), file=sys.stderr)
    for problem in error.problems:
        print(f"  {problem}", file=sys.stderr)
        if problem.hint:
            print(f"      {problem.hint}", file=sys.stderr)


def as_address(text: str) -> Any:
    """Read an address given on the command line. Raises UserError."""
    from ceralacca.core.model.address import Address, InvalidAddress  # noqa: PLC0415

    try:
        return Address.parse(text)
    except InvalidAddress as error:
        raise UserError(f"{text}: not a mail address", remedy="write one such as anna@alfa.example") from error


def as_instant(option: str, text: str | None) -> "datetime | None":
    """Read an instant given on the command line; one without zone is UTC, as lists show them. Raises UserError."""
    from datetime import UTC, datetime  # noqa: PLC0415

    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{option} {text}", remedy="write 2026-11-05, or 2026-11-05T10:15:02+01:00") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def write_json(value: Any) -> None:
    """Write the answer for programs."""
    print(json.dumps(value, indent=1, ensure_ascii=False, default=str))
