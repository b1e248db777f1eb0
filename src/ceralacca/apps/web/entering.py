"""Opening a whole session, whatever was shown for it: the place is learnt, the holder alarmed when it is new.

Every whole sign-in of the pages goes through `enter_fully`: a new token (no fixation), the mark of the browser, the
audit trail for what came after or in place of the password. Nobody is let in whom the records could not take.

Clauses: SE-3.
"""

import socket
from collections.abc import Mapping

from starlette.responses import Response

from ceralacca.apps.web.visit import Visit, begin_session, go_to, set_device, set_session
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, AuditOutcome, Origin
from ceralacca.ports.safety_alarm import AlarmKind, NewAlarm
from ceralacca.ports.second_factor import Factor
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.ports.web_session import SessionStage
from ceralacca.services.watch_places import network_place


def enter_fully(visit: Visit, outcome: SignInOutcome, *, next_page: str, factor: Factor | None = None) -> Response:
    """Open the session of whoever has shown all that the mailbox asks for, and lead on. Raises WorldError."""
    assert outcome.mailbox is not None, "signed in"
    mailbox, response = outcome.mailbox, go_to(next_page)
    device = set_device(response, visit)
    if factor is not None:
        detail = {"verdict": SignInVerdict.SIGNED_IN.value, "factor": factor.value}
        record_of(visit, mailbox, AuditAct.SIGN_IN, detail)
    if factor is Factor.RECOVERY_CODE:
        record_of(visit, mailbox, AuditAct.RECOVERY_CODE_USED, {})
        raise_alarm(visit, mailbox, AlarmKind.RECOVERY_CODE_USED, place=device)
    _learn_place(visit, mailbox, device)
    now = visit.parts.clock.now()
    _, token = begin_session(
        visit,
        mailbox,
        may_send=True,  # the session may; whether the mailbox sends, its record says when something is sent
        stage=SessionStage.FULL,
        confirmed=None if factor is None else now,
    )
    if visit.session is not None:
        visit.parts.sessions.close(visit.session.digest)
        visit.parts.pool.forget(visit.session.digest)
    set_session(response, token)
    return response


def _learn_place(visit: Visit, mailbox: Address, device: str) -> None:
    network = network_place(visit.peer)
    new = visit.parts.alarms.learn(mailbox, (device, network), now=visit.parts.clock.now())
    if new is not None and device in new:
        kind = AlarmKind.NEW_PLACE if network in new else AlarmKind.NEW_DEVICE
        record_of(visit, mailbox, AuditAct.NEW_PLACE, {"kind": kind.value})
        raise_alarm(visit, mailbox, kind, place=device, way=SignInProtocol.WEB.value)


def known_device(visit: Visit, mailbox: Address) -> str:
    """Return the digest of this browser's mark when the mailbox was opened here of late: guesses count for it alone."""
    place = visit.place
    return place if place and visit.parts.alarms.knows(mailbox, place, now=visit.parts.clock.now()) else ""


def raise_alarm(visit: Visit, mailbox: Address, kind: AlarmKind, *, place: str = "", way: str = "") -> None:
    """Tell the holder, on other browsers and by whatever sends notices. Raises WorldError."""
    visit.parts.alarms.raise_alarm(
        NewAlarm(
            mailbox=mailbox,
            kind=kind,
            instant=visit.parts.clock.now(),
            way=way,
            peer=visit.peer,
            agent=visit.agent,
            place=place or visit.place,
        )
    )


def record_of(
    visit: Visit,
    mailbox: Address,
    act: AuditAct,
    detail: Mapping[str, str | int],
    *,
    about: str = "",
    purpose: str = "",
    by: Address | None = None,
    outcome: AuditOutcome = AuditOutcome.DONE,
) -> None:
    """Leave in the audit trail what a holder did about the own mailbox, or a delegate (`by`). Raises WorldError."""
    event = AuditEvent(
        instant=visit.parts.clock.now(),
        act=act,
        actor=Actor(kind=ActorKind.HOLDER, name=(by or mailbox).text),
        origin=Origin(process=SignInProtocol.WEB.value, host=socket.gethostname(), peer=visit.peer),
        outcome=outcome,
        mailbox=mailbox,
        about=about,
        purpose=purpose,
        detail=detail,
    )
    visit.parts.audit.record(event)
