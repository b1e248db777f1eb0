"""How long holders waited for their acceptance receipt, contract by contract, from rows of the message log (SL-4).

From T0, when the final dot of the submission had arrived, to the instant at which the receipt lay in the sender's
mailbox: transmission is in neither. A receipt that its own mailbox had no room for is no delay of the provider's; it is
counted apart. Which term was agreed is the contract's matter.

Clauses: SL-4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow

BOUNDS: Final = tuple(timedelta(seconds=n) for n in (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600))
ALARM: Final = timedelta(seconds=60)
"""Above it the operator is called, whatever was agreed."""
EVENTS: Final = frozenset({LogEvent.ACCEPTANCE, LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE})
"""The rows that are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed with whom; the mailbox decides before its domain."""

    usual: timedelta
    by_contract: Mapping[str, timedelta] = field(default_factory=dict)
    mailboxes: Mapping[str, str] = field(default_factory=dict)
    """Contract by address, lower case."""
    domains: Mapping[str, str] = field(default_factory=dict)
    """Contract by domain, lower case."""

    def contract(self, sender: Address) -> str:
        """Return the contract of a mailbox; empty for the usual one."""
        return self.mailboxes.get(sender.key) or self.domains.get(sender.domain.lower(), "")

    def term(self, contract: str) -> timedelta:
        """Return what was agreed."""
        return self.by_contract.get(contract, self.usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One receipt that came after its term, or has not come."""

    identifier: str
    contract: str
    submitted: datetime
    seconds: float | None
    """None: not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTimes:
    """The times of one contract."""

    contract: str
    term: timedelta
    receipts: int
    within: int
    """Of them within the term."""
    alarms: int
    """Of them after more than `ALARM`."""
    held: int
    """Accepted, but their mailbox takes no receipt: in no other figure."""
    slowest: float
    """Seconds; 0 when there is none."""
    histogram: tuple[int, ...]
    """How many took up to each of `BOUNDS` and more than the one before; the last: longer."""


@dataclass(slots=True)
class _Open:
    submitted: datetime
    message_id: str
    contract: str
    held: bool = False


@dataclass(slots=True)
class _Tally:
    histogram: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    within: int = 0
    alarms: int = 0
    held: int = 0
    slowest: timedelta = timedelta(0)


class AcceptanceTimes:
    """Takes rows in the order of their instants; holds in memory only what is still open, and the breaches."""

    def __init__(self, terms: Terms, *, since: datetime, until: datetime) -> None:
        """Count submissions of a stretch of time; give rows of some time after it, too."""
        self._terms, self._since, self._until = terms, since, until
        self._open: dict[str, _Open] = {}
        self._tallies: dict[str, _Tally] = {}
        self._breaches: list[Breach] = []

    def take(self, row: LogRow) -> None:
        """Take the next row."""
        if row.identifier is None or row.sender is None:
            return
        if row.event is LogEvent.ACCEPTANCE:
            if self._since <= row.instant < self._until:
                contract = self._terms.contract(row.sender)
                self._open[row.identifier] = _Open(row.instant, row.message_id, contract)
                self._tallies.setdefault(contract, _Tally())
            return
        waiting = self._open.get(row.identifier)
        if waiting is None:
            return
        if row.event is LogEvent.DELIVERY and row.message_id == waiting.message_id:
            del self._open[row.identifier]
            self._count(row.identifier, waiting, row.instant - waiting.submitted)
        elif (
            row.event is LogEvent.DELIVERY_FAILURE
            and row.detail.startswith("receipt")
            and row.message_id
            in {
                "",
                waiting.message_id,
            }
        ):
            waiting.held = True

    def take_all(self, rows: Iterable[LogRow]) -> None:
        """Take rows."""
        for row in rows:
            self.take(row)

    def _count(self, identifier: str, waiting: _Open, took: timedelta) -> None:
        tally = self._tallies[waiting.contract]
        if waiting.held:
            tally.held += 1
            return
        tally.histogram[next((n for n, bound in enumerate(BOUNDS) if took <= bound), len(BOUNDS))] += 1
        tally.slowest = max(tally.slowest, took)
        tally.alarms += took > ALARM
        if took <= self._terms.term(waiting.contract):
            tally.within += 1
        else:
            seconds = took.total_seconds()
            self._breaches.append(self._breach(identifier, waiting, seconds))

    def _breach(self, identifier: str, waiting: _Open, seconds: float | None) -> Breach:
        return Breach(identifier=identifier, contract=waiting.contract, submitted=waiting.submitted, seconds=seconds)

    def contracts(self) -> list[ContractTimes]:
        """Return the figures by contract."""
        held = {name: sum(one.held for one in self._open.values() if one.contract == name) for name in self._tallies}
        return [
            ContractTimes(
                contract=name,
                term=self._terms.term(name),
                receipts=sum(tally.histogram),
                within=tally.within,
                alarms=tally.alarms,
                held=tally.held + held[name],
                slowest=tally.slowest.total_seconds(),
                histogram=tuple(tally.histogram),
            )
            for name, tally in sorted(self._tallies.items())
        ]

    def breaches(self, now: datetime) -> list[Breach]:
        """Return what came after its term, and what is over it and has not come, by time of submission."""
        open_ = [
            self._breach(identifier, one, None)
            for identifier, one in self._open.items()
            if not one.held and now - one.submitted > self._terms.term(one.contract)
        ]
        return sorted([*self._breaches, *open_], key=lambda one: (one.submitted, one.identifier))
