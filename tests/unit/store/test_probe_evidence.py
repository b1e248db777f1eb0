"""Raw evidence of probes: durable, chained, read from several folders, its damage named."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.availability import Function, Loop, Tried
from ceralacca.formats.probe_line import UnreadableEvidence, read_line, write_line
from ceralacca.store.probe_evidence import KEPT, Evidence, EvidenceWriter, files_in

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
TRIED = {Function.IMAP: Tried(ok=True, seconds=0.0125), Function.POP3: Tried(ok=False, reason="refused: è 535")}


def loop(minute=0, probe="roma"):
    return Loop(probe=probe, at=NOON + timedelta(minutes=minute), tried=TRIED)


def written(folder, *minutes, probe="roma"):
    writer = EvidenceWriter(folder, probe)
    for minute in minutes:
        writer.add(loop(minute, probe), now=NOON + timedelta(minutes=minute))
    return folder


def read(*folders):
    evidence = Evidence(folders, since=NOON - timedelta(days=3), until=NOON + timedelta(days=30))
    return list(evidence.loops()), [(one.line, one.what) for one in evidence.damage]


def test_a_line_reads_back_as_it_was():
    assert read_line(write_line(loop(), "ab")).loop == loop()
    assert read_line(write_line(loop(), "ab")).previous == "ab"


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b'{"v":2}', write_line(loop(), "")[:-9], b"[" * 9999, b'{"v":1,"at":"2026-11-05T12:00:00"}',
     write_line(loop(), "").replace(b"imap", b"fax"), write_line(loop(), "").replace(b"0.0125", b'"x"')],
)  # fmt: skip
def test_what_is_no_line_is_refused(line):
    with pytest.raises(UnreadableEvidence):
        read_line(line)


def test_loops_of_two_probes_are_merged(tmp_path):
    roma = written(tmp_path / "a", 0, 1, 1440)
    milano = written(tmp_path / "b", 0, probe="milano")
    loops, damage = read(roma, milano)
    assert sorted((one.probe, one.at) for one in loops) == sorted(
        [("roma", loop(n).at) for n in (0, 1, 1440)] + [("milano", NOON)]
    )
    assert damage == []
    assert [one.path.name for one in files_in(roma)] == ["probe-roma-2026-11-05.jsonl", "probe-roma-2026-11-06.jsonl"]
    assert files_in(roma)[0].path.stat().st_mode & 0o077 == 0


def test_a_probe_that_starts_again_goes_on_with_the_chain_over_days(tmp_path):
    written(written(written(tmp_path, 0), 1), 1440, 2880)
    assert (len(read(tmp_path)[0]), read(tmp_path)[1]) == (4, [])


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        (lambda lines: [lines[0].replace(b"true", b"false"), *lines[1:]], [(2, "chain")]),
        (lambda lines: [lines[0], *lines[2:]], [(2, "chain")]),
        (lambda lines: [lines[1], lines[0], *lines[2:]], [(2, "chain"), (3, "chain")]),
        (lambda lines: [lines[0][:20] + b"\n", *lines[1:]], [(1, "unreadable"), (2, "chain")]),
    ],
)
def test_a_line_that_was_touched_is_named(tmp_path, change, damage):
    path = files_in(written(tmp_path, 0, 1, 2, 3))[0].path
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert read(tmp_path)[1] == damage


def test_a_line_torn_by_a_cut_stays_and_the_chain_goes_on(tmp_path):
    path = files_in(written(tmp_path, 0, 1))[0].path
    path.write_bytes(path.read_bytes()[:-30])
    loops, damage = read(written(tmp_path, 2))
    assert [one.at for one in loops] == [loop(0).at, loop(2).at]
    assert damage == [(2, "unreadable")]


def test_evidence_older_than_thirty_months_is_deleted(tmp_path):
    writer = EvidenceWriter(tmp_path, "roma")
    for day in (0, 1, 913, 914):
        writer.add(loop(), now=NOON + timedelta(days=day))
    other = EvidenceWriter(tmp_path, "milano")
    other.add(loop(probe="milano"), now=NOON)
    assert writer.forget(before=NOON + timedelta(days=914) - KEPT) == 1
    assert len(files_in(tmp_path)) == 4


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    writer = EvidenceWriter(written(tmp_path, 0), "roma")
    before = files_in(tmp_path)[0].path.read_bytes()
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, octets: real(handle, octets[:7]))
        with pytest.raises(WorldError, match=r"(?i)no space"):
            writer.add(loop(1), now=NOON)
    assert files_in(tmp_path)[0].path.read_bytes() == before
    writer.add(loop(1), now=NOON)
    assert read(tmp_path)[1] == []


@pytest.mark.parametrize("name", ["", "../roma", "ROMA", "a b", "x" * 99])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="probe"):
        EvidenceWriter(tmp_path, name)


def test_a_folder_that_is_not_there_is_named():
    from pathlib import Path

    with pytest.raises(UserError, match="not-there"):
        read(Path("not-there"))
