"""`pec config`: what is wrong with a settings file, and what is in effect."""

from pathlib import Path
from typing import Annotated

import typer

from ceralacca.apps.cli.provider_options import (
    CANNOT,
    AsJson,
    Lang,
    load_settings,
    tell_problems,
    words_of,
    write_json,
)

commands = typer.Typer(name="config", help="The settings file: check it, show what is in effect.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The settings file.")]


@commands.command("check")
def check_command(file: File, *, as_json: AsJson = False, lang: Lang = None) -> None:
    """Say what is wrong with a settings file: each fault with its line, its key and what to do.

    Looks also at what the settings name: certificates, keys and their permissions.

    Exit status: 0 it can be used, 2 it cannot.
    """
    from ceralacca.apps.doctor import Level, look_at_files  # noqa: PLC0415
    from ceralacca.apps.settings.reading import BadSettings, read_settings  # noqa: PLC0415
    from ceralacca.base.clock import SystemClock  # noqa: PLC0415

    words = words_of(lang)
    try:
        settings = read_settings(file)
    except BadSettings as error:
        if as_json:
            problems = [
                {"key": one.where, "line": one.line, "what": one.what, "hint": one.hint} for one in error.problems
            ]
            write_json({"good": False, "problems": problems})
        else:
            tell_problems(error, words)
        raise typer.Exit(CANNOT) from error
    findings = look_at_files(settings, SystemClock().now())
    bad = [one for one in findings if one.level is Level.FAILED]
    if as_json:
        write_json({"good": not bad, "problems": [one.plain(words) for one in bad]})
    else:
        for one in bad:
            print(one.sentence(words))
            print(f"    {one.remedy(words)}")
        if not bad:
            print(words("config", "good", path=file))
    raise typer.Exit(CANNOT if bad else 0)


@commands.command("show")
def show_command(file: File, *, as_json: AsJson = False, lang: Lang = None) -> None:
    """Print the settings in effect, defaults included. No secret is among them: secrets are files."""
    from ceralacca.apps.settings.page import settings_text, settings_tree  # noqa: PLC0415

    settings = load_settings(file, words_of(lang))
    if as_json:
        write_json(settings_tree(settings))
    else:
        print(settings_text(settings))


@commands.command("reference")
def reference_command() -> None:
    """Print the reference page of every key, as docs/reference/configuration.md has it."""
    from ceralacca.apps.settings.page import reference_page  # noqa: PLC0415

    print(reference_page(), end="")
