"""Mailboxes on disk: octets unmodified, once, within the quota, whatever is cut and whatever the holder does."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put, PutOutcome
from ceralacca.store import maildir as module
from ceralacca.store.maildir import Maildir
from ceralacca.testing.clock import NOON, FixedClock

MARIO = Address("mario.rossi@alfa.test")
ANNA = Address("anna@alfa.test")
MESSAGE = b"Subject: prova\r\n\r\nBuongiorno.\r\n"
QUOTA = 10_000
STORED, AGAIN, FULL = PutOutcome.STORED, PutOutcome.ALREADY_THERE, PutOutcome.OVER_QUOTA
POINTS = [
    f"maildir.{act}.{side}" for act in ("write", "sync", "record", "rename", "settle") for side in ("before", "after")
]


def letter(name="pec1/mario/delivery", mailbox=MARIO, octets=MESSAGE, quota=QUOTA) -> Put:
    return Put(mailbox=mailbox, name=name, octets=octets, quota=quota)


class Cut(BaseException):
    """The process ends here."""


@pytest.fixture
def clock():
    return FixedClock(NOON)


@pytest.fixture
def store(tmp_path, clock):
    return Maildir(tmp_path / "mail", clock=clock)


@pytest.fixture
def cut_at(monkeypatch):
    """Make the next act at a failpoint the last one."""

    def cut_at(point):
        def reach(name):
            if name == point:
                raise Cut

        monkeypatch.setattr(module, "reach", reach)

    return cut_at


def files(store, mailbox=MARIO, folder="") -> list[Path]:
    home = store.home(mailbox) / "Maildir" / folder
    return sorted([*home.glob("new/*"), *home.glob("cur/*")])


def read(store, path: Path, flags="S") -> Path:
    """Do what a server does with a message that was seen."""
    seen = path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,{flags}"
    path.rename(seen)
    return seen


@pytest.mark.requirement("DP-2", "MO-9")
@pytest.mark.parametrize(
    "octets",
    [MESSAGE, b"", b"\r\n", b"no end", b"lone\nfeed\rreturn\x00\xff\r\n", memoryview(MESSAGE * 100_000)],
)
def test_octets_are_stored_as_they_came(store, octets):
    assert store.put([letter(octets=octets, quota=2**30)]) == [STORED]
    (path,) = files(store)
    assert path.read_bytes() == bytes(octets)
    assert path.parent.name == "new"


def test_the_name_says_the_size_as_the_server_shows_it(store):
    store.put([letter("crlf"), letter("lf", octets=b"a\nb\r\n")])
    sizes = {path.name.partition(",")[2] for path in files(store)}
    assert sizes == {f"S={len(MESSAGE)},W={len(MESSAGE)}", "S=5"}


def test_line_ends_that_are_known_are_not_looked_at(store, monkeypatch):
    monkeypatch.setattr(module, "has_bare_feed", lambda _: pytest.fail("looked"))
    store.put([replace(letter(), ends_in_crlf=True)])
    assert files(store)[0].name.endswith(f",W={len(MESSAGE)}")


def test_a_line_end_across_two_pieces_is_one_line_end(store):
    octets = b"x" * (2**20 - 1) + b"\r\n"
    store.put([letter(octets=octets, quota=2**30)])
    assert files(store)[0].name.endswith(f",W={len(octets)}")


def test_messages_are_shown_in_the_order_of_delivery(store, clock):
    store.put([letter(f"first/{number}", octets=b"%d\r\n" % number) for number in range(12)])
    clock.advance(timedelta(microseconds=1))
    store.put([letter("second", octets=b"12\r\n")])
    clock.advance(timedelta(seconds=1))
    store.put([letter("third", octets=b"13\r\n")])
    assert [int(path.read_bytes()) for path in files(store)] == list(range(14))


@pytest.mark.requirement("DP-3")
def test_a_redo_stores_nothing(store):
    assert store.put([letter()]) == [STORED]
    assert store.put([letter()]) == [AGAIN]
    assert store.put([letter("other"), letter("other")]) == [STORED, AGAIN]
    assert len(files(store)) == 2


@pytest.mark.requirement("DP-3")
@pytest.mark.parametrize("act", ["read", "move", "delete"])
def test_a_redo_stores_nothing_whatever_the_holder_did(store, act):
    store.put([letter()])
    (path,) = files(store)
    if act == "read":
        read(store, path)
    elif act == "delete":
        path.unlink()
    else:
        archive = store.home(MARIO) / "Maildir" / ".Archivio" / "cur"
        archive.mkdir(parents=True)
        path.rename(archive / "1.another-name,S=1:2,S")
    before = len(files(store))
    assert store.put([letter()]) == [AGAIN]
    assert len(files(store)) == before


@pytest.mark.requirement("DP-3")
@pytest.mark.parametrize("point", POINTS)
def test_cut_anywhere_and_done_again_there_is_one_whole_message(store, cut_at, point):
    cut_at(point)
    with pytest.raises(Cut):
        store.put([letter()])
    assert all(path.read_bytes() == MESSAGE for path in files(store))
    cut_at(None)
    (outcome,) = store.put([letter()])
    assert outcome in {STORED, AGAIN}
    assert [path.read_bytes() for path in files(store)] == [MESSAGE]
    assert not list(store.home(MARIO).glob("arriving/*"))


@pytest.mark.requirement("DP-3")
@pytest.mark.parametrize("point", POINTS)
def test_deleted_between_the_cut_and_the_redo_a_message_does_not_come_back(store, cut_at, point):
    cut_at(point)
    with pytest.raises(Cut):
        store.put([letter()])
    shown = files(store)
    for path in shown:
        path.unlink()
    cut_at(None)
    assert store.put([letter()]) == [AGAIN if shown else STORED]
    assert len(files(store)) == 1 - len(shown)


def test_half_a_file_left_by_a_cut_is_written_anew(store, monkeypatch):
    def half(handle, octets, owner):
        os.write(handle, bytes(octets[:5]))
        raise Cut

    with monkeypatch.context() as patched:
        patched.setattr(module, "write_all", half)
        with pytest.raises(Cut):
            store.put([letter()])
    assert files(store) == []
    assert store.put([letter()]) == [STORED]
    assert files(store)[0].read_bytes() == MESSAGE


@pytest.mark.requirement("DP-3")
def test_what_was_not_synced_is_never_recorded_or_shown(store, monkeypatch):
    """The order that a power cut asks for: octets durable, then record, then name, then both durable."""
    acts = []
    monkeypatch.setattr(module, "reach", acts.append)
    store.put([letter()])
    assert acts == POINTS


@pytest.mark.requirement("DP-3")
def test_a_redo_settles_what_an_earlier_try_did_not(store, cut_at, monkeypatch):
    cut_at("maildir.settle.before")
    with pytest.raises(Cut):
        store.put([letter()])
    acts = []
    monkeypatch.setattr(module, "reach", acts.append)
    assert store.put([letter()]) == [AGAIN]
    assert acts == ["maildir.settle.before", "maildir.settle.after"]


@pytest.mark.parametrize("count", [1, 20, 70])
def test_a_batch_is_synced_as_a_whole(store, monkeypatch, count):
    acts = []
    monkeypatch.setattr(module, "reach", acts.append)
    assert store.put([letter(f"{n}", octets=b"%d" % n) for n in range(count)]) == [STORED] * count
    batches = -(-count // 64)
    assert acts.count("maildir.sync.after") == acts.count("maildir.settle.after") == batches


def test_a_disk_that_refuses_is_the_worlds_fault_and_the_same_call_again_is_right(by_threads, store, monkeypatch):
    def refuse(handle):
        raise OSError(28, "No space left on device")

    store.put([letter("before")])
    with monkeypatch.context() as patched:
        patched.setattr(module.os, "fsync", refuse)
        with pytest.raises(WorldError, match="No space left"):
            store.put([letter()])
    assert len(files(store)) == 1
    assert store.put([letter()]) == [STORED]


@pytest.mark.requirement("DP-4")
def test_recipients_of_the_same_octets_share_one_file(store):
    third = Address("terzo@alfa.test")
    same = bytes(bytearray(MESSAGE))
    puts = [letter("m"), letter("a", ANNA), letter("t", third, same), letter("other", octets=b"other\r\n")]
    assert store.put(puts) == [STORED] * 4
    inodes = {path.stat().st_ino for mailbox in (MARIO, ANNA, third) for path in files(store, mailbox)}
    assert len(inodes) == 2
    files(store, ANNA)[0].unlink()
    assert MESSAGE in [path.read_bytes() for path in files(store)]


def test_where_no_file_can_be_shared_each_has_its_own(store, monkeypatch):
    def refuse(*args, **named):
        raise OSError(31, "Too many links")

    monkeypatch.setattr(module.os, "link", refuse)
    assert store.put([letter("m"), letter("a", ANNA)]) == [STORED, STORED]
    assert files(store)[0].stat().st_ino != files(store, ANNA)[0].stat().st_ino


def test_only_the_owner_can_enter(store):
    store.put([letter()])
    home = store.home(MARIO)
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert files(store)[0].stat().st_mode & 0o777 == 0o600


def test_a_mailbox_that_never_got_a_message_has_a_home(store):
    assert store.make_home(MARIO) == store.home(MARIO) == store.make_home(MARIO)
    assert {path.name for path in store.home(MARIO).glob("Maildir/*")} == {"new", "cur", "tmp"}


@pytest.mark.parametrize("text", ["../../etc/passwd@x.test", "a/b@x.test", ".@x.test", "MARIO.rossi@ALFA.test"])
def test_no_address_leads_out_of_the_root(store, tmp_path, text):
    home = store.home(Address(text))
    assert home.parent.parent == tmp_path / "mail"
    assert (home == store.home(MARIO)) == (text.lower() == MARIO.key)


def test_no_name_leads_out_of_the_mailbox(store):
    name = "../../../x/\x00\n:2,S"
    assert store.put([letter(name)]) == [STORED]
    assert store.holds(MARIO, name)
    assert len(files(store)) == 1


def test_a_link_in_the_place_of_a_folder_is_not_followed(store, tmp_path):
    store.put([letter()])
    new = store.home(MARIO) / "Maildir" / "new"
    shutil.rmtree(new)
    new.symlink_to(tmp_path)
    with pytest.raises(WorldError):
        store.put([letter("other")])


# -- quota ------------------------------------------------------------------------------------------


@pytest.mark.requirement("DP-5")
def test_a_message_that_does_not_fit_is_refused_and_a_smaller_one_is_not(store):
    big, small = b"x" * 60, b"y" * 40
    assert store.put([letter("1", octets=big, quota=100), letter("2", octets=big, quota=100)]) == [STORED, FULL]
    assert store.put([letter("2", octets=big, quota=100), letter("3", octets=small, quota=100)]) == [FULL, STORED]
    assert store.put([letter("4", octets=b"z", quota=100)]) == [FULL]
    assert store.put([letter("4", octets=b"z", quota=101)]) == [STORED]


def test_a_redo_of_what_is_there_is_never_over_quota(store):
    store.put([letter("1", octets=b"x" * 100, quota=100)])
    assert store.put([letter("1", octets=b"x" * 100, quota=1)]) == [AGAIN]


def test_room_that_the_holder_made_is_found_by_counting(store):
    store.put([letter("1", octets=b"x" * 50, quota=100), letter("2", octets=b"x" * 50, quota=100)])
    files(store)[0].unlink()  # by a server that keeps no record
    assert store.put([letter("3", octets=b"x" * 50, quota=100)]) == [STORED]


def test_what_the_server_records_counts(store):
    store.put([letter("1", octets=b"x" * 50, quota=100)])
    size = store.home(MARIO) / "Maildir" / "maildirsize"
    with size.open("ab") as file:
        file.write(b"40 1\n-50 -1\n")
    assert store.put([letter("2", octets=b"x" * 60, quota=100)]) == [STORED]


@pytest.mark.parametrize("content", [b"", b"garbage", b"100S\n", b"100S\nx y\n", b"100S\n10 1\n" * 1000])
def test_a_record_that_cannot_be_trusted_is_made_anew(store, content):
    store.put([letter("1", octets=b"x" * 50, quota=100)])
    size = store.home(MARIO) / "Maildir" / "maildirsize"
    size.write_bytes(content)
    assert store.put([letter("2", octets=b"x" * 51, quota=100), letter("3", octets=b"x" * 50, quota=100)]) == [
        FULL,
        STORED,
    ]
    assert size.read_bytes().splitlines() == [b"100S", b"50 1", b"50 1"]


def test_a_batch_is_told_to_the_server_in_one_line_for_each_mailbox(store):
    store.put([letter("1", octets=b"x" * 50, quota=1000)])
    store.put([letter(str(number), octets=b"x" * number, quota=1000) for number in (1, 2, 3, 4, 5)])
    size = store.home(MARIO) / "Maildir" / "maildirsize"
    assert size.read_bytes().splitlines() == [b"1000S", b"0 0", b"50 1", b"14 4"], "the first is there already"
    assert store.used(MARIO, quota=1000) == 64


@pytest.mark.parametrize("point", POINTS)
def test_a_mailbox_that_is_full_is_known_for_full_wherever_the_redo_was_cut(store, cut_at, point):
    cut_at(point)
    with pytest.raises(Cut):
        store.put([letter("1", octets=b"x" * 50, quota=100)])
    cut_at(None)
    again = letter("1", octets=b"x" * 50, quota=100)
    assert store.put([again, letter("2", octets=b"x" * 51, quota=100)])[1] is FULL
    assert store.put([letter("3", octets=b"x" * 50, quota=100)]) == [STORED]


def test_counting_sees_every_folder_and_files_without_a_size_in_their_name(store):
    store.put([letter("1", octets=b"x" * 50, quota=200)])
    home = store.home(MARIO) / "Maildir"
    (home / ".Archivio" / "cur").mkdir(parents=True)
    (home / ".Archivio" / "cur" / "1.x.host:2,S").write_bytes(b"x" * 100)
    (home / "maildirsize").unlink()
    assert store.put([letter("2", octets=b"x" * 51, quota=200), letter("3", octets=b"x" * 50, quota=200)]) == [
        FULL,
        STORED,
    ]


def test_what_a_cut_try_left_behind_does_not_keep_recipients_from_sharing_a_file(store, cut_at):
    both = [letter(), letter(mailbox=ANNA)]
    cut_at("maildir.sync.before")
    with pytest.raises(Cut):
        store.put(both)
    for path in store.home(MARIO).parent.parent.glob("*/*/arriving/*"):
        path.write_bytes(b"half")
    cut_at(None)
    assert store.put(both) == [STORED, STORED]
    (one,), (other,) = files(store), files(store, ANNA)
    assert one.read_bytes() == MESSAGE
    assert one.stat().st_ino == other.stat().st_ino


# -- looking ----------------------------------------------------------------------------------------


def test_holds_finds_a_message_wherever_the_holder_put_it(store):
    assert not store.holds(MARIO, "pec1/mario/delivery")
    store.put([letter()])
    assert store.holds(MARIO, "pec1/mario/delivery")
    assert not store.holds(MARIO, "pec2/mario/delivery")
    assert not store.holds(ANNA, "pec1/mario/delivery")
    seen = read(store, files(store)[0], "RS")
    assert store.holds(MARIO, "pec1/mario/delivery")
    archive = store.home(MARIO) / "Maildir" / ".Archivio" / "cur"
    archive.mkdir(parents=True)
    moved = seen.rename(archive / "1.another-name,S=1:2,S")  # servers give a moved message a new name
    assert store.holds(MARIO, "pec1/mario/delivery")
    moved.unlink()
    assert not store.holds(MARIO, "pec1/mario/delivery")


def test_holds_does_not_take_what_is_arriving_for_what_is_there(store, cut_at):
    cut_at("maildir.rename.before")
    with pytest.raises(Cut):
        store.put([letter()])
    assert not store.holds(MARIO, "pec1/mario/delivery")


def test_old_records_are_forgotten_and_young_ones_kept(store, cut_at):
    store.put([letter("old")])
    cut_at("maildir.rename.before")
    with pytest.raises(Cut):
        store.put([letter("cut")])
    cut_at(None)
    store.put([letter("young")])
    old = (NOON - timedelta(days=40)).timestamp()
    for name in ("old", "cut"):
        for folder in ("delivered", "arriving"):
            path = store.home(MARIO) / folder / module.file_name(name)
            if os.path.lexists(path):
                os.utime(path, (old, old), follow_symlinks=False)
    for path in store.home(MARIO).glob(f"delivered/{module.file_name('young')}"):
        os.utime(path, (NOON.timestamp(), NOON.timestamp()), follow_symlinks=False)
    assert store.forget_deliveries(before=NOON - timedelta(days=30)) == 2
    assert not list(store.home(MARIO).glob("arriving/*"))
    assert store.put([letter("young"), letter("cut")]) == [AGAIN, STORED]
    assert len(files(store)) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_started_by_root_the_mailboxes_belong_to_their_owner(tmp_path, clock):
    store = Maildir(tmp_path / "mail", clock=clock, owner=module.Owner(uid=12345, gid=12345))
    store.put([letter(), letter("a", ANNA)])
    everything = [tmp_path / "mail", *(tmp_path / "mail").rglob("*")]
    assert {path.lstat().st_uid for path in everything if not path.is_symlink()} == {12345}
