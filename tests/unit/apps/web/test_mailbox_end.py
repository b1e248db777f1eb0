"""What the pages say of the end of a mailbox: days before it, on it and after it, in both languages; and why nothing
leaves then."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from starlette.datastructures import FormData
from starlette.requests import Request

from ceralacca.apps.cli.words import Words
from ceralacca.apps.web.mailbox_end import why_it_does_not_send
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.delegation import Delegation, DelegationRight
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.web_session import SessionStage, WebSession
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.memory_safety_alarms import MemorySafetyAlarms
from ceralacca.testing.memory_store import MemoryStore

ANNA, BRUNO = Address("anna@beta.example"), Address("bruno@beta.example")
SESSION = WebSession(
    digest="d",
    ticket="t",
    holder=ANNA,
    mailbox=ANNA,
    stage=SessionStage.FULL,
    may_send=True,
    created=NOON,
    seen=NOON,
    ends=NOON + timedelta(days=1),
    peer="",
    agent="",
)
DELEGATION = Delegation(
    key="k",
    mailbox=ANNA,
    delegate=BRUNO,
    right=DelegationRight.SEND,
    purpose="p",
    created=NOON,
    until=NOON + timedelta(days=1),
)
DELEGATED = replace(SESSION, holder=BRUNO, delegation_key="k", delegation=DELEGATION)


@pytest.fixture
def store():
    store = MemoryStore()
    store.add_domain(ANNA.domain, now=NOON)
    store.put_mailbox(MailboxRecord(address=ANNA), now=NOON)
    return store


@pytest.fixture
def visit(store):
    def visit(*, left=None, language="en", session=SESSION, headers=(), path="/own"):
        store.set_end(ANNA, None if left is None else NOON.date() + timedelta(days=left))
        parts = SimpleNamespace(
            store=store,
            clock=FixedClock(NOON),
            alarms=MemorySafetyAlarms(),
            delegations=SimpleNamespace(given_to=lambda *_, **__: ()),
            provider="Gestore Beta",
            test=True,
        )
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        words = Words(language, package="ceralacca.apps.web")
        return Visit(Request(scope), parts, words, Words(language), "00" * 32, session, FormData())

    return visit


def own_page(visit):
    response = render(visit, "own.html", errands=(), moving=False, done="", fault="", host="", user="")
    return response.body.decode()


def told(page, what):
    return " ".join(page.partition(f'id="{what}"')[2].partition("</p>")[0].split())


@pytest.mark.parametrize(
    ("left", "english", "italian"),
    [
        (400, "ends on 10/12/2027, in 400 days", "scade il 10/12/2027, fra 400 giorni"),
        (30, "ends on 05/12/2026, in 30 days", "scade il 05/12/2026, fra 30 giorni"),
        (1, "ends tomorrow, on 06/11/2026", "scade domani, 06/11/2026"),
        (0, "ends today, 05/11/2026", "scade oggi, 05/11/2026"),
        (-1, "ended on 04/11/2026", "è scaduto il 04/11/2026"),
        (-200, "ended on 19/04/2026", "è scaduto il 19/04/2026"),
    ],
)
def test_the_page_of_the_mailbox_says_when_it_ends_and_all_pages_do_from_thirty_days_before(
    visit, left, english, italian
):
    for language, sentence in (("en", english), ("it", italian)):
        page = own_page(visit(left=left, language=language))
        assert sentence in told(page, "end")
        assert (sentence in told(page, "ending")) is (left <= 30)
        assert ('id="ending"' in page) is (left <= 30)


@pytest.mark.parametrize("left", [31, 30])
def test_the_banner_begins_thirty_days_before(visit, left):
    assert ('id="ending"' in own_page(visit(left=left))) is (left == 30)


def test_a_mailbox_without_an_end_says_that_none_is_recorded(visit):
    page = own_page(visit())
    assert "No end of the contract is recorded." in told(page, "end")
    assert 'id="ending"' not in page


def test_a_piece_of_a_page_and_a_delegate_see_no_banner(visit):
    assert 'id="ending"' not in own_page(visit(left=3, headers=[(b"hx-request", b"true")]))
    assert 'id="ending"' not in own_page(visit(left=3, session=DELEGATED))


def test_a_store_that_is_away_does_not_hide_the_page_that_says_so(visit, store, monkeypatch):
    def away(_):
        raise WorldError("away")

    here = visit(left=3)
    monkeypatch.setattr(MemoryStore, "mailbox", lambda self, address: away(address))
    assert 'id="ending"' not in own_page(here)


@pytest.mark.requirement("AP-2")
@pytest.mark.parametrize("session", [SESSION, DELEGATED])
def test_nothing_leaves_after_the_end_and_again_once_it_is_renewed(visit, session):
    found = [why_it_does_not_send(visit(left=left, session=session)) for left in (1, 0, -1, None)]
    assert found == ["", "", "contract_ended", ""]


@pytest.mark.requirement("AP-2")
def test_a_mailbox_that_only_receives_and_a_session_that_only_reads_send_nothing(visit, store):
    reading = replace(SESSION, may_send=False)
    assert why_it_does_not_send(visit(session=reading)) == "may_not_send"
    store.put_mailbox(MailboxRecord(address=ANNA, status=MailboxStatus.RECEIVE_ONLY), now=NOON)
    assert why_it_does_not_send(visit()) == "may_not_send"
    assert why_it_does_not_send(visit(left=-1)) == "contract_ended"
