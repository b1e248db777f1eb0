"""What forms with a second factor have in common: options for the browser, checking, and what is said of a failure.

Clauses: SE-3.
"""

import time
from collections.abc import Collection

from ceralacca.apps.second_factor.challenges import Purpose
from ceralacca.apps.second_factor.judge import FactorOutcome
from ceralacca.apps.second_factor.passkeys import LONGEST_ANSWER, options_to_show
from ceralacca.apps.web.entering import known_device
from ceralacca.apps.web.visit import Visit
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import Passkey
from ceralacca.ports.sign_in import SignInOutcome, SignInVerdict

_LONGEST_CODE = 64


def passkeys_work(visit: Visit) -> bool:
    """Say whether the browser is at the address that passkeys are made for; elsewhere none would answer."""
    return visit.request.headers.get("Host", "").lower() == visit.parts.factors.party.place


def passkey_options(visit: Visit, purpose: Purpose, passkeys: Collection[Passkey] = ()) -> str:
    """Return what the browser is to ask a passkey for, as JSON; empty where none would answer."""
    if not passkeys_work(visit):
        return ""
    judge = visit.parts.factors
    challenge = judge.challenge(purpose, visit.token, visit.parts.entropy)
    verified = purpose is not Purpose.SECOND
    return options_to_show(judge.party, challenge=challenge, passkeys=passkeys, verified=verified)


def check_code(visit: Visit, mailbox: Address) -> FactorOutcome:
    """Check the code of the form; blocks, for longer after failures. Raises WorldError."""
    typed = visit.field("code")[:_LONGEST_CODE]
    shown = visit.parts.factors.check_code(mailbox, typed, peer=visit.peer, device=known_device(visit, mailbox))
    time.sleep(shown.outcome.delay)
    return shown


def check_passkey(visit: Visit, purpose: Purpose, mailbox: Address | None = None) -> FactorOutcome:
    """Check the passkey's answer that the form carries, likewise."""
    shown = visit.parts.factors.check_passkey(
        visit.field("credential")[: LONGEST_ANSWER + 1],
        purpose,
        browser=visit.token,
        peer=visit.peer,
        device=known_device(visit, mailbox) if mailbox else "",
        mailbox=mailbox,
    )
    time.sleep(shown.outcome.delay)
    return shown


def fault_of(outcome: SignInOutcome, refused: str) -> tuple[str, int]:
    """Return what is said of a failure and with which status: `too_many`, or what the page calls it."""
    return ("too_many", 429) if outcome.verdict is SignInVerdict.TOO_MANY else (refused, 401)
