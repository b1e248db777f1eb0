"""The answer on the screen: any width, any locale, colours only where they belong, a quiet end of a closed pipe."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ceralacca.apps.cli.screen import holds_signs

PEC = Path(sys.executable).with_name("pec")
RECEIPT = "03-accettazione-completa.eml"
PLAIN = {name: value for name, value in os.environ.items() if name not in {"LC_ALL", "LC_CTYPE", "LANG", "COLUMNS"}}


def command(sample, *arguments, **environment):
    """Run the installed program from the folder of the sample."""
    judged_by = ["--trust", "pki", "--directory", "igpec.ldif"]
    line = [PEC, "verify", *judged_by, *arguments]
    return subprocess.run(line, cwd=sample, env=PLAIN | environment, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("encoding", "environment", "signs"),
    [
        ("utf-8", {"LANG": "it_IT.UTF-8"}, True),
        ("utf-8", {"LANG": "de_DE.utf8@euro"}, True),
        ("utf-8", {}, True),
        ("utf-8", {"LANG": "it_IT.UTF-8", "LC_ALL": "C"}, False),
        ("utf-8", {"LC_CTYPE": "POSIX"}, False),
        ("iso-8859-1", {"LANG": "it_IT.UTF-8"}, False),
        ("ascii", {}, False),
    ],
)
def test_signs_are_used_where_they_can_be_seen(encoding, environment, signs):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert holds_signs(stream, environment) is signs


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [{"LANG": "C"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "iso-8859-1"}],
)
@pytest.mark.parametrize("how", [[], ["--json"], ["--lang", "it"]])
def test_no_locale_stops_the_answer(sample, environment, how):
    done = command(sample, "10-avvenuta-consegna-breve.eml", *how, **environment)
    assert done.returncode in {0, 1}  # whether the lists are current is a matter of the machine's clock
    assert done.stderr == b""
    assert done.stdout
    assert "✔".encode() not in done.stdout
    if "PYTHONIOENCODING" in environment and "--json" in how:
        assert done.stdout.isascii()


@pytest.mark.slow
def test_a_pipe_that_closes_early_ends_it_quietly(sample):
    line = f"'{PEC}' verify --short *.eml | head -n 1"
    done = subprocess.run(line, shell=True, cwd=sample, env=PLAIN, capture_output=True, check=False)
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_line_is_wider_than_the_screen(pec, sample, monkeypatch, width):
    monkeypatch.setattr("ceralacca.apps.cli.screen._WIDTH", width)
    out = pec.verify(sample / RECEIPT, sample / "10-avvenuta-consegna-breve.eml").out
    long = [line for line in out.splitlines() if len(line) > width]
    assert long == []
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_there_is_no_colour_off_a_terminal(pec, sample):
    assert "\x1b" not in pec.verify(*sorted(sample.glob("*.eml"))).out


def test_what_passed_is_quiet_and_what_did_not_is_loud(pec, sample, save):
    good = pec.verify(sample / RECEIPT).out
    assert "✔ form of the seal, signer, content as sealed" in good
    assert "FAILED" not in good
    octets = (sample / RECEIPT).read_bytes().replace(b"Il giorno", b"Il gIorno")
    bad = pec.verify(save(octets)).out
    assert "✘ content as sealed FAILED: the content is not what was signed" in bad


def test_short_is_a_line_a_message(pec, sample):
    answer = pec.verify("--short", sample / RECEIPT)
    assert answer.out.splitlines()[0] == f"✔ VALID  {sample / RECEIPT}  Acceptance receipt (ricevuta di accettazione)"


def test_a_name_of_the_certificate_reads_as_one(pec, sample):
    out = " ".join(pec.verify(sample / RECEIPT).out.split())
    assert "CN=Posta Certificata, OU=TEST, O=Gestore Alfa S.p.A., C=IT" in out


def test_the_version_is_told_without_loading_the_rest():
    code = (
        "import sys\nfrom ceralacca.apps.cli import run\nassert run(['--version']) == 0\n"
        "loaded = {'lxml', 'cryptography', 'asn1crypto', 'pyhanko_certvalidator'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("pec ")


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["sample", "-h"]])
def test_help_says_how(pec, arguments):
    answer = pec(*arguments)
    assert answer.status == 0
    assert "Usage: pec" in answer.out


def test_a_defect_of_ours_is_no_verdict(pec, sample, monkeypatch):
    def broken(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr("ceralacca.apps.cli.verify.verify_message", broken)
    answer = pec.verify(sample / RECEIPT)
    assert answer.status == 70
    assert "a defect" in answer.err
