"""Sent messages as transactions: one row a message, one line a recipient, each with its state and since when.

The state is the store's, which receipts and timers move; the receipts stand beside it, with what each proves. The page
renews itself while something is still under way. A message that was refused has its row too, with the reason.

Clauses: 1.3, LO-8 (own rows only), AC-1, TI-3.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.pages import render
from ceralacca.apps.web.receipts import as_receipts_say, receipts_of
from ceralacca.apps.web.visit import Visit
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.ports.log_search import LogQuery, MailboxRole
from ceralacca.services.own_transactions import OwnTransaction, Refusal, own_transaction, refusal

_PER_PAGE: Final = 20


def show(visit: Visit) -> Response:
    """Show what was sent, the newest first."""
    before, text = _instant(visit.query("before")), visit.query("q").strip()[:200]
    sent = visit.parts.own.sent(visit.mailbox, limit=_PER_PAGE + 1, before=before, containing=text)
    transactions = [own_transaction(one, visit.parts.store.log_of(one.original.identifier)) for one in sent[:_PER_PAGE]]
    more = transactions[-1].sent.accepted.isoformat() if len(sent) > _PER_PAGE else ""
    first = before is None and not text
    waiting, refused = _waiting(visit) if first else (False, None)
    return render(
        visit,
        "sent_rows.html" if visit.by_htmx else "sent.html",
        transactions=transactions,
        refusals=_refusals(visit, transactions, all_told=not more) if not text else [],
        waiting=waiting,
        refused=refused,
        more=more,
        text=text,
        first=first,
        moving=waiting or any(not one.settled for one in transactions),
    )


def show_one(visit: Visit) -> Response:
    """Show one message with every recipient, every passage and every receipt."""
    transaction = transaction_of(visit, visit.query("id"))
    receipts = receipts_of(visit, transaction)
    return render(
        visit,
        "sent_one_rows.html" if visit.by_htmx else "sent_one.html",
        one=as_receipts_say(transaction, receipts),
        receipts=receipts,
    )


def transaction_of(visit: Visit, identifier: str) -> OwnTransaction:
    """Return a message that this mailbox sent. Raises NotInMailbox for any other."""
    sent = visit.parts.store.sent(identifier)
    if sent is None or sent.original.sender != visit.mailbox:
        raise NotInMailbox("this mailbox has sent no such message")
    return own_transaction(sent, visit.parts.store.log_of(identifier))


def _waiting(visit: Visit) -> tuple[bool, Refusal | None]:
    """Say whether a message that was handed in a moment ago has no answer yet, or was refused."""
    message_id = visit.query("handed")
    if not message_id:
        return False, None
    rows = [row for row in visit.parts.store.log_of(message_id) if row.sender == visit.mailbox]
    refused = refusal(rows, visit.mailbox)
    return not refused and not any(row.event is LogEvent.ACCEPTANCE for row in rows), refused


def _refusals(visit: Visit, transactions: Sequence[OwnTransaction], *, all_told: bool) -> list[Refusal]:
    """Return the refusals of the time that the page shows."""
    before = _instant(visit.query("before"))
    since = None if all_told or not transactions else transactions[-1].sent.accepted
    query = LogQuery(
        mailbox=visit.mailbox,
        role=MailboxRole.SENDER,
        events=frozenset({LogEvent.NON_ACCEPTANCE}),
        since=since,
        until=before,
        limit=_PER_PAGE,
    )
    rows: list[LogRow] = [entry.row for entry in visit.parts.log.search_log(query)]
    return [one for row in rows if (one := refusal([row], visit.mailbox)) is not None]


def _instant(text: str) -> datetime | None:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return None
    return given.astimezone(UTC) if given.tzinfo else None


ENDPOINTS: Final = (("/sent", show, "GET"), ("/sent/one", show_one, "GET"))
