"""Texts that cannot leave their quotes."""

from hypothesis import given
from hypothesis import strategies as st

from ceralacca.net.imap_names import quoted


@given(st.text() | st.binary())
def test_nothing_typed_ends_the_quotes(text):
    wire = quoted(text)
    inside = wire[1:-1].replace(b"\\\\", b"").replace(b'\\"', b"")
    assert wire[:1] == wire[-1:] == b'"'
    assert b'"' not in inside
    assert b"\\" not in inside
    assert not any(octet < 32 or octet == 127 for octet in inside)
