"""One request: who asks, in which language, with which form. And the sessions' cookie, made and checked here alone.

Sign-in gives a new random token (no fixation); the cookie is `__Host-`, Secure, HttpOnly, SameSite=Lax. Every POST
must carry a form token derived from it, and come from our own pages by what the browser says of its origin: either
check alone stops a forged request (threats.md 29). Before sign-in the same holds with a cookie of its own.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ceralacca.apps.cli.words import LANGUAGES, Words
from ceralacca.apps.web.parts import Parts
from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.net.imap_mailbox import ImapMailbox, MailboxUse
from ceralacca.ports.web_session import SessionStage, WebSession, as_password, derived, ticket_of, token_digest

SESSION_COOKIE: Final = "__Host-pec"
FIRST_COOKIE: Final = "__Host-pec-first"
DEVICE_COOKIE: Final = "__Host-pec-device"
"""The mark of a browser that somebody signed in from: it opens nothing, and says only that this one is known."""
LANGUAGE_COOKIE: Final = "pec-language"
_TOKEN: Final = re.compile(r"[0-9a-f]{64}")
_PLACE: Final = re.compile(r"/(?:[A-Za-z0-9_][A-Za-z0-9_.~@%/-]*)?(?:\?[A-Za-z0-9_.~@%/+&=:,-]*)?")
CONFIRMED_FOR: Final = timedelta(minutes=10)
"""How long it lasts that a holder has shown that it is them."""
_YEAR: Final = 365 * 86400
_T = TypeVar("_T")


class Forbidden(Exception):
    """The request is not one of our pages' own."""


class NotSignedIn(Exception):
    """There is no session, or not a whole one."""


class DelegationEnded(Exception):
    """The mailbox of another's that was open is delegated no more."""


