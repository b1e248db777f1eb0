"""`pec domain`, `pec mailbox`: what the provider serves, and whose mailboxes there are.

Every mailbox of a served domain is a PEC mailbox: there is no other kind (MO-2).
"""

import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Purpose, Ticket, Why, audited
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
from ceralacca.base.identifiers import spoken_letters, system_entropy

if TYPE_CHECKING:
    from datetime import date

    from ceralacca.apps.cli.words import Words
    from ceralacca.apps.settings import Settings
    from ceralacca.core.model.address import Address
    from ceralacca.ports.mailbox import MailboxRecord
    from ceralacca.ports.store import Store

domains = typer.Typer(name="domain", help="The mail domains that the provider serves.", no_args_is_help=True)
mailboxes = typer.Typer(name="mailbox", help="Mailboxes: open, list, give a password, close.", no_args_is_help=True)

MailboxAddress = Annotated[str, typer.Argument(metavar="ADDRESS", help="The mailbox, such as anna@alfa.example.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        help="File whose first line is the password; - for standard input. Without it one is made.", metavar="FILE"
    ),
]
LastDay = Annotated[
    str | None,
    typer.Option(
        help="Last day of the contract, such as 2027-12-31: the whole of it, in Italian legal time. After it the "
        "mailbox receives and is read, and does not send.",
        metavar="YYYY-MM-DD",
    ),
]


@domains.command("add")
def add_domain(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A mail domain, such as alfa.example.")],
    *,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Serve a domain. It must also stand in the directory: `pec directory export`, then publish the file."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    as_address(f"a@{domain}")
    why, name = Why(purpose, ticket), domain.lower()
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.DOMAIN_ADDED, "pec domain add", why, about=name),
    ):
        _refuse_domain_of_another(load_settings(config, words), domain)
        store.add_domain(domain, now=SystemClock().now())
    if as_json:
        write_json({"domain": name})
    else:
        print(words("administer", "domain_added", domain=name))


def _refuse_domain_of_another(settings: "Settings", domain: str) -> None:
    """MO-2, MO-8: a PEC domain is one provider's; that of another would take its holders' mail."""
    from ceralacca.apps.data_folder import DataFolder  # noqa: PLC0415
    from ceralacca.apps.offices import LocalDirectory  # noqa: PLC0415
    from ceralacca.core.directory import name_key  # noqa: PLC0415

    directory = LocalDirectory(DataFolder(settings.data.folder).directory)()
    records = directory.records_of_domain(domain) if directory else ()
    others = [record.name for record in records if record.provider_key != name_key(settings.provider.name)]
    if others:
        raise UserError(
            f"{domain} is a PEC domain of {others[0]}, says the directory",
            remedy="have that provider give it up first, then refresh: pec directory refresh",
        )


@domains.command("list")
def list_domains(*, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None) -> None:
    """List the domains that are served, with the number of their mailboxes."""
    with closing(open_store_of(config, words_of(lang))) as store:
        counts = {domain: len(store.mailboxes(domain)) for domain in sorted(store.domains())}
    if as_json:
        write_json(counts)
    else:
        grid([[domain, str(count)] for domain, count in counts.items()])


