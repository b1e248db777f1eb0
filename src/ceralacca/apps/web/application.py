"""The routes, and the way of every request: form, session, answer in a thread, errors into pages.

Handlers are plain functions of a `Visit`: they may block, and know nothing of the event loop. What goes wrong is said
on a page with what to do about it; what the program did not foresee is logged without content, and says so.
"""

from collections.abc import Awaitable, Callable, Iterable

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ceralacca.apps.web import (
    confirm_pages,
    courtesy_pages,
    delegation_pages,
    devices_pages,
    discovery,
    factor_pages,
    find_pages,
    folder_pages,
    help_pages,
    log_pages,
    look_pages,
    message_pages,
    notice_pages,
    ordinary_pages,
    own_pages,
    passkey_pages,
    proof_pages,
    rules_pages,
    safety_pages,
    sent_pages,
    setup_pages,
    sign_in_pages,
    static_files,
    write_pages,
)
from ceralacca.apps.web.delegate import Barred, NotForDelegates, admit
from ceralacca.apps.web.headers import SafeHeaders
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.parts import Parts
from ceralacca.apps.web.visit import (
    DelegationEnded,
    Forbidden,
    NotConfirmed,
    NotSignedIn,
    Visit,
    drop_session,
    go_to,
    own_place,
    read_form,
    receive,
)
from ceralacca.base.errors import OurError, PecError, UnreadableMessage, WorldError
from ceralacca.net.imap_mailbox import MayNotChange, NotInMailbox, SignedOut

_LOG = structlog.get_logger(__name__)

Handler = Callable[[Visit], Response]
Endpoint = tuple[str, Handler, str]
"""Path, handler, method."""

_STATUS = ((NotInMailbox, 404), (UnreadableMessage, 422), (WorldError, 503), (OurError, 500))
_OVER = 2 * 2**20
"""Octets of a form beyond the largest message."""


def endpoints() -> Iterable[Endpoint]:
    """Return every page with its handler."""
    for pages in (
        sign_in_pages,
        folder_pages,
        find_pages,
        message_pages,
        look_pages,
        sent_pages,
        proof_pages,
        courtesy_pages,
        write_pages,
        own_pages,
        log_pages,
        safety_pages,
        confirm_pages,
        factor_pages,
        passkey_pages,
        rules_pages,
        ordinary_pages,
        devices_pages,
        notice_pages,
        delegation_pages,
        setup_pages,
        help_pages,
    ):
        yield from pages.ENDPOINTS


def make_application(parts: Parts) -> Starlette:
    """Return the application. Its routes are those of the pages' own tables."""
    routes = [Route(path, _endpoint(path, handler, parts), methods=[method]) for path, handler, method in endpoints()]
    return Starlette(
        routes=[*routes, *discovery.routes(parts), *static_files.ROUTES],
        middleware=[Middleware(SafeHeaders)],
        exception_handlers={HTTPException: _http_error(parts)},
    )


def _endpoint(path: str, handler: Handler, parts: Parts) -> Callable[[Request], object]:
    async def answer(request: Request) -> Response:
        form = None
        if request.method == "POST":
            length = request.headers.get("Content-Length", "")
            if not length.isdecimal():
                raise HTTPException(411)
            if int(length) > parts.size + _OVER:
                raise HTTPException(413)
            try:
                form = await read_form(request)
            except Forbidden:
                raise HTTPException(403) from None
            except MultiPartException:
                raise HTTPException(400) from None
        try:
            return await run_in_threadpool(_answer, path, handler, request, parts, form)
        finally:
            if form is not None:
                await form.close()

    return answer


def _answer(path: str, handler: Handler, request: Request, parts: Parts, form: object) -> Response:
    try:
        visit = receive(request, parts, form)  # type: ignore[arg-type]
    except Forbidden:
        return _said(receive(request, parts, None), 403)
    except WorldError as error:
        _LOG.warning("web.away", reason=str(error))
        return Response("503", 503, {"Retry-After": "10"}, "text/plain")
    try:
        admit(visit, request.method, path)
        return handler(visit)
    except (NotSignedIn, SignedOut, NotConfirmed, DelegationEnded, NotForDelegates, MayNotChange) as missing:
        return _sent_away(visit, missing)
    except PecError as error:
        if isinstance(error, WorldError):
            _LOG.warning("web.away", reason=str(error))
        if isinstance(error, OurError):
            _LOG.error("web.defect", page=request.url.path, reason=str(error))
        return _said(visit, _status_of(error), error)
    except Exception:  # noqa: BLE001 whatever it is, the holder gets a page and the operator a line
        _LOG.exception("web.defect", page=request.url.path)
        return _said(visit, 500)


def _status_of(error: PecError) -> int:
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 400


def _sent_away(visit: Visit, missing: Exception) -> Response:
    match missing:
        case NotConfirmed():
            return _confirm_first(visit)
        case DelegationEnded():
            return _barred(visit, "over")
        case NotForDelegates():
            return _barred(visit, missing.why)
        case MayNotChange():
            return _barred(visit, Barred.HOLDER)
    return _sign_in_again(visit)


def _sign_in_again(visit: Visit) -> Response:
    if visit.by_htmx:  # a piece of a page: the whole page must go to sign-in
        response = Response(status_code=204)
        response.headers["HX-Redirect"] = "/sign-in"
        return response
    url = visit.request.url
    here = url.path + (f"?{url.query}" if url.query else "") if visit.request.method == "GET" else ""
    response = go_to("/sign-in", next=here if here != "/" else "")
    drop_session(response)
    return response


def _barred(visit: Visit, why: str) -> Response:
    if visit.by_htmx:  # a piece of a page: the whole page must say it
        response = Response(status_code=204)
        response.headers["HX-Redirect"] = "/mail"
        return response
    return render(visit, "delegate_barred.html", status=403, why=why)


def _confirm_first(visit: Visit) -> Response:
    here = visit.request.url.path if visit.request.method == "GET" else visit.field("back")
    return go_to("/safety/confirm", next=own_place(here, "/safety"))


def _said(visit: Visit, status: int, error: PecError | None = None) -> Response:
    return render(visit, "error.html", status=status, code=status, error=error)


def _http_error(parts: Parts) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for these"
        return await run_in_threadpool(_plain_error, request, parts, error.status_code)

    return answer


def _plain_error(request: Request, parts: Parts, status: int) -> Response:
    try:
        return _said(receive(request, parts, None), status)
    except WorldError:
        return Response(str(status), status, media_type="text/plain")
