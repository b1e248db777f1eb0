"""One walk through the service as a holder sees it, each function timed; it ends in time whatever is down.

A function that cannot be tried because an earlier one failed has failed: without a submission no receipt comes. What
goes wrong is told by its class and its SMTP code, never by words of the other side: they may hold an address.

Clauses: SL-2, SL-3, SL-4.
"""

import imaplib
import poplib
import smtplib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Final

from ceralacca.apps.mail_client import Account, Writing, new_message_id, write
from ceralacca.apps.probe.mailbox import ProbeMailbox, read_by_pop3
from ceralacca.apps.probe.settings import ProbeSettings
from ceralacca.base.clock import Clock
from ceralacca.base.errors import PecError
from ceralacca.base.identifiers import Entropy
from ceralacca.base.instants import to_the_second
from ceralacca.core.availability import Function, Loop, Tried

_LOOK: Final = 0.25
"""Seconds between two looks into the mailbox."""
_TROUBLES = (OSError, smtplib.SMTPException, imaplib.IMAP4.error, poplib.error_proto, EOFError, PecError, ValueError)
_SUBJECT: Final = "Prova di disponibilità"
_GOOD: Final = {Function.ACCEPTANCE: "accettazione", Function.DELIVERY: "avvenuta-consegna"}
_BAD: Final = {"non-accettazione", "errore-consegna"}

LooksUp = Callable[[str], None]
"""Looks something up for the message of that Message-ID; raises PecError when it is not there."""


class Walk:
    """One walk; `ending` cuts the waiting short."""

    def __init__(
        self,
        settings: ProbeSettings,
        account: Account,
        *,
        clock: Clock,
        entropy: Entropy,
        ending: threading.Event,
        looks_up: Mapping[Function, LooksUp],
    ) -> None:
        self._settings, self._account, self._clock = settings, account, clock
        self._ending, self._looks_up = ending, looks_up
        self._message_id = new_message_id(entropy(16), account.address)
        self._timeout = settings.timeout.total_seconds()
        self._tried: dict[Function, Tried] = {}

    def go(self) -> Loop:
        """Walk, and return how it was."""
        begun = self._clock.now()
        dot = self._submit(begun)
        try:
            self._read(begun, dot)
        except _TROUBLES as trouble:  # after the mailbox was open: it is IMAP that broke
            self.failed(Function.IMAP, trouble)
        for function in _GOOD:
            self._tried.setdefault(function, Tried(ok=False, reason="not submitted" if dot is None else "not read"))
        if self._settings.pop3_port:
            with self._timed(Function.POP3):
                read_by_pop3(self._account, self._settings.pop3_port, timeout=self._timeout)
        for function, look_up in self._looks_up.items():
            with self._timed(function):
                look_up(self._message_id)
        in_order = {function: self._tried[function] for function in Function if function in self._tried}
        return Loop(probe=self._settings.name, at=begun, tried=in_order)

    # -- sending --------------------------------------------------------------------------------------

    def _submit(self, begun: datetime) -> float | None:
        """Sign in and submit; return when the final dot had gone out, None when it came to nothing."""
        smtp: smtplib.SMTP_SSL | None = None
        dot: float | None = None
        with self._timed(Function.AUTHENTICATE):
            smtp = self._signed_in()
        if smtp is None:
            self._tried[Function.SUBMIT] = Tried(ok=False, reason="not signed in")
            return None
        with self._timed(Function.SUBMIT):
            try:
                recipient = self._settings.to or self._account.address
                writing = Writing(
                    sender=self._account.address,
                    to=[recipient],
                    subject="Prova di disponibilita'",
                    text=begun.isoformat(),
                )
                octets = write(writing, message_id=self._message_id, instant=to_the_second(begun))
                smtp.sendmail(self._account.address.text, [recipient.text], octets)
                dot = time.monotonic()
            finally:
                smtp.close()
        return dot

    def _signed_in(self) -> smtplib.SMTP_SSL:
        account = self._account
        smtp = smtplib.SMTP_SSL(
            account.host,
            account.submission_port,
            context=account.tls(),
            timeout=self._timeout,
            local_hostname="localhost",
        )
        try:
            smtp.login(account.address.text, account.password)
        except BaseException:
            smtp.close()
            raise
        return smtp

    # -- reading --------------------------------------------------------------------------------------

    def _read(self, begun: datetime, dot: float | None) -> None:
        """Open the mailbox, wait for both receipts, tidy up."""
        mailbox: ProbeMailbox | None = None
        with self._timed(Function.IMAP):
            mailbox = ProbeMailbox(self._account, timeout=self._timeout)
        if mailbox is None:
            return
        with mailbox:
            answers: dict[str, str] = {}
            if dot is not None:
                answers = self._await(mailbox, dot)
            mailbox.delete(list(answers))
            if begun.minute == 0:
                mailbox.delete_before(begun)

    def _await(self, mailbox: ProbeMailbox, dot: float) -> dict[str, str]:
        """Look until both receipts are there, or the patience is over."""
        until = dot + self._settings.patience.total_seconds()
        while True:
            answers = mailbox.answers(self._message_id)
            taken = time.monotonic() - dot
            for function, kind in _GOOD.items():
                if function not in self._tried and kind in answers.values():
                    self._tried[function] = Tried(ok=True, seconds=taken)
            bad = _BAD & set(answers.values())
            if bad or all(function in self._tried for function in _GOOD) or time.monotonic() > until:
                break
            if self._ending.wait(_LOOK):
                break
        reason = ", ".join(sorted(bad)) or ("cut short" if self._ending.is_set() else "no receipt in time")
        for function in _GOOD:
            self._tried.setdefault(function, Tried(ok=False, reason=reason))
        return answers

    # -- telling --------------------------------------------------------------------------------------

    def _timed(self, function: Function) -> "_Timed":
        """Time the block; when it fails, say so and go on behind it."""
        return _Timed(self, function)

    def worked(self, function: Function, seconds: float) -> None:
        """Note that a function worked."""
        self._tried[function] = Tried(ok=True, seconds=seconds)

    def failed(self, function: Function, trouble: Exception, seconds: float | None = None) -> None:
        """Note that a function failed."""
        self._tried[function] = Tried(ok=False, seconds=seconds, reason=_reason(trouble))


class _Timed:
    """Times one function; a trouble ends the block and is noted."""

    def __init__(self, walk: Walk, function: Function) -> None:
        self._walk, self._function = walk, function

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        seconds = time.monotonic() - self._begun
        if error is None:
            self._walk.worked(self._function, seconds)
            return False
        if not isinstance(error, _TROUBLES):
            return False
        self._walk.failed(self._function, error, seconds)
        return True


def _reason(trouble: Exception) -> str:
    """Say what went wrong without a word of the other side."""
    name = type(trouble).__name__ if not isinstance(trouble, imaplib.IMAP4.error) else "IMAP4.error"
    code = getattr(trouble, "smtp_code", None)
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        with suppress(StopIteration, TypeError):
            code = next(iter(trouble.recipients.values()))[0]
    return f"{name} {code}" if isinstance(code, int) else name
