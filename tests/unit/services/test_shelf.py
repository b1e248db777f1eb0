"""Receipts again: everything that a sender was given, found after it was delivered, octet for octet."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.log_extract import KeptAs, Selection
from ceralacca.services.extract_log import draw
from ceralacca.services.shelf import Shelf
from ceralacca.testing.logs import ALFA_DOMAINS, busy_day, played
from ceralacca.testing.paper_cast import ANNA, CARLA, MARIO, submission
from ceralacca.testing.scenario import INSTANT

RECEIPTS = {"accettazione", "non-accettazione", "avvenuta-consegna", "errore-consegna", "preavviso-errore-consegna"}


@pytest.fixture(scope="module")
def live():
    return busy_day()


@pytest.mark.requirement("LO-8")
@pytest.mark.parametrize("holder", [MARIO, CARLA])
def test_what_lies_in_the_mailbox_of_the_sender_is_on_the_shelf_octet_for_octet(live, holder):
    shelf = Shelf(live.alfa.store)
    identifiers = {row.identifier for row in live.alfa.store.log if row.sender == holder and row.identifier}
    again = [bytes(shelf.octets(one)) for name in identifiers for one in shelf.receipts(name, holder)]
    delivered = [octets for octets in live.mailbox(holder) if b"X-Ricevuta:" in octets]
    assert sorted(again) == sorted(delivered)
    assert again


@pytest.mark.requirement("LO-8")
def test_the_shelf_says_what_each_is(live):
    name = live.alfa.store.log[0].identifier
    found = Shelf(live.alfa.store).receipts(name, MARIO)
    assert [one.kind for one in found].count("avvenuta-consegna") == 3
    assert [one.kind for one in found].count("preavviso-errore-consegna") == 2
    assert {one.kind for one in found} <= RECEIPTS
    assert all(one.kept is KeptAs.BYTES and one.holder == MARIO for one in found)
    assert [one.instant for one in found] == sorted(one.instant for one in found)


@pytest.mark.requirement("LO-8")
def test_nobody_else_has_them(live):
    name = live.alfa.store.log[0].identifier
    assert Shelf(live.alfa.store).receipts(name, CARLA) == []
    assert Shelf(live.beta.store).receipts(name, ANNA) == []


@pytest.mark.requirement("LO-8")
def test_an_extract_says_that_every_receipt_is_kept(live):
    drawn = draw(
        live.alfa.store,
        Selection(mailbox=MARIO, since=INSTANT, until=INSTANT + timedelta(days=3)),
        shelf=Shelf(live.alfa.store),
        own_domains=ALFA_DOMAINS,
        reference="r",
        provider="p",
        made=INSTANT,
        purpose="prova",
    )
    kept = [one.kept for transaction in drawn.transactions for one in transaction.receipts]
    assert kept
    assert set(kept) == {KeptAs.BYTES}


@pytest.mark.requirement("LO-8")
def test_octets_that_are_not_those_that_were_kept_never_leave():
    live = played(submission(), hours=1)
    store, shelf = live.alfa.store, Shelf(live.alfa.store)
    (first, *_) = shelf.receipts(store.log[0].identifier, MARIO)
    assert sha256(shelf.octets(first)).hexdigest() == first.digest
    store._blobs[first.digest] += b"\r\n"
    with pytest.raises(WorldError, match="damaged"):
        shelf.octets(first)
    with pytest.raises(UserError, match="only the hash"):
        shelf.octets(replace(first, kept=KeptAs.HASH))
