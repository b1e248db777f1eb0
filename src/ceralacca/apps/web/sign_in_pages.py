"""Signing in and out, and the choice of a language.

The password is checked by the one judge of all protocols, which counts guesses over all of them together. What comes
after the password (`after_password`) is the seam for a second factor: a session of the stage PASSWORD opens nothing.

Clauses: SE-3, MO-4.
"""

import time
from typing import Final

from starlette.responses import Response

from ceralacca.apps.cli.words import LANGUAGES
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import (
    Visit,
    begin_session,
    drop_session,
    go_to,
    own_place,
    set_language,
    set_session,
)
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.ports.web_session import SessionStage

_HOME: Final = "/mail"
_LONGEST_PASSWORD: Final = 1024


def start(visit: Visit) -> Response:
    """Lead to the mail, or to sign-in."""
    return go_to(_HOME if visit.session else "/sign-in")


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
    outcome = visit.parts.signs_in.check(name, password.encode(), protocol=SignInProtocol.WEB, peer=visit.peer)
    time.sleep(outcome.delay)
    if not outcome.signed_in or outcome.mailbox is None:
        fault = "too_many" if outcome.verdict is SignInVerdict.TOO_MANY else "refused"
        return _form(visit, fault=fault, status=429 if fault == "too_many" else 401)
    return after_password(visit, outcome)


def after_password(visit: Visit, outcome: SignInOutcome) -> Response:
    """Open the session. A holder with a second factor would get one of the stage PASSWORD here, and its page."""
    assert outcome.mailbox is not None, "signed in"
    _, token = begin_session(visit, outcome.mailbox, may_send=bool(outcome.may_send_as), stage=SessionStage.FULL)
    response = go_to(own_place(visit.field("next"), _HOME))
    set_session(response, token)
    return response


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
    )


ENDPOINTS: Final = (
    ("/", start, "GET"),
    ("/sign-in", show, "GET"),
    ("/sign-in", enter, "POST"),
    ("/sign-out", leave, "POST"),
    ("/language", choose_language, "POST"),
)
