"""Into which folder of its mailbox a message goes: the holder's rules, asked just before it is put there.

A rule is a convenience and delivery a duty: whatever goes wrong with rules, a message that nobody can look into or a
row that cannot be read, means the inbox, at once. The octets are only looked at (DP-2), and nothing is answered.

Clauses: DP-2, DP-8, MO-14.
"""

from collections.abc import Sequence

import structlog

from ceralacca.core.delivery_rules import INBOX, MessageSort, Rule, Traits, first_fitting
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.message_summary import summarise_original
from ceralacca.formats.received import Received
from ceralacca.formats.splice import Octets
from ceralacca.ports.store import Store
from ceralacca.services.reading import read

_diagnostics = structlog.get_logger("ceralacca.services")

_OF_ROW = {
    MessageRow.TRANSPORT_ENVELOPE: MessageSort.CERTIFIED,
    MessageRow.ACCEPTANCE: MessageSort.ACCEPTANCE,
    MessageRow.DELIVERY: MessageSort.DELIVERY,
    MessageRow.ANOMALY_ENVELOPE: MessageSort.ANOMALY,
}


def chosen_folder(store: Store, mailbox: Address, kind: MessageClass, octets: Octets) -> str:
    """Return the folder that the rules of a mailbox want for a message; the inbox when none fits. Never raises."""
    try:
        rules = store.rules(mailbox)
        found = _fitting(rules, mailbox, kind, octets) if any(one.active for one in rules) else None
    except Exception as error:  # noqa: BLE001 no rule stands between a message and its mailbox (DP-8)
        _diagnostics.error("rules left out", error=type(error).__name__)
        return INBOX
    return found.folder if found else INBOX


def _fitting(rules: Sequence[Rule], mailbox: Address, kind: MessageClass, octets: Octets) -> Rule | None:
    received = read(octets)
    return first_fitting(rules, traits_of(received, sort_of(kind, received.row), mailbox))


def sort_of(kind: MessageClass, row: MessageRow | None) -> MessageSort:
    """Return what a message is to its holder, by what the incoming point found (MO-14) and, of a receipt, its row."""
    if kind is MessageClass.ENVELOPE:
        return MessageSort.CERTIFIED
    if kind is not MessageClass.RECEIPT:
        return MessageSort.ANOMALY
    return sort_of_row(row)


def sort_of_row(row: MessageRow | None) -> MessageSort:
    """Return what a message of a row of table 1.1 is to its holder; None is a receipt that says none."""
    return MessageSort.NOTICE if row is None else _OF_ROW.get(row, MessageSort.NOTICE)


def traits_of(received: Received, sort: MessageSort, mailbox: Address) -> Traits:
    """Return what rules may ask of a message for a mailbox."""
    outer, facts = received.outer, received.facts
    own = [outer.subject or ""]
    if sort in {MessageSort.CERTIFIED, MessageSort.ANOMALY}:
        inside = summarise_original(received)
        senders = [outer.sender_display, (inside and inside.sender) or "", facts.original.sender.text if facts else ""]
        named = [one.address.text for one in facts.original.recipients] if facts else []
        recipients = [mailbox.text, (inside and inside.recipients) or "", *named]
        files = None if inside is None or inside.limit_passed else bool(inside.attachments)
        subjects = [*own, (inside and inside.subject) or ""]
    else:
        senders = [outer.sender_display, *(one.text for one in outer.sender)]
        about = facts.delivery_recipient if facts else None
        recipients = [about.text] if about else [one.address.text for one in facts.original.recipients] if facts else []
        files, subjects = False, [*own, (facts.original.subject or "") if facts else ""]
    return Traits(
        sort=sort,
        senders=tuple(senders),
        recipients=tuple(recipients),
        subjects=tuple(subjects),
        octets=len(received.data),
        files=files,
    )
