"""What a power cut takes back: names and octets that nobody has synced, and nothing else."""

import json

import pytest

from ceralacca.testing.crash_disk import cut_power


@pytest.fixture
def disk(tmp_path):
    """A file that was written aside and renamed, and the journal of a disk that forgets."""
    (tmp_path / "arriving").mkdir()
    (tmp_path / "new").mkdir()
    aside, final = tmp_path / "arriving" / "a", tmp_path / "new" / "a"
    final.write_bytes(b"octets")
    file = final.stat().st_ino
    events = {
        "create": ("create", str(aside), file),
        "sync": ("sync", "", file),
        "rename": ("rename", str(final), str(aside), file),
        "settle": ("sync", str(tmp_path / "new"), (tmp_path / "new").stat().st_ino),
        "all": ("all",),
    }

    def cut(*happened, **how):
        journal = tmp_path / "journal"
        journal.write_text("".join(json.dumps(events[one]) + "\n" for one in happened))
        lost = cut_power(journal, **how)
        return lost, {path.parent.name: path.read_bytes() for path in tmp_path.glob("*/a")}

    return cut


@pytest.mark.parametrize("happened", [("create", "sync", "rename", "settle"), ("create", "rename", "all")])
def test_what_was_synced_stays(disk, happened):
    assert disk(*happened) == (0, {"new": b"octets"})


def test_a_name_that_was_not_synced_is_the_old_one(disk):
    assert disk("create", "sync", "rename") == (1, {"arriving": b"octets"})


def test_octets_that_were_not_synced_are_lost_under_a_name_that_was(disk):
    assert disk("create", "rename", "settle") == (1, {"new": b""})


def test_without_any_sync_nothing_is_left(disk):
    assert disk("create", "rename") == (3, {})


@pytest.mark.parametrize(
    ("happened", "octets"), [(("create", "rename"), b""), (("create", "sync", "rename"), b"octets")]
)
def test_names_that_were_written_down_by_themselves_stay_without_the_octets(disk, happened, octets):
    assert disk(*happened, names_stay=True) == (len(octets) == 0, {"new": octets})


@pytest.mark.parametrize(("durable", "lost"), [(0, 1), (5, 1), (9, 0), (12, 0)])
def test_what_of_a_write_ahead_log_was_not_synced_is_lost(tmp_path, durable, lost):
    journal, log = tmp_path / "journal", tmp_path / "pec.db-wal"
    log.write_bytes(b"committed")
    heard = [("log", str(log), 3), ("log", str(log), durable), ("log", str(tmp_path / "gone-wal"), 7)]
    journal.write_text("".join(json.dumps(one) + "\n" for one in heard))
    assert cut_power(journal) == lost
    assert log.read_bytes() == b"committed"[:durable]


def test_half_a_line_of_the_journal_is_none(tmp_path):
    journal = tmp_path / "journal"
    journal.write_text('["create", "/nowhere')
    assert cut_power(journal) == 0
    assert not journal.exists()
