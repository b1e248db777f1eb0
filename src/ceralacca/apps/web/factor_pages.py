"""Second factors of the mailbox that is open: which there are, the app for codes, and recovery codes.

Setting up the app keeps nothing until a code of it was typed: the form carries the new secret, encrypted for this
mailbox. With the first factor the recovery codes are made and shown, and the other browsers are signed out: they came
in with the password alone. Every change asks the holder to confirm, is recorded, and raises an alarm.

A factor that was removed can be brought back for ten minutes by the session that removed it (`second_factor.undo`):
with a confirmation, a record and an alarm like any new one, and with new recovery codes if those went with it.

Clauses: SE-3; threats.md 29.
"""

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response

from ceralacca.apps.second_factor import totp
from ceralacca.apps.second_factor.recovery import bare, make_recovery_codes
from ceralacca.apps.second_factor.undo import GOOD_FOR, RemovedFactor, brought, carried
from ceralacca.apps.web.entering import raise_alarm
from ceralacca.apps.web.factor_forms import passkeys_work
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.qr_pictures import qr_picture
from ceralacca.apps.web.safety_pages import must_be_confirmed, record_act
from ceralacca.apps.web.visit import Visit, go_to
from ceralacca.base.errors import WorldError
from ceralacca.core.model.audit import AuditAct
from ceralacca.ports.safety_alarm import AlarmKind
from ceralacca.ports.second_factor import Factor, FactorsSet, Passkey, Totp

PAGE: Final = "/safety/factors"
_DONE: Final = frozenset({"removed", "last_removed", "brought_back", "too_late"})
_COOKIE: Final = "__Host-pec-removed"


def show(visit: Visit) -> Response:
    """Show what there is."""
    return factors_page(visit)


def factors_page(
    visit: Visit, *, codes: Sequence[str] = (), done: str = "", fault: str = "", status: int = 200
) -> Response:
    """Show what there is, and new recovery codes this once."""
    done = done or visit.query("done")
    there = visit.parts.factors.factors.of_mailbox(visit.open.holder)
    removed = _removed(visit)
    return render(
        visit,
        "factors.html",
        status=status,
        factors=there,
        removed=removed if removed is not None and removed.may_return(there) else None,
        passkeys_work=passkeys_work(visit),
        codes=codes,
        fault=fault,
        done=done if done in _DONE else "",
    )


# -- the app ------------------------------------------------------------------------------------------


def show_totp(visit: Visit) -> Response:
    """Show a new secret, as picture and as text, with the form for its first code."""
    must_be_confirmed(visit)
    return _totp_page(visit, totp.new_secret(visit.parts.entropy))


def add_totp(visit: Visit) -> Response:
    """Keep the secret once a code of it was typed."""
    holder, parts = must_be_confirmed(visit), visit.parts
    try:
        secret = parts.factors.key.open(bytes.fromhex(visit.field("secret")), holder, totp.NEW_PURPOSE)
    except (ValueError, WorldError):  # of another time or mailbox: begin again
        return go_to("/safety/totp")
    now = parts.clock.now()
    step = totp.step_of_code(secret, bare(visit.field("code")), now)
    if step is None:
        return _totp_page(visit, secret, fault="code", status=422)
    before = parts.factors.factors.of_mailbox(holder)
    sealed = parts.factors.key.seal(secret, holder, totp.PURPOSE)
    parts.factors.factors.put_totp(Totp(mailbox=holder, sealed=sealed, last_step=step, created=now, used=now))
    return factor_added(visit, before, Factor.TOTP)


def remove_totp(visit: Visit) -> Response:
    """Take the app away."""
    factors, holder = visit.parts.factors.factors, must_be_confirmed(visit)
    kept = factors.of_mailbox(holder).totp
    if kept is None or not factors.remove(holder, totp=True):
        return go_to(PAGE)
    return factor_removed(visit, kept)


def _totp_page(visit: Visit, secret: bytes, *, fault: str = "", status: int = 200) -> Response:
    holder, key = visit.open.holder, visit.parts.factors.key
    address = totp.app_address(secret, holder, visit.parts.provider)
    return render(
        visit,
        "totp.html",
        status=status,
        fault=fault,
        picture=qr_picture(address),
        address=address,
        shown=totp.shown_secret(secret),
        sealed=key.seal(secret, holder, totp.NEW_PURPOSE).hex(),
        there=visit.parts.factors.factors.of_mailbox(holder).totp is not None,
    )


