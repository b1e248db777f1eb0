"""Which commands there are about a provider; joined to `pec` by `apps.cli`."""

import typer

from ceralacca.apps.cli import (
    administer,
    app_password,
    audit,
    availability,
    config,
    delegations,
    directory,
    domain_dns,
    hold,
    incident,
    log,
    mailbox_record,
    mailbox_rules,
    queue,
    receipt,
    second_factor,
    site,
)
from ceralacca.apps.cli.doctor import doctor_command
from ceralacca.apps.cli.probe import probe_command
from ceralacca.apps.cli.serve import serve_command
from ceralacca.apps.cli.statistics import statistics_command
from ceralacca.apps.cli.trace import trace_command

_PANEL = "A provider of your own"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("serve", rich_help_panel=_PANEL)(serve_command)
    app.command("doctor", rich_help_panel=_PANEL)(doctor_command)
    app.command("probe", rich_help_panel=_PANEL)(probe_command)
    app.command("statistics", rich_help_panel=_PANEL, no_args_is_help=True)(statistics_command)
    app.command("trace", rich_help_panel=_PANEL)(trace_command)
    groups = (
        config.commands,
        queue.commands,
        log.commands,
        hold.commands,
        directory.commands,
        administer.domains,
        administer.mailboxes,
        audit.commands,
        receipt.commands,
        availability.commands,
        incident.commands,
        site.commands,
    )
    administer.domains.command("dns")(domain_dns.dns_command)
    administer.mailboxes.add_typer(app_password.commands)
    administer.mailboxes.command("delegations")(delegations.delegations_command)
    administer.mailboxes.add_typer(second_factor.commands)
    mailbox_record.add_to(administer.mailboxes)
    mailbox_rules.add_to(administer.mailboxes)
    for group in groups:
        app.add_typer(group, rich_help_panel=_PANEL)
