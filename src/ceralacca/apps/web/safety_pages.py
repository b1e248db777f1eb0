"""Access and safety: the app passwords of the mailbox that is open. Nothing here needs a script.

Making one asks whoever sits there to show again that it is them: by the main password, through the one judge that
counts guesses, or, where a second factor is on, on a page of its own (`confirm_pages`). So a screen left open gives
nobody a key that lasts (threats.md 29). The new password stands on the answer to the form and nowhere else.

Clauses: SE-3, DP-7.
"""

import time
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from ceralacca.apps.app_passwords import issue_app_password
from ceralacca.apps.web.entering import known_device, record_of
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import NotConfirmed, Visit, go_to
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.app_password import APP_PROTOCOLS, LONGEST_LABEL, MOST_APP_PASSWORDS, AppPassword
from ceralacca.ports.sign_in import SignInProtocol, SignInVerdict

_PAGE: Final = "/safety"
_LONGEST_PASSWORD: Final = 1024


def show(visit: Visit) -> Response:
    """Show the page."""
    return _page(visit, done=visit.query("done"))


def add(visit: Visit) -> Response:
    """Make an app password, and show it this once."""
    label = visit.field("label").strip()[:LONGEST_LABEL]
    chosen = [one for one in APP_PROTOCOLS if one.value in visit.fields("protocol")]
    if not label or not chosen:
        return _page(visit, fault="missing", status=400)
    if len(visit.parts.app_passwords.of_mailbox(_whose(visit))) >= MOST_APP_PASSWORDS:
        return _page(visit, fault="too_many_kept", status=409)
    fault = confirmed(visit)
    if fault:
        return _page(visit, fault=fault, status=429 if fault == "too_many" else 401)
    made, shown = issue_app_password(
        visit.parts.app_passwords,
        _whose(visit),
        label,
        chosen,
        entropy=visit.parts.entropy,
        now=visit.parts.clock.now(),
    )
    detail = {"label": label, "protocols": " ".join(sorted(chosen))}
    record_act(visit, AuditAct.APP_PASSWORD_ADDED, made.selector, detail)
    return _page(visit, made=made, shown=shown)


def revoke(visit: Visit) -> Response:
    """End an app password."""
    selector = visit.field("selector")
    if visit.parts.app_passwords.revoke(_whose(visit), selector):
        record_act(visit, AuditAct.APP_PASSWORD_REVOKED, selector, {})
    return go_to(_PAGE, done="revoked")


def confirmed(visit: Visit) -> str:
    """See that it is the holder: shown a short while ago, or by the main password that the form gives. Blocks.

    Return what is wrong, or nothing. Raises NotConfirmed where a second factor is on: the password is not enough.
    """
    if visit.confirmed:
        return ""
    if visit.parts.factors.factors.is_on(visit.open.holder):
        raise NotConfirmed
    return password_fault(visit)


def password_fault(visit: Visit) -> str:
    """Check the main password that the form gives; return what is wrong with it, or nothing. Blocks."""
    given = visit.field("password")[:_LONGEST_PASSWORD].encode()
    holder = visit.open.holder.text
    outcome = visit.parts.signs_in.check(
        holder, given, protocol=SignInProtocol.WEB, peer=visit.peer, device=known_device(visit, visit.open.holder)
    )
    time.sleep(outcome.delay)
    if outcome.signed_in:
        return ""
    return "too_many" if outcome.verdict is SignInVerdict.TOO_MANY else "refused"


def must_be_confirmed(visit: Visit) -> Address:
    """Return whose safety may be changed: the holder's, who has shown of late that it is them. Raises NotConfirmed."""
    if not visit.confirmed:
        raise NotConfirmed
    return visit.open.holder


def _whose(visit: Visit) -> Address:
    """Whoever signed in, never a mailbox that was only delegated."""
    return visit.open.holder


def record_act(visit: Visit, act: AuditAct, about: str, detail: Mapping[str, str | int]) -> None:
    """Leave in the audit trail what the holder did about the own mailbox. Raises WorldError."""
    record_of(visit, visit.open.holder, act, detail, about=about)


def _page(
    visit: Visit,
    *,
    fault: str = "",
    done: str = "",
    made: AppPassword | None = None,
    shown: str = "",
    status: int = 200,
) -> Response:
    factors = visit.parts.factors.factors.of_mailbox(_whose(visit))
    return render(
        visit,
        "safety.html",
        status=status,
        factors=factors,
        asks_password=not factors.on and not visit.confirmed,
        asks_confirmation=factors.on and not visit.confirmed,
        fault=fault,
        done=done if done == "revoked" else "",
        made=made,
        shown=shown,
        label=visit.field("label")[:LONGEST_LABEL] if fault else "",
        protocols=APP_PROTOCOLS,
        chosen=visit.fields("protocol") if fault else ["imap", "submission"],
        passwords=visit.parts.app_passwords.of_mailbox(_whose(visit)),
    )


ENDPOINTS: Final = (
    (_PAGE, show, "GET"),
    ("/safety/app-password", add, "POST"),
    ("/safety/app-password/revoke", revoke, "POST"),
)
