"""The availability engine: its rules one by one, and minute by minute against an independent oracle (R25)."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from ceralacca.base.errors import UserError
from ceralacca.core.availability import Function, Loop, PlannedWork, Tried, Verdict, Watch
from ceralacca.core.four_months import FourMonths
from ceralacca.testing.availability_oracle import disagreement, expected, first_minute, minutes_of, random_timeline

Q3 = FourMonths(year=2026, number=3)
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


def loop(minute=0, *failing, probe="roma", second=0, functions=Function):
    tried = {one: Tried(ok=one not in failing) for one in functions}
    return Loop(probe=probe, at=NOON + minute * MINUTE + timedelta(seconds=second), tried=tried)


def seen(*loops, until=None, planned=()):
    watch = Watch(Q3)
    for one in loops:
        watch.add(one)
    return watch.result(until or Q3.ends, planned)


UP, DOWN = {Function.IMAP: Tried(ok=True)}, {Function.IMAP: Tried(ok=False)}


def first_days(*failing_minutes, every=1):
    """Return what is known after the first 2,000 minutes, each of them seen, failing in those named."""
    down = set(failing_minutes)
    minutes = range(0, 2000, every)
    loops = [Loop(probe="roma", at=Q3.begins + n * MINUTE, tried=DOWN if n in down else UP) for n in minutes]
    return seen(*loops, until=Q3.begins + 2000 * MINUTE)


# -- periods --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SL-2")
@pytest.mark.parametrize(
    ("named", "days", "hours", "budget"),
    [
        ("2026-Q1", 120, -1, "345.48"),
        ("2028-Q1", 121, -1, "348.36"),  # leap year
        ("2026-Q2", 123, 0, "354.24"),
        ("2026-Q3", 122, 1, "351.48"),
    ],
)
def test_a_period_has_the_minutes_that_legal_time_gives_it(named, days, hours, budget):
    period = FourMonths.parse(named)
    assert period.minutes == days * 1440 + hours * 60
    watch = Watch(period).result(period.ends)
    assert watch.budget == Fraction(budget)
    assert watch.single_limit == Fraction(budget) / 2


def test_a_period_is_found_from_an_instant_of_legal_time():
    assert FourMonths.of(datetime(2025, 12, 31, 23, tzinfo=UTC)) == FourMonths.parse("2026Q1")
    assert FourMonths.of(datetime(2025, 12, 31, 22, 59, tzinfo=UTC)) == FourMonths.parse("2025-q3")
    assert str(FourMonths.parse("2026q2")) == "2026-Q2"


@pytest.mark.parametrize("text", ["2026-Q4", "2026", "Q1-2026", "2026-Q0", "", "2026-B1", "0001-Q1"])
def test_what_is_no_period_is_refused(text):
    with pytest.raises(UserError, match="four-month"):
        FourMonths.parse(text)


@pytest.mark.parametrize("year", range(2024, 2034))
@pytest.mark.parametrize("number", [1, 2, 3])
def test_periods_agree_with_the_calendar(year, number):
    period = FourMonths(year=year, number=number)
    assert (period.begins, period.minutes) == (first_minute(year, number), minutes_of(year, number))


# -- minutes --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SL-2")
def test_a_minute_is_down_when_a_function_fails_for_all_tries_of_the_only_probe():
    result = seen(loop(0, Function.POP3), loop(0, Function.POP3, second=30), loop(1))
    assert [(one.begins, one.minutes, one.functions) for one in result.outages] == [(NOON, 1, {Function.POP3})]


def test_a_minute_is_up_when_half_of_the_tries_or_of_the_probes_fail():
    assert seen(loop(0, Function.POP3), loop(0, second=30)).down == 0
    assert seen(loop(0, Function.POP3, probe="roma"), loop(0, probe="milano")).down == 0


def test_two_of_three_probes_bring_a_minute_down():
    probes = [loop(0, Function.IMAP, probe="roma"), loop(0, Function.IMAP, probe="bari"), loop(0, probe="milano")]
    assert seen(*probes).down == 1


def test_a_minute_is_down_when_no_probe_completes_a_loop_whatever_fails():
    result = seen(loop(0, Function.IMAP, probe="roma"), loop(0, Function.POP3, probe="milano"))
    assert result.outages[0].functions == {Function.IMAP, Function.POP3}


def test_look_ups_are_watched_but_bring_no_minute_down():
    result = seen(loop(0, Function.DIRECTORY, Function.LOG))
    assert result.down == 0
    assert result.functions[Function.DIRECTORY].minutes_down == 1
    assert result.functions[Function.DIRECTORY].failures == 1


def test_a_function_that_no_probe_tries_is_not_missed():
    assert seen(loop(0, functions=[Function.IMAP])).down == 0


# -- what was not seen ----------------------------------------------------------------------------------------


def test_unseen_minutes_between_two_minutes_down_are_down():
    result = seen(loop(0, Function.IMAP), loop(10, Function.IMAP), loop(11))
    assert (result.down, result.outages[0].unseen, len(result.outages)) == (11, 9, 1)


def test_unseen_minutes_beside_a_minute_up_are_neither():
    result = seen(loop(0, Function.IMAP), loop(10))
    assert (result.down, result.seen, result.unseen) == (1, 2, Q3.minutes - 2)


@pytest.mark.requirement("SL-2", "SL-3")
def test_what_was_not_seen_proves_nothing():
    assert seen().verdict is Verdict.UNPROVEN
    assert first_days().verdict is Verdict.KEPT
    assert first_days(every=5).verdict is Verdict.UNPROVEN


# -- limits ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SL-2")
def test_the_budget_is_kept_to_the_minute():
    apart = [n * 4 for n in range(352)]
    assert first_days(*apart[:351]).verdict is Verdict.KEPT
    assert first_days(*apart).verdict is Verdict.BROKEN


@pytest.mark.requirement("SL-3")
def test_one_outage_is_held_to_half_of_the_budget():
    kept, broken = first_days(*range(500, 675)), first_days(*range(500, 676))
    assert (kept.longest, kept.verdict) == (175, Verdict.KEPT)
    assert (broken.longest, broken.verdict) == (176, Verdict.BROKEN)
    assert broken.down <= broken.budget


@pytest.mark.requirement("SL-3")
def test_alarms_stand_at_quarters_of_both_limits():
    result = first_days(*range(90))
    reached = {(one.limit, one.percent): (one.at - Q3.begins) // MINUTE for one in result.alarms}
    assert reached == {("outage", 25): 44, ("outage", 50): 88, ("budget", 25): 88}


def test_announced_minutes_are_told_apart_and_count():
    planned = PlannedWork(begins=NOON + MINUTE, ends=NOON + 3 * MINUTE)
    result = seen(*(loop(n, Function.IMAP) for n in range(4)), planned=[planned])
    assert (result.down, result.outages[0].planned) == (4, 2)


def test_a_minute_that_has_not_ended_is_left_out():
    result = seen(loop(0, Function.IMAP), loop(1, Function.IMAP), until=NOON + timedelta(seconds=119))
    assert (result.down, result.until) == (1, NOON + MINUTE)


def test_loops_of_other_periods_are_passed_over():
    outside = Loop(probe="roma", at=Q3.ends, tried={Function.IMAP: Tried(ok=False)})
    assert seen(outside).seen == 0


# -- the oracle -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.requirement("SL-2", "SL-3")
def test_the_engine_agrees_with_the_oracle_on_random_timelines():
    """`tools/availability.py` does it ten thousand times."""
    verdicts = set()
    for seed in range(200):
        timeline = random_timeline(seed)
        wanted = expected(timeline)
        assert disagreement(timeline, wanted) == "", f"timeline {seed}"
        verdicts.add(wanted.verdict)
    assert verdicts == {"kept", "broken", "unproven"}
