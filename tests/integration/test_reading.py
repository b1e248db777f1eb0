"""Where messages come from, and what is said when they cannot be read."""

import io
import os
import sys
from dataclasses import replace

import pytest

from ceralacca.lint.sealable import examine
from ceralacca.testing.scenario import ALFA, SUBMITTED
from ceralacca.trust.sealer import Sealer

RECEIPT = "03-accettazione-completa.eml"
ENVELOPE = "04-busta-di-trasporto-completa.eml"
DELIVERY = "10-avvenuta-consegna-completa.eml"
SEPARATOR = b"From posta@gestore-alfa.example Thu Nov  5 13:00:00 2026\n"


def lf(octets):
    return octets.replace(b"\r\n", b"\n")


@pytest.mark.requirement("TO-4")
@pytest.mark.parametrize("name", [RECEIPT, ENVELOPE, DELIVERY, "07-busta-di-anomalia-rimbalzo.eml"])
def test_a_file_saved_with_unix_line_ends_is_as_good(pec, sample, save, name):
    answer = pec.judge(save(lf((sample / name).read_bytes())))
    assert (answer.status, answer.message["seal"]["verdict"]) == (0, "valid")
    (shape,) = [step for step in answer.message["seal"]["steps"] if step["step"] == "digest"]
    assert (shape["mark"], shape["reason"]) == ("tolerated", "line-ends-converted")


def test_an_mbox_gives_its_messages_one_by_one(pec, sample, save):
    octets = b"".join(SEPARATOR + lf((sample / name).read_bytes()) + b"\n" for name in (RECEIPT, ENVELOPE, DELIVERY))
    path = save(octets, "archive.mbox")
    answer = pec.judge(path)
    assert answer.status == 0
    assert [one["name"] for one in answer.messages] == [f"{path}#{number}" for number in (1, 2, 3)]
    assert [one["row"] for one in answer.messages] == [3, 4, 10]


def test_an_mbox_that_quoted_lines_is_read_both_ways(pec, save, world):
    scenario_text = b"From here on\r\n>From there\r\n"
    octets = _envelope_with(world, scenario_text)
    assert b"\r\nFrom here" in octets
    quoted = octets.replace(b"\r\nFrom here", b"\r\n>From here").replace(b"\r\n>From there", b"\r\n>>From there")
    answer = pec.judge(save(SEPARATOR + lf(quoted) + b"\n"))
    assert (answer.status, answer.message["seal"]["verdict"]) == (0, "valid")
    # an archive that quotes nothing leaves ">From" as it was sent
    assert pec.judge(save(SEPARATOR + lf(octets) + b"\n", "plain.mbox")).status == 0


def test_a_quoted_mbox_message_is_extracted_as_it_was_sealed(pec, save, world, tmp_path):
    octets = _envelope_with(world, b"From here on\r\n")
    path = save(SEPARATOR + octets.replace(b"\r\nFrom here", b"\r\n>From here") + b"\r\n", "quoted.mbox")
    pec.verify(path, "--extract", tmp_path / "out")
    (original,) = (tmp_path / "out").rglob("postacert.eml")
    assert b"\r\nFrom here on" in original.read_bytes()


def _envelope_with(world, text):
    """Seal an envelope whose original has that text."""
    submitted = SUBMITTED.replace(b"Messaggio in parti.\r\n", b"Messaggio in parti.\r\n" + text)
    scenario = replace(world.scenario, submitted=submitted)
    sealer = Sealer(world.identities[ALFA], ALFA.address, scenario.entropy)
    return bytes(sealer.seal(examine(scenario.transaction().envelope())).octets)


def test_a_folder_and_a_maildir_are_read_through(pec, sample, tmp_path):
    for place, name in (("in/a.eml", RECEIPT), ("in/deep/b.EML", ENVELOPE), ("in/Maildir/cur/1:2,S", DELIVERY)):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((sample / name).read_bytes())
    (tmp_path / "in" / "notes.txt").write_text("not a message")
    answer = pec.judge(tmp_path / "in")
    assert (answer.status, sorted(one["row"] for one in answer.messages)) == (0, [3, 4, 10])


