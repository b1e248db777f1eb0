"""Passkeys of the mailbox that is open: added with the browser's help, named by the holder, removed.

Adding one needs a script: WebAuthn has no other way. The page says so, and names the app for codes to whoever has none.

Clauses: SE-3.
"""

from typing import Final

import structlog
from starlette.responses import Response

from ceralacca.apps.second_factor.challenges import Purpose, good_challenge
from ceralacca.apps.second_factor.passkeys import (
    LONGEST_ANSWER,
    Refused,
    added_passkey,
    challenge_of,
    options_to_add,
)
from ceralacca.apps.web.factor_forms import passkeys_work
from ceralacca.apps.web.factor_pages import PAGE, factor_added, factor_removed
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import must_be_confirmed
from ceralacca.apps.web.visit import Visit, go_to
from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import LONGEST_LABEL, MOST_PASSKEYS, Factor, Passkey

_LOG = structlog.get_logger(__name__)


def show(visit: Visit) -> Response:
    """Show the form for a new one."""
    must_be_confirmed(visit)
    return _page(visit)


def add(visit: Visit) -> Response:
    """Keep the passkey that the browser made."""
    holder = must_be_confirmed(visit)
    before = visit.parts.factors.factors.of_mailbox(holder)
    if len(before.passkeys) >= MOST_PASSKEYS:
        return _page(visit, fault="most", status=409)
    try:
        passkey = _made(visit, holder)
        visit.parts.factors.factors.add_passkey(passkey)
    except Refused as refused:
        _LOG.info("passkey.refused", purpose=str(Purpose.ADD), reason=str(refused))
        return _page(visit, fault="passkey", status=422)
    except UserError:
        return _page(visit, fault="there", status=409)
    return factor_added(visit, before, Factor.PASSKEY, passkey.label)


def _made(visit: Visit, holder: Address) -> Passkey:
    """Judge what the browser made. Raises Refused."""
    judge, answer, now = visit.parts.factors, visit.field("credential")[: LONGEST_ANSWER + 1], visit.parts.clock.now()
    challenge = good_challenge(judge.key, challenge_of(answer), Purpose.ADD, visit.token, now=now)
    if challenge is None:
        raise Refused("a challenge that is not ours, or has ended")
    label = visit.field("label").strip() or visit.words("factors", "passkey")
    passkey = added_passkey(
        judge.party, answer, challenge=challenge.octets, mailbox=holder, label=label, now=now
    )  # fmt: skip
    if not judge.factors.spend_challenge(challenge.digest, ends=challenge.ends):
        raise Refused("a challenge that was answered before")
    return passkey


def remove(visit: Visit) -> Response:
    """Take one away."""
    holder, credential = must_be_confirmed(visit), visit.field("credential")
    factors = visit.parts.factors.factors
    there = {one.credential: one for one in factors.of_mailbox(holder).passkeys}
    if credential not in there or not factors.remove(holder, passkey=credential):
        return go_to(PAGE)
    return factor_removed(visit, there[credential])


def _page(visit: Visit, *, fault: str = "", status: int = 200) -> Response:
    judge, holder = visit.parts.factors, visit.open.holder
    options = ""
    if passkeys_work(visit):
        options = options_to_add(
            judge.party,
            holder,
            handle=judge.key.handle_of(holder),
            challenge=judge.challenge(Purpose.ADD, visit.token, visit.parts.entropy),
            there=judge.factors.of_mailbox(holder).passkeys,
        )
    return render(
        visit,
        "passkey.html",
        status=status,
        fault=fault,
        options=options,
        label=visit.field("label")[:LONGEST_LABEL],
    )


ENDPOINTS: Final = (
    ("/safety/passkey", show, "GET"),
    ("/safety/passkey", add, "POST"),
    ("/safety/passkey/remove", remove, "POST"),
)
