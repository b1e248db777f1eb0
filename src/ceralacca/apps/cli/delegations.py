"""`pec mailbox delegations`: who may open a mailbox beside its holder, and which others its holder may open.

For the front office. Holders give and end delegations on their pages; closing a mailbox ends all of it.

Clauses: SE-3.
"""

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ceralacca.apps.cli.administer import MailboxAddress, grid, holders_mailbox
from ceralacca.apps.cli.provider_options import DEFAULT_CONFIG, AsJson, Config, Lang, words_of, write_json
from ceralacca.apps.cli.queue import open_store_of
from ceralacca.base.clock import SystemClock

if TYPE_CHECKING:
    from datetime import datetime

    from ceralacca.ports.delegation import Delegation


def delegations_command(
    address: MailboxAddress, *, config: Config = DEFAULT_CONFIG, as_json: AsJson = False, lang: Lang = None
) -> None:
    """List who may open a mailbox by a delegation, also those that are over, and what its holder may open."""
    from ceralacca.apps.cli.render import written  # noqa: PLC0415
    from ceralacca.apps.cli.safe_names import visible  # noqa: PLC0415

    words, now = words_of(lang), SystemClock().now()
    with closing(open_store_of(config, words)) as store:
        mailbox, kept = holders_mailbox(store, address).address, store.delegations()
        given, got = kept.given_by(mailbox), kept.given_to(mailbox, now=now)
        in_force = {one.key for one in given if kept.in_force(one.key, now=now)} | {one.key for one in got}
    if as_json:
        write_json(
            {
                "address": mailbox.text,
                "given": [_plain(one, in_force=one.key in in_force) for one in given],
                "got": [_plain(one, in_force=True) for one in got],
            }
        )
        return
    if not given and not got:
        print(words("administer", "delegations_none"))
        return
    rows = [("given", one.delegate, one) for one in given] + [("got", one.mailbox, one) for one in got]
    grid(
        [
            [
                words("administer", f"delegation_{way}"),
                other.text,
                one.right.value,
                written(one.created),
                written(one.until),
                words("administer", f"delegation_{_state(one, now, in_force=one.key in in_force)}"),
                visible(one.purpose),
            ]
            for way, other, one in rows
        ]
    )


def _state(one: "Delegation", now: "datetime", *, in_force: bool) -> str:
    if in_force:
        return "in_force"
    return "over" if one.ended is None and now >= one.until else "ended"


def _plain(one: "Delegation", *, in_force: bool) -> dict[str, Any]:
    return {
        "key": one.key,
        "mailbox": one.mailbox.text,
        "delegate": one.delegate.text,
        "right": one.right.value,
        "purpose": one.purpose,
        "created": one.created.isoformat(),
        "until": one.until.isoformat(),
        "ended": one.ended and one.ended.isoformat(),
        "in_force": in_force,
    }