@mailboxes.command("add")
def add_mailbox(
    address: MailboxAddress,
    *,
    config: Config = DEFAULT_CONFIG,
    quota: Annotated[str | None, typer.Option(help='Such as "1 GiB"; by default as in the settings.')] = None,
    ordinary_mail: Annotated[
        str | None,
        typer.Option(
            help="What becomes of ordinary mail: anomaly (wrapped, IP-20), discard, reject or forward:ADDRESS; "
            "else by settings."
        ),
    ] = None,
    ends: LastDay = None,
    password_file: PasswordFile = None,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Open a mailbox. Its domain must be served (`pec domain add`). The password is printed when it was made here."""
    from ceralacca.apps.settings.kinds import read_policy, read_size  # noqa: PLC0415
    from ceralacca.core.mailbox_end import has_ended  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.ports.mailbox import MailboxRecord  # noqa: PLC0415
    from ceralacca.store.credentials import hash_password  # noqa: PLC0415

    words = words_of(lang)
    settings = load_settings(config, words)
    holder = as_address(address)
    policy = ordinary_mail or settings.mailboxes.ordinary_mail_in(holder.domain)
    way, target = read_policy(policy)
    last = read_last_day(ends) if ends else None
    if has_ended(last, SystemClock().now()):
        raise UserError(f"--ends {ends}: that day is over", remedy="give the last day that is to come, or none")
    facts = {"quota": quota or settings.mailboxes.quota, "ordinary-mail": policy, **({"ends": ends} if ends else {})}
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.MAILBOX_ADDED, "pec mailbox add", Why(purpose, ticket), mailbox=holder, detail=facts),
    ):
        if store.mailbox(holder) is not None:
            raise UserError(f"{address} is there already", remedy="pec mailbox list shows it")
        _refuse_pec_address(settings, store, target)
        password, made = _password(password_file)
        record = MailboxRecord(
            address=holder,
            quota=read_size(quota) if quota else settings.mailboxes.quota,
            ordinary_mail=way,
            forward_to=target,
            password_hash=hash_password(password),
            ends=last,
        )
        store.put_mailbox(record, now=SystemClock().now())
    _tell_password(words("administer", "mailbox_added", address=address), address, password, made=made, as_json=as_json)


@mailboxes.command("passwd")
def passwd_mailbox(
    address: MailboxAddress,
    *,
    config: Config = DEFAULT_CONFIG,
    password_file: PasswordFile = None,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Give a mailbox another password. It counts at once."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.store.credentials import hash_password  # noqa: PLC0415

    words = words_of(lang)
    holder, why = as_address(address), Why(purpose, ticket)
    with (
        closing(open_store_of(config, words)) as store,
        audited(store, AuditAct.MAILBOX_PASSWORD, "pec mailbox passwd", why, mailbox=holder),
    ):
        record = holders_mailbox(store, address)
        password, made = _password(password_file)
        store.put_mailbox(replace(record, password_hash=hash_password(password)), now=SystemClock().now())
    _tell_password(words("administer", "password_set", address=address), address, password, made=made, as_json=as_json)


@mailboxes.command("ordinary-mail")
def ordinary_mail_of_mailbox(
    address: MailboxAddress,
    policy: Annotated[
        str, typer.Argument(metavar="POLICY", help="anomaly, discard, reject, or forward:ADDRESS outside PEC.")
    ],
    *,
    config: Config = DEFAULT_CONFIG,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Say what becomes of ordinary mail for a mailbox (IP-20). It counts for what comes from now on.

    With forward, mail goes on unchanged under the mailbox's own address; what may be a loop, or is refused there,
    comes into the mailbox as an anomaly. No receipt is ever issued about ordinary mail.
    """
    from ceralacca.apps.settings.kinds import read_policy  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    holder, why, (way, target) = as_address(address), Why(purpose, ticket), read_policy(policy)
    with (
        closing(open_store_of(config, words)) as store,
        audited(
            store, AuditAct.MAILBOX_CHANGED, "pec mailbox ordinary-mail", why,
            mailbox=holder, detail={"ordinary-mail": policy},
        ),
    ):  # fmt: skip
        record = holders_mailbox(store, address)
        _refuse_pec_address(load_settings(config, words), store, target)
        store.set_ordinary_mail(record.address, way, target)
    if as_json:
        write_json(plain(replace(record, ordinary_mail=way, forward_to=target)))
    else:
        print(f"{record.address.text}: {words('ordinary_mail', way.value, target=target)}")


def _refuse_pec_address(settings: "Settings", store: "Store", target: "Address | None") -> None:
    """IP-20: ordinary mail goes on to ordinary addresses; at one of PEC it would come as an anomaly at best."""
    from ceralacca.apps.data_folder import DataFolder  # noqa: PLC0415
    from ceralacca.apps.offices import LocalDirectory  # noqa: PLC0415
    from ceralacca.core.ordinary_mail import why_no_target  # noqa: PLC0415

    if target is None:
        return
    directory = LocalDirectory(DataFolder(settings.data.folder).directory)()
    is_pec = directory is not None and directory.is_pec(target.domain)
    if why_no_target(target, own_domains=store.domains(), is_pec_domain=is_pec):
        raise UserError(f"{target.text} is an address of PEC", remedy="forward to an ordinary address")


@mailboxes.command("close")
def close_mailbox(
    address: MailboxAddress,
    *,
    config: Config = DEFAULT_CONFIG,
    receive_only: Annotated[
        bool, typer.Option("--receive-only", help="Only stop sending: it still receives and can be read.")
    ] = False,
    purpose: Purpose = "",
    ticket: Ticket = "",
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Close a mailbox: nobody signs in, what comes is not delivered and its sender is told. Its mail stays on disk."""
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.ports.mailbox import MailboxStatus  # noqa: PLC0415

    words = words_of(lang)
    status = MailboxStatus.RECEIVE_ONLY if receive_only else MailboxStatus.CLOSED
    holder, why = as_address(address), Why(purpose, ticket)
    with (
        closing(open_store_of(config, words)) as store,
        audited(
            store, AuditAct.MAILBOX_CLOSED, "pec mailbox close", why, mailbox=holder, detail={"status": status.value}
        ),
    ):
        record = holders_mailbox(store, address)
        now = SystemClock().now()
        store.put_mailbox(replace(record, status=status), now=now)
        if status is MailboxStatus.CLOSED:
            store.delegations().end_all(record.address, now=now)
    if as_json:
        write_json({"address": record.address.text, "status": status.value})
    else:
        print(words("administer", "mailbox_closed", address=address, status=words("mailbox_status", status.value)))


@mailboxes.command("list")
def list_mailboxes(
    domain: Annotated[str | None, typer.Argument(metavar="[DOMAIN]", help="Only those of one domain.")] = None,
    *,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """List mailboxes with status, quota, what becomes of ordinary mail, and the last day where there is one."""
    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        records = store.mailboxes(domain.lower() if domain else None)
    if as_json:
        write_json([plain(record) for record in records])
        return
    grid([
        [
            record.address.text,
            words("mailbox_status", "service" if record.is_service else record.status.value),
            f"{record.quota / 2**20:.0f} MiB",
            words("ordinary_mail", record.ordinary_mail.value, target=record.forward_to),
            end_in_words(record, words) if record.ends else "",
        ]
        for record in records
    ])  # fmt: skip


def read_last_day(text: str) -> "date":
    """Read a day given on the command line. Raises UserError."""
    from datetime import date  # noqa: PLC0415

    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"--ends {text}: not a day", remedy="write one such as 2027-12-31") from error
    if day.isoformat() != text:
        raise UserError(f"--ends {text}: not a day", remedy=f"write {day.isoformat()}")
    return day


def plain(record: "MailboxRecord") -> dict[str, Any]:
    """Return a mailbox for programs."""
    return {
        "address": record.address.text,
        "status": record.status.value,
        "service": record.is_service,
        "quota": record.quota,
        "ordinary_mail": record.ordinary_mail.value,
        "forward_to": record.forward_to and record.forward_to.text,
        "created": record.created and record.created.isoformat(),
        "ends": record.ends and record.ends.isoformat(),
    }


def end_in_words(record: "MailboxRecord", words: "Words") -> str:
    """Say when a mailbox ends, or since when it has ended."""
    from ceralacca.core.mailbox_end import has_ended  # noqa: PLC0415

    if record.ends is None:
        return words("mailbox_end", "none")
    return words("mailbox_end", "over" if has_ended(record.ends, SystemClock().now()) else "ahead", day=record.ends)


def holders_mailbox(store: "Store", address: str) -> "MailboxRecord":
    """Return a holder's mailbox; the service mailbox is nobody's (MO-4)."""
    record = store.mailbox(as_address(address))
    if record is None:
        raise UserError(f"there is no mailbox {address}", remedy="pec mailbox list shows them")
    if record.is_service:
        raise UserError(f"{address} is the service mailbox", remedy="no holder reaches it, and it is never closed")
    return record


def _password(file: Path | None) -> tuple[str, bool]:
    """Return the password to set, and whether it was made here: 80 bits."""
    if file is None:
        return spoken_letters(system_entropy, 4), True
    if str(file) == "-":
        return sys.stdin.readline().rstrip("\r\n"), False
    try:
        with file.open(encoding="utf-8") as lines:
            return lines.readline().rstrip("\r\n"), False
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read", remedy="give a text file whose first line is the password") from error


def _tell_password(said: str, address: str, password: str, *, made: bool, as_json: bool) -> None:
    if as_json:
        write_json({"address": address, **({"password": password} if made else {})})
        return
    print(said)
    if made:
        print(password)


def grid(rows: list[list[str]]) -> None:
    """Show rows in columns, on the screen's width."""
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    page_for(sys.stdout).grid([[Run(text) for text in row] for row in rows], gap=2)