class NotConfirmed(Exception):
    """The holder has to show again that it is them, before what guards the mailbox is changed."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request with what was found out about it. Made on the event loop, used in a thread."""

    request: Request
    parts: Parts
    words: Words
    law: Words
    """The sentences of the command line: verdicts, reasons, kinds of message."""
    token: str
    """Of the session's cookie, or of the one before sign-in."""
    session: WebSession | None
    form: FormData
    fresh_cookie: bool = False
    """The cookie before sign-in has to be set."""

    # -- who ----------------------------------------------------------------------------------------

    @property
    def open(self) -> WebSession:
        """The session, signed in with all its factors. Raises NotSignedIn, DelegationEnded."""
        if self.session is None or self.session.stage is not SessionStage.FULL:
            raise NotSignedIn
        if not self.session.opens_mail:
            raise DelegationEnded
        return self.session

    @property
    def mailbox(self) -> Address:
        """The mailbox that is open."""
        return self.open.mailbox

    @property
    def peer(self) -> str:
        """IP address of the browser."""
        return self.request.client.host if self.request.client else ""

    @property
    def agent(self) -> str:
        """What the browser says it is, cut short."""
        return self.request.headers.get("User-Agent", "")[:200]

    @property
    def place(self) -> str:
        """Digest of this browser's mark; empty when it has none."""
        mark = self.request.cookies.get(DEVICE_COOKIE, "")
        return token_digest(mark) if _TOKEN.fullmatch(mark) else ""

    @property
    def confirmed(self) -> bool:
        """Whether the holder has shown a short while ago that it is them."""
        confirmed = self.open.confirmed
        return confirmed is not None and self.parts.clock.now() < confirmed + CONFIRMED_FOR

    @property
    def form_token(self) -> str:
        """What every form must carry."""
        return derived(self.token, "form")

    @property
    def by_htmx(self) -> bool:
        """Whether only a piece of the page is asked for."""
        return self.request.headers.get("HX-Request") == "true"

    # -- what was asked -----------------------------------------------------------------------------

    def query(self, name: str, default: str = "") -> str:
        """Return a value of the address."""
        return self.request.query_params.get(name, default)

    def number(self, name: str, default: int = 0) -> int:
        """Return a number of the address or form; the default for what is none."""
        given = self.query(name) or self.field(name)
        return int(given) if given.isascii() and given.isdecimal() and len(given) < 12 else default

    def field(self, name: str, default: str = "") -> str:
        """Return a field of the form."""
        value = self.form.get(name, default)
        return value if isinstance(value, str) else default

    def fields(self, name: str) -> list[str]:
        """Return all fields of that name."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def files(self, name: str) -> list[UploadFile]:
        """Return the files that were chosen."""
        return [one for one in self.form.getlist(name) if isinstance(one, UploadFile) and one.filename]

    # -- mail ---------------------------------------------------------------------------------------

    @property
    def ticket(self) -> str:
        """What opens the mailbox while the session lasts."""
        return ticket_of(self.token, self.open.salt)

    @property
    def use(self) -> MailboxUse:
        """What the mailbox is opened for: a delegate moves and deletes nothing."""
        if self.open.is_own:
            return MailboxUse.WHOLE
        return MailboxUse.WRITE if self.open.may_write else MailboxUse.LOOK

    def ask(self, question: Callable[[ImapMailbox], _T]) -> _T:
        """Ask the mailbox something. Raises NotSignedIn, NotInMailbox, MailboxRefused, MayNotChange, WorldError."""
        session, use = self.open, self.use

        def connect() -> ImapMailbox:
            known = self.parts.pool.headers.of(session.digest)
            password = as_password(self.ticket)
            return ImapMailbox(self.parts.mail_server(), session.mailbox.text, password, use=use, known=known)

        return self.parts.pool.ask(session.digest, connect, question)


def holder_only(visit: Visit) -> Address:
    """Return the mailbox that is open, for what its holder alone may change. Raises UserError for a delegate."""
    session = visit.open
    if session.holder != session.mailbox:
        raise UserError("only the holder of the mailbox may do this", remedy="ask the holder")
    return session.mailbox


def go_to(path: str, **values: object) -> Response:
    """Send the browser to one of our pages, with GET."""
    query = urlencode({name: str(value) for name, value in values.items() if value not in {"", None}})
    return RedirectResponse(f"{path}?{query}" if query else path, status_code=303)


def own_place(place: str, default: str) -> str:
    """Return an address that leads to a page of ours, or the default: never to another site."""
    return place if _PLACE.fullmatch(place) else default


# -- making a visit ---------------------------------------------------------------------------------


async def read_form(request: Request, *, most_files: int = 100, part: int = 4 * 2**20) -> FormData:
    """Read a form. Raises Forbidden when it does not come from our own pages by what the browser says."""
    if not _same_origin(request):
        raise Forbidden
    return await request.form(max_files=most_files, max_fields=500, max_part_size=part)


def receive(request: Request, parts: Parts, form: FormData | None) -> Visit:
    """Find out who asks. Blocks. Raises Forbidden for a form without its token, WorldError."""
    words, law = chosen_words(request)
    token = request.cookies.get(SESSION_COOKIE, "")
    session = _session(token, parts) if _TOKEN.fullmatch(token) else None
    fresh = False
    if session is None:
        token = request.cookies.get(FIRST_COOKIE, "")
        fresh = not _TOKEN.fullmatch(token)
        token = parts.entropy(32).hex() if fresh else token
    visit = Visit(request, parts, words, law, token, session, form or FormData(), fresh)
    if form is not None:
        given = visit.field("form_token") or request.headers.get("X-Form-Token", "")
        if fresh or not hmac.compare_digest(given.encode(), visit.form_token.encode()):
            raise Forbidden
    return visit


def _session(token: str, parts: Parts) -> WebSession | None:
    now, digest = parts.clock.now(), token_digest(token)
    session = parts.sessions.find(digest, now=now)
    if session is not None:
        parts.sessions.touch(digest, now=now)
    return session


def _same_origin(request: Request) -> bool:
    """Say whether the browser sends this from a page of ours; programs that say nothing still need the token."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")


