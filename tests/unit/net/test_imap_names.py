"""Folder names on the wire, and texts that cannot leave their quotes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.net.imap_names import decode_folder, encode_folder, quoted


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("INBOX", b"INBOX"),
        ("Città", b"Citt&AOA-"),
        ("A&B", b"A&-B"),
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("posta/in arrivo", b"posta/in arrivo"),
    ],
)
def test_names_as_rfc_3501_writes_them(name, wire):
    assert encode_folder(name) == wire
    assert decode_folder(wire) == name


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_names_come_back(name):
    assert decode_folder(encode_folder(name)) == name


@given(st.text() | st.binary())
def test_nothing_typed_ends_the_quotes(text):
    wire = quoted(text)
    inside = wire[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert wire[:1] == wire[-1:] == b'"'
    assert b'"' not in inside
    assert b"\\" not in inside
    assert not any(octet < 32 or octet == 127 for octet in inside)
