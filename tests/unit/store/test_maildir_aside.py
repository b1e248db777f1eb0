"""Messages that are expected at their mailboxes: durable before they are put, and nothing when they are not put."""

import fcntl
import os

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Splice
from ceralacca.ports.mail_store import Coming, Put, PutOutcome
from ceralacca.store import maildir as module
from ceralacca.store import maildir_aside
from ceralacca.store.maildir import Maildir
from ceralacca.store.maildir_files import file_name
from ceralacca.testing.clock import NOON, FixedClock

MARIO, ANNA = Address("mario.rossi@alfa.test"), Address("anna@alfa.test")
MESSAGE = b"Subject: prova\r\n\r\nBuongiorno.\r\n"
STORED, AGAIN, FULL = PutOutcome.STORED, PutOutcome.ALREADY_THERE, PutOutcome.OVER_QUOTA

pytestmark = pytest.mark.requirement("DP-3")


class Cut(BaseException):
    """The process ends here."""


def coming(name="one", mailbox=MARIO, octets=MESSAGE):
    return Coming(mailbox=mailbox, name=name, octets=octets)


def put(name="one", mailbox=MARIO, octets=MESSAGE, quota=10_000):
    return Put(mailbox=mailbox, name=name, octets=octets, quota=quota)


@pytest.fixture
def store(tmp_path):
    store = Maildir(tmp_path / "mail", clock=FixedClock(NOON))
    for mailbox in (MARIO, ANNA):
        store.make_home(mailbox)
    return store


@pytest.fixture
def acts(monkeypatch):
    acts = []
    for one in (module, maildir_aside):
        monkeypatch.setattr(one, "reach", acts.append)
    return acts


def shown(store, mailbox=MARIO):
    return [path.read_bytes() for path in sorted(store.home(mailbox).glob("Maildir/new/*"))]


def arriving(store, mailbox=MARIO):
    return [*store.home(mailbox).glob("arriving/*")]


def test_what_was_expected_is_neither_written_nor_synced_when_it_is_put(store, acts):
    with store.in_hand() as mail:
        mail.expect([coming(octets=Splice.of(MESSAGE[:7], MESSAGE[7:])), coming("two", ANNA)])
        assert acts == ["maildir.aside.before", "maildir.aside.after"] * 2
        assert shown(store) == shown(store, ANNA) == []
        acts.clear()
        assert mail.put([put(), put("two", ANNA)]) == [STORED, STORED]
        assert not [act for act in acts if act.startswith(("maildir.write", "maildir.sync"))]
        mail.settle()
    assert shown(store) == shown(store, ANNA) == [MESSAGE]
    assert arriving(store) == arriving(store, ANNA) == []


def test_octets_of_several_mailboxes_still_share_one_file(store):
    with store.in_hand() as mail:
        mail.expect([coming()])
        assert mail.put([put(), put("two", ANNA)]) == [STORED, STORED]
        mail.settle()
    (first,), (second,) = (store.home(one).glob("Maildir/new/*") for one in (MARIO, ANNA))
    assert first.stat().st_ino == second.stat().st_ino


def test_what_is_not_put_goes(store):
    with store.in_hand() as mail:
        mail.expect([coming(), coming("two")])
        assert mail.put([put("two", quota=5)]) == [FULL]
        assert len(arriving(store)) == 2
    assert arriving(store) == shown(store) == []


def test_other_octets_under_the_name_are_those_that_count(store):
    with store.in_hand() as mail:
        mail.expect([coming(octets=b"other\r\n")])
        assert mail.put([put()]) == [STORED]
    assert shown(store) == [MESSAGE]
    assert arriving(store) == []


def test_a_file_that_another_try_has_replaced_is_not_taken(store):
    with store.in_hand() as mail:
        mail.expect([coming()])
        (file,) = arriving(store)
        file.unlink()
        file.write_bytes(b"half of an")
        assert mail.put([put()]) == [STORED]
    assert shown(store) == [MESSAGE]


