"""Which pages a delegate may ask: every route of the application is looked at, and a new one is the holder's alone."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from ceralacca.apps.web.application import endpoints
from ceralacca.apps.web.delegate import ANYBODY, READERS, WRITERS, Barred, NotForDelegates, admit
from ceralacca.apps.web.visit import DelegationEnded
from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import Delegation, DelegationRight
from ceralacca.ports.web_session import SessionStage, WebSession
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("SE-3", "AP-2")

ANNA, BRUNO = Address("anna.bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
ROUTES = sorted((method, path) for path, _, method in endpoints())
READ, SEND = DelegationRight


def visit(right=READ, *, holder=BRUNO, **named):
    delegation = Delegation(
        key="k", mailbox=ANNA, delegate=BRUNO, right=right, purpose="p", created=NOON, until=NOON + timedelta(1)
    )
    session = WebSession(
        digest="",
        ticket="",
        holder=holder,
        mailbox=ANNA,
        stage=SessionStage.FULL,
        may_send=True,
        created=NOON,
        seen=NOON,
        ends=NOON,
        peer="",
        agent="",
        delegation=delegation,
    )
    return SimpleNamespace(session=replace(session, **named))


def refused(who, method, path):
    try:
        admit(who, method, path)
    except (NotForDelegates, DelegationEnded) as why:
        return why
    return None


def test_the_tables_name_real_pages_and_each_once():
    assert set(ROUTES) >= ANYBODY | READERS | WRITERS
    assert len(ANYBODY) + len(READERS) + len(WRITERS) == len(ANYBODY | READERS | WRITERS)


def test_what_guards_a_mailbox_is_in_no_table():
    for _, path in ANYBODY | READERS | WRITERS:
        assert not path.startswith(("/safety", "/delegations/open"))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_closed_to_delegates_unless_it_is_named(method, path):
    asked = (method, path)
    for right, open_ones in ((READ, ANYBODY | READERS), (SEND, ANYBODY | READERS | WRITERS)):
        why = refused(visit(right), method, path)
        assert (why is None) is (asked in open_ones), (right, why)
        assert why is None or why.why is (Barred.READER if asked in WRITERS else Barred.HOLDER)
    assert refused(visit(holder=ANNA, delegation=None), method, path) is None, "the holder"
    assert refused(SimpleNamespace(session=None), method, path) is None, "who is not signed in: the page asks"


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("other", ["ended", "of another mailbox", "of another delegate"])
def test_every_route_is_closed_when_the_delegation_is_not_in_force(method, path, other):
    delegation = visit(SEND).session.delegation
    kept = {
        "ended": None,  # as the store says: none in force
        "of another mailbox": replace(delegation, mailbox=Address("carla@pec.beta.example")),
        "of another delegate": replace(delegation, delegate=Address("carla@pec.beta.example")),
    }
    why = refused(visit(SEND, delegation=kept[other]), method, path)
    assert isinstance(why, DelegationEnded) is ((method, path) not in ANYBODY)
