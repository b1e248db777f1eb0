"""`pec hold`: legal holds on mailboxes and transactions, which keep records past their thirty months (LO-5, VI-1).

Whoever sets or lifts one leaves name and reason, in the hold and in the audit trail.
"""

import os
import sys
from contextlib import closing
from datetime import UTC
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ceralacca.apps.cli.audited import Ticket, Why, audited
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, as_address, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.apps.cli.words import Words
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.core.retention import LegalHold

commands = typer.Typer(
    name="hold",
    help="Legal holds: keep what a mailbox or a transaction has in the log past its 30 months.",
    no_args_is_help=True,
)
Reason = Annotated[str, typer.Option(help="Why: whose order, which case. Kept with the hold.", metavar="TEXT")]


@commands.command("add", no_args_is_help=True)
def add_command(
    *,
    mailbox: Annotated[
        str | None, typer.Option(help="Hold all that this mailbox sent or received.", metavar="ADDRESS")
    ] = None,
    identifier: Annotated[
        str | None, typer.Option("--id", help="Hold this transaction (identificativo).", metavar="ID")
    ] = None,
    reason: Reason = "",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Set a hold: rows of the log and infected messages that it names stay until it is lifted.

    Example: pec hold add --mailbox anna@alfa.example --reason "order of the court, case 7/2026"
    """
    from ceralacca.apps.auditing import login_name  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415
    from ceralacca.core.retention import LegalHold  # noqa: PLC0415

    words = words_of(lang)
    _need_reason(reason)
    if (mailbox is None) == (identifier is None):
        raise UserError("a hold names a mailbox or a transaction", remedy="give --mailbox or --id, one of them")
    wanted = LegalHold(
        number=0,
        mailbox=as_address(mailbox) if mailbox is not None else None,
        identifier=(identifier or "").strip(),
        reason=reason,
        ticket=ticket,
        set_at=SystemClock().now(),
        set_by=login_name(os.environ),
    )
    with (
        closing(open_store_of(config, words)) as store,
        audited(
            store, AuditAct.HOLD_SET, "pec hold add", Why(reason, ticket), mailbox=wanted.mailbox,
            about=wanted.identifier,
        ),
    ):  # fmt: skip
        hold = store.retention.set_hold(wanted)
    if as_json:
        write_json(plain_hold(hold))
    else:
        print(words("hold", "set", number=hold.number, what=_what(hold, words)))


@commands.command("list")
def list_command(
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were lifted too.")] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Show the holds in force."""
    from ceralacca.apps.cli.page import Run  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415
    from ceralacca.apps.cli.screen import page_for  # noqa: PLC0415

    words = words_of(lang)
    with closing(open_store_of(config, words)) as store:
        found = [hold for hold in store.retention.holds() if every or hold.lifted_at is None]
    if as_json:
        write_json([plain_hold(hold) for hold in found])
        return
    page = page_for(sys.stdout)
    if not found:
        page.line(Run(words("hold", "none")))
        return
    heads = ("number", "what", "since", "who", "lifted", "reason")
    rows = [[Run(words("hold", head), "bold") for head in heads]]
    for hold in found:
        lifted = f"{hold.lifted_at.astimezone(UTC):%Y-%m-%d} {hold.lifted_by}" if hold.lifted_at else ""
        why = "; ".join(part for part in (hold.reason, hold.ticket, hold.lift_reason) if part)
        told = (
            str(hold.number),
            _what(hold, words),
            f"{hold.set_at.astimezone(UTC):%Y-%m-%d}",
            hold.set_by,
            lifted,
            why,
        )
        rows.append([Run(visible(one)) for one in told])
    page.grid(rows, gap=2)


@commands.command("lift", no_args_is_help=True)
def lift_command(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Number of a hold, as `pec hold list` shows it.")],
    *,
    reason: Reason = "",
    ticket: Ticket = "",
    config: Config = DEFAULT_CONFIG,
    as_json: AsJson = False,
    lang: Lang = None,
) -> None:
    """Lift a hold; what it alone kept past its term goes at the next tidying."""
    from ceralacca.apps.auditing import login_name  # noqa: PLC0415
    from ceralacca.core.model.audit import AuditAct  # noqa: PLC0415

    words = words_of(lang)
    _need_reason(reason)
    with closing(open_store_of(config, words)) as store:
        known = next((hold for hold in store.retention.holds() if hold.number == number), None)
        about = known.identifier if known else ""
        with audited(
            store, AuditAct.HOLD_LIFTED, "pec hold lift", Why(reason, ticket),
            mailbox=known.mailbox if known else None, about=about, detail={"hold": number},
        ):  # fmt: skip
            hold = store.retention.lift_hold(number, now=SystemClock().now(), by=login_name(os.environ), reason=reason)
            if hold is None:
                raise UserError(f"there is no hold {number} in force", remedy="pec hold list shows those that are")
    if as_json:
        write_json(plain_hold(hold))
    else:
        print(words("hold", "lifted_now", number=number))


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise UserError("a hold is set and lifted for a reason", remedy='add --reason "why"')


def _what(hold: "LegalHold", words: Words) -> str:
    if hold.mailbox is not None:
        return words("hold", "mailbox", address=hold.mailbox.text)
    return words("hold", "transaction", identifier=hold.identifier)


def plain_hold(hold: "LegalHold") -> dict[str, Any]:
    """Return a hold for programs."""
    return {
        "hold": hold.number,
        "mailbox": hold.mailbox.text if hold.mailbox else None,
        "identifier": hold.identifier or None,
        "reason": hold.reason,
        "ticket": hold.ticket,
        "set_at": hold.set_at.isoformat(),
        "set_by": hold.set_by,
        "lifted_at": hold.lifted_at.isoformat() if hold.lifted_at else None,
        "lifted_by": hold.lifted_by or None,
        "lift_reason": hold.lift_reason or None,
    }
