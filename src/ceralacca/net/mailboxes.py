"""Mailboxes served: Dovecot and the sign-in that it asks, started and stopped together.

The sign-in runs on an event loop in a thread of its own, so that whoever serves mailboxes needs none.

Clauses: DP-7.
"""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Final

from ceralacca.base.errors import OurError
from ceralacca.base.identifiers import Entropy
from ceralacca.net.auth_service import AuthService, MailboxDirectory
from ceralacca.net.dovecot_child import DovecotChild
from ceralacca.net.dovecot_configuration import DovecotSettings, ServerUser
from ceralacca.ports.sign_in import SignsIn

_WITHIN: Final = 10.0


class MailboxServer:
    """IMAP and POP3 over the mailboxes of one provider. Not safe between threads."""

    def __init__(
        self,
        settings: DovecotSettings,
        *,
        user: ServerUser,
        signs_in: SignsIn,
        mailboxes: MailboxDirectory,
        entropy: Entropy,
    ) -> None:
        """Serve the mailboxes below the homes that `mailboxes` names to those whom `signs_in` lets in."""
        self._dovecot = DovecotChild(settings, user)
        self._user = user
        self._auth = AuthService(
            settings.login_socket,
            settings.master_socket,
            signs_in=signs_in,
            mailboxes=mailboxes,
            entropy=entropy,
            owner=(user.uid, user.gid),
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def settings(self) -> DovecotSettings:
        """The settings, with the ports that are really used."""
        return self._dovecot.settings

    @property
    def pid(self) -> int | None:
        """Dovecot's process number while it runs."""
        return self._dovecot.pid

    def start(self, *, within: float = 30.0) -> None:
        """Start both and wait until the ports answer. Call from a thread that lives as long as the process.

        Raises UserError and WorldError.
        """
        self._dovecot.prepare()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sign-in", daemon=True)
        self._thread.start()
        try:
            self._run(self._auth.start())
            self._dovecot.start(within=within)
        except BaseException:
            self.stop()
            raise

    def healthy(self) -> bool:
        """Say whether Dovecot runs and both ports answer."""
        return self._dovecot.alive() and self._dovecot.answers()

    def restart(self, *, within: float = 30.0) -> None:
        """Start Dovecot anew, after it ended or for a new certificate. Raises UserError and WorldError."""
        self._dovecot.stop()
        self._dovecot.prepare()
        self._dovecot.start(within=within)

    def stop(self) -> None:
        """Stop both; sessions are closed. Harmless when they have stopped."""
        self._dovecot.stop()
        if self._loop is None or self._thread is None:
            return
        self._run(self._auth.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN)
        self._loop.close()
        self._loop = self._thread = None

    def _run(self, work: Coroutine[None, None, None]) -> None:
        if self._loop is None:
            raise OurError("the sign-in's loop does not run")
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN)
