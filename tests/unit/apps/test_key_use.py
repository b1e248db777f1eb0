from datetime import timedelta

import pytest

from ceralacca.apps import key_use
from ceralacca.apps.data_folder import DataFolder
from ceralacca.apps.key_use import key_in_use
from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.audit import AuditAct, AuditOutcome
from ceralacca.core.model.log import LogEvent
from ceralacca.store.database import open_store
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url
from ceralacca.trust.counted_key import key_name

pytestmark = pytest.mark.requirement("SE-4", "LO-2")


class Key:
    certificate, intermediates, away = b"certificate", (), False

    def sign(self, octets):
        if self.away:
            raise WorldError("the token is away")
        return octets[::-1]


class Clock:
    instant = NOON

    def now(self):
        return self.instant

    def pass_by(self, **span):
        self.instant += timedelta(**span)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(key_use, "CLOCK", clock)
    return clock


@pytest.fixture
def folder(tmp_path):
    folder = DataFolder(tmp_path / "data")
    folder.make()
    return folder


@pytest.fixture
def store(folder):
    store = open_store(sqlite_url(folder.root), folder.root)
    yield store
    store.close()


@pytest.fixture
def in_use(store, folder, clock):
    return lambda key=None: key_in_use(lambda: key or Key(), store, folder, role="worker-1")


def trail(store):
    return [entry.event for entry in store.audit.after(0)]


def logged(store):
    """Return the details of the rows about keys, in their order; they belong to no transaction."""
    from sqlalchemy import text

    with store._database.reading() as connection:
        query = text("SELECT detail FROM log_row WHERE event = :event ORDER BY seq")
        return list(connection.scalars(query, {"event": LogEvent.KEY.value}))


def test_opening_stands_in_both_records_and_use_in_the_trail(in_use, store):
    with in_use() as key:
        for _ in range(3):
            key.signer.sign(b"abc")
    opened, used = trail(store)

    assert (opened.act, opened.about, opened.actor.name) == (AuditAct.KEY_OPENED, key_name(b"certificate"), "worker-1")
    assert (used.act, used.detail["count"], used.about) == (AuditAct.KEY_USED, 3, opened.about)
    assert logged(store) == [f"sealing: opened by worker-1, certificate sha256 {opened.about}"]


def test_uses_are_recorded_once_an_interval(in_use, store, clock):
    with in_use() as key:
        for minutes in (0, 4, 5, 3, 9):
            clock.pass_by(minutes=minutes)
            key.signer.sign(b"abc")
            key.record_due()

    counts = [event.detail["count"] for event in trail(store) if event.act is AuditAct.KEY_USED]
    assert counts == [4, 1]


def test_the_interval_may_be_another(store, folder, clock):
    with key_in_use(Key, store, folder, role="timekeeper", serves="log", every=timedelta(days=1)) as key:
        for hours in (1, 22, 1, 1):
            clock.pass_by(hours=hours)
            key.signer.sign(b"abc")
            key.record_due()

    assert [(event.detail["serves"], event.detail.get("count")) for event in trail(store)] == [
        ("log", None), ("log", 3), ("log", 1),
    ]  # fmt: skip


def test_an_interval_without_use_leaves_no_entry(in_use, store, clock):
    with in_use() as key:
        clock.pass_by(minutes=30)
        key.record_due()

    assert [event.act for event in trail(store)] == [AuditAct.KEY_OPENED]


def test_what_a_killed_process_has_left_is_recorded_at_the_next_start(in_use, store):
    with in_use() as key:
        key.signer.sign(b"abc")
        key.record_if_possible = lambda: None  # it never comes to its end
    with in_use():
        pass

    _, left, _ = trail(store)
    assert (left.act, left.detail["count"]) == (AuditAct.KEY_USED, 1)
    assert "killed" in left.detail["left"]


def test_a_key_that_refuses_is_recorded_in_both(in_use, store):
    token = Key()
    with in_use(token) as key:
        token.away = True
        with pytest.raises(WorldError):
            key.signer.sign(b"abc")
    _, failed = trail(store)

    assert (failed.act, failed.outcome, failed.detail["count"]) == (AuditAct.KEY_FAILED, AuditOutcome.FAILED, 1)
    assert logged(store)[-1] == "sealing: refused to sign 1 times in worker-1"


def test_a_key_that_cannot_be_opened_is_recorded_and_raises(store, folder, clock):
    def load():
        raise UserError("the private key does not belong to the certificate")

    with pytest.raises(UserError), key_in_use(load, store, folder, role="worker-1"):
        pass
    (failed,) = trail(store)

    assert (failed.act, failed.outcome) == (AuditAct.KEY_FAILED, AuditOutcome.FAILED)
    assert "does not belong" in failed.detail["reason"]
    assert logged(store) == ["sealing: could not be opened by worker-1 (UserError)"]


def test_what_cannot_be_recorded_now_is_counted_on(in_use, store, clock, monkeypatch):
    def full(*_):
        raise WorldError("the disk is full")

    with in_use() as key:
        key.signer.sign(b"abc")
        clock.pass_by(minutes=10)
        with monkeypatch.context() as broken:
            broken.setattr(type(store.audit), "record", full)
            key.record_due()
        key.signer.sign(b"abc")

    assert [event.detail.get("count") for event in trail(store)] == [None, 2]
