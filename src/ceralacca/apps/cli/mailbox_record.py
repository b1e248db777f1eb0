"""`pec mailbox show` and `pec mailbox set`: what is recorded of one mailbox, and its last day.

For the front office. Quota, password, ordinary mail and closing have commands of their own.
"""

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from ceralacca.apps.cli.administer import (
    LastDay,
    MailboxAddress,
    end_in_words,
    grid,
    holders_mailbox,
    plain,
    read_last_day,
)
from ceralacca.apps.cli.audited import Purpose, Ticket, Why, audited
from ceralacca.apps.cli.provider_options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Lang,
    as_address,
    words_of,
    write_json,
)
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.apps.cli.words import Words
    from ceralacca.ports.mailbox import MailboxRecord


def add_to(mailboxes: typer.Typer) -> None:
    """Add the commands."""
    mailboxes.command("show")(show_mailbox)
    mailboxes.command("set")(set_mailbox)


def show_mailbox(
    address: MailboxAddress, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """Show one mailbox: status, quota, ordinary mail, last day."""
    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        record = holders_mailbox(store, address)
    _tell(record, words, as_json=as_json)


def set_mailbox(
    address: MailboxAddress,
    *,
    config: Config = DEFAULT_CONFIG,
    ends: LastDay = None,
    no_end: Annotated[bool, typer.Option("--no-end", help="Record no last day: the mailbox has no end.")] = False,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Change the last day of a mailbox. It counts at once; a holder who wants notices is told of the new day anew."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    if bool(ends) is no_end:
        raise UserError("nothing to change, or two things at once", remedy="give either --ends YYYY-MM-DD or --no-end")
    words, last = words_of(lang), read_last_day(ends) if ends else None
    holder, why = as_address(address), Why(purpose, ticket)
    with (
        closing(open_store_of(config, words)) as store,
        audited(
            store, AuditAct.MAILBOX_CHANGED, "pec mailbox set", why,
            mailbox=holder, detail={"ends": last.isoformat() if last else "none"},
        ),
    ):  # fmt: skip
        record = holders_mailbox(store, address)
        store.set_end(record.address, last)
    _tell(replace(record, ends=last), words, as_json=as_json)


def _tell(record: "MailboxRecord", words: "Words", *, as_json: bool) -> None:
    if as_json:
        write_json(plain(record))
        return
    grid([
        [record.address.text, words("mailbox_status", record.status.value)],
        ["", f"{record.quota / 2**20:.0f} MiB"],
        ["", words("ordinary_mail", record.ordinary_mail.value, target=record.forward_to)],
        ["", end_in_words(record, words)],
    ])  # fmt: skip
