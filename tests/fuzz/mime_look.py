"""Fuzz target: the look at a whole message, its spans and its transfer encodings.

    python tests/fuzz/mime_look.py FOLDER-FOR-NEW-FINDS tests/fuzz/corpus/mime_look

Whatever the octets, nothing but UnreadableMessage comes out, and the spans tile the input (GE-5, SE-7).
"""

import binascii

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.transfer import decode_transfer, transfer_defect


def test_one_input(data: bytes) -> None:
    """Look at one input as a message."""
    try:
        message = look(data)
    except UnreadableMessage:
        return
    assert (message.start, message.end) == (0, len(data))
    for entity in message.walk():
        _check(entity, data)
    assert look(memoryview(data)) == message


def _check(entity: Entity, data: bytes) -> None:
    raw = b"".join(field.raw for field in entity.head.fields)
    separator = data[entity.head.fields_end : entity.body_start]
    assert raw + separator + bytes(entity.body(data)) == bytes(entity.octets(data))
    if entity.preamble is not None:
        pieces = [data[slice(*entity.preamble)]]
        for number, delimiter in enumerate(entity.delimiters):
            pieces.append(data[slice(*delimiter)])
            pieces.extend(bytes(child.octets(data)) for child in entity.children[number : number + 1])
        pieces.append(data[slice(*entity.epilogue)] if entity.epilogue else b"")
        assert b"".join(pieces) == bytes(entity.body(data))
    elif entity.children:
        assert bytes(entity.children[0].octets(data)) == bytes(entity.body(data))
    else:
        content = decode_transfer(entity.body(data), entity.encoding)
        sound = transfer_defect(entity.body(data), entity.encoding) is None
        if sound and entity.encoding == "base64":
            written = bytes(entity.body(data)).translate(None, b" \t\r\n")
            assert binascii.b2a_base64(content, newline=False) == written


if __name__ == "__main__":
    import sys

    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
