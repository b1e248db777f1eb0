"""Rows are found by everything that LO-8 and the people who answer need, the same on every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest

from ceralacca.base.identifiers import new_identifier
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import RecipientKind
from ceralacca.ports.log_search import LogQuery, MailboxRole
from ceralacca.ports.store import Commit, Store
from ceralacca.store import log_rows
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON, CountingEntropy

pytestmark = pytest.mark.requirement("LO-8")

CARLA = Address("carla@gamma.example")
BOTH = tuple(Recipient(address=one, kind=RecipientKind.CERTIFIED) for one in (some.ANNA, some.BRUNO))


def row(identifier="id-1", event=LogEvent.ACCEPTANCE, minutes=0, **more):
    whole = LogRow(
        instant=NOON + timedelta(minutes=minutes), event=event, identifier=identifier, sender=some.SENDER,
        recipients=BOTH,
    )  # fmt: skip
    return whole._replace(**more)


def found(store: Store, **query):
    return [entry.row for entry in store.search_log(LogQuery(**query))]


TO_ALL = row(client_message_id="<c-1@alfa.example>")
TO_ANNA = row(event=LogEvent.DELIVERY, minutes=1, concerned=(some.ANNA,))
TO_BRUNO = row(event=LogEvent.DELIVERY_FAILURE, minutes=2, concerned=(some.BRUNO,), error="no-dest")
BY_CARLA = row("id-2", minutes=3, sender=CARLA, client_message_id="c-1@alfa.example", error="nessuno")
ALONE = LogRow(instant=NOON + timedelta(minutes=4), event=LogEvent.CONFIGURATION)
ROWS = [TO_ALL, TO_ANNA, TO_BRUNO, BY_CARLA, ALONE]


@pytest.fixture
def filled(store: Store):
    for one in ROWS:
        store.commit([Commit(log=(one,))])
    return store


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, ROWS),
        ({"identifier": "id-1"}, [TO_ALL, TO_ANNA, TO_BRUNO]),
        ({"identifier": "id-3"}, []),
        ({"client_message_id": "<c-1@alfa.example>"}, [TO_ALL, BY_CARLA]),
        ({"client_message_id": "c-1@alfa.example"}, [TO_ALL, BY_CARLA]),
        ({"mailbox": some.ANNA}, [TO_ALL, TO_ANNA, BY_CARLA]),
        ({"mailbox": Address("ANNA@Beta.example")}, [TO_ALL, TO_ANNA, BY_CARLA]),
        ({"mailbox": some.BRUNO}, [TO_ALL, TO_BRUNO, BY_CARLA]),
        ({"mailbox": some.SENDER}, [TO_ALL, TO_ANNA, TO_BRUNO]),
        ({"mailbox": some.SENDER, "role": MailboxRole.RECIPIENT}, []),
        ({"mailbox": some.ANNA, "role": MailboxRole.SENDER}, []),
        ({"mailbox": some.ANNA, "role": MailboxRole.RECIPIENT}, [TO_ALL, TO_ANNA, BY_CARLA]),
        ({"mailbox": some.ANNA, "counterpart": CARLA}, [BY_CARLA]),
        ({"mailbox": CARLA, "counterpart": some.ANNA}, [BY_CARLA]),
        ({"mailbox": some.ANNA, "counterpart": some.BRUNO}, []),
        ({"counterpart": CARLA}, [BY_CARLA]),
        ({"counterpart": some.BRUNO}, [TO_ALL, TO_BRUNO, BY_CARLA]),
        ({"identifier": "id-1", "mailbox": some.BRUNO}, [TO_ALL, TO_BRUNO]),
        ({"identifier": "id-1", "counterpart": CARLA}, []),
        ({"mailbox": some.SENDER, "failed": True}, [TO_BRUNO]),
        ({"failed": True}, [TO_BRUNO]),
        ({"failed": False}, [TO_ALL, TO_ANNA, BY_CARLA, ALONE]),
        ({"errors": frozenset({"no-dest", "nessuno"})}, [TO_BRUNO, BY_CARLA]),
        ({"events": frozenset({LogEvent.ACCEPTANCE})}, [TO_ALL, BY_CARLA]),
        ({"mailbox": some.BRUNO, "events": frozenset({LogEvent.DELIVERY_FAILURE})}, [TO_BRUNO]),
        ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, [TO_ANNA, TO_BRUNO]),
        ({"mailbox": some.ANNA, "since": NOON + timedelta(minutes=1)}, [TO_ANNA, BY_CARLA]),
        ({"mailbox": some.ANNA, "until": NOON + timedelta(minutes=1)}, [TO_ALL]),
        ({"limit": 0}, []),
    ],
)
def test_what_fits_is_found_in_both_orders(filled: Store, query, wanted):
    assert found(filled, newest_first=False, **query) == wanted
    assert found(filled, **query) == wanted[::-1]
    if "limit" not in query:
        assert [entry.row for entry in filled.stream_log(LogQuery(newest_first=False, **query))] == wanted


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("query", [{}, {"mailbox": some.ANNA}, {"identifier": "id-1"}, {"failed": False}])
def test_pages_follow_one_another_without_gap_or_repeat(store: Store, query, newest_first):
    rows = [row(minutes=number // 3) for number in range(20)]  # several of one instant
    store.commit([Commit(log=tuple(rows))])
    asked, pages = LogQuery(limit=7, newest_first=newest_first, **query), []
    while not pages or len(pages[-1]) == asked.limit:
        pages.append(store.search_log(replace(asked, after=pages[-1][-1].place if pages else None)))
    entries = list(chain(*pages))

    assert [len(page) for page in pages] == [7, 7, 6]
    assert len({entry.seq for entry in entries}) == 20
    assert entries == sorted(entries, key=lambda entry: entry.place, reverse=newest_first)


def test_a_rare_event_of_a_busy_mailbox_is_found(store: Store):
    rare = row(event=LogEvent.VIRUS_FOUND, minutes=-1)
    store.commit([Commit(log=(rare, *(row(minutes=number) for number in range(700))))])

    assert found(store, mailbox=some.ANNA, events=frozenset({LogEvent.VIRUS_FOUND}), limit=2) == [rare]


def test_what_a_mailbox_sent_to_itself_is_found_once(store: Store):
    own = row(sender=some.ANNA)
    store.commit([Commit(log=(own, row(minutes=1, sender=some.ANNA)))])

    assert found(store, mailbox=some.ANNA, limit=5) == [row(minutes=1, sender=some.ANNA), own]
    assert found(store, mailbox=some.ANNA, counterpart=some.ANNA) == [row(minutes=1, sender=some.ANNA), own]


def test_a_transaction_is_found_whose_rows_an_older_release_wrote_in_part(store: Store, monkeypatch):
    identifier = new_identifier(NOON, CountingEntropy(), domain="alfa.example")
    old, new = row(identifier), row(identifier, event=LogEvent.DELIVERY, minutes=1)
    with monkeypatch.context() as older:
        older.setattr(log_rows, "identifier_hash", log_rows.short_hash)
        store.commit([Commit(log=(old, row("id-1")))])
    store.commit([Commit(log=(new, row("id-2")))])

    assert found(store, identifier=identifier, newest_first=False) == [old, new]
    assert store.log_of(identifier) == [old, new]
    assert found(store, identifier="id-1") == [row("id-1")]


def test_numbers_rise_in_the_order_of_writing(store: Store):
    store.commit([Commit(log=(row(minutes=5), row(minutes=3))), Commit(log=(row(minutes=4),))])
    entries = store.search_log(LogQuery())

    assert [entry.row.instant for entry in sorted(entries, key=lambda entry: entry.seq)] == [
        NOON + timedelta(minutes=minutes) for minutes in (5, 3, 4)
    ]


@pytest.mark.requirement("LO-5")
def test_a_log_of_many_months_is_one_log(store: Store):
    rows = [row(f"id-{month}", instant=datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC) + timedelta(days=30 * month))
            for month in range(36)]  # fmt: skip
    store.commit([Commit(log=tuple(rows))])

    assert found(store, newest_first=False) == rows
    assert found(store, mailbox=some.ANNA, newest_first=False) == rows
    assert [each for one in rows for each in store.log_of(one.identifier)] == rows
