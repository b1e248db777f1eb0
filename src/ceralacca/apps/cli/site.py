"""`pec site`: two sites of one provider: pair them, look at them, let one work alone, promote the other (SL-6)."""

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
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.apps.second_site import SiteView
    from ceralacca.apps.settings import Settings
    from ceralacca.core.model.audit import AuditAct
    from ceralacca.store.site.repair import Differences

commands = typer.Typer(
    name="site",
    help="Two sites: pair, status, check, repair, promote, alone, together.",
    no_args_is_help=True,
)
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, in a few words: kept in the audit trail.")]
Thorough = Annotated[bool, typer.Option("--octets", help="Read every octet, not only names and sizes.")]


@commands.command("status")
def status_command(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """Show both sites as this one sees them.

    Exit status: 0 all is well, 1 something is wrong or this site works alone, 2 it cannot be said.
    """
    from ceralacca.apps.second_site import view  # noqa: PLC0415 `pec --help` waits for nobody

    words = words_of(lang)
    seen = view(load_settings(config, words))
    sick = bool(seen.trouble or (seen.own is not None and seen.own.alone))
    if as_json:
        write_json(plain_view(seen))
    else:
        _show(seen, words)
    raise typer.Exit(int(sick))


@commands.command("pair")
def pair_command(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """Make this site the primary of a pair: the other site's data folder, empty and mounted, gets a copy of everything.

    The standby of PostgreSQL must stream. After a promotion the same command pairs the new primary with a site that
    was made anew. Every process of the provider must see the new settings: start it, or start it again, afterwards.
    """
    from ceralacca.apps.data_folder import DataFolder  # noqa: PLC0415
    from ceralacca.apps.second_site import plain_database, require_site  # noqa: PLC0415
    from ceralacca.apps.status import read_status  # noqa: PLC0415
    from ceralacca.apps.virus_storage import make_key  # noqa: PLC0415
    from ceralacca.base.identifiers import system_entropy  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.store.schema import upgrade  # noqa: PLC0415
    from ceralacca.store.site.acts import pair  # noqa: PLC0415
    from ceralacca.store.site.state import read_state  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    site, name = require_site(settings), _name(settings)
    if read_state(site.folder) is None and read_status(DataFolder(settings.data.folder)).running:
        raise UserError("the provider runs, and writes into one site", remedy="stop it, pair the sites, start it again")
    make_key(settings)
    upgrade(_url(settings))
    with closing(plain_database(settings)) as database:
        done = pair(site, database, name=name, now=now, entropy=system_entropy)
    _record(settings, AuditAct.SITE_PAIRED, "pec site pair", detail={"files": done.count})
    _tell_differences(done, words, as_json=as_json, end="paired")


@commands.command("check")
def check_command(
    *, octets: Thorough = False, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """Compare the files of both sites and change nothing. What is being written or followed at this moment may differ.

    Exit status: 0 nothing differs, 1 something does, 2 they cannot be compared.
    """
    from ceralacca.apps.second_site import plain_database, require_site  # noqa: PLC0415
    from ceralacca.store.site.repair import compare  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    with closing(plain_database(settings)) as database:
        found = compare(require_site(settings), database, thorough=octets)
    _tell_differences(found, words, as_json=as_json, end="differ" if found.count else "same")
    raise typer.Exit(int(found.count > 0))


@commands.command("repair")
def repair_command(
    *, octets: Thorough = False, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """Copy what one site lacks of the other, while the provider runs or not.

    Exit status: 0 both have everything, 1 something is whole in neither, 2 it could not be done.
    """
    from ceralacca.apps.second_site import plain_database, require_site  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.store.site.repair import repair  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    with closing(plain_database(settings)) as database:
        done = repair(require_site(settings), database, now, thorough=octets)
    _record(settings, AuditAct.SITE_REPAIRED, "pec site repair", detail={"files": done.count, "lost": len(done.lost)})
    _tell_differences(done, words, as_json=as_json, end="lost" if done.lost else "repaired")
    raise typer.Exit(int(bool(done.lost)))


@commands.command("alone")
def alone_command(*, reason: Reason, config: Config = DEFAULT_CONFIG, lang: Lang = None) -> None:
    """Let this primary work without the other site: what it accepts from now on is durable here only.

    Only when the other site is away and was not promoted: ask there first. Doctor, status and metrics raise it as an
    alarm until `pec site together`.
    """
    from ceralacca.apps.second_site import plain_database, require_site  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.store.site.acts import go_alone  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    with closing(plain_database(settings)) as database:
        state = go_alone(require_site(settings), database, reason=reason, now=now)
    _record(settings, AuditAct.SITE_ALONE, "pec site alone", reason)
    print(words("site", "alone", name=state.name))


@commands.command("together")
def together_command(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """End working alone: the mirror gets what it lacks, and from then on everything is durable in both sites again."""
    from ceralacca.apps.second_site import plain_database, require_site  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.store.site.acts import bring_together  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    with closing(plain_database(settings)) as database:
        done = bring_together(require_site(settings), database, now=now)
    _record(settings, AuditAct.SITE_TOGETHER, "pec site together", detail={"files": done.count})
    _tell_differences(done, words, as_json=as_json, end="together")


@commands.command("promote")
def promote_command(
    *,
    reason: Reason,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Although the primary worked alone: what it accepted then is lost.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    lang: Lang = None,
) -> None:
    """At the standby: take over. Then start the provider here: `pec serve` finishes what the other site began.

    Refused while PostgreSQL here hears its primary. The other site writes no more once it sees our folder; make sure
    that nobody reaches it before its name points here.
    """
    from ceralacca.apps.second_site import plain_database, require_site  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.store.site.acts import promote  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    with closing(plain_database(settings)) as database:
        done = promote(
            require_site(settings), database, name=_name(settings), reason=reason, now=now, accept_loss=accept_loss
        )
    _record(settings, AuditAct.SITE_PROMOTED, "pec site promote", reason, detail={"epoch": done.state.epoch})
    print(words("site", "promoted", name=done.state.name, epoch=done.state.epoch, jobs=done.jobs))


def plain_view(seen: "SiteView") -> dict[str, Any]:
    """Return how both sites are, for programs."""
    from dataclasses import asdict  # noqa: PLC0415

    return {
        "own": asdict(seen.own) if seen.own else None,
        "other": asdict(seen.other) if seen.other else None,
        "database_is_standby": seen.follows,
        "hears_primary": seen.hears_primary,
        "standbys": [asdict(one) for one in seen.standbys],
        "followed": seen.followed.isoformat() if seen.followed else None,
        "trouble": seen.trouble,
    }


def _show(seen: "SiteView", words: Words) -> None:
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page = page_for(sys.stdout)
    for which, state in (("here", seen.own), ("there", seen.other)):
        if state is None:
            page.line(Run(words("site", f"{which}_unknown"), "bold red"))
            continue
        duty = words("site_duty", state.duty.value)
        page.line(Run(words("site", which, name=state.name, duty=duty, epoch=state.epoch), "bold"))
        if state.alone:
            page.line(Run(words("site", "since", at=state.alone, reason=state.reason), "bold red"), indent=2)
        if state.behind:
            page.line(Run(words("site", "behind", at=state.behind), "bold red"), indent=2)
    if seen.follows:
        page.line(Run(words("site", "hears" if seen.hears_primary else "hears_not")))
    for one in seen.standbys:
        key = "standby" if one.synchronous else "standby_asynchronous"
        page.line(Run(words("site", key, name=one.name, octets=one.behind)))
    if seen.followed:
        page.line(Run(words("site", "followed", at=f"{seen.followed:%Y-%m-%d %H:%M:%S} UTC")))
    for trouble in seen.trouble:
        page.line(Run(trouble, "bold red"))


def _tell_differences(found: "Differences", words: Words, *, as_json: bool, end: str) -> None:
    mail = found.mail
    if as_json:
        write_json(
            {
                "lacking_there": [str(path) for path in found.lacking_there],
                "lacking_here": [str(path) for path in found.lacking_here],
                "purged": [str(path) for path in found.purged],
                "lost": [str(path) for path in found.lost],
                "mail": {"copied": mail.copied, "moved": mail.moved, "removed": mail.removed},
            }
        )
        return
    for what in ("lacking_there", "lacking_here", "purged", "lost"):
        paths = getattr(found, what)
        if paths:
            print(words("site", what, count=len(paths), first=paths[0]))
    if mail.changes:
        print(words("site", "mail", copied=mail.copied, moved=mail.moved, removed=mail.removed))
    print(words("site", end))


def _name(settings: "Settings") -> str:
    assert settings.site is not None, "asked for before"
    return settings.site.name


def _url(settings: "Settings") -> str:
    from ceralacca.apps.wiring import database_url  # noqa: PLC0415

    return database_url(settings)


def _record(
    settings: "Settings", act: "AuditAct", command: str, reason: str = "", *, detail: dict[str, str | int] | None = None
) -> None:
    """Keep the act in the audit trail; in the database that the act has made ready."""
    from ceralacca.apps.auditing import by_staff  # noqa: PLC0415
    from ceralacca.apps.wiring import provider_store  # noqa: PLC0415

    with closing(provider_store(settings, connections=1)) as store:
        now = SystemClock().now()
        store.audit.record(
            by_staff(act, command, now, about=_name(settings), purpose=reason, detail=dict(detail or {}))
        )
