import pytest

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.entity import look
from ceralacca.formats.mime.limits import LIMITS, LimitExceeded, Limits


def multipart(boundary, *parts, kind="mixed", close=True):
    delimiter = b"--" + boundary
    text = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + (delimiter + b"--\r\n" if close else b"")
    return b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind.encode(), boundary) + text


def part(body=b"x", kind=b"text/plain"):
    return b"Content-Type: " + kind + b"\r\n\r\n" + body


def octets(entity, data):
    return [bytes(child.octets(data)) for child in entity.children]


@pytest.mark.requirement("GE-5", "GE-31")
def test_parts_have_their_exact_octets_without_the_line_end_before_the_boundary():
    parts = [part(b"one\r\n"), part(b""), part(b"--\r\n--x\r\n----y")]
    data = multipart(b"y", *parts)
    message = look(data)
    assert octets(message, data) == parts
    assert [bytes(child.body(data)) for child in message.children] == [b"one\r\n", b"", b"--\r\n--x\r\n----y"]
    assert message.defects == ()
    assert [entity.depth for entity in message.walk()] == [0, 1, 1, 1]


def test_preamble_delimiters_and_epilogue_have_their_spans():
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n\r\n--b \t\r\n\r\nx\r\n--b--\r\nepi\r\n"
    message = look(data)
    spans = (message.preamble, *message.delimiters, message.epilogue)
    assert [data[slice(*span)] for span in spans] == [b"pre\r\n", b"\r\n--b \t\r\n", b"\r\n--b--\r\n", b"epi\r\n"]
    assert octets(message, data) == [b"\r\nx"]
    assert message.boundary == b"b"
    assert [entity.is_multipart for entity in message.walk()] == [True, False]


@pytest.mark.requirement("TO-4")
def test_lf_line_ends_give_the_same_parts():
    data = multipart(b"b", part(b"one"), multipart(b"c", part(b"two"))).replace(b"\r\n", b"\n")
    message = look(data)
    assert octets(message, data) == [b"Content-Type: text/plain\n\none", octets(message, data)[1]]
    assert bytes(message.children[1].children[0].body(data)) == b"two"
    assert message.defects == message.children[1].defects == ()


@pytest.mark.requirement("TO-3")
def test_a_signed_message_as_providers_make_it():
    boundary = b"----------=_1542108366-1838-311"
    inner = multipart(b"----------=_1542108366-1838-310", part()).replace(
        b"\r\n\r\n", b"\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\n", 1
    )
    signature = b"Content-Type: application/x-pkcs7-signature; name=smime.p7s\r\n\r\nMII="
    data = multipart(boundary, inner, signature, kind="signed")
    data = data.replace(b"\r\n\r\n", b"\r\n\r\nThis is an S/MIME signed message\r\n\r\n", 1)
    message = look(data)
    assert octets(message, data) == [inner, signature]
    assert message.children[0].encoding == "binary"
    assert message.children[1].filename == "smime.p7s"
    assert message.all_defects() == ()


def test_an_inner_multipart_cannot_swallow_the_outer_delimiter():
    inner = multipart(b"in", part(b"one"), close=False)
    data = multipart(b"out", inner, part(b"two"))
    message = look(data)
    assert octets(message, data) == [inner, part(b"two")]
    assert message.children[0].defects == (Defect.UNTERMINATED,)
    assert [bytes(child.body(data)) for child in message.children[0].children] == [b"one\r\n"]


def test_an_embedded_multipart_without_end_cannot_swallow_it_either():
    embedded = b"Content-Type: message/rfc822\r\n\r\n" + multipart(b"in", part(b"one"), close=False)
    data = multipart(b"out", embedded, part(b"two"))
    assert octets(look(data), data) == [embedded, part(b"two")]


