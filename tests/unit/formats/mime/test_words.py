import pytest

from ceralacca.formats.mime.words import decode_octets, decode_words, neutral


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"plain", "plain"),
        (b"=?iso-8859-1?Q?perch=E9_no?=", "perché no"),
        (b"=?UTF-8?B?cGVyY2jDqQ==?=", "perché"),
        (b"a =?utf-8?q?b?= c", "a b c"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?=\r\n =?iso-8859-1?q?=E8?=", "aè"),
        (b"=?utf-8?q?caff=C3?= =?utf-8?q?=A8?=", "caffè"),
        (b"=?utf-8*it?q?citt=C3=A0?=", "città"),
        (b"=?iso-8859-1*it?q?citt=E0?=", "città"),
        (b"=?windows-1252?q?=80?=", "€"),
        (b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        (b"folded\r\n\tline", "folded line"),
        ("perché".encode(), "perché"),
        (b"perch\xe9", "perch\ufffd"),
        (b"=?x-unknown?q?=E9?=", "\ufffd"),
        (b"=?x-unknown?q?abc?=", "abc"),
        (b"=?utf-8?b?YWJj?= \xe9", "abc \ufffd"),
        (b"=?utf-8?b?YWJjZA?=", "abcd"),
        (b"=?utf-8?b?YWJjZ?=", "abc"),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?a", "=?utf-8?q?a"),
        (b"", ""),
    ],
)
def test_words_become_text(body, text):
    assert decode_words(body) == text


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize(
    "body",
    [
        b"=?utf-8?q?a=0D=0ABcc:_x@y.example?=",
        b"=?utf-8?b?YQ0KQmNjOiB4QHkuZXhhbXBsZQ==?=",
        b"a\rBcc: x@y.example",
        b"a\r\nBcc: x@y.example",
        b"=?utf-16?b?DQAKAA==?=",
        b"=?utf-8?q?=E2=80=A8=C2=85=1B=00=EF=BF=BF?=",
        b"=?utf-16be?q?=D8=00?=",
    ],
)
def test_nothing_that_acts_comes_out(body):
    text = decode_words(body)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029\uffff" for c in text)
    text.encode()


@pytest.mark.requirement("XM-3")
def test_control_characters_are_replaced_and_white_space_is_a_blank():
    assert neutral("a\tb\nc\x00d\u2028e\ud800f") == "a b c\ufffdd\ufffde\ufffdf"
    assert neutral("caffè \u202e") == "caffè \u202e"


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "unicode_escape", "base64", "zip", "rot13", "utf-7", "", "x\x00"]
)
def test_a_codec_that_is_no_character_set_is_not_used(charset):
    assert decode_octets(b"caff\xc3\xa8-\\x41", charset) == "caffè-\\x41"


@pytest.mark.requirement("SE-7")
def test_thousands_of_words_are_decoded():
    assert decode_words(b" ".join([b"=?utf-8?q?=C3?=", b"=?utf-8?q?=A8?="] * 8000)) == "è" * 8000


@pytest.mark.requirement("SE-7")
@pytest.mark.parametrize("trap", [b"=?", b"=?a?q?", b"=?utf-8?b?", b"?=", b"=?utf-8?q? "])
def test_unfinished_words_stay_as_they_are(trap):
    assert decode_words(trap * 40_000) == (trap * 40_000).decode()
