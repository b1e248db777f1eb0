"""Folders of mailboxes that stay open for a round: opened once, never too many, locked only while something is put."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Coming, Put, PutOutcome
from ceralacca.store import maildir, maildir_box, maildir_homes
from ceralacca.store.maildir import Maildir
from ceralacca.testing.clock import NOON, FixedClock

MARIO = Address.parse("mario.rossi@pec.alfa.example")
MESSAGE = b"Subject: prova\r\n\r\ntesto\r\n"


def put(name="one", mailbox=MARIO):
    return Put(mailbox=mailbox, name=name, octets=MESSAGE + name.encode(), quota=10_000)


def shown(store, mailbox=MARIO):
    return len([*store.home(mailbox).glob("Maildir/new/*")])


def is_free(store, mailbox=MARIO):
    handle = os.open(store.home(mailbox), os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def open_handles():
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.fixture
def store(tmp_path):
    return Maildir(tmp_path / "mail", clock=FixedClock(NOON))


@pytest.fixture
def opened(monkeypatch):
    """Names of folders that are opened."""
    names, real = [], maildir_homes.open_existing

    def open_existing(parent, name):
        names.append(name)
        return real(parent, name)

    monkeypatch.setattr(maildir_homes, "open_existing", open_existing)
    return names


def test_a_round_opens_the_folders_of_a_mailbox_once(store, opened):
    home = store.make_home(MARIO)
    before = open_handles()
    opened.clear()
    with store.in_hand() as mail:
        mail.expect([Coming(mailbox=MARIO, name="one", octets=put().octets)])
        assert mail.put([put()]) == [PutOutcome.STORED]
        mail.settle()
        assert mail.put([put("two")]) == [PutOutcome.STORED]
        assert is_free(store)
    assert sorted(opened) == sorted([home.parent.name, home.name, "Maildir", "arriving", "delivered", "new"])
    assert shown(store) == 2
    assert open_handles() == before


def test_what_is_put_without_a_round_leaves_nothing_open(store):
    store.make_home(MARIO)
    before = open_handles()
    assert store.put([put()]) == [PutOutcome.STORED]
    assert store.holds(MARIO, "one")
    assert (open_handles(), is_free(store)) == (before, True)


@pytest.mark.parametrize("in_a_round", [True, False])
def test_a_round_through_many_mailboxes_has_few_open(store, monkeypatch, in_a_round):
    monkeypatch.setattr(maildir_homes, "_MANY", 4)
    monkeypatch.setattr(maildir, "_BATCH", 2)
    boxes = [Address.parse(f"box-{number}@pec.alfa.example") for number in range(20)]
    before, most = open_handles(), [0]

    def reach(name):
        most[0] = max(most[0], open_handles() - before)

    monkeypatch.setattr(maildir, "reach", reach)
    puts = [put(mailbox=box) for box in boxes]
    if in_a_round:
        with store.in_hand() as mail:
            outcomes = mail.put(puts)
            mail.settle()
    else:
        outcomes = store.put(puts)
    assert outcomes == [PutOutcome.STORED] * len(boxes)
    assert [shown(store, box) for box in boxes] == [1] * len(boxes)
    homes = 4 - 1 + 2
    assert most[0] <= 1 + homes * (5 + 1)  # the root; of each home five folders and one file
    assert open_handles() == before


def test_what_is_still_to_be_synced_stays_open(store, monkeypatch):
    monkeypatch.setattr(maildir_homes, "_MANY", 1)
    begin, waited = store._syncs.begin, []

    class Late:
        """Syncs when it is waited for, as a thread may that had no time before."""

        def __init__(self, handles):
            self._handles = [(handle, os.fstat(handle).st_ino) for handle in handles]

        def wait(self):
            assert [os.fstat(handle).st_ino for handle, _ in self._handles] == [file for _, file in self._handles]
            waited.append(len(self._handles))
            begin([handle for handle, _ in self._handles]).wait()

    monkeypatch.setattr(store._syncs, "begin", Late)
    boxes = [Address.parse(f"box-{number}@pec.alfa.example") for number in range(4)]
    with store.in_hand() as mail:
        for box in boxes:
            assert mail.put([put(mailbox=box)]) == [PutOutcome.STORED]
        assert waited == [1] * 4  # octets
        mail.settle()
        assert waited == [1] * 4 + [2] * 4  # records and names
        before = open_handles()
        mail.put([put("two", mailbox=boxes[0])])
        assert open_handles() < before
        mail.settle()
    assert [shown(store, box) for box in boxes] == [2, 1, 1, 1]


def test_a_mailbox_is_nobodys_after_a_put_that_failed(store, monkeypatch):
    store.make_home(MARIO)

    def refuse(*_):
        raise OSError(28, "no room")

    with store.in_hand() as mail:
        with monkeypatch.context() as patched:
            patched.setattr(maildir, "write_all", refuse)
            with pytest.raises(WorldError):
                mail.put([put()])
        assert is_free(store)
        assert mail.put([put()]) == [PutOutcome.STORED]


def test_a_mailbox_whose_folders_cannot_be_opened_is_nobodys(store, monkeypatch):
    shutil.rmtree(store.make_home(MARIO) / "delivered")
    (store.home(MARIO) / "delivered").write_text("no folder")
    with store.in_hand() as mail:
        with pytest.raises(WorldError):
            mail.put([put()])
        assert is_free(store)


def test_a_mailbox_that_goes_in_the_middle_of_a_round_is_made_anew_in_the_next(store):
    with store.in_hand() as mail:
        assert mail.put([put()]) == [PutOutcome.STORED]
        mail.settle()
        shutil.rmtree(store.home(MARIO))
        with pytest.raises(WorldError):
            mail.put([put("two")])
    with store.in_hand() as mail:
        assert mail.put([put("two")]) == [PutOutcome.STORED]
    assert shown(store) == 1


def test_a_mailbox_of_which_a_cut_has_made_a_part_is_made_whole(store):
    shutil.rmtree(store.make_home(MARIO) / "Maildir" / "new")
    (store.home(MARIO) / "Maildir" / "tmp").rmdir()
    assert store.put([put()]) == [PutOutcome.STORED]
    assert {path.name for path in (store.home(MARIO) / "Maildir").iterdir()} >= {"tmp", "cur", "new"}


def test_boxes_of_one_home_share_what_is_open(store):
    homes = store._homes()
    first, second = (maildir_box.Box.open(homes, MARIO) for _ in range(2))
    assert (first.home, first.new) == (second.home, second.new)
    homes.close()
