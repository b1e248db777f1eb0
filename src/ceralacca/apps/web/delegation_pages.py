"""Delegations: the holder gives and ends them on one page; the delegate opens the other mailbox, and comes back.

Giving asks whoever sits there to show again that it is them (`safety_pages.confirmed`). Ending asks nothing: it must be
quick, and takes nobody's mail away. Opening gives a new session under a new token (`visit.open_mailbox`) and stands in
the audit trail of the mailbox before it happens. Nothing here needs a script.

Clauses: SE-3, AP-2; threats.md 29.
"""

from datetime import date, datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.entering import record_of
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import confirmed
from ceralacca.apps.web.visit import NotSignedIn, Visit, go_to, open_mailbox, set_session
from ceralacca.base.instants import ROME
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.delegation import (
    LONGEST_PURPOSE,
    LONGEST_TERM,
    Delegation,
    DelegationRefused,
    DelegationRight,
)
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus

_PAGE: Final = "/safety/delegations"
_HOME: Final = "/mail"
_USUAL_TERM: Final = timedelta(days=90)


def show(visit: Visit) -> Response:
    """Show the delegations that the mailbox has given, and the form for another."""
    return _page(visit, done=visit.query("done"))


def give(visit: Visit) -> Response:
    """Let another holder into the own mailbox."""
    visit.open  # noqa: B018 nothing is looked up for who is not signed in
    made = _asked_for(visit)
    if isinstance(made, str):
        return _page(visit, fault=made, status=400)
    fault = confirmed(visit)
    if fault:
        return _page(visit, fault=fault, status=429 if fault == "too_many" else 401)
    record = visit.parts.store.mailbox(made.delegate)
    if record is None or not _is_open(record):
        return _page(visit, fault="nobody", status=404)
    try:
        visit.parts.delegations.give(made)
    except DelegationRefused as refused:
        return _page(visit, fault=refused.reason, status=409)
    detail = {"delegate": made.delegate.text, "right": made.right.value, "until": made.until.isoformat()}
    record_of(visit, made.mailbox, AuditAct.DELEGATION_GIVEN, detail, about=made.key, purpose=made.purpose)
    return go_to(_PAGE, done="given")


def end(visit: Visit) -> Response:
    """End a delegation: pages that the delegate has open show nothing more."""
    holder, key = visit.open.holder, visit.field("key")
    ended = visit.parts.delegations.end(holder, key, now=visit.parts.clock.now())
    if ended is not None:
        record_of(visit, holder, AuditAct.DELEGATION_ENDED, {"delegate": ended.delegate.text}, about=ended.key)
    return go_to(_PAGE, done="ended")


def enter(visit: Visit) -> Response:
    """Open the mailbox of another's that is delegated to who is signed in."""
    session, now = visit.open, visit.parts.clock.now()
    mailbox = _address(visit.field("mailbox"))
    delegation = visit.parts.delegations.between(mailbox, session.holder, now=now) if mailbox else None
    record = visit.parts.store.mailbox(delegation.mailbox) if delegation else None
    if delegation is None or record is None:
        return _barred(visit, "none")
    factors = visit.parts.factors.factors
    if factors.is_on(delegation.mailbox) and not factors.is_on(session.holder):
        return _barred(visit, "factor")  # a guarded mailbox is not opened by a password alone
    detail = {"right": delegation.right.value, "until": delegation.until.isoformat()}
    record_of(visit, delegation.mailbox, AuditAct.DELEGATE_ENTERED, detail, about=delegation.key, by=session.holder)
    sends = delegation.right is DelegationRight.SEND
    response = go_to(_HOME)
    set_session(response, open_mailbox(visit, delegation.mailbox, may_send=sends, delegation_key=delegation.key))
    return response


def leave(visit: Visit) -> Response:
    """Go back to the own mailbox. Raises NotSignedIn."""
    session = visit.session
    if session is None:
        raise NotSignedIn
    if session.is_own:
        return go_to(_HOME)
    response = go_to(_HOME)
    set_session(response, open_mailbox(visit, session.holder, may_send=True))
    return response


def _asked_for(visit: Visit) -> Delegation | str:
    """Read the form; return what is wrong with it as the key of a sentence."""
    holder, now = visit.open.holder, visit.parts.clock.now()
    delegate, until = _address(visit.field("address")), _end_of(visit.field("until"))
    purpose = " ".join(visit.field("purpose").split())[:LONGEST_PURPOSE]
    right = next((one for one in DelegationRight if one.value == visit.field("right")), None)
    if delegate is None or right is None or not purpose:
        return "missing"
    if delegate == holder:
        return "yourself"
    if until is None or not now < until <= now + LONGEST_TERM:
        return "term"
    return Delegation(
        key=visit.parts.entropy(16).hex(),
        mailbox=holder,
        delegate=delegate,
        right=right,
        purpose=purpose,
        created=now,
        until=until,
    )


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text.strip())
    except InvalidAddress:
        return None


def _end_of(text: str) -> datetime | None:
    """Return the end of a day in Italy, which is the first instant of the next."""
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day + timedelta(days=1), time(), ROME)
    except (ValueError, OverflowError):
        return None


def _is_open(record: MailboxRecord) -> bool:
    return not record.is_service and record.status is not MailboxStatus.CLOSED


def _barred(visit: Visit, why: str) -> Response:
    return render(visit, "delegate_barred.html", status=403, why=why)


def _page(visit: Visit, *, fault: str = "", done: str = "", status: int = 200) -> Response:
    holder, now = visit.open.holder, visit.parts.clock.now()
    guarded = visit.parts.factors.factors.is_on(holder)
    today = now.astimezone(ROME).date()
    return render(
        visit,
        "delegations.html",
        status=status,
        fault=fault,
        done=done if done in {"given", "ended"} else "",
        delegations=[one for one in visit.parts.delegations.given_by(holder) if one.lasts(now)],
        asks_password=not guarded and not visit.confirmed,
        asks_confirmation=guarded and not visit.confirmed,
        rights=tuple(DelegationRight),
        right=visit.field("right", DelegationRight.READ.value),
        given_address=visit.field("address")[:320],
        purpose=visit.field("purpose")[:LONGEST_PURPOSE],
        until=visit.field("until")[:10] or (today + _USUAL_TERM).isoformat(),
        first=today.isoformat(),
        last=(today + LONGEST_TERM - timedelta(days=1)).isoformat(),
        longest=LONGEST_PURPOSE,
    )


ENDPOINTS: Final = (
    (_PAGE, show, "GET"),
    (_PAGE, give, "POST"),
    ("/safety/delegations/end", end, "POST"),
    ("/delegations/open", enter, "POST"),
    ("/delegations/leave", leave, "POST"),
)