@pytest.mark.parametrize(
    ("data", "defects"),
    [
        (multipart(b"b", part(), close=False), (Defect.UNTERMINATED,)),
        (multipart(b"b"), (Defect.NO_PARTS,)),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing", (Defect.UNTERMINATED, Defect.NO_PARTS)),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", (Defect.UNTERMINATED, Defect.NO_PARTS)),
        (b"Content-Type: multipart/mixed\r\n\r\n--\r\n", (Defect.NO_BOUNDARY,)),
        (b'Content-Type: multipart/mixed; boundary=" "\r\n\r\n--\r\n', (Defect.NO_BOUNDARY,)),
        (multipart(b"b" * 71, part()), (Defect.BAD_BOUNDARY,)),
        (multipart(b"b\xe9", part()), (Defect.BAD_BOUNDARY,)),
        (multipart(b"b" * 257, part()), (Defect.BAD_BOUNDARY, Defect.NO_BOUNDARY)),
        (multipart(b"b", part(b"--bb")), (Defect.LOOKALIKE_DELIMITER,)),
        (multipart(b"b", part(b"--b- ")), (Defect.LOOKALIKE_DELIMITER,)),
        (multipart(b"b", part()) + b"--b\r\n", (Defect.DELIMITER_AFTER_CLOSE,)),
        (multipart(b"b", part()) + b"--b--\r\n", (Defect.DELIMITER_AFTER_CLOSE,)),
        (b"Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\n", (Defect.REPEATED_CONTENT_TYPE,)),
        (b"Content-Transfer-Encoding: 7bit\r\n" * 2 + b"\r\n", (Defect.REPEATED_ENCODING,)),
        (b"Content-Disposition: inline\r\n" * 2 + b"\r\n", (Defect.REPEATED_DISPOSITION,)),
        (b"Content-Type: text\r\n\r\n", (Defect.BAD_CONTENT_TYPE,)),
        (b"Content-Type:\r\n\r\n", (Defect.BAD_CONTENT_TYPE,)),
        (b"Content-Transfer-Encoding: x-uuencode\r\n\r\n", (Defect.BAD_ENCODING,)),
        (b"Content-Transfer-Encoding: base64 7bit\r\n\r\n", (Defect.BAD_ENCODING,)),
        (b"Content-Transfer-Encoding:\r\n\r\n", (Defect.BAD_ENCODING,)),
        (b"Content-Transfer-Encoding: base64\r\n" + multipart(b"b", part()), (Defect.ENCODED_COMPOSITE,)),
        (multipart(b"b", part()).replace(b"boundary=", b"boundary*="), (Defect.EXTENDED_BOUNDARY,)),
        (b"Content-Type: text/plain; name=a b\r\n\r\n", (Defect.PARAMETER_SYNTAX,)),
    ],
)
@pytest.mark.requirement("AP-5")
def test_defects_of_structure_are_noted(data, defects):
    assert look(data).defects == defects


def test_a_boundary_in_the_extended_form_is_used():
    data = multipart(b"b", part()).replace(b'boundary="b"', b"boundary*=us-ascii''%62")
    assert len(look(data).children) == 1


def test_the_first_of_two_content_types_counts_and_a_bad_one_is_plain_text():
    assert look(b"Content-Type: Text/HTML; a=b\r\nContent-Type: text/plain\r\n\r\n").media_type == "text/html"
    bad = look(b"Content-Type: attachment.pdf; name=x.pdf\r\n\r\n")
    assert (bad.media_type, bad.filename) == ("text/plain", "x.pdf")
    assert look(b"\r\n").media_type == "text/plain"
    assert look(b"\r\n").encoding == "7bit"
    assert look(b"Content-Transfer-Encoding: (c) Base64 (c)\r\n\r\n").encoding == "base64"
    assert look(b"Content-Transfer-Encoding: (c) Base64 (c)\r\n\r\n").defects == ()


def test_an_equal_boundary_belongs_to_the_outer_multipart():
    data = multipart(b"b", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", part(b"x"))
    message = look(data)
    assert len(message.children) == 2
    assert Defect.DUPLICATE_BOUNDARY in message.children[0].defects
    assert message.children[0].children == ()


def test_boundaries_may_begin_with_one_another():
    inner = multipart(b"bound-1", part(b"one"))
    data = multipart(b"bound", inner, part(b"two"))
    message = look(data)
    assert octets(message, data) == [inner, part(b"two")]
    assert message.defects == (Defect.LOOKALIKE_DELIMITER,)
    reversed_ = multipart(b"bound-1", multipart(b"bound", part(b"one")), part(b"two"))
    assert [len(entity.children) for entity in look(reversed_).walk()] == [2, 1, 0, 0]
    assert look(reversed_).all_defects() == ()


def test_delimiters_one_after_the_other_give_empty_parts():
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b\r\n\r\n\r\n--b--"
    message = look(data)
    assert octets(message, data) == [b"", b"", b"\r\n"]
    assert message.epilogue == (len(data), len(data))


def test_a_part_may_lack_its_empty_line():
    data = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n--b--"
    (child,) = look(data).children
    assert child.media_type == "text/html"
    assert child.head.defects == (Defect.NO_EMPTY_LINE,)
    assert child.body_start == child.end


def test_without_an_empty_line_there_is_no_body_to_look_into():
    assert look(b"Content-Type: multipart/mixed; boundary=b\r\n--b\r\n").children == ()


EMBEDDED = b"Subject: inside\r\n\r\ntext"


@pytest.mark.parametrize("encoding", [None, b"7bit", b"8BIT", b"binary"])
def test_an_embedded_message_is_looked_at(encoding):
    head = b"" if encoding is None else b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    data = b"Content-Type: message/rfc822; name=postacert.eml\r\n" + head + b"\r\n" + EMBEDDED
    message = look(data)
    assert octets(message, data) == [EMBEDDED]
    assert message.children[0].head.text("subject") == "inside"
    assert message.filename == "postacert.eml"
    assert message.defects == ()
    assert look(data, into_messages=False).children == ()


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"x-other"])
def test_an_encoded_message_is_not_looked_at(encoding):
    message = look(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + EMBEDDED)
    assert message.children == ()
    assert Defect.ENCODED_COMPOSITE in message.defects


