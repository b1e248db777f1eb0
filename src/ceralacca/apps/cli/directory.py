"""`pec directory`: the local copy of the providers directory, and what we publish of ourselves."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from ceralacca.apps.cli.audited import told_beforehand
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
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

commands = typer.Typer(
    name="directory",
    help="The providers directory: show the copy, refresh it, export our own record.",
    no_args_is_help=True,
)


@commands.command("show")
def show_command(
    name: Annotated[
        str | None, typer.Argument(metavar="[DOMAIN]", help="Say which provider manages this domain.")
    ] = None,
    *,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show the copy in use: its age, the providers, the number of their domains and certificates.

    With a domain: the provider that manages it; exit status 1 when it is no PEC domain.
    """
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415
    from ceralacca.apps.data_folder import DataFolder  # noqa: PLC0415
    from ceralacca.store.directory_copy import DirectoryCopy  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    loaded = DirectoryCopy(DataFolder(settings.data.folder).directory).load()
    records = loaded.directory.records if name is None else loaded.directory.records_of_domain(name.lower())
    if as_json:
        plain = [
            {
                "name": one.name,
                "unit": one.unit,
                "receipt_mailbox": one.receipt_mailbox.text,
                "domains": list(one.domains),
                "certificates": list(one.hashes),
            }
            for one in records
        ]
        write_json({"refreshed": loaded.copy.refreshed.isoformat(), "providers": plain})
    else:
        page = page_for(sys.stdout)
        page.line(Run(words("directory", "age", refreshed=f"{loaded.copy.refreshed:%Y-%m-%d %H:%M} UTC")))
        heads = [Run(words("directory", head), "bold") for head in ("provider", "mailbox", "domains", "certificates")]
        rows = [
            [
                Run(visible(one.name if one.unit is None else f"{one.name} / {one.unit}")),
                Run(visible(one.receipt_mailbox.text)),
                Run(str(len(one.domains))),
                Run(str(len(one.certificates))),
            ]
            for one in records
        ]
        page.grid([heads, *rows], gap=2)
    if name is not None and not records:
        raise typer.Exit(1)


@commands.command("refresh")
def refresh_command(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """Fetch the directory and the CRLs now, and put them in use if they may be (DI-5, IP-9).

    Exit status: 0 all are in use, 1 something was refused or could not be had; what was in use stays in use.
    """
    from ceralacca.apps.directory_agent import directory_agent  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.services.refresh_crls import CrlOutcome  # noqa: PLC0415
    from ceralacca.services.refresh_directory import RefreshOutcome  # noqa: PLC0415

    words = words_of(lang)
    settings, now = load_settings(config, words), SystemClock().now()
    with closing(open_store_of(config, words)) as store:
        agent = directory_agent(settings, store)
        told_beforehand(store, AuditAct.DIRECTORY_REFRESHED, "pec directory refresh")
        refreshed = agent.refresh_directory(now)
        crls = agent.refresh_crls(now, at_once=True)
    good = refreshed.outcome is RefreshOutcome.IN_USE and all(one is CrlOutcome.FRESH for one in crls.values())
    if as_json:
        alarms = [{"code": one.code.value, **one.evidence} for one in refreshed.alarms]
        outcomes = {url: one.value for url, one in crls.items()}
        write_json({"directory": refreshed.outcome.value, "alarms": alarms, "crls": outcomes})
    else:
        print(words("directory", f"refreshed_{refreshed.outcome.value.replace('-', '_')}"))
        for alarm in refreshed.alarms:
            print(f"  {alarm.code.value}: " + ", ".join(f"{key} {value}" for key, value in alarm.evidence.items()))
        for url, outcome in crls.items():
            print(words("directory", "crl", url=url, outcome=outcome.value))
    raise typer.Exit(0 if good else 1)


@commands.command("export")
def export_command(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, such as gestore.ldif.p7m.")],
    *,
    config: Config = DEFAULT_CONFIG,
    location: Annotated[
        str | None, typer.Option(help="Address at which you publish it (LDIFLocationURL).", metavar="URL")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="The LDIF without its seal, to look at.")] = False,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Write our own record for the directory's manager: certificate, service mailbox, domains; sealed with our key.

    Publish the file over HTTPS where the manager collects it (DI-1), again whenever a domain is added.
    """
    from ceralacca.apps.offices import signer  # noqa: PLC0415
    from ceralacca.core.directory import Directory, ProviderRecord  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.formats.directory_ldif import write_directory  # noqa: PLC0415
    from ceralacca.store.durable_files import put_file  # noqa: PLC0415
    from ceralacca.trust.directory_file import seal_directory_file  # noqa: PLC0415
    from ceralacca.trust.key_files import read_certificates  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    with closing(open_store_of(config, words)) as store:
        served = tuple(sorted(store.domains()))
        told_beforehand(
            store,
            AuditAct.DIRECTORY_EXPORTED,
            "pec directory export",
            about=str(output),
            detail={"domains": len(served), "signatures": 0 if plain else 1},
        )
    if not served:
        raise UserError("no domain is served yet", remedy="pec domain add DOMAIN")
    record = ProviderRecord(
        name=settings.directory.own_name or settings.provider.name,
        certificates=read_certificates(settings.keys.certificate)[:1],
        receipt_mailbox=settings.provider.service_mailbox,
        domains=served,
        location=location,
    )
    directory = Directory(records=(record,), base=None)
    octets = (
        write_directory(directory) if plain else seal_directory_file(directory, signer(settings), SystemClock().now())
    )
    try:
        put_file(output.resolve(), octets, mode=0o644)
    except OSError as error:
        raise UserError(f"{output}: {error.strerror}", remedy="check that you may write there") from error
    if as_json:
        write_json({"file": str(output), "domains": list(served)})
    else:
        print(words("directory", "exported", file=output, count=len(served)))
