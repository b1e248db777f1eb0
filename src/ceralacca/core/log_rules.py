"""The rules of the consistency report for one transaction, as its rows in the message log tell it (LO-10).

One provider's log tells up to two sides of a transaction: the sender's (submission, answer, envelope, receipts that
come back) and the recipient's (arrival, taking in charge, outcome, receipts that go out). Both stand in one log when
both mailboxes are ours (F2). Each rule is a function of one side; a finding names the rule, the side, the recipient
and the rows.

A repeat is not a second: the same message, told by its Message-ID, counts once (IP-21, invariant 5).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ceralacca.core.delivery_point import Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.timeout_notice import timeout_of


class Rule(StrEnum):
    """What LO-10 asks, each by what breaks it."""

    CHANGED_SENDER = "changed-sender"
    """Two rows name two senders."""
    CHANGED_RECIPIENTS = "changed-recipients"
    """Two rows name different recipients, or different kinds of them."""
    NO_ANSWER = "no-answer"
    """A submission with neither acceptance nor non-acceptance (AP-26)."""
    SECOND_ANSWER = "second-answer"
    """More than one of them."""
    FOREIGN_ACCEPTANCE = "foreign-acceptance"
    """An acceptance for a sender that is not ours."""
    NO_ENVELOPE = "no-envelope"
    """Accepted without a transport envelope, or taken in charge and answered without one that arrived."""
    SECOND_ENVELOPE = "second-envelope"
    UNACCEPTED_ENVELOPE = "unaccepted-envelope"
    """A transport envelope of ours without an acceptance."""
    NOT_TAKEN = "not-taken"
    """A certified recipient whom no taking in charge names, and whose outcome does not explain it."""
    TAKEN_TWICE = "taken-twice"
    NOT_CERTIFIED = "not-certified"
    """A taking in charge, delivery or failure for somebody who is not among the certified recipients."""
    TWO_OUTCOMES = "two-outcomes"
    """More than one of delivery and non-delivery for one recipient."""
    VIRUS_UNPAIRED = "virus-unpaired"
    """A virus detection without its notice of non-delivery, or one of them without what caused it (MV-1, RV-1)."""
    NO_OUTCOME = "no-outcome"
    """A recipient without outcome, and the sender was not told of that within 24 hours (TI-8, AD-2)."""
    SECOND_NOTICE = "second-notice"
    """The same notice of elapsed time twice for one recipient (TI-9)."""


class Side(StrEnum):
    """As whose provider we wrote the rows."""

    SENDER = "sender"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule broken by one transaction, for one recipient or for all of it."""

    rule: Rule
    side: Side
    identifier: str
    recipient: Address | None
    """None when it concerns the whole transaction."""
    instant: datetime
    """When the transaction began in the log."""
    last: datetime
    """The instant of the last row that shows it."""
    rows: tuple[int, ...]
    """The rows that show it; for something missing, those that call for it."""


@dataclass(frozen=True, slots=True)
class _Fact:
    """What the rules look at of one row."""

    number: int
    instant: datetime
    event: LogEvent
    kind: str
    virus: bool
    message_id: str
    concerned: tuple[Address, ...]
    said: str
    timeout: Timeout | None

    @property
    def counts(self) -> bool:
        """Whether it moved anything: what was ignored moves nothing (MV-2, IP-15)."""
        return not self.said.startswith("ignored")

    @property
    def is_late(self) -> bool:
        return self.said == "late"


_DELIVERED, _FAILED = NotificationKind.DELIVERY.value, NotificationKind.NON_DELIVERY.value
_ENVELOPE = NotificationKind.TRANSPORT_ENVELOPE.value
_OUTCOMES_HERE = frozenset({LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE, LogEvent.VIRUS_DETECTION_ISSUED})
_ANSWERS = frozenset({LogEvent.ACCEPTANCE, LogEvent.NON_ACCEPTANCE})


