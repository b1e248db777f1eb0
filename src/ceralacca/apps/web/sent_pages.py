"""Sent messages as transactions: one row a message, one line a recipient, each with its state and since when.

The state is the store's, which receipts and timers move; the receipts stand beside it, with what each proves. The page
renews itself while something is still under way. A message that was refused has its row too, with the reason.

Clauses: 1.3, LO-8 (own rows only), AC-1, TI-3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.folder_pages import day_of
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.receipts import as_receipts_say, receipts_of
from ceralacca.apps.web.visit import Visit
from ceralacca.base.instants import ROME
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.transaction import RecipientState
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.ports.log_search import LogQuery, MailboxRole
from ceralacca.ports.store import SentMessage
from ceralacca.services.own_transactions import OwnTransaction, Refusal, own_transaction, refusal

_PER_PAGE: Final = 20
_REFUSALS: Final = 100
"""Refusals that are shown when nothing else is asked for."""


OUTCOMES: Final = {
    "delivered": frozenset({RecipientState.DELIVERED}),
    "failed": frozenset({RecipientState.FAILED, RecipientState.FAILED_VIRUS, RecipientState.EXPIRED}),
    "late": frozenset({RecipientState.WARNED}),
    "moving": frozenset({RecipientState.DISPATCHED, RecipientState.TAKEN, RecipientState.WARNED}),
    "external": frozenset({RecipientState.SENT_EXTERNAL}),
    "refused": frozenset({RecipientState.REFUSED}),
}
"""What may have become of a message, for one recipient at least; what was refused is in the log alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is searched for among sent messages."""

    text: str
    outcome: str
    """A key of `OUTCOMES`, or empty."""
    since: datetime | None
    until: datetime | None
    """The first instant that does not count any more."""
    query: Mapping[str, str]
    """As it was typed."""

    @classmethod
    def of(cls, visit: Visit) -> "_Asked":
        query = {name: visit.query(name).strip()[:200] for name in ("q", "outcome", "since", "until")}
        since, until = day_of(query["since"]), day_of(query["until"])
        return cls(
            text=query["q"].strip("<>"),
            outcome=query["outcome"] if query["outcome"] in OUTCOMES else "",
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until else None,
            query=query,
        )

    @property
    def nothing(self) -> bool:
        return not (self.text or self.outcome or self.since or self.until)


def show(visit: Visit) -> Response:
    """Show what was sent, the newest first, all of it or what is searched for."""
    asked, before = _Asked.of(visit), _instant(visit.query("before"))
    before = min((one for one in (before, asked.until) if one is not None), default=None)
    sent = _sent(visit, asked, before)
    transactions = [own_transaction(one, visit.parts.store.log_of(one.original.identifier)) for one in sent[:_PER_PAGE]]
    more = transactions[-1].sent.accepted.isoformat() if len(sent) > _PER_PAGE else ""
    first = not visit.query("before") and asked.nothing
    waiting, refused = _waiting(visit) if first else (False, None)
    return render(
        visit,
        "sent_rows.html" if visit.by_htmx else "sent.html",
        transactions=transactions,
        refusals=_refusals(visit, asked, before, transactions, all_told=not more),
        waiting=waiting,
        refused=refused,
        more=more,
        asked=asked.query,
        searching=not asked.nothing,
        outcomes=tuple(OUTCOMES),
        first=first,
        moving=waiting or any(not one.settled for one in transactions),
    )


def _sent(visit: Visit, asked: _Asked, before: datetime | None) -> Sequence[SentMessage]:
    if asked.outcome == "refused":
        return ()
    return visit.parts.own.sent(
        visit.mailbox,
        limit=_PER_PAGE + 1,
        before=before,
        since=asked.since,
        containing=asked.text,
        states=OUTCOMES.get(asked.outcome, ()),
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


def _refusals(
    visit: Visit, asked: _Asked, before: datetime | None, transactions: Sequence[OwnTransaction], *, all_told: bool
) -> list[Refusal]:
    """Return the refusals of the time that the page shows, where they are asked for."""
    if asked.outcome not in {"", "refused"}:
        return []
    shown = None if all_told or not transactions else transactions[-1].sent.accepted
    query = LogQuery(
        mailbox=visit.mailbox,
        role=MailboxRole.SENDER,
        events=frozenset({LogEvent.NON_ACCEPTANCE}),
        since=shown or asked.since,
        until=before,
        limit=_PER_PAGE if asked.outcome == "" else _REFUSALS,
    )
    rows: list[LogRow] = [entry.row for entry in visit.parts.log.search_log(query)]
    wanted = asked.text.casefold()
    named = [row for row in rows if wanted in f"{row.subject or ''} {row.identifier}".casefold()]
    return [one for row in named if (one := refusal([row], visit.mailbox)) is not None]


def _midnight(day: date) -> datetime:
    """Return when a day begins in legal time."""
    return datetime.combine(day, time(), tzinfo=ROME).astimezone(UTC)


def _instant(text: str) -> datetime | None:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        return None
    return given.astimezone(UTC) if given.tzinfo else None


ENDPOINTS: Final = (("/sent", show, "GET"), ("/sent/one", show_one, "GET"))
