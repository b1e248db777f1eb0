"""Whatever the octets: spans tile the input, nothing but our own error comes out, and what was made is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.header import read_head

# Pieces that make up messages, sound and unsound, far more often than octets at random do.
PIECES = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b"--", b"--a", b"--a--", b"--ab", b"\r\n--a\r\n", b"\n--a--\n", b"\r\n--ab\r\n",
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n", b'Content-Type: multipart/digest; boundary="ab"\r\n\r\n',
    b"Content-Type: message/rfc822\r\n\r\n", b"Content-Transfer-Encoding: base64\r\n", b"Subject: x\r\n", b":", b"=",
    b"a", b"QUJD", b"\x00", b"\xe8", b"Content-Disposition: attachment; filename*=utf-8''%C3\r\n", b'"', b"(", b"\\",
]  # fmt: skip
MESSY = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=40).map(b"".join)


def tiles(entity: Entity, data: bytes) -> bytes:
    """Put one entity together again from everything that was found of it."""
    head = entity.head
    octets = b"".join(field.raw for field in head.fields) + data[head.fields_end : head.end]
    children = [tiles(child, data) for child in entity.children]
    if entity.preamble is None:
        return octets + (children[0] if children else data[entity.body_start : entity.end])
    octets += data[slice(*entity.preamble)]
    for number, delimiter in enumerate(entity.delimiters):
        octets += data[slice(*delimiter)] + b"".join(children[number : number + 1])
    return octets + (data[slice(*entity.epilogue)] if entity.epilogue else b"")


@pytest.mark.requirement("GE-31")
@given(MESSY)
def test_the_spans_tile_the_input(data):
    message = look(data)
    assert tiles(message, data) == data
    for entity in message.walk():
        for child in entity.children:
            assert entity.body_start <= child.start <= child.body_start <= child.end <= entity.end


@pytest.mark.requirement("GE-31", "TO-5")
@given(MESSY)
def test_fields_tile_the_header(data):
    head = read_head(data)
    assert b"".join(field.raw for field in head.fields) == data[: head.fields_end]
    assert all(data[field.start : field.end] == field.raw for field in head.fields)
    assert data[head.fields_end : head.end] in {b"", b"\n", b"\r\n"}
    assert sum(len(head.all(key)) for key in {field.key for field in head.fields}) == len(head.fields)


@given(MESSY, st.integers(0, 30), st.integers(0, 30))
def test_a_slice_is_looked_at_like_the_octets_themselves(data, before, after):
    """What stands around the slice is never seen; a view gives what octets give."""
    framed = b"\n--a\n" * before + data + b"\n--a--\n" * after
    start = 5 * before
    shifted = look(framed, start=start, end=start + len(data))
    assert [(e.start - start, e.body_start - start, e.end - start) for e in shifted.walk()] == [
        (e.start, e.body_start, e.end) for e in look(data).walk()
    ]
    assert look(memoryview(data)) == look(data)


@st.composite
def trees(draw, depth=3):
    """A sound message together with what must be found in it: (octets, children)."""
    kind = draw(st.sampled_from(["leaf", "leaf", "multipart", "message"])) if depth else "leaf"
    fields = draw(
        st.lists(st.sampled_from([b"X-One: a\r\n", b"Received: b\r\n\tc\r\n", b"MIME-Version: 1.0\r\n"]), max_size=2)
    )
    head = b"".join(fields)
    if kind == "message":
        inside = draw(trees(depth=depth - 1))
        return head + b"Content-Type: message/rfc822\r\n\r\n" + inside[0], [inside]
    if kind == "multipart":
        children = draw(st.lists(trees(depth=depth - 1), min_size=1, max_size=4))
        boundary = b"=_level%d" % depth  # none is the beginning of another
        preamble = draw(st.sampled_from([b"", b"This is an S/MIME signed message\r\n\r\n", b"--\r\n"]))
        epilogue = draw(st.sampled_from([b"", b"\r\n", b"\r\nepilogue", b"\n"]))
        delimiter = b"--" + boundary + draw(st.sampled_from([b"", b" ", b"\t"])) + b"\r\n"
        text = delimiter + (b"\r\n" + delimiter).join(child[0] for child in children) + b"\r\n--" + boundary + b"--"
        content_type = b'Content-Type: multipart/mixed;\r\n boundary="' + boundary + b'"\r\n'
        return head + content_type + b"\r\n" + preamble + text + epilogue, children
    body = draw(st.binary(max_size=30) | st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b"--", b"\r\n--=_other\r\n"]))
    return head + b"Content-Type: text/plain\r\n\r\n" + body, []


def found(entity: Entity, data: bytes):
    return bytes(entity.octets(data)), [found(child, data) for child in entity.children]


@pytest.mark.requirement("GE-5", "GE-31")
@given(trees())
def test_every_part_that_was_made_is_found_with_its_exact_octets(tree):
    data, _ = tree
    assert found(look(data), data) == tree


@pytest.mark.requirement("SE-7")
@given(trees(), st.data())
def test_a_damaged_message_is_still_looked_at_or_refused_with_our_error(tree, draw):
    data = tree[0]
    cut = draw.draw(st.integers(0, len(data)), label="cut")
    other = draw.draw(st.integers(0, len(data)), label="other")
    put = draw.draw(st.sampled_from(PIECES), label="put")
    for damaged in (data[:cut], data[cut:], data[:cut] + put + data[cut:], data[:cut] + put + data[other:]):
        try:
            message = look(damaged)
        except UnreadableMessage:
            continue
        assert tiles(message, damaged) == damaged
