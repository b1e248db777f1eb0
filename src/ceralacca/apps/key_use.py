"""The use of a key on record: when a process took it into use, how often it signed, and that it failed (SE-4, LO-2).

    with key_in_use(lambda: signer(settings), store, folder, role="worker-1") as key:
        ...             # `key.signer` signs
        key.record_due()  # now and then

Opening and failing stand in the message log and in the audit trail; signatures are counted, and the audit trail has
one entry an interval, at the end, and at the next start for a process that was killed. The key itself is nowhere.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import structlog

from ceralacca.apps.auditing import by_program
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.wiring import CLOCK
from ceralacca.base.clock import Clock
from ceralacca.base.errors import PecError, WorldError
from ceralacca.core.model.audit import AuditAct, AuditEvent, AuditOutcome
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.signer import Signer
from ceralacca.ports.store import Commit
from ceralacca.store.database import DatabaseStore
from ceralacca.trust.counted_key import CountedKey

_LOG = structlog.get_logger(__name__)

_EVERY: Final = timedelta(minutes=10)


class KeyUse:
    """One process and one key."""

    def __init__(
        self, key: CountedKey, store: DatabaseStore, *, role: str, serves: str, clock: Clock, every: timedelta = _EVERY
    ) -> None:
        self.signer: Signer = key
        """Signs and counts."""
        self._key, self._store, self._role, self._serves, self._clock = key, store, role, serves, clock
        self._recorded, self._every = clock.now(), every

    def opened(self) -> None:
        """Record that the key is in use, and what a process that was killed has left. Raises WorldError."""
        now = self._clock.now()
        self.record(left=True)
        _log(self._store, now, f"{self._serves}: opened by {self._role}, certificate sha256 {self._key.name}")
        self._store.audit.record(self._event(AuditAct.KEY_OPENED, now))

    def record_due(self) -> None:
        """Record the signatures when the interval is over; what cannot be recorded now is counted on."""
        if self._clock.now() - self._recorded >= self._every:
            self.record_if_possible()

    def record_if_possible(self) -> None:
        """Record the signatures since last; says in the diagnostics when it cannot."""
        try:
            self.record()
        except WorldError as error:
            _LOG.error("key_use.waits", reason=str(error))

    def record(self, *, left: bool = False) -> None:
        """Record the signatures since last. Raises WorldError."""
        uses = self._key.uses()
        self._recorded = now = self._clock.now()
        if uses is None:
            return
        facts: dict[str, str | int] = {"from": uses.first.isoformat(), "until": uses.last.isoformat()}
        if left:
            facts["left"] = "by a process that was killed"
        events = []
        if uses.signatures:
            events.append(self._event(AuditAct.KEY_USED, now, {"count": uses.signatures, **facts}))
        if uses.failures:
            events.append(self._event(AuditAct.KEY_FAILED, now, {"count": uses.failures, **facts}, AuditOutcome.FAILED))
            _log(self._store, now, f"{self._serves}: refused to sign {uses.failures} times in {self._role}")
        self._store.audit.record(*events)
        self._key.settle(uses)

    def _event(
        self,
        act: AuditAct,
        now: datetime,
        facts: Mapping[str, str | int] = MappingProxyType({}),
        outcome: AuditOutcome = AuditOutcome.DONE,
    ) -> AuditEvent:
        detail = {"serves": self._serves, **facts}
        return by_program(act, self._role, now, about=self._key.name, outcome=outcome, detail=detail)


@contextmanager
def key_in_use(
    load: Callable[[], Signer],
    store: DatabaseStore,
    folder: DataFolder,
    *,
    role: str,
    serves: str = "sealing",
    every: timedelta = _EVERY,
) -> Iterator[KeyUse]:
    """Take a key into use for the length of the block. Raises what `load` raises, once it is on record; WorldError."""
    try:
        loaded = load()
    except PecError as error:
        _record_failure(store, role, serves, error)
        raise
    key = CountedKey(loaded, folder.run / f"key-{serves}-{role}", CLOCK)
    use = KeyUse(key, store, role=role, serves=serves, clock=CLOCK, every=every)
    try:
        use.opened()
        yield use
        use.record_if_possible()
    finally:
        key.close()


def _record_failure(store: DatabaseStore, role: str, serves: str, error: PecError) -> None:
    now, kind = CLOCK.now(), type(error).__name__
    try:
        _log(store, now, f"{serves}: could not be opened by {role} ({kind})")
        store.audit.record(
            by_program(
                AuditAct.KEY_FAILED,
                role,
                now,
                outcome=AuditOutcome.FAILED,
                detail={"serves": serves, "reason": str(error)[:200]},
            )
        )
    except WorldError as away:
        _LOG.error("key_use.waits", reason=str(away))


def _log(store: DatabaseStore, now: datetime, detail: str) -> None:
    store.commit([Commit(instant=now, log=(LogRow(instant=now, event=LogEvent.KEY, detail=detail),))])
