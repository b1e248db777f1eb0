import pytest

from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.mime.header import Defect, read_head
from ceralacca.formats.mime.limits import LIMITS, LimitExceeded, Limits

MESSAGE = (
    b"Received: from mx.alfa.example\r\n\tby mx.beta.example;\r\n Mon, 1 Jan 2024 00:00:00 +0100\r\n"
    b"Message-Id: <one@alfa.example>\r\n"
    b"X-Tiporicevuta:breve\r\n"
    b"received: from there\r\n"
    b"\r\n"
    b"body\r\n\r\nmore"
)


@pytest.mark.requirement("GE-31")
def test_fields_have_their_exact_octets_and_places():
    head = read_head(MESSAGE)
    assert [field.name for field in head.fields] == ["Received", "Message-Id", "X-Tiporicevuta", "received"]
    for field in head.fields:
        assert MESSAGE[field.start : field.end] == field.raw
    assert head.fields[0].raw.count(b"\r\n") == 3
    assert MESSAGE[head.end :] == b"body\r\n\r\nmore"
    assert MESSAGE[head.fields_end : head.end] == b"\r\n"
    assert head.defects == ()


@pytest.mark.requirement("TO-5")
def test_names_are_found_in_any_case_and_bodies_are_unfolded():
    head = read_head(MESSAGE)
    assert head.text("message-id") == "<one@alfa.example>"
    assert head.text("X-TipoRicevuta") == "breve"
    assert [field.start for field in head.all("RECEIVED")] == [0, head.fields[3].start]
    assert head.all("received")[0].body == b"from mx.alfa.example\tby mx.beta.example; Mon, 1 Jan 2024 00:00:00 +0100"
    assert read_head(b"a: \tb \r").text("a") == "b"
    assert head.first("subject") is None
    assert head.text("subject") is None
    assert head.all("subject") == ()


@pytest.mark.requirement("TO-4")
def test_lf_line_ends_give_the_same_fields():
    lf, crlf = read_head(MESSAGE.replace(b"\r\n", b"\n")), read_head(MESSAGE)
    assert [(f.name, f.body) for f in lf.fields] == [(f.name, f.body) for f in crlf.fields]
    assert lf.defects == (Defect.BARE_LF,)


@pytest.mark.parametrize(
    ("octets", "defect"),
    [
        (b"Subject: perch\xe9\r\n\r\n", Defect.EIGHT_BIT),
        (b"Subject: a\x00b\r\n\r\n", Defect.NUL),
        (b"Subject: a\rBcc: x@y.example\r\n\r\n", Defect.BARE_CR),
        (b"Subject: a\nTo: x@y.example\r\n\r\n", Defect.BARE_LF),
        (b"Subject: a\r\nno colon\r\n\r\n", Defect.LINE_WITHOUT_COLON),
        (b"Subject\r\n : a\r\n\r\n", Defect.LINE_WITHOUT_COLON),
        (b"Sub ject: a\r\n\r\n", Defect.BAD_FIELD_NAME),
        (b": a\r\n\r\n", Defect.BAD_FIELD_NAME),
        (b" Subject: a\r\n\r\n", Defect.BAD_FIELD_NAME),
        (b"Subject : a\r\n\r\n", Defect.SPACE_BEFORE_COLON),
        (b"Subject: a\r\n \r\nTo: b\r\n\r\n", Defect.BLANK_FOLD),
        (b"Subject: a\r\n", Defect.NO_EMPTY_LINE),
        (b"Subject: " + b"x" * 990 + b"\r\n\r\n", Defect.LONG_LINE),
    ],
)
@pytest.mark.requirement("AP-5")
def test_what_leaves_rfc_5322_is_noted(octets, defect):
    assert read_head(octets).defects == (defect,)


@pytest.mark.requirement("AP-5")
def test_a_line_of_998_octets_is_lawful():
    assert read_head(b"Subject: " + b"x" * 989 + b"\r\n\r\n").defects == ()


def test_a_name_with_space_before_its_colon_is_still_that_name():
    head = read_head(b"Subject \t: a\r\n\r\n")
    assert head.fields[0].name == "Subject"
    assert head.text("subject") == "a"


def test_a_line_that_is_no_field_is_kept_without_a_name():
    head = read_head(b"From x Mon Jan 1\r\nSubject: a\r\n\r\n")
    assert [field.name for field in head.fields] == ["", "Subject"]
    assert head.fields[0].body == b"From x Mon Jan 1"


@pytest.mark.parametrize("octets", [b"", b"\r\n", b"\n", b"\r\nSubject: in the body\r\n"])
def test_a_header_may_be_empty(octets):
    head = read_head(octets)
    assert head.fields == ()
    assert head.fields_end == 0
    assert octets[: head.end].strip() == b""


def test_only_the_given_octets_are_read():
    data = b"xxxxSubject: a\r\n\r\nyyyy"
    head = read_head(data, 4, len(data) - 4)
    assert (head.start, head.fields_end, head.end) == (4, 16, 18)
    assert read_head(data, 4, 10).fields[0].raw == b"Subjec"


@pytest.mark.requirement("SE-7")
def test_a_header_of_256_kib_is_read_and_one_octet_more_is_not():
    field = b"Subject: " + b"x" * (LIMITS.header_octets - 11) + b"\r\n"
    assert len(field) == 262_144
    assert read_head(field + b"\r\n" + b"y" * 100).end == 262_146
    assert read_head(field).end == 262_144
    with pytest.raises(LimitExceeded) as error:
        read_head(b"\r\n" + b"x" + field + b"\r\n", 2)
    assert error.value.limit == "header_octets"
    assert error.value.offset == 2
    with pytest.raises(LimitExceeded):
        read_head(b"x" * 262_145)
    with pytest.raises(LimitExceeded):
        read_head(b"x" * 262_144 + b"\n\n")
    assert read_head(b"x" * 262_143 + b"\n\n").end == 262_145


@pytest.mark.requirement("SE-7")
def test_a_header_of_256_kib_never_passes_the_limit_of_fields():
    head = read_head(b"a:\r\n" * 65_536 + b"\r\n")
    assert len(head.fields) == LIMITS.fields
    assert len(head.all("a")) == 65_536
    with pytest.raises(LimitExceeded, match="fields"):
        read_head(b"a:\n" * 65_537 + b"\n")
    with pytest.raises(LimitExceeded):
        read_head(b"a: 1\r\nb: 2\r\n\r\n", limits=Limits(fields=1))


def test_a_view_is_read_like_octets():
    assert read_head(memoryview(b"xx" + MESSAGE)[2:]) == read_head(MESSAGE)


@pytest.mark.parametrize("view", [memoryview(MESSAGE)[::2], memoryview(bytes(8)).cast("I")])
def test_a_view_that_is_not_octets_in_a_row_is_refused(view):
    with pytest.raises(UnreadableMessage):
        read_head(view)
