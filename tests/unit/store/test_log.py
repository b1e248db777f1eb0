import pytest

from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.store import Commit, Store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON


@pytest.mark.requirement("LO-1", "LO-7")
def test_a_row_comes_back_with_every_field(store: Store):
    full, bare = some.log_row(), LogRow(instant=NOON, event=LogEvent.ARRIVAL, identifier="id-1")
    store.commit([Commit(log=(full, bare))])

    assert store.log_of("id-1") == [full, bare]


@pytest.mark.requirement("LO-2")
@pytest.mark.parametrize("event", list(LogEvent))
def test_every_event_can_be_logged(store: Store, event):
    store.commit([Commit(log=(some.log_row(event=event),))])

    assert [row.event for row in store.log_of("id-1")] == [event]


@pytest.mark.requirement("LO-3")
def test_rows_stand_in_the_order_of_writing_with_the_instant_of_their_step(store: Store):
    events = [LogEvent.SUBMISSION, LogEvent.ACCEPTANCE, LogEvent.ENVELOPE_SENT]
    store.commit([Commit(log=(some.log_row(event=event),)) for event in events])
    store.commit([Commit(log=(some.log_row("id-2"),)), Commit(log=(some.log_row(event=LogEvent.RELAYED),))])

    assert [row.event for row in store.log_of("id-1")] == [*events, LogEvent.RELAYED]
    assert {row.instant for row in store.log_of("id-1")} == {NOON}


@pytest.mark.parametrize("number", [15, 16, 17, 33])
def test_many_rows_at_once_are_all_there_and_in_order(store: Store, number):
    rows = [some.log_row()._replace(detail=str(at)) for at in range(number)]
    store.commit([Commit(log=tuple(rows))])

    assert store.log_of("id-1") == rows


@pytest.mark.parametrize("asked", ["<client-1@alfa.example>", "client-1@alfa.example", " <client-1@alfa.example> "])
def test_a_transaction_is_found_by_the_clients_message_id(store: Store, asked):
    nameless = some.log_row("id-1", LogEvent.RELAYED)._replace(client_message_id=None)
    other = some.log_row("id-2")._replace(client_message_id="<other@alfa.example>")
    store.commit([Commit(log=(some.log_row("id-1"), other, nameless))])

    assert store.log_of(asked) == [some.log_row("id-1"), nameless]


def test_a_message_id_that_a_client_used_twice_names_both(store: Store):
    store.commit([Commit(log=(some.log_row("id-1"), some.log_row("id-2")))])

    assert [row.identifier for row in store.log_of("<client-1@alfa.example>")] == ["id-1", "id-2"]
    assert [row.identifier for row in store.log_of("id-2")] == ["id-2"]


def test_a_row_of_no_transaction_is_found_by_message_id_alone(store: Store):
    refused = some.log_row(None, LogEvent.NON_ACCEPTANCE)
    store.commit([Commit(log=(refused, LogRow(instant=NOON, event=LogEvent.CONFIGURATION)))])

    assert store.log_of("client-1@alfa.example") == [refused]
    assert store.log_of("") == []


@pytest.mark.requirement("LO-1")
def test_nothing_is_logged_of_what_was_not_done(store: Store):
    store.commit([Commit(sent=(some.sent(),))])
    store.commit([Commit(sent=(some.sent(),), log=(some.log_row(),))])

    assert store.log_of("id-1") == []
