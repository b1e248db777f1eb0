"""Fuzz target: header fields and everything that is read out of a field body.

    python tests/fuzz/header_scanner.py FOLDER-FOR-NEW-FINDS tests/fuzz/corpus/header_scanner

Whatever the octets, nothing but UnreadableMessage comes out, the fields tile the header, and text is free of
control characters (SE-7, SE-8).
"""

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.header import Field, read_head
from ceralacca.formats.mime.parameters import read_content_value
from ceralacca.formats.mime.words import decode_words, neutral


def test_one_input(data: bytes) -> None:
    """Read one input as a header."""
    try:
        head = read_head(data)
    except UnreadableMessage:
        return
    assert b"".join(field.raw for field in head.fields) == data[: head.fields_end]
    assert data[head.fields_end : head.end] in {b"", b"\n", b"\r\n"}
    for field in head.fields:
        assert head.all(field.name)
        _read_body(field)


def _read_body(field: Field) -> None:
    body = field.body
    assert b"\n" not in body
    assert neutral(decode_words(body)) == decode_words(body)
    for mailbox in read_addresses(body).mailboxes:
        assert mailbox.display.isascii() or neutral(mailbox.display) == mailbox.display
        assert "," not in mailbox.address.domain
    read = read_content_value(body)
    assert all(neutral(text) == text for text in read.params.values())


if __name__ == "__main__":
    import sys

    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