class Transaction:
    """The rows of one `identificativo`, reduced to what the rules look at."""

    def __init__(self, identifier: str, begun: datetime) -> None:
        self.identifier = identifier
        self.begun = begun
        self._sender: Address | None = None
        self._recipients: frozenset[tuple[Address, RecipientKind]] = frozenset()
        self._facts: list[_Fact] = []
        self._first = 0
        self._other_senders: list[int] = []
        self._other_recipients: list[int] = []

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, number: int, row: LogRow) -> None:
        """Take in the next row, in the order of writing."""
        if row.sender is not None:
            self._compare(number, row.sender, frozenset((one.address, one.kind) for one in row.recipients))
        notice = row.event is LogEvent.NOTICE_ISSUED and row.kind == NotificationKind.DELIVERY_TIMEOUT
        self._facts.append(
            _Fact(
                number,
                row.instant,
                row.event,
                row.kind,
                row.error == ErrorKind.VIRUS,
                row.message_id,
                row.concerned,
                row.detail[:10],
                timeout_of(row.error_detail) if notice else None,
            )
        )

    def judge(self, own_domains: frozenset[str], *, over: bool) -> list[Finding]:
        """Apply every rule; `over` says that the time of the transaction is over, so that what misses is missing."""
        return [finding for rule in _RULES for finding in rule(self, own_domains, over)]

    # -- what the rules ask ---------------------------------------------------------------------------

    @property
    def certified(self) -> list[Address]:
        """The certified recipients, by address."""
        found = (address for address, kind in self._recipients if kind is RecipientKind.CERTIFIED)
        return sorted(found, key=lambda address: address.key)

    @property
    def ours(self) -> bool:
        """Whether the log shows it from its submission on."""
        return bool(self.of(LogEvent.SUBMISSION))

    @property
    def begins_here(self) -> bool:
        """Whether its beginning is among the rows: as a submission, or as an envelope that came in."""
        return self.ours or bool(self.arrivals())

    @property
    def accepted(self) -> bool:
        """Whether it was submitted here and accepted."""
        return self.ours and bool(self.of(LogEvent.ACCEPTANCE))

    def of(self, *events: LogEvent, about: Address | None = None, kind: str | None = None) -> list[_Fact]:
        """Return the facts of some events that count, about one recipient and of one kind if asked for."""
        return [
            fact
            for fact in self._facts
            if fact.event in events
            and fact.counts
            and (about is None or about in fact.concerned)
            and (kind is None or fact.kind == kind)
        ]

    def arrivals(self, about: Address | None = None) -> list[_Fact]:
        """Return the arrivals of its envelope."""
        return self.of(LogEvent.ARRIVAL, about=about, kind=_ENVELOPE)

    def arrived(self) -> list[Address]:
        """Return for whom its envelope came in here."""
        return list(dict.fromkeys(address for fact in self.arrivals() for address in fact.concerned))

    def outcomes(self, side: Side, recipient: Address) -> list[_Fact]:
        """Return what was said to have become of it for one recipient, each message once."""
        if side is Side.RECIPIENT:
            return _once(fact for fact in self.of(*_OUTCOMES_HERE, about=recipient) if fact.kind)
        heard = self.of(LogEvent.RECEIPT_RECEIVED, about=recipient)
        told = self.of(LogEvent.NOTICE_ISSUED, about=recipient, kind=_FAILED)
        return _once([*(fact for fact in heard if fact.kind in {_DELIVERED, _FAILED}), *told])

    def expired(self, recipient: Address) -> bool:
        """Whether the sender was told that nothing was heard in 24 hours."""
        notices = self.of(LogEvent.NOTICE_ISSUED, about=recipient)
        return any(fact.timeout is Timeout.TWENTY_FOUR_HOURS for fact in notices)

    def find(
        self, rule: Rule, side: Side, facts: Iterable[_Fact] | Iterable[int], recipient: Address | None = None
    ) -> Finding:
        """Return a finding over some rows."""
        numbers = {one if isinstance(one, int) else one.number for one in facts}
        shown = [fact for fact in self._facts if fact.number in numbers]
        return Finding(
            rule=rule,
            side=side,
            identifier=self.identifier,
            recipient=recipient,
            instant=self.begun,
            last=max((fact.instant for fact in shown), default=self.begun),
            rows=tuple(sorted(numbers)),
        )

    def changes(self) -> Iterator[tuple[Rule, list[int]]]:
        """Give the rows that name others than the first one does, with that one."""
        for rule, others in (
            (Rule.CHANGED_SENDER, self._other_senders),
            (Rule.CHANGED_RECIPIENTS, self._other_recipients),
        ):
            if others:
                yield rule, [self._first, *others]

    def sender_is_of(self, domains: frozenset[str]) -> bool:
        """Whether the sender's domain is one of these."""
        return self._sender is not None and self._sender.domain in domains

    def _compare(self, number: int, sender: Address, recipients: frozenset[tuple[Address, RecipientKind]]) -> None:
        if self._sender is None:
            self._sender, self._recipients, self._first = sender, recipients, number
            return
        if sender != self._sender:
            self._other_senders.append(number)
        if recipients != self._recipients:
            self._other_recipients.append(number)


