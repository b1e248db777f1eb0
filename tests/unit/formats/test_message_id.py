import pytest

from ceralacca.formats.message_id import LONGEST, read_message_id


@pytest.mark.requirement("GE-22")
@pytest.mark.parametrize(
    "body",
    [
        b"<20261105091455.4711@client.alfa.example>",
        b" (from a client <not@this>) <20261105091455.4711@client.alfa.example> (nested (too))",
        b"20261105091455.4711@client.alfa.example",
    ],
)
def test_the_identifier_is_taken_with_its_brackets(body):
    found = read_message_id(body)
    assert found.value == "<20261105091455.4711@client.alfa.example>"
    assert found.sound


@pytest.mark.requirement("GE-22", "TO-7")
@pytest.mark.parametrize("value", ["<no-at-sign>", "<a(b)c@[192.0.2.1]>", "<a..b@x@y>", "<with blank@x>"])
def test_identifiers_of_odd_clients_are_taken_as_they_are(value):
    assert read_message_id(value.encode()).value == value
    assert read_message_id(value.encode()).sound


@pytest.mark.requirement("AP-22")
@pytest.mark.parametrize("body", [b"", b"  ", b"(only a comment)"])
def test_an_empty_field_is_as_none(body):
    found = read_message_id(body)
    assert found.value is None
    assert found.sound


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"<a@x> <b@x>", "<a@x>"),
        (b"see <a@x>", "<a@x>"),
        (b"<a\x00b@x>", "<a?b@x>"),
        (b"<a\r\nX-Forged: yes@x>", "<a??X-Forged: yes@x>"),
        (b"<citt\xe0@x>", "<citt?@x>"),
        (b"<a\tb@x>", "<a b@x>"),
        (b"<>", None),
        (b"< >", None),
        (b"<open@x", None),
        (b"two words", None),
        (b"(open <a@x>", None),
        (b"<" + b"a" * LONGEST + b">", None),
    ],
)
def test_what_is_no_single_identifier_is_neutralised_and_not_sound(body, value):
    found = read_message_id(body)
    assert found.value == value
    assert not found.sound


def test_the_longest_value_fills_one_line_of_its_field():
    body = b"<" + b"a" * (LONGEST - 2) + b">"
    assert read_message_id(body).sound
    assert len("X-Riferimento-Message-ID: ") + len(body) == 998
