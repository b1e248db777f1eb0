"""The proof as one ZIP: octets as they were sealed, names that say what they are, the same each time."""

import io
import json
import zipfile

import pytest

from ceralacca.formats.proof_archive import Exhibit, file_name, write_proof
from ceralacca.testing.clock import NOON


def archive():
    file = io.BytesIO()
    exhibits = [
        Exhibit(name="Busta di trasporto", octets=b"a\r\n", instant=NOON),
        Exhibit(name="Ricevuta ../è <b@x.example>", octets=memoryview(b"b\r\n"), instant=NOON),
    ]
    write_proof(file, exhibits, readme="uno\ndue", verdicts={"stato": "è"}, at=NOON)
    return file.getvalue()


def test_members_are_whole_and_named():
    with zipfile.ZipFile(io.BytesIO(archive())) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == [
            "01-Busta-di-trasporto.eml",
            "02-Ricevuta-..-e-b@x.example.eml",
            "LEGGIMI.txt",
            "verdetti.json",
        ]
        assert opened.read("01-Busta-di-trasporto.eml") == b"a\r\n"
        assert opened.read("LEGGIMI.txt") == b"uno\r\ndue"
        assert json.loads(opened.read("verdetti.json")) == {"stato": "è"}
        assert opened.infolist()[0].date_time == (2026, 11, 5, 13, 0, 0)


def test_the_same_content_gives_the_same_octets():
    assert archive() == archive()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "messaggio"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\x00b\nc", "a-b-c"),
        ("日本", "messaggio"),
        ("x" * 300, "x" * 100),
    ],
)
def test_no_name_is_a_path(text, name):
    assert file_name(text) == name