# -- recovery codes -----------------------------------------------------------------------------------


def new_codes(visit: Visit) -> Response:
    """Make new recovery codes in place of those before, and show them this once."""
    holder = must_be_confirmed(visit)
    if not visit.parts.factors.factors.is_on(holder):
        return go_to(PAGE)
    codes = _make_codes(visit)
    raise_alarm(visit, holder, AlarmKind.RECOVERY_CODES_MADE)
    return factors_page(visit, codes=codes)


def _make_codes(visit: Visit) -> Sequence[str]:
    judge = visit.parts.factors
    codes = make_recovery_codes(judge.factors, judge.key, visit.open.holder, visit.parts.entropy)
    record_act(visit, AuditAct.RECOVERY_CODES_MADE, "", {"codes": len(codes)})
    return codes


# -- every factor -------------------------------------------------------------------------------------


def factor_added(visit: Visit, before: FactorsSet, factor: Factor, label: str = "", *, done: str = "") -> Response:
    """Record and tell a new factor; with the first one make recovery codes, and sign the other browsers out."""
    holder, parts = visit.open.holder, visit.parts
    record_act(visit, AuditAct.FACTOR_ADDED, label, {"factor": factor.value})
    raise_alarm(visit, holder, AlarmKind.FACTOR_ADDED, way=factor.value)
    if not before.on:
        others = parts.sessions.of_holder(holder, now=parts.clock.now())
        parts.sessions.close_all(holder, but=visit.open.digest)
        for one in others:
            if one.digest != visit.open.digest:
                parts.pool.forget(one.digest)
    codes = () if before.recovery_codes else _make_codes(visit)
    return factors_page(visit, codes=codes, done=done)


def factor_removed(visit: Visit, kept: Totp | Passkey) -> Response:
    """Record and tell that a factor is gone, and let the browser carry it for a while."""
    holder, judge = visit.open.holder, visit.parts.factors
    cookie = carried(judge.key, kept, visit.open.digest, now=visit.parts.clock.now())
    factor, label = (Factor.PASSKEY, kept.label) if isinstance(kept, Passkey) else (Factor.TOTP, "")
    record_act(visit, AuditAct.FACTOR_REMOVED, label, {"factor": factor.value})
    raise_alarm(visit, holder, AlarmKind.FACTOR_REMOVED, way=factor.value)
    response = go_to(PAGE, done="removed" if judge.factors.is_on(holder) else "last_removed")
    lasts = int(GOOD_FOR.total_seconds())
    response.set_cookie(_COOKIE, cookie, max_age=lasts, secure=True, httponly=True, samesite="lax", path="/")
    return response


def bring_back(visit: Visit) -> Response:
    """Keep the factor again that this session has just removed."""
    holder, factors = must_be_confirmed(visit), visit.parts.factors.factors
    removed, before = _removed(visit), factors.of_mailbox(holder)
    if removed is not None and not removed.may_return(before):
        return go_to(PAGE)
    if removed is None or not factors.spend_challenge(removed.digest, ends=removed.ends):
        return go_to(PAGE, done="too_late")
    if isinstance(removed.kept, Totp):
        factors.put_totp(removed.kept)
    else:
        factors.add_passkey(removed.kept)
    response = factor_added(visit, before, removed.factor, removed.label, done="brought_back")
    response.delete_cookie(_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


def _removed(visit: Visit) -> RemovedFactor | None:
    """Return what this session has removed a short while ago."""
    given, session = visit.request.cookies.get(_COOKIE, ""), visit.open
    now = visit.parts.clock.now()
    return brought(visit.parts.factors.key, given, session.holder, session.digest, now=now) if given else None


ENDPOINTS: Final = (
    (PAGE, show, "GET"),
    ("/safety/totp", show_totp, "GET"),
    ("/safety/totp", add_totp, "POST"),
    ("/safety/totp/remove", remove_totp, "POST"),
    ("/safety/recovery-codes", new_codes, "POST"),
    ("/safety/factors/bring-back", bring_back, "POST"),
)
