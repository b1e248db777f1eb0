"""Showing again that it is the holder, before what guards the mailbox is changed; it lasts ten minutes.

The main password and, where a second factor is on, a code beside it; or a passkey that verifies its user, alone.

Clauses: SE-3; threats.md 29.
"""

from typing import Final

from starlette.responses import Response

from ceralacca.apps.second_factor.challenges import Purpose
from ceralacca.apps.second_factor.judge import FactorOutcome
from ceralacca.apps.web.entering import raise_alarm, record_of
from ceralacca.apps.web.factor_forms import check_code, check_passkey, fault_of, passkey_options
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import password_fault
from ceralacca.apps.web.visit import Visit, go_to, own_place
from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.safety_alarm import AlarmKind
from ceralacca.ports.second_factor import Factor

_AFTER: Final = "/safety"


def show(visit: Visit) -> Response:
    """Show the form."""
    return go_to(_next(visit)) if visit.confirmed else _page(visit)


def confirm(visit: Visit) -> Response:
    """Check password and code."""
    holder = visit.open.holder
    fault = password_fault(visit)
    if fault:
        return _page(visit, fault=fault, status=429 if fault == "too_many" else 401)
    if not visit.parts.factors.factors.is_on(holder):
        return _confirmed(visit)
    return _after(visit, check_code(visit, holder), "code")


def confirm_with_passkey(visit: Visit) -> Response:
    """Check a passkey."""
    return _after(visit, check_passkey(visit, Purpose.CONFIRM, visit.open.holder), "passkey")


def _after(visit: Visit, shown: FactorOutcome, refused: str) -> Response:
    if not shown.outcome.signed_in:
        fault, status = fault_of(shown.outcome, refused)
        return _page(visit, fault=fault, status=status)
    if shown.factor is Factor.RECOVERY_CODE:
        holder = visit.open.holder
        record_of(visit, holder, AuditAct.RECOVERY_CODE_USED, {})
        raise_alarm(visit, holder, AlarmKind.RECOVERY_CODE_USED)
    return _confirmed(visit)


def _confirmed(visit: Visit) -> Response:
    visit.parts.sessions.confirm(visit.open.digest, now=visit.parts.clock.now())
    return go_to(_next(visit))


def _next(visit: Visit) -> str:
    return own_place(visit.query("next") or visit.field("next"), _AFTER)


def _page(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    there = visit.parts.factors.factors.of_mailbox(visit.open.holder)
    return render(
        visit,
        "confirm.html",
        status=status,
        fault=fault,
        factors=there,
        options=passkey_options(visit, Purpose.CONFIRM, there.passkeys) if there.passkeys else "",
        next=_next(visit),
    )


ENDPOINTS: Final = (
    ("/safety/confirm", show, "GET"),
    ("/safety/confirm", confirm, "POST"),
    ("/safety/confirm/passkey", confirm_with_passkey, "POST"),
)
