"""What the doctor finds about the seals of the log: whether they are made, how old the newest is, what waits.

Clauses: LO-4 to LO-6.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from ceralacca.apps.doctor import Finding, Level
from ceralacca.apps.log_sealer import seal_status
from ceralacca.apps.settings import Settings
from ceralacca.base.errors import PecError
from ceralacca.ports.log_seal import LedgerStatus

_SLOW, _STUCK = timedelta(minutes=10), timedelta(hours=1)
_STAMP_SLOW, _STAMP_LATE = timedelta(hours=1), timedelta(hours=24)
_WITNESS_MANY: Final = 10


def look_at_seals(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at the seals of both ledgers."""
    if settings.message_log.keys is None:
        yield Finding(code="log-no-key", level=Level.FAILED)
        return
    if settings.message_log.time_stamps is None:
        yield Finding(code="log-no-stamps", level=Level.FAILED)
    try:
        found = seal_status(settings)
    except PecError:
        return  # the queue's check says why
    for status in found:
        yield from judge_seals(status, now, witness=settings.message_log.witness is not None)


def judge_seals(status: LedgerStatus, now: datetime, *, witness: bool) -> Iterator[Finding]:
    """Say what is late in one ledger, and whether rows were found changed."""
    ledger = status.ledger.value
    waited = now - status.oldest_unsealed if status.oldest_unsealed else timedelta(0)
    level = Level.FAILED if waited > _STUCK else Level.WARNING if waited > _SLOW else Level.GOOD
    block = status.last_block
    yield Finding(
        code="log-seal" if level is Level.GOOD else "log-seal-late",
        level=level,
        facts={
            "ledger": ledger,
            "rows": status.unsealed,
            "minutes": int(waited.total_seconds() // 60),
            "block": block.head.number if block else 0,
            "sealed": f"{block.head.sealed:%Y-%m-%d %H:%M} UTC" if block else "-",
        },
    )
    if status.files_unstamped and status.oldest_unstamped is not None:
        late = now - status.oldest_unstamped
        level = Level.FAILED if late > _STAMP_LATE else Level.WARNING if late > _STAMP_SLOW else Level.GOOD
        facts = {"ledger": ledger, "files": status.files_unstamped, "hours": int(late.total_seconds() // 3600)}
        yield Finding(code="log-unstamped", level=level, facts=facts)
    if witness and status.blocks_without_witness > _WITNESS_MANY:
        facts = {"ledger": ledger, "blocks": status.blocks_without_witness}
        yield Finding(code="log-witness-late", level=Level.WARNING, facts=facts)
    if status.altered:
        yield Finding(code="log-altered", level=Level.FAILED, facts={"files": ", ".join(status.altered)})
