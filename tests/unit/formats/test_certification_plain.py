"""The quick reading of certification data: what it takes, and what it leaves to the strict one."""

import re
from pathlib import Path

import pytest

from ceralacca.formats.certification_plain import LARGEST, read_plain
from ceralacca.formats.certification_xml import read_strictly

EXAMPLES = sorted((Path(__file__).parents[2] / "interop" / "certification").glob("*.xml"))
DELIVERY = next(path for path in EXAMPLES if b'tipo="avvenuta-consegna"' in path.read_bytes()).read_bytes()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_plain_and_read_as_by_the_strict_reader(path):
    assert read_plain(path.read_bytes()) == read_strictly(path.read_bytes()).data


@pytest.mark.parametrize("tag", sorted(set(re.findall(rb"</[a-z-]+>", DELIVERY))))
def test_an_element_that_does_not_end_is_left_to_the_strict_reader(tag):
    before, _, after = DELIVERY.partition(tag)
    for cut in range(len(tag), 40):  # with more and more of what stood before it
        assert read_plain(before[: len(before) - cut + len(tag)] + after) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<mittente>", b"<mittente> "),
        (b"</mittente>", b" </mittente>"),
        (b"</mittente>", b"\t</mittente>"),
        (b"</mittente>", b"<!-- --></mittente>"),
        (b"<oggetto>", b"<oggetto><![CDATA[x]]>"),
        (b"<oggetto>", b"<oggetto>&#1;"),
        (b"<oggetto>", b"<oggetto>]]>"),
        (b"<oggetto>", b"<oggetto>\xc2\x9b"),
        (b"<oggetto>", b"<oggetto>\xef\xbf\xbe"),
        (b"<oggetto>", b"<oggetto>\xff"),
        (b"<identificativo>", b"<identificativo>&lt;"),
        (b"<msgid>&lt;", b"<msgid>"),
        (b' errore="nessuno"', b""),
        (b"<postacert", b"<!DOCTYPE postacert>\n<postacert"),
        (b"<?xml", b"\xef\xbb\xbf<?xml"),
        (b"</postacert>\n", b"</postacert>\n<!-- -->"),
        (b"<intestazione>", b"<intestazione>\x0b"),
        (b"<giorno>", b"<giorno>9"),
        (b"UTF-8", b"latin-1"),
    ],
)
def test_whatever_is_odd_is_left_to_the_strict_reader(old, new):
    assert DELIVERY.count(old) >= 1
    assert read_plain(DELIVERY.replace(old, new, 1)) is None


def test_a_large_document_is_left_to_the_strict_reader():
    assert read_plain(DELIVERY + b" " * (LARGEST - len(DELIVERY))) is not None
    assert read_plain(DELIVERY + b" " * (LARGEST - len(DELIVERY) + 1)) is None
