import pytest

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.parameters import MAX_PARAMETERS, read_content_value


@pytest.mark.parametrize(
    ("body", "value", "params"),
    [
        (b"text/plain", "text/plain", {}),
        (b"Text/Plain; Charset=ISO-8859-1", "text/plain", {"charset": "ISO-8859-1"}),
        (b'multipart/mixed;\tboundary="a;b \\"c"', "multipart/mixed", {"boundary": 'a;b "c'}),
        (b'(c) text/plain (c(c)); (c) a (c) = (c) b (c); d="e" (c)', "text/plain", {"a": "b", "d": "e"}),
        (b"a/b;;;c=d;", "a/b", {"c": "d"}),
        (b"attachment; filename*=utf-8''caff%C3%A8.txt", "attachment", {"filename": "caffè.txt"}),
        (b"attachment; filename*=iso-8859-1'it'caff%E8", "attachment", {"filename": "caffè"}),
        (b"attachment; filename*0=one; filename*1=two", "attachment", {"filename": "onetwo"}),
        (b"a; n*1*=%A8; n*0*=utf-8''caff%C3; n*2=\"%41\"", "a", {"n": "caffè%41"}),
        (b"a; n*0*=utf-8''a; n*1*=b'c'd", "a", {"n": "ab'c'd"}),
        (b'a; n="=?utf-8?q?caff=C3=A8?="', "a", {"n": "caffè"}),
        ('a; n="caffè"'.encode(), "a", {"n": "caffè"}),
        (b'a; n="caff\xe8"', "a", {"n": "caffè"}),
        (b"", "", {}),
        (b";a=b", "", {"a": "b"}),
    ],
)
@pytest.mark.requirement("TO-17")
def test_values_and_parameters(body, value, params):
    read = read_content_value(body)
    assert (read.value, dict(read.params), read.defects) == (value, params, ())


@pytest.mark.parametrize(
    ("body", "params", "defects"),
    [
        (b"a; name=my file.pdf; b=c", {"name": "my file.pdf", "b": "c"}, (Defect.PARAMETER_SYNTAX,)),
        (b'a; b="c" d; e=f', {"b": "c", "e": "f"}, (Defect.PARAMETER_SYNTAX,)),
        (b"a b; c=d", {"c": "d"}, (Defect.PARAMETER_SYNTAX,)),
        (b"a; b; c=d", {"c": "d"}, (Defect.PARAMETER_SYNTAX,)),
        (b'a; b="c; d=e', {"b": "c; d=e"}, (Defect.UNCLOSED_QUOTE,)),
        (b"a; b=c (d; e=f", {"b": "c"}, (Defect.UNCLOSED_COMMENT,)),
        (b"a; b=1; B=2", {"b": "1"}, (Defect.REPEATED_PARAMETER,)),
        (b"a; n=x.txt; n*=utf-8''y.exe", {"n": "y.exe"}, (Defect.RFC2231_CLASH,)),
        (b"a; n*=utf-8''x; n*0=y", {"n": "x"}, (Defect.RFC2231_CLASH,)),
        (b"a; n*0=x; n*2=z", {"n": "x"}, (Defect.RFC2231_CLASH,)),
        (b"a; n*1=x", {"n": ""}, (Defect.RFC2231_CLASH,)),
    ],
)
@pytest.mark.requirement("AP-5")
def test_what_can_be_read_in_two_ways_is_noted(body, params, defects):
    read = read_content_value(body)
    assert (dict(read.params), read.defects) == (params, defects)


def test_an_extended_name_that_repeats_the_plain_one_is_no_clash():
    assert read_content_value(b"a; n=x.txt; n*=utf-8''x.txt").defects == ()


@pytest.mark.requirement("SE-8")
def test_a_name_cannot_bring_line_ends():
    read = read_content_value(b"a; n*=utf-8''x%0D%0ABcc:%00y")
    assert read.params["n"] == "x  Bcc:\ufffdy"


def test_octets_of_plain_parameters_are_exact():
    assert read_content_value(b'a; boundary="=_\xe9 b\\"="; n*=utf-8\'\'x').octets == {"boundary": b'=_\xe9 b"='}


@pytest.mark.requirement("SE-7")
def test_parameters_beyond_the_bound_are_left_and_said_so():
    body = b"a" + b"".join(b"; n*%d=x" % number for number in range(9000))
    read = read_content_value(body)
    assert len(read.params["n"]) == MAX_PARAMETERS
    assert read.defects == (Defect.TOO_MANY_PARAMETERS,)


@pytest.mark.requirement("SE-7")
@pytest.mark.parametrize(
    "trap", [b'"', b"(", b"()", b'x="', b";", b"=", b'"\\', b"*", b"a;b=c", b" ", b"\\", b"(\\", b"a; b=\xff"]
)
def test_traps_are_read_in_one_pass(trap):
    read_content_value(trap * 30_000)
    read_content_value(b"a; b=" + trap * 30_000)
    read_content_value(b'a; b="' + trap * 30_000)
