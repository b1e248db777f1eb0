"""What may replace the local copy (DI-5) and when to look for it (DI-3)."""

from datetime import timedelta

import pytest

from ceralacca.core.directory import Directory
from ceralacca.core.directory_refresh import (
    AlarmCode,
    Refusal,
    RefusalReason,
    ReplacementRules,
    judge_replacement,
    new_deviations,
    refresh_due,
)
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, provider_record

RULES = ReplacementRules(own_name="Gestore 0")


def directory(count: int) -> Directory:
    return directory_of(*(provider_record(f"Gestore {index}", [f"g{index}.example"]) for index in range(count)))


@pytest.mark.requirement("DI-5")
def test_a_whole_directory_with_our_record_may_replace() -> None:
    assert judge_replacement(directory(3), RULES, records_in_use=3) is None
    assert judge_replacement(directory(3), RULES, records_in_use=None) is None
    assert judge_replacement(directory(3), RULES, records_in_use=0) is None


@pytest.mark.requirement("DI-5")
def test_without_the_base_entry_it_may_not() -> None:
    refusal = judge_replacement(Directory(records=directory(3).records), RULES, records_in_use=3)
    assert refusal is not None
    assert refusal.reason is RefusalReason.NO_BASE_ENTRY


@pytest.mark.requirement("DI-5")
def test_without_our_own_record_it_may_not() -> None:
    refusal = judge_replacement(directory(3), ReplacementRules(own_name="Gestore 7"), records_in_use=3)
    assert refusal is not None
    assert refusal.reason is RefusalReason.NO_OWN_RECORD


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize(
    ("before", "after", "percent", "allowed"),
    [
        (10, 8, 20, True),
        (10, 7, 20, False),
        (5, 4, 20, True),
        (4, 3, 20, False),
        (15, 12, 20, True),
        (10, 30, 20, True),
        (10, 9, 0, False),
        (10, 10, 0, True),
        (10, 1, 90, True),
    ],
)
def test_more_than_the_set_share_may_not_vanish(before: int, after: int, percent: int, allowed: bool) -> None:
    rules = ReplacementRules(own_name="Gestore 0", drop_percent=percent)
    refusal = judge_replacement(directory(after), rules, records_in_use=before)
    assert (refusal is None) is allowed
    if refusal:
        assert refusal.reason is RefusalReason.TOO_FEW_RECORDS
        assert refusal.evidence["before"] == str(before)


@pytest.mark.requirement("DI-5")
def test_an_old_file_played_back_is_refused_unless_the_operator_lifts_it() -> None:
    hour = timedelta(hours=1)
    times = {"signed_at": NOON - hour, "in_use_signed_at": NOON}
    refusal = judge_replacement(directory(3), RULES, records_in_use=3, **times)
    assert refusal is not None
    assert refusal.reason is RefusalReason.OLDER
    lifted = ReplacementRules(own_name="Gestore 0", refuse_older=False)
    assert judge_replacement(directory(3), lifted, records_in_use=3, **times) is None
    assert judge_replacement(directory(3), RULES, records_in_use=3, signed_at=NOON, in_use_signed_at=NOON) is None
    assert judge_replacement(directory(3), RULES, records_in_use=3, signed_at=None, in_use_signed_at=NOON) is None


@pytest.mark.requirement("DI-5")
def test_every_refusal_is_an_alarm_with_its_reason() -> None:
    for reason in RefusalReason:
        alarm = Refusal(reason=reason, evidence={"line": "7"}).alarm(NOON)
        assert alarm.code is AlarmCode.REFUSED
        assert alarm.instant == NOON
        assert alarm.evidence == {"reason": reason.value, "line": "7"}


@pytest.mark.requirement("DI-3")
def test_the_copy_is_due_after_a_day() -> None:
    assert not refresh_due(NOON, NOON + timedelta(hours=23, minutes=59))
    assert refresh_due(NOON, NOON + timedelta(hours=24))


def test_only_new_deviations_are_told() -> None:
    rivals = directory_of(
        provider_record("Uno", ["a.example"], certificates=[b"1"]),
        provider_record("Due", ["a.example", "b.example"], certificates=[b"2"]),
    )
    assert new_deviations(rivals, None) == {"domain-of-several-providers": "a.example"}
    assert new_deviations(rivals, directory(1)) == {"domain-of-several-providers": "a.example"}
    assert new_deviations(rivals, rivals) == {}
