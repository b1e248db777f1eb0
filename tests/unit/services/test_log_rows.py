import pytest

from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ErrorKind
from ceralacca.ports.letters import Point, StoredInbound
from ceralacca.services.log_rows import about, arrived
from ceralacca.testing.clock import NOON
from ceralacca.testing.paper_cast import ANNA, BRUNO, MARIO
from ceralacca.testing.scenario import Scenario

ORIGINAL = Scenario().transaction().original
INBOUND = StoredInbound(
    key="k",
    point=Point.INCOMING,
    digest="d",
    size=1,
    reverse_path=MARIO,
    forward_paths=(ANNA, BRUNO),
    received=NOON,
    peer="mx.example",
    tls="TLSv1.3",
    authenticated="",
    trace=b"",
)


@pytest.mark.requirement("LO-1", "LO-3")
def test_a_row_says_all_that_the_norm_wants_of_the_original():
    row = about(LogEvent.ACCEPTANCE, NOON, ORIGINAL)
    assert (row.instant, row.identifier, row.client_message_id) == (
        NOON,
        ORIGINAL.identifier,
        ORIGINAL.client_message_id,
    )
    assert (row.sender, row.recipients, row.subject) == (ORIGINAL.sender, ORIGINAL.recipients, ORIGINAL.subject)
    assert row.error == ""


@pytest.mark.requirement("LO-7")
def test_details_and_errors_stand_in_their_fields():
    row = about(LogEvent.VIRUS_FOUND, NOON, None, error=ErrorKind.VIRUS, error_detail="v", peer="p", detail="d")
    assert (row.error, row.error_detail, row.peer, row.detail, row.identifier) == ("virus", "v", "p", "d", None)


@pytest.mark.requirement("IP-4")
def test_what_came_in_says_from_where_and_how_it_was_protected():
    row = arrived(LogEvent.ARRIVAL, NOON, INBOUND, None)
    assert (row.peer, row.tls, row.sender, row.concerned) == ("mx.example", "TLSv1.3", MARIO, (ANNA, BRUNO))
    assert arrived(LogEvent.ARRIVAL, NOON, INBOUND, None, about_whom=[ANNA]).concerned == (ANNA,)


@pytest.mark.requirement("LO-9")
def test_no_field_of_a_row_is_for_content():
    assert {"octets", "body", "content", "text"}.isdisjoint(about(LogEvent.TIMER, NOON, None)._fields)