def test_standard_input_is_read(pec, sample, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO((sample / RECEIPT).read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    answer = pec.judge("-")
    assert (answer.status, answer.message["name"]) == (0, "-")


def test_a_file_named_twice_is_read_once(pec, sample):
    assert len(pec.judge(sample / RECEIPT, sample / RECEIPT).messages) == 1


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        (["{tmp}/missing.eml"], "missing.eml: no such file", "check the name"),
        (["{tmp}/empty.eml"], "empty.eml: the file is empty", "anew"),
        (["{tmp}/folder"], "folder: no message in this folder", ".eml"),
        (["{good}", "--at", "yesterday"], "--at yesterday: not an instant", "2026-11-05T10:15:02+01:00"),
        (["{good}", "--trust", "{tmp}/missing.pem"], "missing.pem: no such file", "PEM"),
        (["{good}", "--trust", "{tmp}/text.pem"], "text.pem", "X.509"),
        (["{good}", "--trust", "{sample}/pki/gestore-alfa.example.pem"], "no authority's certificate", "root"),
        (["{good}", "--trust", "{tmp}/folder"], "no authority's certificate", "root"),
        (["{good}", "--crl", "{sample}/pki/root.pem"], "no revocation list", "CRL"),
        (["{good}", "--crl", "{tmp}/missing"], "missing: no such file", "folder"),
        (["{good}", "--directory", "{tmp}/missing.ldif"], "missing.ldif: No such file", "check the name"),
        (["{good}", "--directory", "{tmp}/empty.eml"], "empty.eml", "LDIF"),
        (["{good}", "--directory", "{tmp}/text.pem"], "text.pem", "LDIF"),
        (["{good}", "--directory", "{good}"], RECEIPT, "LDIF"),
        (["{good}", "--originals", "{tmp}/missing"], "--originals", "folder"),
        (["{good}", "--lang", "fr"], "--lang fr", "--lang it"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_remedy(pec, sample, save, tmp_path, arguments, what, remedy):
    (tmp_path / "folder").mkdir()
    save(b"\r\n", "empty.eml")
    save(b"this is no certificate", "text.pem")
    places = {"tmp": tmp_path, "good": sample / RECEIPT, "sample": sample}
    answer = pec("verify", *(one.format(**places) for one in arguments))
    assert answer.status == 2
    assert answer.err.startswith("pec: ")
    assert what in answer.err
    assert remedy in answer.err.split("\n", 1)[1]
    assert "Traceback" not in answer.err
    assert "VALID" not in answer.out


@pytest.mark.parametrize("arguments", [["verify", "--nonsense"], ["nonsense"], ["verify", "--json"]])
def test_wrong_usage_is_status_2(pec, arguments):
    answer = pec(*arguments)
    assert (answer.status, "Traceback" in answer.err) == (2, False)
    assert answer.err


@pytest.mark.parametrize("arguments", [[], ["verify"]])
def test_without_arguments_there_is_help(pec, arguments):
    answer = pec(*arguments)
    assert answer.status == 2
    assert "Usage: pec" in answer.out + answer.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(pec, save):
    path = save(b"Subject: x\r\n\r\n", "secret.eml")
    path.chmod(0)
    answer = pec.verify(path)
    assert (answer.status, "secret.eml" in answer.err) == (2, True)


def test_one_unreadable_file_does_not_hide_the_others(pec, sample, save):
    bad = save(b"", "bad.eml")
    answer = pec.judge(bad, sample / RECEIPT)
    assert answer.status == 2
    assert "bad.eml: the file is empty" in answer.err
    assert [one["fault"] for one in answer.json["unreadable"]] == [f"{bad}: the file is empty"]
    assert answer.message["valid"] is True
    text = pec.verify(bad, sample / RECEIPT)
    assert (text.status, "1 of 1" in text.out) == (2, True)


def test_a_file_name_cannot_play_tricks_on_the_terminal(pec, sample, save):
    path = save((sample / RECEIPT).read_bytes(), "a\x1b[2Jb\u202egpj.eml")
    answer = pec.verify(path)
    assert "\x1b" not in answer.out
    assert "\\u001b[2Jb\\u202egpj" in answer.out
    assert "\x1b" not in pec.verify(path.with_name("\x1b[2J")).err


def test_a_file_name_that_is_no_text_stops_nothing(pec, sample, save, tmp_path):
    save((sample / RECEIPT).read_bytes(), os.fsdecode(b"caff\xe8.eml"))
    assert pec.verify(tmp_path).status == 0
    assert pec.judge(tmp_path).status == 0
