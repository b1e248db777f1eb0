"""What `--extract` writes: the very octets, under names that are safe, over nothing that exists."""

import re

import pytest

from ceralacca.apps.cli.safe_names import safe_name
from ceralacca.formats.received import read_received
from ceralacca.testing.scenario import SUBMITTED

ENVELOPE = "04-busta-di-trasporto-completa"
LONG = "perizia-" + "x" * 4096 + ".pdf"
NASTY = [
    "../../../../tmp/evil.sh",
    "..\\..\\evil.bat",
    "/etc/passwd",
    "C:\\boot.ini",
    "nul\x00byte.txt",
    "CON",
    "com1.txt",
    "fattura\u202efdp.exe",
    "\ufeffinvisible\u200b.txt",
    LONG,
    "\U0001f4a9" * 200 + ".pdf",
    "daticert.xml",
    "postacert.eml",
    "same.txt",
    "same.txt",
    "SAME.TXT",
    "...",
    " ",
    "-rf",
    "a\r\nb.txt",
]


def submitted_with(names):
    """Attach one small file under each name, encoded so that the name survives."""
    end = SUBMITTED.index(b"--=_parti--")
    parts = b""
    for number, name in enumerate(names):
        octets = name.encode("utf-8")
        lines = [octets[at : at + 15] for at in range(0, len(octets), 15)]
        encoded = b"".join(
            b";\r\n filename*%d*=%s"
            % (line, (b"utf-8''" if line == 0 else b"") + b"".join(b"%%%02X" % o for o in some))
            for line, some in enumerate(lines)
        )
        parts += (
            b"--=_parti\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment%s\r\n"
            b"Content-Transfer-Encoding: 7bit\r\n\r\nfile %d\r\n" % (encoded, number)
        )
    return SUBMITTED[:end] + parts + SUBMITTED[end:]


def test_the_parts_are_written_octet_by_octet(pec, sample, tmp_path):
    answer = pec.judge(sample / f"{ENVELOPE}.eml", "--extract", tmp_path / "out")
    assert answer.status == 0
    folder = tmp_path / "out" / ENVELOPE
    assert answer.json["extracted"] == [{"message": str(sample / f"{ENVELOPE}.eml"), "folder": str(folder)}]
    assert {path.name for path in folder.iterdir()} == {
        "daticert.xml",
        "postacert.eml",
        "perizia.pdf",
        "quantità.csv",
        "messaggio.eml",
    }
    received = read_received((sample / f"{ENVELOPE}.eml").read_bytes())
    assert (folder / "postacert.eml").read_bytes() == bytes(received.original)
    assert (folder / "daticert.xml").read_bytes().startswith(b"<?xml")
    for name in ("perizia.pdf", "quantità.csv"):
        assert (folder / name).read_bytes() == (sample / "originals" / name).read_bytes()


def test_where_it_was_written_is_said(pec, sample, tmp_path):
    out = pec.verify(sample / f"{ENVELOPE}.eml", "--extract", tmp_path / "out").out
    assert "Written to" in out
    assert str(tmp_path / "out" / ENVELOPE) in out.replace("\n", "")


def test_nothing_that_exists_is_overwritten(pec, sample, tmp_path):
    held = tmp_path / "out" / ENVELOPE / "daticert.xml"
    held.parent.mkdir(parents=True)
    held.write_text("mine")
    answer = pec.verify(sample / f"{ENVELOPE}.eml", "--extract", tmp_path / "out")
    assert (answer.status, held.read_text()) == (2, "mine")
    assert "exists already" in answer.err
    assert "new folder" in answer.err


def test_a_folder_that_cannot_be_written_is_named(pec, sample, tmp_path):
    (tmp_path / "file").write_text("mine")
    answer = pec.verify(sample / f"{ENVELOPE}.eml", "--extract", tmp_path / "file")
    assert (answer.status, str(tmp_path / "file") in answer.err) == (2, True)


def test_hostile_names_stay_inside_their_folder(pec, save, sealing, tmp_path):
    path = save(sealing(submitted_with(NASTY)))
    before = set(tmp_path.rglob("*"))
    answer = pec.judge(path, "--extract", tmp_path / "out")
    assert answer.status == 0
    shown = [one["name"] for one in answer.message["original"]["attachments"]]
    assert {"../../../../tmp/evil.sh", "fattura\u202efdp.exe", "CON"} <= set(shown)  # so they came through as sent
    written = [one for one in set(tmp_path.rglob("*")) - before if one.is_file()]
    assert {one.parent for one in written} == {tmp_path / "out" / "message"}
    names = [one.name for one in written]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name.encode()) <= 130 for name in names)
    assert not any(re.search(r'[\x00-\x1f/\\:*?"<>|\u200b-\u202e\ufeff]', name) for name in names)
    assert not any(name.startswith(".") or name.split(".")[0].lower() in {"con", "com1"} for name in names)
    contents = {one.read_bytes() for one in written}
    assert {b"file %d" % number for number in range(len(NASTY))} <= contents


def test_a_message_named_like_another_gets_its_own_folder(pec, sample, save, tmp_path):
    octets = (sample / f"{ENVELOPE}.eml").read_bytes()
    paths = [save(octets, name) for name in ("a/message.eml", "b/message.eml", "c/MESSAGE.EML")]
    pec.verify(*paths, "--extract", tmp_path / "out")
    assert sorted(one.name for one in (tmp_path / "out").iterdir()) == ["MESSAGE.EML", "message", "message-2"]


def test_ordinary_mail_has_nothing_to_extract(pec, save, tmp_path):
    answer = pec.judge(save(SUBMITTED), "--extract", tmp_path / "out")
    assert answer.json["extracted"] == []
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("suggested", "safe"),
    [
        ("\U0001f4a9" * 200 + ".pdf", "\U0001f4a9" * 29 + ".pdf"),
        ("\ud800lone.txt", "_lone.txt"),
        ("con .txt", "_con.txt"),
        ("a\u00a0b\u00ad.txt", "a b.txt"),
        ("x" * 200, "x" * 120),
        ("x." + "y" * 300, "x." + "y" * 118),
    ],
)
def test_names_are_cut_by_octets_and_hold_only_what_can_be_seen(suggested, safe):
    assert safe_name(suggested, fallback="f") == safe