def test_the_parts_of_a_digest_are_messages_unless_they_say_otherwise():
    data = multipart(b"b", b"\r\n" + EMBEDDED, part(), kind="digest")
    first, second = look(data).children
    assert (first.media_type, second.media_type) == ("message/rfc822", "text/plain")
    assert octets(first, data) == [EMBEDDED]


@pytest.mark.requirement("TO-17")
def test_the_file_name_is_found_wherever_it_stands():
    def name(fields):
        return look(fields + b"\r\n").filename

    assert name(b"Content-Type: a/b; name=t\r\nContent-Disposition: inline; filename=d\r\n") == "d"
    assert name(b"Content-Type: a/b; name=t\r\nContent-Disposition: inline\r\n") == "t"
    assert name(b"Content-Disposition: attachment;\r\n filename*=utf-8''caff%C3%A8.xml\r\n") == "caffè.xml"
    assert name(b"Content-Type: a/b\r\n") is None
    assert name(b"") is None


def test_a_slice_of_the_data_is_looked_at_with_offsets_into_the_whole():
    inside = multipart(b"b", part(b"one"), part(b"two"))
    data = b"--b\r\n" * 3 + inside + b"\r\n--b\r\nrest"
    message = look(data, start=15, end=15 + len(inside))
    assert octets(message, data) == [part(b"one"), part(b"two")]
    assert message.epilogue == (15 + len(inside), 15 + len(inside))
    assert look(memoryview(data), start=15, end=15 + len(inside)) == message


def nested(levels):
    return b"".join(b"Content-Type: multipart/mixed; boundary=_%d_\r\n\r\n--_%d_\r\n" % (n, n) for n in range(levels))


@pytest.mark.requirement("SE-7")
def test_fifty_levels_are_entered_and_the_next_one_is_not():
    message = look(nested(50) + b"\r\nbottom")
    assert max(entity.depth for entity in message.walk()) == LIMITS.depth == 50
    with pytest.raises(LimitExceeded) as error:
        look(nested(51) + b"\r\nbottom")
    assert error.value.limit == "depth"


@pytest.mark.requirement("SE-7")
def test_embedded_messages_are_levels():
    head = b"Content-Type: message/rfc822\r\n\r\n"
    assert len(list(look(head * 50 + EMBEDDED).walk())) == 51
    with pytest.raises(LimitExceeded):
        look(head * 51 + EMBEDDED)


@pytest.mark.requirement("SE-7")
def test_a_thousand_parts_are_seen_and_one_more_is_not():
    assert len(look(multipart(b"b", *[b"\r\n"] * 1000)).children) == LIMITS.parts == 1000
    for parts in (1001, 100_000):
        for close in (True, False):
            with pytest.raises(LimitExceeded) as error:
                look(multipart(b"b", *[b"\r\n"] * parts, close=close))
            assert error.value.limit == "parts"


@pytest.mark.requirement("SE-7")
def test_parts_count_at_all_levels_together():
    ten = multipart(b"in", *[b"\r\n"] * 9)
    assert len(list(look(multipart(b"out", *[ten] * 100)).walk())) == 1001
    with pytest.raises(LimitExceeded):
        look(multipart(b"out", *[ten] * 100, b"\r\n"))


@pytest.mark.requirement("SE-7")
def test_the_header_of_a_part_has_the_limit_of_a_header():
    with pytest.raises(LimitExceeded) as error:
        look(multipart(b"b", b"Subject: " + b"x" * 262_144 + b"\r\n\r\n"))
    assert error.value.limit == "header_octets"


@pytest.mark.requirement("SE-7")
def test_fields_count_in_all_headers_together():
    with pytest.raises(LimitExceeded) as error:
        look(multipart(b"b", b"a:\r\n" * 40_000, b"a:\r\n" * 40_000))
    assert error.value.limit == "fields"


@pytest.mark.requirement("SE-7")
def test_no_recursion_whatever_the_limits():
    limits = Limits(depth=10_000, parts=10_000)
    message = look(nested(3000) + b"\r\nbottom", limits=limits)
    assert sum(1 for _ in message.walk()) == 3001
