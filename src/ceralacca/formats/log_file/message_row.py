"""A row of the message log as the members of its line: the keys of LO-7, and two more for what they leave out.

`concerned` of a row stands in one of three: `ricezione` for takings in charge, `consegna` for one
recipient of anything else, `riguarda` for several. `ricevuta` is the kind of a delivery receipt;
any other remark stands in `nota`. So nothing of a row is lost and nothing is said twice.

Clauses: LO-1, LO-7, LO-9.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import ReceiptKind, RecipientKind
from ceralacca.formats.log_file.canonical import instant_text

_TAKINGS: Final = {LogEvent.TAKING_IN_CHARGE_ISSUED, LogEvent.TAKING_IN_CHARGE_RECEIVED}
_RECEIPTS: Final = frozenset(kind.value for kind in ReceiptKind)
_EVENTS: Final = {event: event.value for event in LogEvent}

Members = list[tuple[str, object]]


def message_members(row: LogRow, node: str) -> Members:
    """Return what the line of a row says, in its order, without number and hashes."""
    concerned = [address.text for address in row.concerned]
    taking = row.event in _TAKINGS
    alone = not taking and len(concerned) == 1
    receipt = row.event is LogEvent.DELIVERY and row.detail in _RECEIPTS
    return [
        ("ts", instant_text(row.instant)),
        ("node", node),
        ("event", _EVENTS[row.event]),
        ("identificativo", row.identifier),
        ("msgid", row.client_message_id),
        ("mittente", None if row.sender is None else row.sender.text),
        ("destinatari", _destinatari(row.recipients)),
        ("oggetto", row.subject),
        ("tipo", row.kind),
        ("errore", row.error),
        ("errore_esteso", row.error_detail),
        ("consegna", concerned[0] if alone else None),
        ("ricezione", concerned if taking else []),
        ("riguarda", [] if taking or alone else concerned),
        ("ricevuta", row.detail if receipt else ""),
        ("message_id", row.message_id),
        ("gestore", row.provider),
        ("peer", row.peer),
        ("tls", row.tls),
        ("nota", "" if receipt else row.detail),
    ]


def _destinatari(recipients: tuple[Recipient, ...]) -> Sequence[dict[str, str]]:
    """Return the recipients as their member has them: the same list for all rows of a transaction."""
    return _spelt(tuple([(one.address.text, one.kind) for one in recipients]))


@lru_cache(maxsize=256)  # by the texts: addresses are equal in whatever letters they are spelt
def _spelt(recipients: tuple[tuple[str, RecipientKind], ...]) -> Sequence[dict[str, str]]:
    return [{"addr": address, "tipo": kind.value} for address, kind in recipients]
