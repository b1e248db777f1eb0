"""Does the reader of certification data see by the shape of a document what lxml and the DTD see in all of it?"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint import certified
from ceralacca.lint.certified import read_certified
from ceralacca.testing import good_drafts as good

ROWS = [row for row in MessageRow if row is not MessageRow.ANOMALY_ENVELOPE]
BITS = [
    "",
    "x",
    " ",
    "\n",
    "\t",
    "\r",
    "&",
    "&amp;",
    "&lt;x",
    "&amp;lt;",
    "&#10;",
    "&quot;",
    "&x;",
    "<",
    ">",
    "]]>",
    "é",
    "\x85",
]
BITS += [
    "\u2028",
    "\ufffe",
    "\x00",
    "</",
    "/>",
    "<x/>",
    "<oggetto>",
    "</oggetto>",
    "</dati>",
    "<!-- -->",
    "<?x?>",
    "<![CDATA[x]]>",
    '"',
    " a='>'",
]


def whole(octets):
    """Read by lxml alone; None when it is not well-formed."""
    try:
        return certified._read_whole(octets)
    except (certified.etree.XMLSyntaxError, ValueError):
        return None


@pytest.mark.requirement("XM-1")
@pytest.mark.parametrize("row", ROWS)
def test_what_we_write_is_read_by_its_shape(row):
    octets = good.certification(row).encode()
    assert certified._read_by_shape(octets) == whole(octets)
    assert certified._read_by_shape(octets).markup.valid


@pytest.mark.requirement("XM-3")
def test_a_line_break_that_is_part_of_the_shape_is_not_printable():
    octets = good.certification(ROWS[0]).replace("<mittente>mario", "<mittente>ma\nrio").encode()
    assert certified._read_by_shape(octets) == whole(octets)
    assert not certified._read_by_shape(octets).printable


@pytest.mark.requirement("XM-1", "XM-3")
@settings(max_examples=500)
@given(row=st.sampled_from(ROWS), data=st.data())
def test_whatever_is_read_by_its_shape_is_what_lxml_reads(row, data):
    octets = good.certification(row).encode()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(octets)))
        until = data.draw(st.integers(at, min(len(octets), at + 12)))
        octets = octets[:at] + data.draw(st.sampled_from(BITS)).encode() + octets[until:]
    by_shape = certified._read_by_shape(octets)
    assert by_shape is None or by_shape == whole(octets)


@pytest.mark.requirement("XM-1")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<dati>", "<dati>x"),
        ("</dati>", "x</dati>"),
        ('<ricevuta tipo="completa"/>', '<ricevuta tipo="completa">x</ricevuta>'),
        ("<intestazione>", "<intestazione><mittente>x</mittente>"),
        ("</postacert>", "</postacert>x"),
        ('errore="nessuno"', 'errore="nessuna"'),
    ],
)
def test_a_text_where_no_text_may_be_is_not_valid_for_being_one_character(old, new):
    octets = good.certification(MessageRow.DELIVERY).encode()
    assert old.encode() in octets
    spoilt = octets.replace(old.encode(), new.encode())
    assert whole(spoilt) is None or not read_certified(spoilt).markup.valid


def test_a_document_of_one_shape_is_not_told_what_another_says():
    one, other = (
        good.certification(MessageRow.DELIVERY).replace("Prova", text).encode() for text in ("a", "b &amp; c")
    )
    assert read_certified(one).texts["oggetto"] == ["a"]
    read_certified(one).texts["oggetto"].append("spoilt")
    assert read_certified(other).texts["oggetto"] == ["b & c"]
    assert read_certified(one).texts["oggetto"] == ["a"]
