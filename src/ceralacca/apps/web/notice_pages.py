"""Notices: what a holder is told of by ordinary ways, and where to. Nothing here needs a script.

Every change asks who sits there to show again that it is them: who could turn notices off unseen would hide the rest.
Nothing is sent to an address until the code that went there has been typed in here.

Clauses: SE-3.
"""

from typing import Final

from starlette.responses import Response

from ceralacca.apps.cli.words import LANGUAGES
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import confirmed, record_act
from ceralacca.apps.web.visit import Visit, go_to
from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import spoken_letters
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.audit import AuditAct
from ceralacca.core.notices import EXPIRY_STEPS, QUOTA_STEPS, NoticeKind
from ceralacca.ports.notices import CODE_LASTS, NoticeWishes, WishesChanged
from ceralacca.ports.store import Commit
from ceralacca.services.choose_notices import (
    NoCode,
    TooManyCodes,
    with_code_given,
    with_code_sent,
    with_kinds,
    with_webhook,
    without_address,
)
from ceralacca.services.notify_holder import Telling, is_pec, mail_to_holder
from ceralacca.store.credentials import hash_password, is_password

_PAGE: Final = "/safety/notices"
_GROUPS: Final = 2
_LONGEST: Final = 254
_SECRET: Final = 32
"""Octets of a webhook's secret; it is shown, and used, as its hexadecimal digits."""
_DONE: Final = frozenset({"saved", "sent", "confirmed"})


def show(visit: Visit) -> Response:
    """Show the page."""
    done = visit.query("done")
    return _page(visit, done=done if done in _DONE else "")


def choose(visit: Visit) -> Response:
    """Keep what is chosen; a new address is sent its code."""
    wishes = visit.parts.notices.wishes.of(_whose(visit))
    address, fault = _wanted_address(visit, wishes)
    if fault:
        return _page(visit, fault=fault, status=400)
    if fault := confirmed(visit):
        return _page(visit, fault=fault, status=429 if fault == "too_many" else 401)
    try:
        done, secret = _keep(visit, wishes, address)
    except TooManyCodes:
        return _page(visit, fault="too_many_codes", status=429)
    except WishesChanged:
        return _page(visit, fault="changed", status=409)
    except (UserError, WorldError):
        return _page(visit, fault="webhook", status=400)
    return _page(visit, done=done, secret=secret) if secret else go_to(_PAGE, done=done)


def _wanted_address(visit: Visit, wishes: NoticeWishes) -> tuple[Address | None, str]:
    """Return the address of the form, if it has one, and what is wrong with it, if anything is."""
    given, parts = visit.field("email").strip(), visit.parts
    if not given:
        return None, ""
    address = _address(given)
    if address is None:
        return None, "address"
    if address == wishes.email:
        return address, ""
    refused = parts.notices.sender is None or is_pec(address, parts.store, parts.directory())
    return address, "pec" if refused else ""


def _keep(visit: Visit, wishes: NoticeWishes, address: Address | None) -> tuple[str, str]:
    """Keep what is chosen; return what was done, and the secret of a new webhook, which is shown this once.

    Raises WishesChanged, TooManyCodes; UserError or WorldError for a server that is not called.
    """
    if visit.number("version") != wishes.version:
        raise WishesChanged
    kinds = frozenset(one for one in NoticeKind if one.value in visit.fields("kind"))
    language = visit.field("language")
    wanted = with_kinds(wishes, kinds, language if language in LANGUAGES else visit.words.language)
    wanted, secret = _with_webhook(visit, wanted)
    is_new = address is not None and address != wishes.email
    if address is None:
        visit.parts.notices.wishes.change(without_address(wanted))
    elif is_new:
        _send_code(visit, wanted, address)
    else:
        visit.parts.notices.wishes.change(wanted)
    ways = {"email": int(address is not None), "webhook": int(bool(wanted.webhook))}
    record_act(visit, AuditAct.NOTICES_CHANGED, "", {"kinds": " ".join(sorted(kinds)), **ways})
    return "sent" if is_new else "saved", secret


