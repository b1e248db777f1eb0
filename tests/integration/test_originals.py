"""`--originals`: the hashes of a brief receipt held against files, under every reading of AM-9."""

import shutil

import pytest

BRIEF = "10-avvenuta-consegna-breve.eml"


@pytest.fixture
def originals(sample, tmp_path):
    return shutil.copytree(sample / "originals", tmp_path / "originals")


@pytest.mark.requirement("BR-5", "AM-9", "BR-3", "BR-4")
def test_the_files_that_were_sent_are_found(pec, sample, originals):
    answer = pec.judge(sample / BRIEF, "--originals", originals)
    assert answer.status == 0
    assert {one["name"]: one["file"] for one in answer.json["hashes"]} == {
        name: str(originals / name) for name in ("perizia.pdf", "quantità.csv", "messaggio.eml")
    }
    assert "Hashes of the brief receipt" in pec.verify(sample / BRIEF, "--originals", originals).out


@pytest.mark.requirement("BR-5", "AM-9")
def test_an_altered_file_is_not_what_was_sent(pec, sample, originals):
    path = originals / "perizia.pdf"
    path.write_bytes(path.read_bytes() + b" ")
    answer = pec.judge(sample / BRIEF, "--originals", originals)
    assert answer.status == 1
    assert answer.message["valid"] is True  # the receipt is as good as before
    assert [one["name"] for one in answer.json["hashes"] if one["file"] is None] == ["perizia.pdf"]
    assert "no file in the folder has this hash" in pec.verify(sample / BRIEF, "--originals", originals).out


def test_files_may_have_other_names_and_lie_deeper(pec, sample, originals):
    (originals / "deep").mkdir()
    (originals / "perizia.pdf").rename(originals / "deep" / "allegato (1).pdf")
    answer = pec.judge(sample / BRIEF, "--originals", originals)
    assert answer.status == 0


def test_other_messages_ask_for_no_originals(pec, sample, originals):
    answer = pec.judge(sample / "10-avvenuta-consegna-completa.eml", "--originals", originals)
    assert (answer.status, answer.json["hashes"]) == (0, [])
