"""`pec mailbox second-factor`: what a mailbox has, and taking it all away for a holder who has lost everything.

Taking it away lets the password alone open the mailbox again. So it asks for a purpose (how the holder was recognised),
is audited, ends every session of the web pages, and raises an alarm for the holder.

Clauses: SE-3.
"""

from contextlib import closing
from typing import Annotated

import typer

from ceralacca.apps.cli.administer import MailboxAddress, grid, holders_mailbox
from ceralacca.apps.cli.audited import Ticket, Why, audited
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    as_address,
    load_settings,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

commands = typer.Typer(
    name="second-factor",
    help="Second factors of a mailbox: show them, or take them away for a holder who has lost them.",
    no_args_is_help=True,
)


@commands.command("show")
def show_second_factors(
    address: MailboxAddress, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """Show whether a second factor is on, and which: never a secret."""
    from ceralacca.apps.cli.render import written  # noqa: PLC0415

    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        found = store.second_factors().of_mailbox(holders_mailbox(store, address).address)
    if as_json:
        write_json(
            {
                "address": address,
                "on": found.on,
                "totp": found.totp and found.totp.created.isoformat(),
                "passkeys": [{"label": one.label, "created": one.created.isoformat()} for one in found.passkeys],
                "recovery_codes": found.recovery_codes,
            }
        )
        return
    if not found.on:
        print(words("administer", "second_factor_none"))
        return
    rows = [["totp", written(found.totp.created), ""]] if found.totp else []
    rows += [["passkey", written(one.created), one.label] for one in found.passkeys]
    grid([*rows, [words("administer", "second_factor_codes"), str(found.recovery_codes), ""]])


@commands.command("reset")
def reset_second_factors(
    address: MailboxAddress,
    *,
    purpose: Annotated[
        str, typer.Option(help="Who asked, and how they were recognised: kept in the audit trail.", metavar="TEXT")
    ],
    config: Config = DEFAULT_CONFIG,
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Take every second factor of a mailbox away, and end its sessions: the password alone opens it again."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.ports.safety_alarm import AlarmKind, NewAlarm  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    holder = as_address(address)
    if not purpose.strip():
        raise UserError("a reset is for a stated purpose only", remedy="say who asked and how they were recognised")
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.FACTORS_RESET, "pec mailbox second-factor reset", Why(purpose, ticket), mailbox=holder),
    ):
        mailbox = holders_mailbox(store, address).address
        if not store.second_factors().is_on(mailbox):
            raise UserError(f"{mailbox} has no second factor", remedy=f"pec mailbox second-factor show {mailbox}")
        alarm = NewAlarm(mailbox=mailbox, kind=AlarmKind.FACTORS_RESET, instant=SystemClock().now())
        store.safety_alarms().raise_alarm(alarm)
        before = store.second_factors().reset(mailbox)
        ended = store.web_sessions(idle=settings.web.idle_time).close_all(mailbox)
    if as_json:
        write_json({"address": mailbox.text, "passkeys": len(before.passkeys), "sessions_ended": ended})
    else:
        print(words("administer", "second_factor_reset", address=mailbox))