def test_another_try_that_was_quicker_delivers_once(store):
    with store.in_hand() as mail:
        mail.expect([coming()])
        assert store.put([put()]) == [STORED]
        assert mail.put([put()]) == [AGAIN]
    assert shown(store) == [MESSAGE]
    assert arriving(store) == []


def test_what_was_delivered_is_not_expected_again(store):
    store.put([put()])
    with store.in_hand() as mail:
        mail.expect([coming()])
        assert arriving(store) == []
        assert mail.put([put()]) == [AGAIN]
    assert shown(store) == [MESSAGE]


def test_what_an_earlier_try_left_is_written_over_by_the_put(store):
    left = store.home(MARIO) / "arriving" / file_name("one")
    left.write_bytes(b"half of")
    with store.in_hand() as mail:
        mail.expect([coming()])
        assert left.read_bytes() == b"half of"
        assert mail.put([put()]) == [STORED]
    assert shown(store) == [MESSAGE]


def test_a_locked_mailbox_is_not_waited_for(store):
    home = os.open(store.home(MARIO), os.O_RDONLY)
    fcntl.flock(home, fcntl.LOCK_EX)
    with store.in_hand() as mail:
        mail.expect([coming(), coming("two", ANNA)])
        assert arriving(store) == []
        assert len(arriving(store, ANNA)) == 1
        os.close(home)
        assert mail.put([put(), put("two", ANNA)]) == [STORED, STORED]


def test_a_mailbox_that_never_got_a_message_is_made_by_the_put(store):
    third = Address("terzo@alfa.test")
    with store.in_hand() as mail:
        mail.expect([coming(mailbox=third)])
        assert not store.home(third).exists()
        assert mail.put([put(mailbox=third)]) == [STORED]


@pytest.mark.parametrize(
    "messages", [[coming(f"{number}") for number in range(17)], [coming(octets=bytes(70_000))]], ids=["many", "large"]
)
def test_many_and_large_ones_are_left_to_the_put(store, messages):
    with store.in_hand() as mail:
        mail.expect(messages)
        assert arriving(store) == []


def test_where_the_sync_failed_the_octets_are_written_anew(by_threads, store, monkeypatch):
    def refuse(_):
        raise OSError(5, "Input/output error")

    with store.in_hand() as mail:
        with monkeypatch.context() as patched:
            patched.setattr(maildir_aside.os, "fsync", refuse)
            mail.expect([coming()])
            with pytest.raises(WorldError, match="Input/output"):
                mail.put([put()])
        assert shown(store) == []
        assert mail.put([put()]) == [STORED]
    assert shown(store) == [MESSAGE]


def test_a_disk_that_refuses_to_settle_is_told_before_anything_follows(by_threads, store, monkeypatch):
    def refuse(handle):
        raise OSError(5, "Input/output error")

    with store.in_hand() as mail:
        mail.expect([coming()])
        mail.put([])
        mail._aside._written[next(iter(mail._aside._written))].is_durable()
        with monkeypatch.context() as patched:
            patched.setattr(module.os, "fsync", refuse)
            assert mail.put([put()]) == [STORED]
            with pytest.raises(WorldError, match="Input/output"):
                mail.settle()
        assert mail.put([put()]) == [AGAIN]
        mail.settle()
    assert shown(store) == [MESSAGE]


@pytest.mark.parametrize("point", ["before", "after"])
def test_cut_while_it_is_written_a_redo_delivers_once(store, monkeypatch, point):
    def reach(name):
        if name == f"maildir.aside.{point}":
            raise Cut

    aside = maildir_aside.Aside(store._homes(), None, store._syncs)
    with monkeypatch.context() as patched:
        patched.setattr(maildir_aside, "reach", reach)
        with pytest.raises(Cut):
            aside.write([coming()])
    assert shown(store) == []
    with store.in_hand() as mail:
        mail.expect([coming()])
        assert mail.put([put()]) == [STORED]
        mail.settle()
    assert shown(store) == [MESSAGE]
    assert arriving(store) == []
