"""A line is what the types of a table's columns make of its values, whatever anybody wrote into them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from ceralacca.base.identifiers import new_identifier
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.notification import RecipientKind
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.notices import Notice
from ceralacca.store.blobs import blob_of
from ceralacca.store.columns import shortened, write_addresses, write_mapping, write_recipients
from ceralacca.store.log_rows import (
    identifier_hash,
    identifier_hashes,
    log_lines,
    places_of,
    read_log_line,
    short_hash,
)
from ceralacca.store.notice_tables import NOTICE
from ceralacca.store.rows import (
    fate_line,
    inbound_line,
    infected_line,
    letter_line,
    notice_line,
    recipients_key,
    sent_line,
    state_lines,
    taken_line,
)
from ceralacca.store.tables import (
    FATE,
    INBOUND,
    INFECTED,
    LETTER,
    LOG_ROW,
    RECIPIENT_STATE,
    SENT_MESSAGE,
    TAKEN,
)
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON, CountingEntropy

TEXTS = st.text(max_size=12) | st.sampled_from(['"', "\\", "\x00", "\x01mark", "half \ud800", "x" * 900, "è", "\x7f"])
ADDRESSES = st.text("aB@.\"\\é'", min_size=1, max_size=8).map(Address)
BLOB = blob_of(b"octets")
DIALECT = sqlite.dialect()


def as_the_columns_write(table, *values):
    kinds = [column.type.dialect_impl(DIALECT) for column in table.columns]
    return tuple(
        kind.process_bind_param(value, DIALECT) if hasattr(kind, "process_bind_param") else value
        for kind, value in zip(kinds, values, strict=True)
    )


@given(TEXTS, TEXTS, TEXTS, ADDRESSES, ADDRESSES)
def test_lines_of_what_is_stored_once(key, one, other, sender, holder):
    message = replace(some.inbound(key), reverse_path=sender, forward_paths=(holder,), peer=one, tls=other)
    assert inbound_line(message, shortened(key), BLOB) == as_the_columns_write(
        INBOUND,
        key,
        message.point,
        BLOB.digest,
        sender,
        (holder,),
        NOON,
        one,
        other,
        message.authenticated,
        message.trace,
    )
    letter = replace(some.letter(key, octets=b""), reverse_path=sender, message_id=one, identifier=other, row=None)
    assert letter_line(letter, shortened(key), BLOB) == as_the_columns_write(
        LETTER, key, BLOB.digest, sender, letter.forward_paths, one, NOON, None, other
    )
    taken = replace(some.taken(key), provider=one, letter=other, recipients=frozenset({sender, holder}))
    whose = recipients_key(taken.recipients)
    assert taken_line(taken, (shortened(key), shortened(one), whose), None) == as_the_columns_write(
        TAKEN, key, one, whose, sorted(taken.recipients, key=lambda each: each.key), other, taken.at
    )
    fate = replace(some.fate(key), provider=one, recipient=holder)
    assert fate_line(fate, (shortened(key), shortened(one), holder.key), None) == as_the_columns_write(
        FATE, key, one, holder.key, holder, fate.fate, fate.at
    )
    infected = replace(
        some.infected(BLOB.digest), key=key, identifier=one, sender=sender, recipients=(holder,), virus=other
    )
    assert infected_line(infected, shortened(key), None) == as_the_columns_write(
        INFECTED, key, infected.digest, one, infected.found, sender, (holder,), other, infected.engine
    )
    notice = Notice(key=key, mailbox=holder, kind=next(iter(NoticeKind)), instant=NOON)
    assert notice_line(notice, shortened(key), None) == as_the_columns_write(NOTICE, key, holder, notice.kind, NOON)


@given(TEXTS, TEXTS, st.none() | TEXTS, st.none() | TEXTS, ADDRESSES, ADDRESSES)
def test_lines_of_an_accepted_message_and_of_the_log(key, one, subject, client, sender, holder):
    recipients = (Recipient(address=holder, kind=RecipientKind.CERTIFIED),)
    known = some.sent()
    original = replace(
        known.original,
        sender=sender,
        recipients=recipients,
        reply_to=one,
        subject=subject,
        identifier=key,
        client_message_id=client,
    )
    state = next(iter(known.states.values()))
    sent = replace(known, original=original, states={holder: state})
    assert sent_line(sent, shortened(key), None) == as_the_columns_write(
        SENT_MESSAGE, key, sender, recipients, one, subject, client, sent.subject_body, sent.accepted, sender.key
    )
    assert state_lines(sent, shortened(key)) == [
        as_the_columns_write(RECIPIENT_STATE, key, holder.key, holder, 0, state)
    ]
    row = some.log_row()._replace(
        identifier=key,
        client_message_id=client,
        sender=sender,
        recipients=recipients,
        subject=subject,
        concerned=(holder,),
        detail=one,
    )
    texts = (row.kind, row.error, row.error_detail)
    others = (row.message_id, row.provider, row.peer, row.tls, one)
    hashes = [None if key is None else identifier_hash(key), None if client is None else short_hash(client)]
    (line,) = log_lines([7], [row])
    assert line == as_the_columns_write(
        LOG_ROW, 7, row.instant, row.event, key, hashes[0], client, hashes[1], sender, recipients, subject, *texts,
        (holder,), *others
    )  # fmt: skip
    assert read_log_line(line) == row
    assert read_log_line(line).sender.text == sender.text, "spelt as it was"


SINCE = datetime(2000, 1, 1, tzinfo=UTC)


@given(
    st.lists(
        st.integers(0, 2**37).map(lambda seconds: SINCE + timedelta(seconds=seconds)),
        min_size=2,
        max_size=9,
        unique=True,
    )
)
def test_rows_of_one_time_lie_together_in_the_index_of_identifiers(instants):
    entropy = CountingEntropy()
    identifiers = [new_identifier(each, entropy, domain="a.example") for each in sorted(instants)]
    hashes = list(map(identifier_hash, identifiers))
    assert [each >> 16 for each in hashes] == sorted(each >> 16 for each in hashes)
    assert all(-(2**63) <= each < 2**63 for each in hashes)


@given(st.text(max_size=60) | st.from_regex(r"pec[0-9]{13,15}[0-9a-f]{31,33}@a", fullmatch=True))
def test_a_row_is_looked_for_by_every_hash_that_it_may_have(identifier):
    assert {identifier_hash(identifier), short_hash(identifier)} == set(identifier_hashes([identifier, identifier]))
    assert -(2**63) <= identifier_hash(identifier) < 2**63


@given(st.lists(ADDRESSES, max_size=3), st.dictionaries(TEXTS, TEXTS | st.integers() | st.none() | st.booleans()))
def test_json_is_what_its_encoder_writes(addresses, mapping):
    recipients = [Recipient(address=one, kind=RecipientKind.EXTERNAL) for one in addresses]
    for written, value in (
        (write_addresses(addresses), [one.text for one in addresses]),
        (write_recipients(recipients), [[one.address.text, one.kind.value] for one in recipients]),
        (write_mapping(mapping), mapping),
    ):
        assert written == json.dumps(value, separators=(",", ":"))


@pytest.mark.requirement("LO-8")
def test_a_row_is_found_by_each_party_once():
    row = some.log_row()._replace(sender=some.ANNA, concerned=(some.ANNA, some.BRUNO, some.ANNA))
    assert len(places_of(7, 0, row)) == len({hash_ for hash_, _, _ in places_of(7, 0, row)}) == 3


def test_rows_of_a_batch_are_written_each_as_alone():
    row = some.log_row()
    others = [
        row._replace(concerned=(some.ANNA,)),
        row._replace(recipients=row.recipients[:1], concerned=(some.BRUNO,)),
        row._replace(instant=NOON + timedelta(1), recipients=()),
        row,
    ]
    rows = [row, row, *others]
    assert log_lines(range(1, 7), rows) == [log_lines([at], [one])[0] for at, one in enumerate(rows, 1)]
