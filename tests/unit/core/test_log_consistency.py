"""The consistency report: logs of live providers are sound, and every rule, broken on purpose, is found and named."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from ceralacca.core.log_consistency import LIFE, examine
from ceralacca.core.log_rules import Rule, Side
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import MessageRow, RecipientKind
from ceralacca.testing.logs import ALFA_DOMAINS as ALFA
from ceralacca.testing.logs import BETA_DOMAINS as BETA
from ceralacca.testing.logs import INFECTED, played
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    MARIO,
    NOBODY,
    ORDINARY_RECIPIENT,
    OUT_OF_REACH,
    submission,
)
from ceralacca.testing.scenario import INSTANT

LATER = INSTANT + 4 * LIFE
STRANGER = Address("altri@pec.gamma.example")


def findings(rows: Iterable[LogRow], own=ALFA, *, until=LATER, **options):
    numbered = list(enumerate(rows, start=1))
    return examine(lambda: numbered, own_domains=own, until=until, **options).findings


def said(rows: Iterable[LogRow], own=ALFA, **options) -> set[tuple[Rule, Side, Address | None]]:
    return {(one.rule, one.side, one.recipient) for one in findings(rows, own, **options)}


def changed(rows: list[LogRow], event: LogEvent, /, position: int = 0, **changes) -> list[LogRow]:
    """Return the rows with one of them changed."""
    place = [number for number, row in enumerate(rows) if row.event is event][position]
    return [*rows[:place], rows[place]._replace(**changes), *rows[place + 1 :]]


def without(rows: list[LogRow], *events: LogEvent) -> list[LogRow]:
    return [row for row in rows if row.event not in events]


def again(rows: list[LogRow], event: LogEvent, /, **changes) -> list[LogRow]:
    """Return the rows with one more of an event, about another message."""
    row = next(row for row in rows if row.event is event)
    return [*rows, row._replace(message_id="<un-altro@gestore-alfa.example>", **changes)]


@pytest.fixture(scope="module")
def delivered() -> LiveCircuit:
    return played(submission(to=[ANNA], cc=[BRUNO]), hours=1)


@pytest.fixture(scope="module")
def infected() -> LiveCircuit:
    return played(submission(to=[ANNA, BRUNO], body=INFECTED), hours=1, blind=True)


@pytest.fixture(scope="module")
def silent() -> LiveCircuit:
    return played(submission(to=[OUT_OF_REACH]))


@pytest.mark.requirement("LO-10", "MO-6")
@pytest.mark.parametrize(
    "messages",
    [
        [submission(to=[ANNA], cc=[BRUNO, CARLA, ORDINARY_RECIPIENT])],
        [submission(to=[MARIO])],
        [submission(to=[ANNA, NOBODY]), submission(sender=ANNA, to=[MARIO])],
        [submission(to=[ANNA, OUT_OF_REACH])],
        [submission(to=[ANNA], body=INFECTED), submission(sender=BRUNO, to=[CARLA, ANNA], body=INFECTED)],
        [submission(to=[ANNA], fields="Bcc: bruno.verdi@pec.beta.example\r\nSubject: Prova\r\n")],
    ],
)
@pytest.mark.parametrize("blind", [False, True])
def test_the_logs_of_sound_providers_have_no_findings(messages, blind):
    live = played(*messages, blind=blind)
    assert live.alfa.store.log
    assert findings(live.alfa.store.log, ALFA) == ()
    assert findings(live.beta.store.log, BETA) == ()


BREAKAGES_OF_THE_SENDER = {
    Rule.CHANGED_SENDER: lambda rows: changed(rows, LogEvent.RECEIPT_RECEIVED, sender=CARLA),
    Rule.CHANGED_RECIPIENTS: lambda rows: changed(
        rows,
        LogEvent.ENVELOPE_SENT,
        recipients=(
            Recipient(address=ANNA, kind=RecipientKind.EXTERNAL),
            Recipient(address=BRUNO, kind=RecipientKind.CERTIFIED),
        ),
    ),
    Rule.NO_ANSWER: lambda rows: without(rows, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT),
    Rule.SECOND_ANSWER: lambda rows: again(rows, LogEvent.ACCEPTANCE, event=LogEvent.NON_ACCEPTANCE),
    Rule.NO_ENVELOPE: lambda rows: without(rows, LogEvent.ENVELOPE_SENT),
    Rule.SECOND_ENVELOPE: lambda rows: again(rows, LogEvent.ENVELOPE_SENT),
    Rule.UNACCEPTED_ENVELOPE: lambda rows: changed(rows, LogEvent.ACCEPTANCE, event=LogEvent.NON_ACCEPTANCE),
}


@pytest.mark.requirement("LO-10", "AP-26", "BT-5", "AC-1")
@pytest.mark.parametrize("rule", BREAKAGES_OF_THE_SENDER)
def test_what_breaks_the_whole_transaction_is_named(delivered, rule):
    rows = BREAKAGES_OF_THE_SENDER[rule](delivered.alfa.store.log)
    assert said(rows) == {(rule, Side.SENDER, None)}


@pytest.mark.requirement("LO-10", "AC-1")
def test_an_acceptance_for_somebody_elses_holder_is_named(delivered):
    assert (Rule.FOREIGN_ACCEPTANCE, Side.SENDER, None) in said(delivered.alfa.store.log, BETA)


BREAKAGES_FOR_A_RECIPIENT = {
    Rule.NOT_TAKEN: lambda rows: without(rows, LogEvent.TAKING_IN_CHARGE_RECEIVED),
    Rule.NO_OUTCOME: lambda rows: without(rows, LogEvent.RECEIPT_RECEIVED),
}


@pytest.mark.requirement("LO-10", "PC-1", "AD-2")
@pytest.mark.parametrize("rule", BREAKAGES_FOR_A_RECIPIENT)
def test_what_is_missing_for_recipients_is_named_for_each(delivered, rule):
    rows = BREAKAGES_FOR_A_RECIPIENT[rule](delivered.alfa.store.log)
    assert said(rows) == {(rule, Side.SENDER, ANNA), (rule, Side.SENDER, BRUNO)}
    assert said(rows, until=INSTANT + LIFE / 2) == set(), "it may still come"


@pytest.mark.requirement("LO-10", "PC-1")
def test_a_second_taking_in_charge_is_named_and_a_repeat_is_none(delivered):
    rows = delivered.alfa.store.log
    repeat = next(row for row in rows if row.event is LogEvent.TAKING_IN_CHARGE_RECEIVED)
    assert said([*rows, repeat]) == set()
    second = again(rows, LogEvent.TAKING_IN_CHARGE_RECEIVED, concerned=(BRUNO,))
    assert said(second) == {(Rule.TAKEN_TWICE, Side.SENDER, BRUNO)}
    there = again(delivered.beta.store.log, LogEvent.TAKING_IN_CHARGE_ISSUED)
    assert said(there, BETA) == {(Rule.TAKEN_TWICE, Side.RECIPIENT, one) for one in (ANNA, BRUNO)}


@pytest.mark.requirement("LO-10", "MO-6")
@pytest.mark.parametrize("event", [LogEvent.TAKING_IN_CHARGE_RECEIVED, LogEvent.RECEIPT_RECEIVED])
def test_a_receipt_about_somebody_who_was_not_written_to_is_named(delivered, event):
    rows = again(delivered.alfa.store.log, event, concerned=(STRANGER,))
    assert said(rows) == {(Rule.NOT_CERTIFIED, Side.SENDER, STRANGER)}
    ignored = again(delivered.alfa.store.log, event, concerned=(STRANGER,), detail="ignored: unknown recipient")
    assert said(ignored) == set()


@pytest.mark.requirement("LO-10", "DP-4", "AD-1")
def test_delivered_and_not_delivered_at_once_is_named(delivered):
    both = again(delivered.alfa.store.log, LogEvent.RECEIPT_RECEIVED, concerned=(ANNA,), kind="errore-consegna")
    assert said(both) == {(Rule.TWO_OUTCOMES, Side.SENDER, ANNA)}
    (finding,) = findings(both)
    events = [both[number - 1].event for number in finding.rows]
    assert events == [LogEvent.RECEIPT_RECEIVED] * 2
    given = again(delivered.beta.store.log, LogEvent.DELIVERY, concerned=(ANNA,))
    assert said(given, BETA) == {(Rule.TWO_OUTCOMES, Side.RECIPIENT, ANNA)}


@pytest.mark.requirement("LO-10", "PC-1", "DP-3", "IP-17")
def test_what_the_recipients_provider_owes_is_named(delivered):
    rows = delivered.beta.store.log
    untaken = without(rows, LogEvent.TAKING_IN_CHARGE_ISSUED)
    assert said(untaken, BETA) == {(Rule.NOT_TAKEN, Side.RECIPIENT, one) for one in (ANNA, BRUNO)}
    unanswered = [row for row in rows if row.event is not LogEvent.DELIVERY]
    assert said(unanswered, BETA) == {(Rule.NO_OUTCOME, Side.RECIPIENT, one) for one in (ANNA, BRUNO)}
    unseen = without(rows, LogEvent.ARRIVAL)
    assert said(unseen, BETA) == {(Rule.NO_ENVELOPE, Side.RECIPIENT, None)}


@pytest.mark.requirement("LO-10", "MV-1", "RV-1")
def test_a_virus_without_its_notice_is_named_and_a_notice_without_its_virus(infected):
    rows = infected.alfa.store.log
    untold = without(rows, LogEvent.NOTICE_ISSUED)
    missing = {(rule, Side.SENDER, one) for rule in (Rule.VIRUS_UNPAIRED, Rule.NO_OUTCOME) for one in (ANNA, BRUNO)}
    assert said(untold) == missing
    unheard = without(rows, LogEvent.VIRUS_DETECTION_RECEIVED)
    assert said(unheard) == {(Rule.VIRUS_UNPAIRED, Side.SENDER, one) for one in (ANNA, BRUNO)}
    unfound = without(infected.beta.store.log, LogEvent.VIRUS_FOUND)
    assert said(unfound, BETA) == {(Rule.VIRUS_UNPAIRED, Side.RECIPIENT, one) for one in (ANNA, BRUNO)}


@pytest.mark.requirement("LO-10", "TI-8", "TN-2")
def test_silence_must_have_been_told_once(silent):
    rows = silent.alfa.store.log
    assert findings(rows) == ()
    untold = without(rows, LogEvent.NOTICE_ISSUED)
    assert said(untold) == {(rule, Side.SENDER, OUT_OF_REACH) for rule in (Rule.NOT_TAKEN, Rule.NO_OUTCOME)}
    twice = again(rows, LogEvent.NOTICE_ISSUED)
    assert said(twice) == {(Rule.SECOND_NOTICE, Side.SENDER, OUT_OF_REACH)}


@pytest.mark.requirement("LO-10")
def test_a_taking_in_charge_that_was_lost_is_named_though_all_was_delivered():
    live = LiveCircuit.at()
    live.submit(submission())
    live.carry(holding=[MessageRow.TAKING_IN_CHARGE])
    live.take(MessageRow.TAKING_IN_CHARGE)
    for _ in range(26):
        live.pass_time(hours=1)
    assert said(live.alfa.store.log) == {(Rule.NOT_TAKEN, Side.SENDER, ANNA)}


@pytest.mark.requirement("LO-10")
def test_every_rule_is_broken_by_a_test_above():
    broken = {*BREAKAGES_OF_THE_SENDER, *BREAKAGES_FOR_A_RECIPIENT, Rule.FOREIGN_ACCEPTANCE, Rule.TAKEN_TWICE}
    broken |= {Rule.NOT_CERTIFIED, Rule.TWO_OUTCOMES, Rule.VIRUS_UNPAIRED, Rule.SECOND_NOTICE}
    assert broken == set(Rule)


# -- the stream -------------------------------------------------------------------------------------------


def days(delivered: LiveCircuit, count: int) -> list[LogRow]:
    """One transaction a day, each under its own identifier."""
    return [
        row._replace(identifier=f"{day}-{row.identifier}", instant=row.instant + timedelta(days=day))
        for day in range(count)
        for row in delivered.alfa.store.log
        if row.identifier
    ]


def test_passes_find_the_same_as_one_reading(delivered):
    rows = without(days(delivered, 12), LogEvent.RECEIPT_RECEIVED)
    numbered = list(enumerate(rows, start=1))
    until = rows[-1].instant + LIFE
    one, five = (examine(lambda: iter(numbered), own_domains=ALFA, until=until, passes=passes) for passes in (1, 5))
    assert one == five
    assert one.transactions == 12
    assert one.rows == len(rows)
    assert len(one.findings) == 24


def test_a_finding_holds_only_over_all_rows_of_its_transaction(delivered):
    rows = list(enumerate(days(delivered, 1), start=1))
    late = [(number, row._replace(instant=row.instant + 2 * LIFE)) for number, row in rows if number > 6]
    cut = [*rows[:6], *late]
    assert examine(lambda: cut, own_domains=ALFA, until=LATER).findings, "cut apart by time, both halves lack something"
    mended = examine(lambda: cut, own_domains=ALFA, until=LATER, whole=lambda identifier: rows)
    assert mended.findings == ()


def test_rows_without_identifier_belong_to_no_transaction():
    started = LogRow(instant=INSTANT, event=LogEvent.CONFIGURATION, detail="start")
    assert examine(lambda: [(1, started)], own_domains=ALFA, until=LATER).transactions == 0
