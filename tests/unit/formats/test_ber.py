import pytest

from ceralacca.formats import ber
from ceralacca.formats.ber import MalformedBer, children, expect, octets, read, whole


def test_short_long_and_indefinite_lengths():
    assert read(b"\x04\x02ab", 0, 4) == (0x04, 0, 2, 4, 4)
    assert read(b"\x04\x81\x02ab", 0, 5) == (0x04, 0, 3, 5, 5)
    assert read(b"\x30\x80\x04\x01a\x00\x00!", 0, 8) == (0x30, 0, 2, 5, 7)
    assert whole(b"?\x04\x01a", read(b"?\x04\x01a", 1, 4)) == b"\x04\x01a"


def test_nested_indefinite_lengths_end_at_their_own_mark():
    data = b"\x30\x80\x30\x80\x04\x02\x00\x00\x00\x00\x05\x00\x00\x00"
    outer = read(data, 0, len(data))
    assert (outer.end, outer.after) == (12, 14)
    assert [child.tag for child in children(data, outer)] == [0x30, 0x05]


def test_an_octet_string_in_pieces():
    data = b"\x24\x80\x04\x01a\x04\x02bc\x00\x00"
    assert octets(data, read(data, 0, len(data))) == b"abc"
    assert octets(b"\x04\x03abc", read(b"\x04\x03abc", 0, 5)) == b"abc"
    with pytest.raises(MalformedBer):
        octets(b"\x24\x02\x05\x00", read(b"\x24\x02\x05\x00", 0, 4))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04",
        b"\x04\x02a",
        b"\x04\x80a\x00\x00",
        b"\x04\x85\x00\x00\x00\x00\x01a",
        b"\x04\x84\xff\xff\xff\xffa",
        b"\x04\x82\x01",
        b"\x1f\x01\x01a",
        b"\x30\x80",
        b"\x30\x80\x00",
        b"\x30\x80\x04\x01",
        b"\x30\x80" * 40 + b"\x00\x00" * 40,
        b"\x30\x80" + b"\x05\x00" * 300_000 + b"\x00\x00",
    ],
)
def test_what_is_cut_short_or_too_much_is_refused(data):
    with pytest.raises(MalformedBer):
        read(data, 0, len(data))


def test_another_tag_is_refused():
    with pytest.raises(MalformedBer):
        expect(b"\x04\x00", 0, 2, ber.SEQUENCE)
    with pytest.raises(MalformedBer):
        expect(b"\x04\x00", 2, 2, ber.OCTET_STRING)


def test_an_element_never_reaches_beyond_what_holds_it():
    data = b"\x30\x03\x04\x05abcde"
    with pytest.raises(MalformedBer):
        list(children(data, read(data, 0, len(data))))
