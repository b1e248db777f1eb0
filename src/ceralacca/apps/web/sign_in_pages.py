"""Signing in and out, and the choice of a language.

The password is checked by the one judge of all protocols, which counts guesses over all of them together. Where a
second factor is on, what comes after the password is a session of the stage PASSWORD, which opens nothing, and the page
for the factor. A passkey that verifies its user is a whole sign-in by itself.

Clauses: SE-3, MO-4.
"""

import time
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from ceralacca.apps.cli.words import LANGUAGES
from ceralacca.apps.second_factor.challenges import Purpose
from ceralacca.apps.second_factor.judge import FactorOutcome
from ceralacca.apps.web.entering import enter_fully, known_device
from ceralacca.apps.web.factor_forms import check_code, check_passkey, fault_of, passkey_options
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import (
    NotSignedIn,
    Visit,
    begin_session,
    drop_session,
    go_to,
    own_place,
    set_language,
    set_session,
)
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.ports.second_factor import Factor
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.ports.web_session import SessionStage, WebSession

_HOME: Final = "/mail"
_LONGEST_PASSWORD: Final = 1024
_FOR_THE_FACTOR: Final = timedelta(minutes=10)


def start(visit: Visit) -> Response:
    """Lead to the mail, or to sign-in."""
    return go_to(_HOME if visit.session and visit.session.stage is SessionStage.FULL else "/sign-in")


def show(visit: Visit) -> Response:
    """Show the form."""
    if visit.session is not None and visit.session.stage is SessionStage.FULL:
        return go_to(own_place(visit.query("next"), _HOME))
    return _form(visit)


def enter(visit: Visit) -> Response:
    """Check name and password. The answer to a failure waits, as the judge says; a thread waits, nobody else."""
    name, password = visit.field("address").strip(), visit.field("password")[:_LONGEST_PASSWORD]
    if not name or not password:
        return _form(visit, fault="missing", status=400)
    outcome = visit.parts.signs_in.check(
        name, password.encode(), protocol=SignInProtocol.WEB, peer=visit.peer, device=_known_device(visit, name)
    )
    time.sleep(outcome.delay)
    if not outcome.signed_in or outcome.mailbox is None:
        fault = "too_many" if outcome.verdict is SignInVerdict.TOO_MANY else "refused"
        return _form(visit, fault=fault, status=429 if fault == "too_many" else 401)
    return after_password(visit, outcome)


def after_password(visit: Visit, outcome: SignInOutcome) -> Response:
    """Open the session; where a second factor is on, one that opens nothing, and its page."""
    assert outcome.mailbox is not None, "signed in"
    if not outcome.owes_factor:
        return enter_fully(visit, outcome, next_page=own_place(visit.field("next"), _HOME))
    if visit.session is not None:
        visit.parts.sessions.close(visit.session.digest)
        visit.parts.pool.forget(visit.session.digest)
    _, token = begin_session(visit, outcome.mailbox, may_send=False, stage=SessionStage.PASSWORD, lasts=_FOR_THE_FACTOR)
    response = go_to("/sign-in/factor", next=own_place(visit.field("next"), ""))
    set_session(response, token)
    return response


def show_factor(visit: Visit) -> Response:
    """Show the form for the second factor."""
    return _factor_form(visit)


def enter_factor(visit: Visit) -> Response:
    """Check a code. The answer to a failure waits, as the judge says."""
    return _after_factor(visit, check_code(visit, _half(visit).holder))


def enter_second_passkey(visit: Visit) -> Response:
    """Check a passkey that was asked for after the password."""
    return _after_factor(visit, check_passkey(visit, Purpose.SECOND, _half(visit).holder))


def enter_passkey(visit: Visit) -> Response:
    """Sign in with a passkey alone, which must have verified its user."""
    shown = check_passkey(visit, Purpose.SIGN_IN)
    if not shown.outcome.signed_in:
        fault, status = fault_of(shown.outcome, "passkey")
        return _form(visit, fault=fault, status=status)
    return enter_fully(visit, shown.outcome, next_page=own_place(visit.field("next"), _HOME), factor=shown.factor)


def _after_factor(visit: Visit, shown: FactorOutcome) -> Response:
    if not shown.outcome.signed_in:
        fault, status = fault_of(shown.outcome, "passkey" if shown.factor is Factor.PASSKEY else "code")
        return _factor_form(visit, fault=fault, status=status)
    return enter_fully(visit, shown.outcome, next_page=own_place(visit.field("next"), _HOME), factor=shown.factor)


def _half(visit: Visit) -> WebSession:
    """Return the session whose password was right and whose factor is owed. Raises NotSignedIn."""
    if visit.session is None or visit.session.stage is not SessionStage.PASSWORD:
        raise NotSignedIn
    return visit.session


def _factor_form(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    half = _half(visit)
    there = visit.parts.factors.factors.of_mailbox(half.holder)
    return render(
        visit,
        "second_factor.html",
        status=status,
        fault=fault,
        whose=half.holder.text,
        factors=there,
        options=passkey_options(visit, Purpose.SECOND, there.passkeys) if there.passkeys else "",
        next=own_place(visit.query("next") or visit.field("next"), ""),
    )


def _known_device(visit: Visit, name: str) -> str:
    try:
        return known_device(visit, Address.parse(name))
    except InvalidAddress:
        return ""


def leave(visit: Visit) -> Response:
    """End the session."""
    if visit.session is not None:
        visit.parts.sessions.close(visit.session.digest)
        visit.parts.pool.forget(visit.session.digest)
    response = go_to("/sign-in", left=1)
    drop_session(response)
    return response


def choose_language(visit: Visit) -> Response:
    """Remember a language and go back to the page."""
    response = go_to(own_place(visit.field("back"), "/"))
    if visit.field("language") in LANGUAGES:
        set_language(response, visit.field("language"))
    return response


def _form(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    return render(
        visit,
        "sign_in.html",
        status=status,
        fault=fault,
        name=visit.field("address"),
        next=own_place(visit.query("next") or visit.field("next"), ""),
        left=bool(visit.query("left")),
        options=passkey_options(visit, Purpose.SIGN_IN),
    )


ENDPOINTS: Final = (
    ("/", start, "GET"),
    ("/sign-in", show, "GET"),
    ("/sign-in", enter, "POST"),
    ("/sign-in/passkey", enter_passkey, "POST"),
    ("/sign-in/factor", show_factor, "GET"),
    ("/sign-in/factor", enter_factor, "POST"),
    ("/sign-in/factor/passkey", enter_second_passkey, "POST"),
    ("/sign-out", leave, "POST"),
    ("/language", choose_language, "POST"),
)
