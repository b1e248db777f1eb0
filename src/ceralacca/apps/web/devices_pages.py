"""Devices and accesses: the browsers that are signed in now, a way to sign them all out, and who came in these 90 days.

Accesses are read from the audit trail of the holder's own mailbox. What the web pages themselves do there with a
session's ticket is no access of anybody, and is left out. Nothing here needs a script.

Clauses: SE-3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.responses import Response

from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import record_act
from ceralacca.apps.web.visit import Visit, drop_session, go_to
from ceralacca.core.model.audit import ActorKind, AuditAct, AuditEvent, AuditOutcome
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.web_session import SessionStage
from ceralacca.services.sign_in_audit import BY_WEB_SESSION, OWES_FACTOR

_PAGE: Final = "/safety/devices"
_LOOK_BACK: Final = timedelta(days=90)
_AT_A_TIME: Final = 100
_WHOLE: Final = SessionStage.FULL
_SHOWN: Final = frozenset({
    AuditAct.SIGN_IN,
    AuditAct.SESSIONS_ENDED,
    AuditAct.MAILBOX_PASSWORD,
    AuditAct.APP_PASSWORD_ADDED,
    AuditAct.APP_PASSWORD_REVOKED,
    AuditAct.FACTOR_ADDED,
    AuditAct.FACTOR_REMOVED,
    AuditAct.FACTORS_RESET,
    AuditAct.RECOVERY_CODES_MADE,
    AuditAct.RECOVERY_CODE_USED,
    AuditAct.NEW_PLACE,
    AuditAct.MAILBOX_CHANGED,
    AuditAct.RULES_CHANGED,
    AuditAct.MAILBOX_EXPORTED,
    AuditAct.MAILBOX_IMPORTED,
    AuditAct.NOTICES_CHANGED,
    AuditAct.DELEGATION_GIVEN,
    AuditAct.DELEGATION_ENDED,
    AuditAct.DELEGATE_ENTERED,
    AuditAct.DELEGATE_SENDS,
})  # fmt: skip
_WITH_WAY: Final = frozenset({AuditAct.SIGN_IN, AuditAct.NEW_PLACE})
_BY_DELEGATES: Final = frozenset({AuditAct.DELEGATE_ENTERED, AuditAct.DELEGATE_SENDS})
_WITH_DELEGATE: Final = frozenset({AuditAct.DELEGATION_GIVEN, AuditAct.DELEGATION_ENDED})
_WITH_NAME: Final = frozenset({AuditAct.FACTOR_ADDED, AuditAct.FACTOR_REMOVED, AuditAct.DELEGATE_SENDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One line of what was done to get in."""

    instant: datetime
    act: str
    way: str
    """The protocol of a sign-in or new place; empty for another act."""
    good: bool
    by_provider: bool
    peer: str
    count: int
    """How many alike it stands for."""
    app_password: str
    """First letters."""
    factor: str = ""
    """What was shown beside or in place of the password; `owed` when only the password was right."""
    about: str = ""
    """Name of a passkey; Message-ID of what a delegate handed in."""
    who: str = ""
    """The delegate, where it is about one."""


def show(visit: Visit) -> Response:
    """Show the page."""
    session, now = visit.open, visit.parts.clock.now()
    query = AuditQuery(
        acts=_SHOWN,
        mailbox=session.holder,
        since=now - _LOOK_BACK,
        before=visit.number("before") or None,
        limit=_AT_A_TIME,
    )
    entries = visit.parts.audit.search(query)
    return render(
        visit,
        "devices.html",
        sessions=[one for one in visit.parts.sessions.of_holder(session.holder, now=now) if one.stage is _WHOLE],
        accesses=accesses_of([entry.event for entry in entries]),
        older=entries[-1].seq if len(entries) == _AT_A_TIME else 0,
        done=visit.query("done") == "others",
    )


def accesses_of(events: Sequence[AuditEvent]) -> list[Access]:
    """Return the lines that events make, in their order."""
    return [
        Access(
            instant=event.instant,
            act=event.act.value,
            way=event.origin.process if event.act in _WITH_WAY else "",
            good=event.outcome is AuditOutcome.DONE,
            by_provider=event.actor.kind is not ActorKind.HOLDER,
            peer=event.origin.peer,
            count=int(event.detail.get("count", 1)),
            app_password=_app_password(event),
            factor="owed" if OWES_FACTOR in event.detail else str(event.detail.get("factor", "")),
            about=event.about if event.act in _WITH_NAME else "",
            who=_delegate(event),
        )
        for event in events
        if BY_WEB_SESSION not in event.detail
    ]


def _app_password(event: AuditEvent) -> str:
    if event.act in {AuditAct.APP_PASSWORD_ADDED, AuditAct.APP_PASSWORD_REVOKED}:
        return event.about
    return str(event.detail.get("app-password", ""))


def _delegate(event: AuditEvent) -> str:
    if event.act in _BY_DELEGATES:
        return event.actor.name
    return str(event.detail.get("delegate", "")) if event.act in _WITH_DELEGATE else ""


def end(visit: Visit) -> Response:
    """End the other sessions of the holder, or all of them."""
    session, parts = visit.open, visit.parts
    here = visit.field("which") != "all"
    open_now = parts.sessions.of_holder(session.holder, now=parts.clock.now())
    ended = parts.sessions.close_all(session.holder, but=session.digest if here else "")
    for one in open_now:
        if not here or one.digest != session.digest:
            parts.pool.forget(one.digest)
    record_act(visit, AuditAct.SESSIONS_ENDED, "", {"count": ended})
    if here:
        return go_to(_PAGE, done="others")
    response = go_to("/sign-in", left=1)
    drop_session(response)
    return response


def know(visit: Visit) -> Response:
    """Record that the holder knows of what the alarms tell. A browser cannot say so of what it caused itself."""
    numbers = [int(one) for one in visit.fields("alarm") if one.isascii() and one.isdecimal() and len(one) < 16]
    visit.parts.alarms.mark_seen(visit.open.holder, numbers, now=visit.parts.clock.now(), place=visit.place)
    return go_to(_PAGE)


ENDPOINTS: Final = (
    (_PAGE, show, "GET"),
    ("/safety/devices/end", end, "POST"),
    ("/safety/alarms/known", know, "POST"),
)
