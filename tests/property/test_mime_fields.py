"""Addresses, words, parameters and transfer encodings: what was written is read back, and nothing raises."""

import base64
import binascii
from email.charset import QP, Charset
from email.header import Header
from email.utils import encode_rfc2231, formataddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.core.model.address import Address
from ceralacca.formats.mime import parameters
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.parameters import read_content_value, read_main_value
from ceralacca.formats.mime.transfer import decode_transfer, transfer_defect
from ceralacca.formats.mime.words import decode_words, neutral

ATOMS = st.text("abcXYZ019!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=8)
LOCALS = st.lists(ATOMS, min_size=1, max_size=3).map(".".join) | st.sampled_from(['"a b"', '"a@b,c;<d>"', '"a\\"b"'])
DOMAINS = st.lists(st.sampled_from(["pec", "alfa", "xn--citt-0na", "a-b", "1"]), min_size=1, max_size=3)
ADDRESSES = st.builds(lambda local, labels: Address.parse(f"{local}@{'.'.join(labels)}.example"), LOCALS, DOMAINS)
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn", "Co"]), max_size=20)
PIECES = [
    b'"', b"(", b")", b"<", b">", b",", b";", b":", b"@", b".", b"\\", b" ", b"\r\n\t", b"a", b"b@c.example",
    b"=?utf-8?q?", b"=?utf-8?b?", b"?=", b"=", b"=E8",
    b"*", b"*0", b"'", b"name=", b"%41", b"\x00", b"\xe8", b"[", b"]",
]  # fmt: skip
LAWFUL_PIECES = [
    b"multipart/mixed", b";", b"; ", b"\t;\t", b" ", b"boundary", b"Name", b"*", b"=", b"a", b'"x y;z"', b'""',
    b"--=_1", b"'", b"; a=b", b'; c="d"', b"; name*=utf-8''x", b"(", b")", b"\\", b'"', b",", b"=?utf-8?q?a?=", b"; N=",
    b"\x7f", b"\xe8",
]  # fmt: skip
MESSY = st.lists(st.sampled_from(PIECES) | st.binary(max_size=2), max_size=30).map(b"".join)


@pytest.mark.requirement("AP-9")
@given(
    st.lists(st.tuples(PRINTABLE, ADDRESSES), max_size=6), st.sampled_from([", ", ",", ",\r\n ", " (x@y.example),\t"])
)
def test_addresses_that_were_written_are_read_back(pairs, separator):
    body = separator.join(formataddr((name.strip(), address.text)) for name, address in pairs).encode()
    read = read_addresses(body)
    assert [mailbox.address for mailbox in read.mailboxes] == [address for _, address in pairs]
    assert [mailbox.display for mailbox in read.mailboxes] == [name.strip() for name, _ in pairs]
    assert read.defects == ()


@given(st.lists(st.lists(ADDRESSES, max_size=3), max_size=4))
def test_groups_are_opened(groups):
    body = ", ".join(f"g{number}: {', '.join(map(str, group))};" for number, group in enumerate(groups)).encode()
    read = read_addresses(body)
    assert [mailbox.address for mailbox in read.mailboxes] == [address for group in groups for address in group]
    assert read.empty_group is (not all(groups))
    assert read.defects == ()


@given(MESSY | st.lists(st.sampled_from(LAWFUL_PIECES), max_size=12).map(b"".join))
def test_the_quick_reading_of_a_content_value_is_the_slow_one(body):
    text = body.decode("latin-1")
    quick = parameters._read_lawful(text)
    assert quick is None or quick == parameters._read_any(text)


@pytest.mark.requirement("SE-8", "SE-7")
@given(MESSY)
def test_no_field_body_raises_or_brings_control_characters(body):
    texts = [decode_words(body)]
    read = read_addresses(body)
    texts += [*read.rejected, *(mailbox.display for mailbox in read.mailboxes)]
    value = read_content_value(body)
    assert read_main_value(body) == value.value
    texts += [value.value, *value.params, *value.params.values()]
    for mailbox in read.mailboxes:
        assert Address.parse(mailbox.address.text) == mailbox.address
    for text in texts:
        assert text == neutral(text)
        text.encode()


@given(PRINTABLE, st.sampled_from(["b", "q", "fold"]))
def test_encoded_words_are_read_back(text, encoding):
    octets = text.encode()
    if encoding == "fold":
        charset = Charset("utf-8")
        charset.header_encoding = QP
        body = Header(text, charset, maxlinelen=60).encode(linesep="\r\n").encode()
    elif encoding == "b":
        body = b"=?utf-8?B?" + base64.b64encode(octets) + b"?="
    else:
        body = b"=?utf-8?q?" + "".join(f"={octet:02X}" for octet in octets).encode() + b"?="
    assert decode_words(body) == neutral(text)


@given(PRINTABLE, st.integers(1, 5))
def test_extended_parameters_are_read_back(text, sections):
    value = encode_rfc2231(text, "utf-8", "it")
    charset, coded = value[:9], value[9:]  # the first section names the character set
    size = len(coded) // sections + 1
    pieces = [coded[start : start + size] for start in range(0, len(coded), size)] or [""]
    pieces[0] = charset + pieces[0]
    body = "attachment" + "".join(f"; filename*{number}*={piece}" for number, piece in enumerate(pieces))
    for written in (body, f"attachment; filename*={value}"):
        read = read_content_value(written.encode())
        assert read.params == {"filename": neutral(text)}
        assert read.defects == ()


@given(st.binary(max_size=300), st.sampled_from([76, 60, 4, 0]))
def test_base64_is_read_back_and_sound(content, width):
    text = base64.b64encode(content)
    lines = [text[start : start + width] for start in range(0, len(text), width)] if width else [text]
    octets = b"\r\n".join(lines)
    assert decode_transfer(octets, "base64") == content
    assert transfer_defect(octets, "base64") is None


@pytest.mark.requirement("AP-5")
@given(st.binary(min_size=1, max_size=60), st.integers(0, 80), st.sampled_from([b"=", b"A", b"\x00", b"-", b"=="]))
def test_base64_that_was_damaged_never_raises_and_is_named_unless_it_is_still_canonical(content, at, put):
    text = base64.b64encode(content)
    damaged = text[:at] + put + text[at:]
    decoded = decode_transfer(damaged, "base64")
    sound = transfer_defect(damaged, "base64") is None
    assert sound == (base64.b64encode(decoded) == damaged)
    assert (transfer_defect(damaged, "base64") is Defect.BAD_BASE64) is not sound


@given(st.binary(max_size=200))
def test_quoted_printable_is_read_back(content):
    octets = binascii.b2a_qp(content, istext=False)
    assert decode_transfer(octets, "quoted-printable") == content
    assert transfer_defect(octets, "quoted-printable") is None


@given(MESSY, st.sampled_from(["base64", "quoted-printable", "7bit", "8bit", "binary", "x"]))
def test_no_body_makes_decoding_raise(octets, encoding):
    decode_transfer(octets, encoding)
    transfer_defect(memoryview(octets), encoding)
