"""The judge of second factors: codes, recovery codes and passkeys, each taken once, guesses counted by the one limiter.

    1. the limiter, under a name of its own for the mailbox: guesses of codes and of passwords do not help each other
    2. the proof: a code of the app, a recovery code, or the answer of a passkey to a challenge of ours
    3. taking it, so that it is not taken twice
    4. the mailbox: one that its holder may enter

What was refused is recorded in the audit trail; what was taken is recorded by the caller, who knows what it opened.

Clauses: SE-3.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from ceralacca.apps.second_factor import passkeys, totp
from ceralacca.apps.second_factor.challenges import GoodChallenge, Purpose, good_challenge, new_challenge
from ceralacca.apps.second_factor.recovery import bare
from ceralacca.base.clock import Clock
from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, AuditOutcome, Origin
from ceralacca.ports.audit import AuditTrail
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.second_factor import Factor, Passkey, SecondFactors
from ceralacca.ports.sign_in import SignInOutcome, SignInProtocol, SignInVerdict
from ceralacca.store.sign_in import may_enter, signed_in
from ceralacca.store.sign_in_attempts import Attempt, SignInAttempts
from ceralacca.trust.factor_key import FactorKey

_LOG = structlog.get_logger(__name__)

_APART: Final = "second factor: "
_STRANGERS: Final = "passkey of nobody"
_DELAY: Final = 1.0
_LONGEST_DELAY: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorOutcome:
    """The answer to one attempt."""

    outcome: SignInOutcome
    factor: Factor | None = None
    """What was shown; None when that cannot be told."""


class FactorJudge:
    """Judges second factors. Safe between threads."""

    def __init__(
        self,
        factors: SecondFactors,
        key: FactorKey,
        *,
        attempts: SignInAttempts,
        mailbox: Callable[[Address], MailboxRecord | None],
        trail: AuditTrail,
        clock: Clock,
        party: Callable[[], passkeys.RelyingParty],
        host: str = "",
    ) -> None:
        """Look mailboxes up by `mailbox` (`Store.mailbox`); `party` says whom passkeys are made for."""
        self.factors, self.key, self._party = factors, key, party
        self._attempts, self._mailbox, self._trail, self._clock = attempts, mailbox, trail, clock
        self._host = host or socket.gethostname()

    @property
    def party(self) -> passkeys.RelyingParty:
        """Whom passkeys are made for. Raises WorldError as long as nobody knows where the pages are."""
        return self._party()

    # -- codes --------------------------------------------------------------------------------------

    def check_code(self, mailbox: Address, typed: str, *, peer: str, device: str = "") -> FactorOutcome:
        """Take what was typed as a code of the app or a recovery code. Raises WorldError."""
        code = bare(typed)
        factor = Factor.TOTP if len(code) == totp.FIGURES and code.isdecimal() else Factor.RECOVERY_CODE
        take = self._take_totp if factor is Factor.TOTP else self._take_recovery_code
        return self._judge(mailbox, factor, lambda now: take(mailbox, code, now), peer=peer, device=device)

    def _take_totp(self, mailbox: Address, code: str, now: datetime) -> bool:
        kept = self.factors.of_mailbox(mailbox).totp
        if kept is None:
            return False
        step = totp.step_of_code(self.key.open(kept.sealed, mailbox, totp.PURPOSE), code, now)
        return step is not None and self.factors.accept_step(mailbox, step, now=now)

    def _take_recovery_code(self, mailbox: Address, code: str, now: datetime) -> bool:
        del now
        return self.factors.use_recovery_code(mailbox, self.key.hash_of(code, mailbox))

    # -- passkeys -----------------------------------------------------------------------------------

    def challenge(self, purpose: Purpose, browser: str, entropy: Entropy) -> bytes:
        """Return a new challenge for the browser with that token."""
        return new_challenge(self.key, purpose, browser, now=self._clock.now(), entropy=entropy)

    def check_passkey(
        self,
        answer: str,
        purpose: Purpose,
        *,
        browser: str,
        peer: str,
        device: str = "",
        mailbox: Address | None = None,
    ) -> FactorOutcome:
        """Take the answer of a passkey: of that mailbox, or, to sign in with it alone, of whoever has it.

        The user must be verified but for a second factor after the password. Raises WorldError.
        """
        passkey = self._passkey(answer)
        if passkey is None or (mailbox is not None and passkey.mailbox.key != mailbox.key):
            return self._judge(mailbox, Factor.PASSKEY, lambda _: False, peer=peer, device=device)

        def take(now: datetime) -> bool:
            return self._take_passkey(passkey, answer, purpose, browser, now)

        return self._judge(passkey.mailbox, Factor.PASSKEY, take, peer=peer, device=device)

    def _passkey(self, answer: str) -> Passkey | None:
        try:
            return self.factors.passkey(passkeys.credential_of(answer))
        except passkeys.Refused:
            return None

    def _take_passkey(self, passkey: Passkey, answer: str, purpose: Purpose, browser: str, now: datetime) -> bool:
        try:
            challenge = self._challenge_of(passkey, answer, purpose, browser, now)
            verified = purpose is not Purpose.SECOND
            count = passkeys.new_count(self.party, answer, passkey, challenge=challenge.octets, verified=verified)
        except passkeys.Refused as refused:
            _LOG.info("passkey.refused", purpose=str(purpose), reason=str(refused))
            return False
        return self.factors.spend_challenge(challenge.digest, ends=challenge.ends) and self.factors.accept_passkey(
            passkey, count, now=now
        )

    def _challenge_of(
        self, passkey: Passkey, answer: str, purpose: Purpose, browser: str, now: datetime
    ) -> GoodChallenge:
        """Return the challenge that is answered. Raises Refused unless it is ours and answered for that mailbox."""
        challenge = good_challenge(self.key, passkeys.challenge_of(answer), purpose, browser, now=now)
        if challenge is None:
            raise passkeys.Refused("a challenge that is not ours, or has ended")
        handle = passkeys.handle_of_answer(answer)
        if handle is not None and handle != self.key.handle_of(passkey.mailbox):
            raise passkeys.Refused("made for another mailbox")
        return challenge

    # -- together -----------------------------------------------------------------------------------

    def _judge(
        self, mailbox: Address | None, factor: Factor, take: Callable[[datetime], bool], *, peer: str, device: str
    ) -> FactorOutcome:
        now = self._clock.now()
        attempt = Attempt(account=_APART + mailbox.key if mailbox else _STRANGERS, peer=device or peer)
        shut = self._attempts.wait(attempt, now)
        if shut:
            outcome = SignInOutcome(verdict=SignInVerdict.TOO_MANY, delay=min(shut.total_seconds(), _LONGEST_DELAY))
            return FactorOutcome(outcome=outcome, factor=factor)
        record = self._mailbox(mailbox) if mailbox else None
        if record is None or not may_enter(record) or not take(now):
            failures = self._attempts.failed(attempt, now)
            self._refused(mailbox, factor, peer, now)
            _LOG.info("second-factor", factor=str(factor), verdict=str(SignInVerdict.REFUSED))
            delay = min(_DELAY * 2.0 ** min(failures - 1, 30), _LONGEST_DELAY)
            return FactorOutcome(outcome=SignInOutcome(verdict=SignInVerdict.REFUSED, delay=delay), factor=factor)
        self._attempts.succeeded(attempt, now)
        _LOG.info("second-factor", factor=str(factor), verdict=str(SignInVerdict.SIGNED_IN))
        return FactorOutcome(outcome=signed_in(record, now=now), factor=factor)

    def _refused(self, mailbox: Address | None, factor: Factor, peer: str, now: datetime) -> None:
        self._trail.record(
            AuditEvent(
                instant=now,
                act=AuditAct.SIGN_IN,
                actor=Actor(kind=ActorKind.HOLDER, name=mailbox.text if mailbox else ""),
                origin=Origin(process=SignInProtocol.WEB.value, host=self._host, peer=peer),
                outcome=AuditOutcome.REFUSED,
                mailbox=mailbox,
                detail={"verdict": SignInVerdict.REFUSED.value, "factor": factor.value},
            )
        )
