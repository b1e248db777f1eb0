"""Addresses: strict for what we emit, tolerant for what others wrote, harmless always."""

import pytest

from ceralacca.core.model.address import Address, InvalidAddress


@pytest.mark.requirement("AP-8", "AM-14", "XM-6")
def test_comparison_ignores_case_and_keeps_the_spelling():
    address = Address.parse("Mario.Rossi@PEC.Alfa.example")
    assert address == Address("mario.rossi@pec.alfa.EXAMPLE")
    assert hash(address) == hash(Address("mario.rossi@pec.alfa.example"))
    assert str(address) == "Mario.Rossi@PEC.Alfa.example"
    assert address != "Mario.Rossi@PEC.Alfa.example"
    assert address != Address("mario.rossi@pec.beta.example")


@pytest.mark.requirement("MO-8")
@pytest.mark.parametrize(
    ("text", "domain"), [("a@B.Example", "b.example"), ('"a@b"@c.example', "c.example"), ("postmaster", "")]
)
def test_the_domain(text, domain):
    assert Address(text).domain == domain


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("text", ["", "a@b.example\r\nBcc: x", "a\x00@b", "a\x7f", "a\x85b", "a\u2028b", "\t"])
def test_no_address_is_empty_or_holds_a_control_character(text):
    with pytest.raises(InvalidAddress) as caught:
        Address(text)
    assert "Bcc" not in str(caught.value)


@pytest.mark.requirement("AM-15")
@pytest.mark.parametrize("text", ["a@b.example", "a.b+c'd@x-y.b.example", '"a b"@c.example', "a@xn--citt-0na.example"])
def test_the_strict_grammar_takes(text):
    assert Address.parse(text).text == text


@pytest.mark.requirement("AM-15", "SE-8")
@pytest.mark.parametrize(
    "text",
    [
        "a",
        "@b.example",
        "a@",
        "a@localhost",
        "a..b@c.example",
        ".a@c.example",
        "a b@c.example",
        "<a@b.example>",
        "a@b.example ",
        "a@b.example\n",
        "a@città.example",
        "è@b.example",
        "a@-b.example",
        "a@b..example",
        "a@[192.0.2.1]",
        "x" * 65 + "@b.example",
        "a@" + "b." * 124 + "example",
    ],
)
def test_the_strict_grammar_refuses(text):
    with pytest.raises(InvalidAddress):
        Address.parse(text)