def _with_webhook(visit: Visit, wishes: NoticeWishes) -> tuple[NoticeWishes, str]:
    """Return the wishes with the server of the form; for a new one with a new secret. Raises UserError, WorldError."""
    url, webhooks = visit.field("webhook").strip(), visit.parts.webhooks
    if not url or webhooks is None:
        return with_webhook(wishes, "", b""), ""
    if url == wishes.webhook:
        return wishes, ""
    webhooks.way.check(url)
    secret = visit.parts.entropy(_SECRET).hex()
    return with_webhook(wishes, url, webhooks.seal(secret.encode(), wishes.mailbox)), secret


def give_code(visit: Visit) -> Response:
    """Take the code that was sent to the address."""
    code = _letters(visit.field("code"))
    kept, now = visit.parts.notices.wishes, visit.parts.clock.now()
    try:
        before = kept.of(_whose(visit))
        after = kept.change(with_code_given(before, lambda code_hash: is_password(code_hash, code.encode()), now))
    except NoCode:
        return _page(visit, fault="no_code", status=400)
    except WishesChanged:
        return _page(visit, fault="changed", status=409)
    if after.waiting is not None:
        return _page(visit, fault="code", status=401)
    record_act(visit, AuditAct.NOTICES_CHANGED, "", {"confirmed": 1})
    return go_to(_PAGE, done="confirmed")


def _send_code(visit: Visit, wishes: NoticeWishes, address: Address) -> None:
    """Keep the address in waiting, then send its code: a code that is not kept opens nothing."""
    parts, now = visit.parts, visit.parts.clock.now()
    code = spoken_letters(parts.entropy, _GROUPS)
    changed = parts.notices.wishes.change(with_code_sent(wishes, address, hash_password(_letters(code)), now))
    telling = Telling(
        mailbox=wishes.mailbox,
        recipient=address,
        language=wishes.language,
        key=f"notice:confirm:{changed.version}:{wishes.mailbox.key}",
    )
    letter, relayed = mail_to_holder(parts.notices, telling, "confirm", now=now, code=code)
    parts.store.commit([Commit(instant=now, letters=(letter,), jobs=(relayed,))])


def _letters(code: str) -> str:
    return "".join(code.lower().replace("-", " ").split())[:40]


def _address(given: str) -> Address | None:
    try:
        return Address.parse(given) if len(given) <= _LONGEST else None
    except InvalidAddress:
        return None


def _whose(visit: Visit) -> Address:
    """Whoever signed in, never a mailbox that was only delegated."""
    return visit.open.holder


def _page(visit: Visit, *, fault: str = "", done: str = "", secret: str = "", status: int = 200) -> Response:
    wishes = visit.parts.notices.wishes.of(_whose(visit))
    waiting = wishes.waiting
    if waiting is not None and visit.parts.clock.now() - waiting.since >= CODE_LASTS:
        waiting = None
    kept = waiting.address if waiting else wishes.email
    factors = visit.parts.factors.factors.is_on(_whose(visit))
    again = fault not in {"", "changed", "code", "no_code"}
    return render(
        visit,
        "notices.html",
        status=status,
        fault=fault,
        done=done,
        wishes=wishes,
        waiting=waiting,
        kinds=list(NoticeKind),
        chosen=visit.fields("kind") if again else [one.value for one in wishes.kinds],
        email=visit.field("email")[:_LONGEST] if again else (kept.text if kept else ""),
        speaks=visit.field("language") if again else (wishes.language if wishes.version else visit.words.language),
        secret=secret,
        webhook=visit.field("webhook")[:1000] if again else wishes.webhook,
        by_webhook=visit.parts.webhooks is not None,
        by_email=visit.parts.notices.sender is not None,
        steps=", ".join(map(str, QUOTA_STEPS)),
        expiry=", ".join(map(str, EXPIRY_STEPS)),
        asks_password=not factors and not visit.confirmed,
        asks_confirmation=factors and not visit.confirmed,
    )


ENDPOINTS: Final = ((_PAGE, show, "GET"), (_PAGE, choose, "POST"), ("/safety/notices/code", give_code, "POST"))