def _once(facts: Iterable[_Fact]) -> list[_Fact]:
    """Keep the first fact of each message: sent or received again it is the same one."""
    return list({fact.message_id or str(fact.number): fact for fact in reversed(list(facts))}.values())[::-1]


# -- the whole transaction --------------------------------------------------------------------------------


def _constant(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """`mittente` and `destinatari` are the same in every row."""
    del over
    side = Side.SENDER if whole.sender_is_of(own_domains) else Side.RECIPIENT
    for rule, rows in whole.changes():
        yield whole.find(rule, side, rows)


def _answer(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """Exactly one answer to a submission, and no acceptance for anybody else."""
    del over
    answers = _once(whole.of(*_ANSWERS))
    if whole.ours and not answers:
        yield whole.find(Rule.NO_ANSWER, Side.SENDER, whole.of(LogEvent.SUBMISSION))
    if len(answers) > 1:
        yield whole.find(Rule.SECOND_ANSWER, Side.SENDER, answers)
    accepted = whole.of(LogEvent.ACCEPTANCE)
    if accepted and not whole.sender_is_of(own_domains):
        yield whole.find(Rule.FOREIGN_ACCEPTANCE, Side.SENDER, accepted)


def _envelope(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """Exactly one envelope of what was accepted; nothing is taken in charge or answered without one."""
    del own_domains, over
    made = _once(whole.of(LogEvent.ENVELOPE_SENT))
    if whole.accepted and not made:
        yield whole.find(Rule.NO_ENVELOPE, Side.SENDER, whole.of(LogEvent.ACCEPTANCE))
    if len(made) > 1:
        yield whole.find(Rule.SECOND_ENVELOPE, Side.SENDER, made)
    if made and whole.ours and not whole.accepted:
        yield whole.find(Rule.UNACCEPTED_ENVELOPE, Side.SENDER, made)
    answered = [
        *whole.of(LogEvent.TAKING_IN_CHARGE_ISSUED),
        *(fact for fact in whole.of(*_OUTCOMES_HERE) if fact.kind),
    ]
    if answered and not whole.arrivals():
        yield whole.find(Rule.NO_ENVELOPE, Side.RECIPIENT, answered)


def _certified(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """Everybody named in `ricezione` or `consegna` is one of the certified recipients."""
    del own_domains, over
    here = [
        *whole.of(LogEvent.TAKING_IN_CHARGE_ISSUED),
        *(fact for fact in whole.of(*_OUTCOMES_HERE) if fact.kind),
    ]
    there = [
        *whole.of(LogEvent.TAKING_IN_CHARGE_RECEIVED, LogEvent.VIRUS_DETECTION_RECEIVED),
        *(fact for fact in whole.of(LogEvent.RECEIPT_RECEIVED) if fact.kind in {_DELIVERED, _FAILED}),
    ]
    certified = set(whole.certified)
    for side, facts in ((Side.RECIPIENT, here), (Side.SENDER, there)):
        strangers = dict.fromkeys(address for fact in facts for address in fact.concerned if address not in certified)
        for stranger in strangers:
            named = [fact for fact in facts if stranger in fact.concerned]
            yield whole.find(Rule.NOT_CERTIFIED, side, named, stranger)


# -- each recipient ---------------------------------------------------------------------------------------


def _taken(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """Each certified recipient stands in exactly one taking in charge."""
    del own_domains
    for recipient in whole.arrived():
        issued = _once(whole.of(LogEvent.TAKING_IN_CHARGE_ISSUED, about=recipient))
        if not issued:
            yield whole.find(Rule.NOT_TAKEN, Side.RECIPIENT, whole.arrivals(recipient), recipient)
        if len(issued) > 1:
            yield whole.find(Rule.TAKEN_TWICE, Side.RECIPIENT, issued, recipient)
    for recipient in whole.certified:
        received = _once(whole.of(LogEvent.TAKING_IN_CHARGE_RECEIVED, about=recipient))
        if len(received) > 1:
            yield whole.find(Rule.TAKEN_TWICE, Side.SENDER, received, recipient)
        if whole.accepted and over and not received and not _never_reached(whole, recipient):
            called_for = whole.outcomes(Side.SENDER, recipient) or whole.of(LogEvent.ACCEPTANCE)
            yield whole.find(Rule.NOT_TAKEN, Side.SENDER, called_for, recipient)


def _never_reached(whole: Transaction, recipient: Address) -> bool:
    """Whether the sender was told that the recipient's provider was silent, or refused (AD-3)."""
    refused = whole.of(LogEvent.NOTICE_ISSUED, about=recipient, kind=_FAILED)
    return whole.expired(recipient) or any(not fact.virus for fact in refused)


def _outcome(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """Each certified recipient has exactly one outcome, or the sender was told in time that there is none."""
    del own_domains
    for recipient in whole.certified:
        told = whole.outcomes(Side.SENDER, recipient)
        if len(told) > 1:
            yield whole.find(Rule.TWO_OUTCOMES, Side.SENDER, told, recipient)
        if whole.accepted and over and not told and not whole.expired(recipient):
            yield whole.find(Rule.NO_OUTCOME, Side.SENDER, whole.of(LogEvent.ACCEPTANCE), recipient)
    issued = dict.fromkeys(address for fact in whole.of(*_OUTCOMES_HERE) if fact.kind for address in fact.concerned)
    for recipient in dict.fromkeys((*whole.arrived(), *issued)):
        given = whole.outcomes(Side.RECIPIENT, recipient)
        if len(given) > 1:
            yield whole.find(Rule.TWO_OUTCOMES, Side.RECIPIENT, given, recipient)
        if over and not given:
            yield whole.find(Rule.NO_OUTCOME, Side.RECIPIENT, whole.arrivals(recipient), recipient)


def _virus(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """A virus that was detected and the notice of it go together, on both sides."""
    del own_domains, over
    for recipient in whole.certified:
        detected = whole.of(LogEvent.VIRUS_DETECTION_RECEIVED, about=recipient)
        told = [fact for fact in whole.of(LogEvent.NOTICE_ISSUED, about=recipient, kind=_FAILED) if fact.virus]
        in_time = [fact for fact in detected if not fact.is_late]
        if bool(in_time) != bool(told) and not (told and detected):
            yield whole.find(Rule.VIRUS_UNPAIRED, Side.SENDER, in_time or told, recipient)
        issued = whole.of(LogEvent.VIRUS_DETECTION_ISSUED, about=recipient)
        if issued and not whole.of(LogEvent.VIRUS_FOUND, about=recipient):
            yield whole.find(Rule.VIRUS_UNPAIRED, Side.RECIPIENT, issued, recipient)


def _notices(whole: Transaction, own_domains: frozenset[str], over: bool) -> Iterator[Finding]:
    """Each notice of elapsed time is given once."""
    del own_domains, over
    for recipient in whole.certified:
        for timeout in Timeout:
            given = [fact for fact in whole.of(LogEvent.NOTICE_ISSUED, about=recipient) if fact.timeout is timeout]
            if len(given) > 1:
                yield whole.find(Rule.SECOND_NOTICE, Side.SENDER, given, recipient)


_RULES: tuple[Callable[[Transaction, frozenset[str], bool], Iterator[Finding]], ...] = (
    _constant,
    _answer,
    _envelope,
    _certified,
    _taken,
    _outcome,
    _virus,
    _notices,
)
