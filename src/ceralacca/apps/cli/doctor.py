"""`pec doctor`: what is wrong with a provider, and what to do."""

import sys

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


def doctor_command(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """Examine a provider: processes, ports, certificates, scanner, mailboxes, directory, CRLs, clock, disk, queue.

    Changes nothing and reads no key. Beside each finding stands what to do.

    Exit status: 0 nothing is wrong (warnings may be), 1 something is, 2 it cannot be examined.
    """
    from ceralacca.apps import diagnostics  # noqa: PLC0415
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415
    from ceralacca.apps.doctor import Level, examine  # noqa: PLC0415
    from ceralacca.base.clock import SystemClock  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    diagnostics.quiet()
    findings = examine(settings, SystemClock().now())
    failed = any(one.level is Level.FAILED for one in findings)
    if as_json:
        write_json({"good": not failed, "findings": [one.plain(words) for one in findings]})
        raise typer.Exit(int(failed))
    page = page_for(sys.stdout)
    styles = {Level.GOOD: "green", Level.UNKNOWN: "dim", Level.WARNING: "yellow", Level.FAILED: "bold red"}
    width = max(len(words("doctor_level", level.value)) for level in Level) + 1
    for one in findings:
        mark = Run(words("doctor_level", one.level.value).ljust(width), styles[one.level])
        page.line(mark, Run(one.sentence(words)), hang=width)
        if remedy := one.remedy(words):
            page.line(Run(remedy, "dim"), indent=width)
    page.gap()
    page.line(Run(words("doctor", "sick" if failed else "well")))
    raise typer.Exit(int(failed))
