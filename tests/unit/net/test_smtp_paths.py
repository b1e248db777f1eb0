"""Paths of MAIL and RCPT are read strictly."""

import pytest

from ceralacca.net.smtp_server.paths import BadPath, read_path


@pytest.mark.parametrize(
    ("argument", "path", "parameters"),
    [
        (b"FROM:<a@b.example>", "a@b.example", {}),
        (b"from:<a@b.example>", "a@b.example", {}),
        (b"FROM: <a@b.example>", "a@b.example", {}),
        (b"FROM:<>", "", {}),
        (b"FROM:<a@b.example> SIZE=100 body=8BITMIME", "a@b.example", {"SIZE": "100", "BODY": "8BITMIME"}),
        (b"FROM:<a@b.example> SMTPUTF8", "a@b.example", {"SMTPUTF8": ""}),
        (b'FROM:<"a b>c\\" d"@b.example>', '"a b>c\\" d"@b.example', {}),
        (b"FROM:<@x.example,@y.example:a@b.example>", "a@b.example", {}),
        (b"FROM:<a@b.example> AUTH=<>", "a@b.example", {"AUTH": "<>"}),
    ],
)
def test_a_path_is_read(argument, path, parameters):
    found = read_path(argument, b"FROM:")
    assert (found.path, found.parameters) == (path, parameters)


@pytest.mark.parametrize(
    "argument",
    [
        b"",
        b"<a@b.example>",
        b"TO:<a@b.example>",
        b"FROM:a@b.example",
        b"FROM:<a@b.example",
        b"FROM:<a@b.example>SIZE=1",
        b"FROM:<a@b.example> SIZE=1 SIZE=2",
        b"FROM:<a@b.example> =1",
        b"FROM:<a b@b.example>",
        b"FROM:<a@b.example>\tSIZE=1",
        b"FROM:<a\x7f@b.example>",
        b'FROM:<"a@b.example>',
    ],
)
def test_anything_else_is_refused(argument):
    with pytest.raises(BadPath) as caught:
        read_path(argument, b"FROM:")
    assert not caught.value.international


@pytest.mark.requirement("AM-15")
def test_an_octet_above_127_is_named_as_such():
    with pytest.raises(BadPath) as caught:
        read_path("TO:<è@b.example>".encode(), b"TO:")
    assert caught.value.international