def chosen_words(request: Request) -> tuple[Words, Words]:
    """Return the sentences of the language that was chosen, else that the browser prefers, else Italian."""
    wanted = request.cookies.get(LANGUAGE_COOKIE, "")
    if wanted not in LANGUAGES:
        wanted = preferred_language(request.headers.get("Accept-Language", ""))
    return Words(wanted, package="ceralacca.apps.web"), Words(wanted)


def preferred_language(accepted: str) -> str:
    """Read Accept-Language (RFC 9110, 12.5.4): the first language of ours with the highest weight, else Italian."""
    best, weight = "it", 0.0
    for one in accepted.split(",")[:20]:
        name, _, rest = one.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        match = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", rest)
        quality = float(match[1]) if match else (1.0 if not rest else 0.0)
        if language in LANGUAGES and quality > weight:
            best, weight = language, quality
    return best


# -- cookies ----------------------------------------------------------------------------------------


def begin_session(
    visit: Visit,
    mailbox: Address,
    *,
    may_send: bool,
    stage: SessionStage,
    lasts: timedelta | None = None,
    confirmed: datetime | None = None,
) -> tuple[WebSession, str]:
    """Open a session under a new token, and return both. It lasts as the settings say unless less is asked for.

    The cookie is `set_session`'s.
    """
    parts = visit.parts
    token, salt, now = parts.entropy(32).hex(), parts.entropy(32).hex(), parts.clock.now()
    session = WebSession(
        digest=token_digest(token),
        ticket=token_digest(ticket_of(token, salt)),
        salt=salt,
        holder=mailbox,
        mailbox=mailbox,
        stage=stage,
        may_send=may_send,
        created=now,
        seen=now,
        ends=now + (lasts or parts.session_time),
        peer=visit.peer,
        agent=visit.agent,
        confirmed=confirmed,
    )
    parts.sessions.open(session)
    return session, token


def open_mailbox(visit: Visit, mailbox: Address, *, may_send: bool, delegation_key: str = "") -> str:
    """Open another mailbox in place of the one that is open, under a new token, and return that. Raises WorldError.

    The session ends when it would have. Forms of pages that are still open elsewhere carry the old token: nothing is
    ever done in another mailbox than the page said.
    """
    parts, old = visit.parts, visit.session
    assert old is not None, "somebody is signed in"
    token, salt = parts.entropy(32).hex(), parts.entropy(32).hex()
    parts.sessions.open(
        replace(
            old,
            digest=token_digest(token),
            ticket=token_digest(ticket_of(token, salt)),
            salt=salt,
            mailbox=mailbox,
            may_send=may_send,
            delegation_key=delegation_key,
            delegation=None,
            confirmed=None,
        )
    )
    parts.sessions.close(old.digest)
    parts.pool.forget(old.digest)
    return token


def set_session(response: Response, token: str) -> None:
    """Give the browser the session's token; gone when the browser ends."""
    response.set_cookie(SESSION_COOKIE, token, secure=True, httponly=True, samesite="lax", path="/")
    response.delete_cookie(FIRST_COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def set_first(response: Response, token: str) -> None:
    """Give the browser the token that forms before sign-in carry."""
    response.set_cookie(FIRST_COOKIE, token, secure=True, httponly=True, samesite="lax", path="/")


def drop_session(response: Response) -> None:
    """Take the session's cookie away."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def set_device(response: Response, visit: Visit) -> str:
    """Mark this browser for a year unless it has a mark; return the digest of its mark."""
    if visit.place:
        return visit.place
    mark = visit.parts.entropy(32).hex()
    response.set_cookie(DEVICE_COOKIE, mark, max_age=_YEAR, secure=True, httponly=True, samesite="lax", path="/")
    return token_digest(mark)


def set_language(response: Response, language: str) -> None:
    """Remember a language for a year."""
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, secure=True, httponly=True, samesite="lax", path="/")
