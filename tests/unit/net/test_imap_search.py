"""What is searched for, as the arguments of SEARCH: nothing typed leaves its quotes."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.delivery_rules import MessageSort
from ceralacca.net.imap_search import KINDS, Wanted


@pytest.mark.parametrize(
    ("wanted", "criteria"),
    [
        (Wanted(), b"ALL"),
        (Wanted(everywhere=True), b"ALL"),
        (Wanted(text="a b"), b'OR SUBJECT "a b" FROM "a b"'),
        (Wanted(text="a", everywhere=True, unseen=True), b'TEXT "a" UNSEEN'),
        (Wanted(sender="x", subject='y"', since=date(2026, 11, 5)), b'FROM "x" SUBJECT "y\\"" SINCE 5-Nov-2026'),
        (
            Wanted(identifier="i@x"),
            b'OR BODY "i@x" OR HEADER MESSAGE-ID "i@x" HEADER X-RIFERIMENTO-MESSAGE-ID "i@x"',
        ),
        (Wanted(kind="delivery", before=date(2026, 1, 31)), KINDS["delivery"] + b" BEFORE 31-Jan-2026"),
    ],
)
def test_everything_that_is_given_must_hold(wanted, criteria):
    assert wanted.criteria() == criteria
    assert wanted.nothing is (criteria == b"ALL")


@given(st.text(min_size=1))
def test_nothing_typed_is_a_command(text):
    criteria = Wanted(sender=text, subject=text, identifier=text, text=text).criteria()
    assert b"\r" not in criteria
    assert b"\n" not in criteria
    bare = criteria.replace(b"\\\\", b"").replace(b'\\"', b"")
    assert bare.count(b'"') % 2 == 0
    outside = b" ".join(bare.split(b'"')[::2])
    assert set(outside.split()) <= {
        b"OR", b"SUBJECT", b"FROM", b"BODY", b"HEADER", b"MESSAGE-ID", b"X-RIFERIMENTO-MESSAGE-ID",
    }  # fmt: skip


def test_every_sort_of_message_can_be_asked_for():
    assert set(KINDS) == set(MessageSort)
