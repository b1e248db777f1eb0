"""Where the pages hand in errands: what may be asked for, how often, and where what was made lies.

Clauses: LO-8; threats.md 28.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ceralacca.apps.errands.launcher import Launcher
from ceralacca.apps.errands.task import Server, Task
from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.address import Address
from ceralacca.formats.mailbox_archive import WAYS
from ceralacca.net.public_address import public_address
from ceralacca.ports.errand import Errand, ErrandKind, Errands, ErrandState

IMAPS: Final = 993
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE
)
_MOST_KEPT: Final = 3
"""Files of one mailbox that wait to be fetched."""
_MOST_GUESSES: Final = 10
"""Passwords elsewhere that may be wrong in a day: nobody tries them out through us."""
_DAY: Final = timedelta(days=1)


class NotNow(UserError):
    """The errand is not taken; `reason` is a code: `host`, `account`, `guesses`, `kept`, `way`, `extracts`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the errand is not taken: {reason}", remedy="change what was asked for")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where mail may be brought from."""

    private: bool = False
    """Sandboxes only: servers in networks of our own too, and any port."""
    ca_file: str = ""
    """Authority of their certificates; empty for those of the system."""
    size: int
    """Most octets of a message that is brought."""


class ErrandDesk:
    """Takes errands. Safe between threads; close it."""

    def __init__(
        self,
        errands: Errands,
        *,
        handouts: Path,
        database: str,
        ours: Callable[[], Server],
        elsewhere: Elsewhere,
        extracts: bool,
        now: Callable[[], datetime],
        entropy: Entropy,
    ) -> None:
        """Keep `errands`; `ours` tells where our mailboxes are, `extracts` whether a role draws those."""
        self.errands, self.extracts = errands, extracts
        self._handouts, self._database, self._ours, self._elsewhere = handouts, database, ours, elsewhere
        self._now, self._entropy = now, entropy
        self._launcher = Launcher(self._broken)

    def extract(self, mailbox: Address, asked: dict[str, str]) -> Errand:
        """Ask for an extract of the log, which the role `extracts` draws. Raises NotNow, UnderWay, WorldError."""
        if not self.extracts:
            raise NotNow("extracts")
        self._make_room(mailbox)
        return self._add(mailbox, ErrandKind.EXTRACT, asked)

    def export(self, mailbox: Address, ticket: str, way: str) -> Errand:
        """Ask for the whole mailbox. Raises NotNow, UnderWay, WorldError."""
        if way not in WAYS:
            raise NotNow("way")
        self._make_room(mailbox)
        ours = self._ours()
        errand = self._add(mailbox, ErrandKind.EXPORT, {"way": way})
        self._start(errand, self._task(errand, ours, ticket, way=way))
        return errand

    def bring(self, mailbox: Address, ticket: str, *, host: str, user: str, password: str) -> Errand:
        """Ask for the mail of another provider. The password is kept nowhere.

        Raises NotNow, NotPublic, UnderWay, WorldError.
        """
        name, port = self._server(host)
        if not user or not password or not (user + password).isprintable() or len(user + password) > 600:
            raise NotNow("account")
        wrong = [
            one
            for one in self.errands.of_mailbox(mailbox, kind=ErrandKind.IMPORT)
            if one.outcome.get("reason") == "refused" and one.created > self._now() - _DAY
        ]
        if len(wrong) >= _MOST_GUESSES:
            raise NotNow("guesses")
        address = public_address(name, port, private=self._elsewhere.private)
        ours = self._ours()
        other = Server(address=address, port=port, name=name, ca_file=self._elsewhere.ca_file)
        errand = self._add(mailbox, ErrandKind.IMPORT, {"host": name, "user": user})
        self._start(errand, self._task(errand, ours, ticket, other=other, user=user, password=password))
        return errand

    def file(self, errand: Errand) -> Path | None:
        """Return what was made; None when there is nothing, or its time is over."""
        path = self._handouts / errand.number
        waits = errand.state is ErrandState.DONE and errand.until is not None and errand.until > self._now()
        return path if waits and errand.file and path.is_file() else None

    def drop(self, errand: Errand) -> None:
        """Remove what was made before its time. Raises WorldError."""
        if not errand.open:
            try:
                (self._handouts / errand.number).unlink(missing_ok=True)
            except OSError as error:
                raise WorldError("the file cannot be removed", remedy="try again in a moment") from error

    def close(self) -> None:
        """End what runs."""
        self._launcher.close()

    def _server(self, host: str) -> tuple[str, int]:
        name, colon, port = host.strip().lower().partition(":")
        if self._elsewhere.private and colon and port.isdecimal() and 0 < int(port) < 65536:
            return name, int(port)
        if colon or not _HOST.fullmatch(name):
            raise NotNow("host")
        return name, IMAPS

    def _make_room(self, mailbox: Address) -> None:
        if sum(self.file(one) is not None for one in self.errands.of_mailbox(mailbox)) >= _MOST_KEPT:
            raise NotNow("kept")

    def _add(self, mailbox: Address, kind: ErrandKind, asked: dict[str, str]) -> Errand:
        now = self._now()
        number = self._entropy(16).hex()
        errand = Errand(number=number, mailbox=mailbox, kind=kind, asked=asked, created=now, seen=now)
        self.errands.add(errand)
        return errand

    def _task(self, errand: Errand, ours: Server, ticket: str, **more: object) -> Task:
        return Task(
            number=errand.number,
            kind=errand.kind,
            mailbox=errand.mailbox.text,
            database=self._database,
            handouts=str(self._handouts),
            ours=ours,
            ticket=ticket,
            size=self._elsewhere.size,
            **more,  # type: ignore[arg-type]
        )

    def _start(self, errand: Errand, task: Task) -> None:
        try:
            self._launcher.start(task)
        except WorldError:
            self._fail(errand, "busy")
            raise

    def _broken(self, task: Task) -> None:
        errand = self.errands.find(task.number, Address(task.mailbox))
        (self._handouts / task.number).unlink(missing_ok=True)
        if errand is not None:
            self._fail(errand, "broken")

    def _fail(self, errand: Errand, reason: str) -> None:
        self.errands.finish(replace(errand, state=ErrandState.FAILED, outcome={"reason": reason}), now=self._now())
