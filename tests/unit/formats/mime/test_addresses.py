import pytest

from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.defects import Defect


def found(body):
    return [(mailbox.display, mailbox.address.text) for mailbox in read_addresses(body).mailboxes]


@pytest.mark.parametrize(
    ("body", "mailboxes"),
    [
        (b"a@pec.alfa.example", [("", "a@pec.alfa.example")]),
        (b"<a@pec.alfa.example>", [("", "a@pec.alfa.example")]),
        (b"Mario Rossi <m.rossi@pec.alfa.example>", [("Mario Rossi", "m.rossi@pec.alfa.example")]),
        (b'"Rossi, M. <x@y.example>" <a@b.example>', [("Rossi, M. <x@y.example>", "a@b.example")]),
        (b'"Rossi \\"M\\"" <a@b.example>', [('Rossi "M"', "a@b.example")]),
        (b"=?iso-8859-1?q?Nicol=F2?= <a@b.example>", [("Nicolò", "a@b.example")]),
        (b"a@b.example, C <c@d.example>", [("", "a@b.example"), ("C", "c@d.example")]),
        (b"g: a@b.example, c@d.example;, e@f.example", [("", "a@b.example"), ("", "c@d.example"), ("", "e@f.example")]),
        (b"(x@y.example) a@b.example (Mario)", [("", "a@b.example")]),
        (b"a@b.example (, c@d.example)", [("", "a@b.example")]),
        (b"a . b @ c . example", [("", "a.b@c.example")]),
        (b"a(c)@(c)b.example", [("", "a@b.example")]),
        (b'"a b"@c.example', [("", '"a b"@c.example')]),
        (b'"a@b.example, c"@d.example', [("", '"a@b.example, c"@d.example')]),
        (
            b'"Per conto di: a@b.example" <posta-certificata@pec.c.example>',
            [("Per conto di: a@b.example", "posta-certificata@pec.c.example")],
        ),
        (b"M. Rossi <a@b.example>", [("M. Rossi", "a@b.example")]),
        (b"a@b.example,\r\n\tc@d.example", [("", "a@b.example"), ("", "c@d.example")]),
    ],
)
def test_mailboxes(body, mailboxes):
    assert found(body) == mailboxes
    read = read_addresses(body)
    assert (read.defects, read.empty_group, read.rejected) == ((), False, ())


@pytest.mark.requirement("AP-7")
@pytest.mark.parametrize("body", [b"undisclosed-recipients:;", b"undisclosed recipients: ;", b"g: (a@b.example);"])
def test_a_group_without_members_is_said_so(body):
    read = read_addresses(body)
    assert read.empty_group
    assert read.mailboxes == ()
    assert read.defects == ()


@pytest.mark.parametrize(
    ("body", "mailboxes", "defects"),
    [
        (b"", [], ()),
        (b"nobody", [], (Defect.BAD_ADDRESS,)),
        (b"<>", [], (Defect.BAD_ADDRESS,)),
        (b"Mario Rossi a@b.example", [], (Defect.BAD_ADDRESS,)),
        (b"a b@c.example", [], (Defect.BAD_ADDRESS,)),
        (b"a@b.example c@d.example", [], (Defect.BAD_ADDRESS,)),
        (b"a@@b.example", [], (Defect.BAD_ADDRESS,)),
        (b"a..b@c.example", [], (Defect.BAD_ADDRESS,)),
        (b"a@localhost", [], (Defect.BAD_ADDRESS,)),
        (b"a@[192.0.2.1]", [], (Defect.BAD_ADDRESS,)),
        ("é@b.example".encode(), [], (Defect.BAD_ADDRESS,)),
        ("a@città.example".encode(), [], (Defect.BAD_ADDRESS,)),
        (b"a@b.example\x00", [], (Defect.BAD_ADDRESS,)),
        (b"a@b.example, , c@d.example", ["a@b.example", "c@d.example"], (Defect.EMPTY_ELEMENT,)),
        (b"<@x.example,@y.example:a@b.example>", ["a@b.example"], (Defect.SOURCE_ROUTE,)),
        (b"a@b.example; c@d.example", ["a@b.example", "c@d.example"], (Defect.ADDRESS_SYNTAX,)),
        (b"g: a@b.example", ["a@b.example"], (Defect.ADDRESS_SYNTAX,)),
        (b"g: h: a@b.example;", ["a@b.example"], (Defect.ADDRESS_SYNTAX, Defect.BAD_ADDRESS)),
        (b"<a@b.example", ["a@b.example"], (Defect.ADDRESS_SYNTAX,)),
        (b"a@b.example>", ["a@b.example"], (Defect.ADDRESS_SYNTAX,)),
        (b"<a@b.example> c@d.example", ["a@b.example"], (Defect.ADDRESS_SYNTAX,)),
        (b"<a@b.example> <c@d.example>", ["a@b.example", "c@d.example"], (Defect.ADDRESS_SYNTAX,)),
        (b'"a <a@b.example>', [], (Defect.UNCLOSED_QUOTE, Defect.BAD_ADDRESS)),
        (b"a@b.example (c", ["a@b.example"], (Defect.UNCLOSED_COMMENT,)),
    ],
)
@pytest.mark.requirement("AP-6", "AP-7")
def test_what_is_no_lawful_list_is_noted(body, mailboxes, defects):
    read = read_addresses(body)
    assert [mailbox.address.text for mailbox in read.mailboxes] == mailboxes
    assert read.defects == defects


@pytest.mark.requirement("AP-9")
def test_every_member_of_a_group_is_seen():
    assert [a for _, a in found(b'"g": (x:;) a@b.example, "c;" <c@d.example>; e@f.example')] == [
        "a@b.example", "c@d.example", "e@f.example",
    ]  # fmt: skip


@pytest.mark.requirement("SE-8")
def test_a_display_name_brings_no_line_ends():
    (mailbox,) = read_addresses(b'"=?utf-8?q?x=0D=0ABcc:_y?=\r" <a@b.example>').mailboxes
    assert mailbox.display == "x  Bcc: y "
    assert read_addresses(b"a\rb\x01").rejected == ("a b\ufffd",)


@pytest.mark.requirement("SE-7")
def test_eight_thousand_addresses_are_read():
    body = b",\r\n ".join(b'"Nome %d" <utente%d@pec.alfa.example>' % (n, n) for n in range(8000))
    read = read_addresses(body)
    assert len(read.mailboxes) == 8000
    assert read.mailboxes[-1].address.text == "utente7999@pec.alfa.example"


@pytest.mark.requirement("SE-7")
def test_comments_may_be_nested_without_end():
    assert found(b"(" * 100_000 + b")" * 100_000 + b"a@b.example") == [("", "a@b.example")]
    assert read_addresses(b"a@b.example " + b"(" * 100_000).defects == (Defect.UNCLOSED_COMMENT,)


@pytest.mark.requirement("SE-7")
@pytest.mark.parametrize(
    "trap", [b'"', b'"a', b'"\\', b"<", b">", b",", b":", b";", b"@", b"[", b"[a", b"a.", b"\\", b"(\\"]
)
def test_traps_are_read_in_one_pass(trap):
    assert read_addresses(trap * 20_000).mailboxes == ()
