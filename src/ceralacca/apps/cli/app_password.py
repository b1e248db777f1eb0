"""`pec mailbox app-password`: passwords for single programs or devices; holders make them on the web too.

Clauses: SE-3.
"""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.administer import MailboxAddress, grid, holders_mailbox
from ceralacca.apps.cli.audited import Purpose, Ticket, Why, audited
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, as_address, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import system_entropy

if TYPE_CHECKING:
    from ceralacca.ports.app_password import AppPassword
    from ceralacca.ports.sign_in import SignInProtocol

commands = typer.Typer(
    name="app-password",
    help="Passwords for single programs or devices: make, list, revoke. Never good for the web pages.",
    no_args_is_help=True,
)


@commands.command("add")
def add_app_password(
    address: MailboxAddress,
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The program or device, such as 'Thunderbird, desk'.")],
    *,
    protocols: Annotated[
        list[str] | None,
        typer.Option("--protocol", help="imap, pop3 or submission (SMTP); repeat it. Else imap and submission."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Make a password for one program, and print it: it is kept as a hash only, and never shown again."""
    from ceralacca.apps.app_passwords import issue_app_password  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    holder, good_for = as_address(address), _protocols(protocols or ["imap", "submission"])
    detail = {"label": label, "protocols": " ".join(good_for)}
    with (
        closing(open_store_of(config, words)) as store,
        audited(
            store, AuditAct.APP_PASSWORD_ADDED, "pec mailbox app-password add", Why(purpose, ticket),
            mailbox=holder, detail=detail,
        ),
    ):  # fmt: skip
        mailbox = holders_mailbox(store, address).address
        one, shown = issue_app_password(
            store.app_passwords(), mailbox, label, good_for, entropy=system_entropy, now=SystemClock().now()
        )
    if as_json:
        write_json({**_plain(one), "password": shown})
    else:
        print(words("administer", "app_password_made", address=mailbox, selector=one.selector))
        print(shown)


@commands.command("list")
def list_app_passwords(
    address: MailboxAddress, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """List a mailbox's app passwords: first letters, label, protocols, when made and last used."""
    from ceralacca.apps.cli.render import written  # noqa: PLC0415

    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        found = store.app_passwords().of_mailbox(holders_mailbox(store, address).address)
    if as_json:
        write_json([_plain(one) for one in found])
        return
    if not found:
        print(words("administer", "app_password_none"))
    never = words("administer", "app_password_never")
    grid([
        [one.selector, one.label, " ".join(sorted(one.protocols)), written(one.created),
         written(one.used) if one.used else never]
        for one in found
    ])  # fmt: skip


@commands.command("revoke")
def revoke_app_password(
    address: MailboxAddress,
    selector: Annotated[str, typer.Argument(metavar="LETTERS", help="Its first four letters, as list shows them.")],
    *,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """End an app password. It opens nothing any more, at once; sessions that it has open last until they end."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    holder = as_address(address)
    with (
        closing(open_store_of(config, words)) as store,
        audited(
            store, AuditAct.APP_PASSWORD_REVOKED, "pec mailbox app-password revoke", Why(purpose, ticket),
            mailbox=holder, about=selector,
        ),
    ):  # fmt: skip
        mailbox = holders_mailbox(store, address).address
        if not store.app_passwords().revoke(mailbox, selector):
            raise UserError(
                f"{mailbox} has no app password {selector}", remedy=f"pec mailbox app-password list {mailbox}"
            )
    if as_json:
        write_json({"address": mailbox.text, "selector": selector})
    else:
        print(words("administer", "app_password_revoked", address=mailbox, selector=selector))


def _protocols(names: list[str]) -> "list[SignInProtocol]":
    from ceralacca.ports.app_password import APP_PROTOCOLS  # noqa: PLC0415

    known = {str(one): one for one in APP_PROTOCOLS}
    for name in names:
        if name not in known:
            raise UserError(f"{name} is no protocol of app passwords", remedy=f"give {', '.join(known)}")
    return sorted({known[name] for name in names})


def _plain(one: "AppPassword") -> dict[str, Any]:
    return {
        "address": one.mailbox.text,
        "selector": one.selector,
        "label": one.label,
        "protocols": sorted(one.protocols),
        "created": one.created.isoformat(),
        "used": one.used and one.used.isoformat(),
    }
