"""Folder names on the wire and on disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.formats.folder_name import decode_folder, encode_folder


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
