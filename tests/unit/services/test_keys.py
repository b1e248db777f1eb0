from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.letters import Point, StoredInbound
from ceralacca.services.keys import (
    Timer,
    bounded,
    deadline_key,
    digest_of,
    identifier_of,
    letter_key,
    mailbox_name,
    transaction_of,
)
from ceralacca.testing.clock import NOON

MARIO, ANNA = Address("mario.rossi@pec.alfa.example"), Address("anna.bianchi@pec.beta.example")
INBOUND = StoredInbound(
    key="k",
    point=Point.ACCESS,
    digest="d",
    size=1,
    reverse_path=MARIO,
    forward_paths=(ANNA,),
    received=NOON,
    peer="",
    tls="",
    authenticated="",
    trace=b"",
)


@pytest.mark.requirement("GE-29", "AP-20", "AP-26")
def test_a_submission_has_one_identifier_whatever_is_done_again():
    first = identifier_of(INBOUND, domain="gestore-alfa.example")
    assert first == identifier_of(replace(INBOUND, tls="TLSv1.3"), domain="gestore-alfa.example")
    assert first.startswith("pec20261105120000")
    assert first.endswith("@gestore-alfa.example")
    others = [replace(INBOUND, key="l"), replace(INBOUND, digest="e"), replace(INBOUND, received=NOON + timedelta(1))]
    assert len({first, *(identifier_of(one, domain="gestore-alfa.example") for one in others)}) == 4
    assert len(first.partition("@")[0]) == 3 + 32 + 14  # 128 random bits


@pytest.mark.requirement("AP-26")
def test_the_three_answers_to_a_submission_share_one_key():
    rows = (MessageRow.ACCEPTANCE, MessageRow.NON_ACCEPTANCE, MessageRow.NON_ACCEPTANCE_VIRUS)
    assert {letter_key("i", None, row) for row in rows} == {"i/-/answer"}


def test_every_other_row_recipient_and_peer_has_its_own_key():
    keys = {
        letter_key("i", recipient, row, peer=peer)
        for row in set(MessageRow) - {MessageRow.NON_ACCEPTANCE, MessageRow.NON_ACCEPTANCE_VIRUS}
        for recipient in (None, MARIO, ANNA)
        for peer in ("", "p")
    }
    assert len(keys) == 9 * 3 * 2
    assert letter_key("i", MARIO, MessageRow.DELIVERY) == "i/mario.rossi@pec.alfa.example/delivery"


@pytest.mark.requirement("IP-21")
def test_a_transaction_is_its_provider_and_its_recipients_in_any_order_and_spelling():
    loud = Address("ANNA.Bianchi@pec.beta.example")
    assert transaction_of("B", (MARIO, ANNA)) == transaction_of("B", (loud, MARIO))
    assert len({transaction_of("B", (MARIO, ANNA)), transaction_of("B", (MARIO,)), transaction_of("C", (MARIO,))}) == 3


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_no_two_lists_of_words_share_a_digest(one, other):
    assert (digest_of(*one) == digest_of(*other)) == (one == other)


@pytest.mark.requirement("DP-3")
@given(st.text())
def test_names_in_a_mailbox_are_safe_in_any_file_system(word):
    name = mailbox_name(NOON, word)
    assert name == mailbox_name(NOON + timedelta(milliseconds=1), word)
    assert set(name) <= set("0123456789abcdef.pec-")
    assert len(name) < 64


@given(st.text(max_size=2000))
def test_identifiers_of_others_fit_into_an_index(text):
    assert len(bounded(text)) <= 320
    assert (bounded(text) == text) == (len(text) <= 320)


def test_timers_have_a_key_each():
    assert deadline_key("i", ANNA, Timer.TWELVE) == "deadline:i:anna.bianchi@pec.beta.example:12"
    assert deadline_key("i", ANNA, Timer.TWENTY_FOUR).endswith(":24")
