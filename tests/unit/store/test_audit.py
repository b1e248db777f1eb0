"""One suite for every audit trail: the memory twin, SQLite, PostgreSQL."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from ceralacca.core.model.audit import Actor, ActorKind, AuditAct, AuditEvent, AuditOutcome, Origin
from ceralacca.ports.audit import AuditEntry, AuditQuery, AuditTrail
from ceralacca.store.database import open_store
from ceralacca.store.engine import Database
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url

pytestmark = pytest.mark.requirement("SE-3", "SE-4")

CARLA = Actor(kind=ActorKind.STAFF, name="carla")
HERE = Origin(process="pec mailbox add", host="mail1.alfa.example", peer="192.0.2.9")


def event(act: AuditAct = AuditAct.MAILBOX_ADDED, **fields) -> AuditEvent:
    return AuditEvent(**{"instant": NOON, "act": act, "actor": CARLA, "origin": HERE, **fields})


FULL = event(
    mailbox=some.ANNA, about="id-1", purpose="richiesta della\x00 titolare \u2028 è", ticket="T-7",
    outcome=AuditOutcome.REFUSED, detail={"count": 3, "protocol": "imap"},
)  # fmt: skip


def seqs(entries) -> list[int]:
    return [entry.seq for entry in entries]


def test_an_event_comes_back_with_every_field(trail: AuditTrail):
    trail.record(FULL, event())

    assert trail.entry(1) == AuditEntry(seq=1, event=FULL)
    assert trail.entry(2) == AuditEntry(seq=2, event=event())
    assert trail.entry(3) is None


@pytest.mark.parametrize("act", list(AuditAct))
def test_every_act_can_be_recorded(trail: AuditTrail, act):
    trail.record(event(act))

    assert [entry.event.act for entry in trail.after(0)] == [act]


def test_entries_are_numbered_from_one_without_a_gap(trail: AuditTrail):
    trail.record()
    trail.record(event(), event())
    trail.record(event())

    assert seqs(trail.after(0)) == [1, 2, 3]
    assert seqs(trail.after(1)) == [2, 3]
    assert seqs(trail.after(0, limit=2)) == [1, 2]


def test_what_many_threads_record_has_neither_gap_nor_double(trail: AuditTrail):
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: trail.record(event(about=str(number)), event(about=str(number))), range(20)))

    entries = trail.after(0)
    assert seqs(entries) == list(range(1, 41))
    assert [one.event.about for one in entries[::2]] == [one.event.about for one in entries[1::2]]
    assert {one.event.about for one in entries} == {str(number) for number in range(20)}


OTHER = event(
    AuditAct.SIGN_IN, actor=Actor(kind=ActorKind.HOLDER, name="bruno@beta.example"), mailbox=some.BRUNO,
    instant=NOON + timedelta(hours=1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (AuditQuery(), [3, 2, 1]),
        (AuditQuery(limit=2), [3, 2]),
        (AuditQuery(limit=2, before=2), [1]),
        (AuditQuery(acts=frozenset({AuditAct.SIGN_IN})), [2]),
        (AuditQuery(acts=frozenset({AuditAct.SIGN_IN, AuditAct.MAILBOX_ADDED})), [3, 2, 1]),
        (AuditQuery(mailbox=some.ANNA), [1]),
        (AuditQuery(actor="carla"), [3, 1]),
        (AuditQuery(about="id-1"), [1]),
        (AuditQuery(outcome=AuditOutcome.DONE), [3, 2]),
        (AuditQuery(since=NOON + timedelta(hours=1)), [2]),
        (AuditQuery(until=NOON + timedelta(hours=1)), [3, 1]),
        (AuditQuery(until=NOON), []),
    ],
)
def test_entries_are_found_by_what_is_asked_the_newest_first(trail: AuditTrail, query, found):
    trail.record(FULL, OTHER, event())

    assert seqs(trail.search(query)) == found


def test_a_mailbox_is_found_whatever_its_spelling(trail: AuditTrail):
    trail.record(FULL)

    assert seqs(trail.search(AuditQuery(mailbox=type(some.ANNA)(some.ANNA.text.upper())))) == [1]


def test_an_instant_without_zone_is_no_event():
    with pytest.raises(ValueError, match="time zone"):
        event(instant=datetime(2026, 11, 5))  # noqa: DTZ001 what is refused


_RECORDER = """
import sys
from pathlib import Path
from ceralacca.store.database import open_store
from ceralacca.core.model.audit import *
from ceralacca.testing.clock import NOON
store = open_store(sys.argv[1], Path(sys.argv[2]))
for number in range(25):
    store.audit.record(AuditEvent(instant=NOON, act=AuditAct.KEY_USED, about=f"{sys.argv[3]}-{number}",
        actor=Actor(kind=ActorKind.PROGRAM, name="worker"), origin=Origin(process="worker")))
"""


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def test_whoever_reads_while_processes_record_never_sees_a_lower_number_later(request, tmp_path, engine):
    url = sqlite_url(tmp_path) if engine == "sqlite" else request.getfixturevalue("postgresql").new_database()
    store = open_store(url, tmp_path)
    writers = [
        subprocess.Popen([sys.executable, "-c", _RECORDER, url, str(tmp_path), name], stderr=subprocess.PIPE)
        for name in "ab"
    ]
    seen: list[int] = []
    while any(writer.poll() is None for writer in writers):
        seen += seqs(store.audit.after(seen[-1] if seen else 0))
    seen += seqs(store.audit.after(seen[-1] if seen else 0))
    store.close()

    assert [(writer.returncode, writer.communicate()[1]) for writer in writers] == [(0, b"")] * 2
    assert seen == list(range(1, 51))


def test_a_database_of_the_release_before_gets_the_trail_and_keeps_what_it_has(tmp_path):
    """The tables as the first release made them, then the upgrade that the operator calls."""
    from alembic import command
    from alembic.config import Config

    from ceralacca.store import schema

    url = sqlite_url(tmp_path)
    config = Config()
    config.set_main_option("script_location", str(schema.__file__).replace("schema.py", "migrations"))
    database = Database(url, connections=1)
    with database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO domain VALUES ('alfa.example', 0)"))
    database.close()
    schema.upgrade(url)
    store = open_store(url, tmp_path)
    store.audit.record(FULL)

    assert store.domains() == {"alfa.example"}
    assert seqs(store.audit.after(0)) == [1]
    store.close()
