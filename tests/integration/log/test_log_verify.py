"""`pec log verify`: sealed days are proved; whatever is done to them is found, and its place named."""

import importlib.util
import json
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from ceralacca.apps.authority.paper_log import paper_log, seal_days
from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.cli import run
from ceralacca.testing.clock import FixedClock
from ceralacca.testing.log_edits import Editor
from ceralacca.trust.log_reading import LogOpener

BEGIN = datetime(2026, 11, 5, tzinfo=UTC)
ROWS = 20


def _tool():
    path = Path(__file__).resolve().parents[3] / "tools" / "log_edits.py"
    spec = importlib.util.spec_from_file_location("tools_log_edits", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


log_edits = _tool()


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Three sealed days, and what to judge them by."""
    folder = tmp_path_factory.mktemp("days")
    clock = FixedClock(BEGIN)
    sandbox = Sandbox.create(folder / "sandbox", clock=clock)
    with paper_log(folder, sandbox) as log:
        seal_days(log, clock, days=3, rows=ROWS, seed=1, rounds=2)
    for name in (ROOT, INTERMEDIATE):
        sandbox.crl(name)
    return folder


@pytest.fixture
def verify(days, capsys):
    def call(*words, trusting=True, present=BEGIN + timedelta(days=3, hours=1)):
        judged_by = ["--trust", days / "sandbox" / "public", "--crl", days / "sandbox" / "crl"] if trusting else []
        arguments = [str(word) for word in ("log", "verify", *judged_by, "--lang", "en", *words)]
        status = run(arguments, clock=FixedClock(present))
        return status, capsys.readouterr().out

    return call


@pytest.fixture
def copied(days, tmp_path):
    """Write files somewhere else."""

    def put(files):
        for name, octets in files.items():
            (tmp_path / name).write_bytes(octets)
        return tmp_path

    return put


def files_of(days):
    return {path.name: path.read_bytes() for path in (days / "log").glob("PEC-*")}


@pytest.mark.requirement("LO-4", "LO-5", "LO-6")
def test_sealed_days_are_proved_complete_and_unchanged(days, verify):
    status, out = verify(days / "log", "--witness", days / "witness")

    assert status == 0
    assert f"Nothing was changed: 3 files, {3 * ROWS} rows" in out
    assert "Autorita' di prova TEST" in out


def test_the_answer_for_programs(days, verify):
    status, out = verify(days / "log", "--json")
    told = json.loads(out)

    assert (status, told["valid"], told["rows"]) == (0, True, 3 * ROWS)
    assert [one["head"]["number"] for one in told["files"]] == [1, 2, 3]
    assert all(one["seal"]["judged"] and one["stamp"]["judged"] for one in told["files"])


def test_without_anchors_nothing_is_proved(days, verify):
    status, out = verify(days / "log", trusting=False)

    assert status == 1
    assert "could not be judged" in out


def test_files_in_any_order_and_the_answer_in_italian(days, verify):
    status, out = verify(*sorted((days / "log").glob("*.p7m"), reverse=True), "--lang", "it")

    assert status == 0
    assert "Nulla è stato cambiato" in out


def test_a_part_of_the_files_says_what_it_does_not_know(days, verify):
    status, out = verify(sorted((days / "log").glob("*.p7m"))[1])

    assert status == 0
    assert f"begins with file 2, row {ROWS + 1}" in out
    assert "ends at 2026-11-07" in out


@pytest.mark.requirement("LO-5")
def test_files_that_were_cut_off_at_the_end_are_known_by_the_witness(days, verify):
    two = sorted((days / "log").glob("*.p7m"))[:2]

    assert verify(*two)[0] == 0
    status, out = verify(*two, "--witness", days / "witness", present=BEGIN + timedelta(days=5))
    assert status == 1
    assert "the witness has a block that no file has" in out


@pytest.mark.requirement("LO-5")
def test_a_missing_day_is_named(days, verify, copied):
    files = {name: octets for name, octets in files_of(days).items() if "2026-11-06" not in name}
    status, out = verify(copied(files))

    assert status == 1
    assert "files are missing before this one" in out
    assert f"rows {ROWS + 1}-{2 * ROWS}" in out


@pytest.mark.requirement("LO-5")
def test_a_field_that_was_changed_is_named_in_the_sentence(days, verify, copied):
    editor = Editor(files_of(days))
    edit = next(one for one in map(editor.draw, range(500)) if one.kind == "alter-chain-and-head")
    status, out = verify(copied(edit.files))

    (row,), (field,) = edit.rows, edit.fields
    assert status == 1
    assert f"row {row}, field {field}: a row was changed" in " ".join(out.split())


@pytest.mark.requirement("LO-5")
def test_five_hundred_edits_are_found_and_their_places_named(tmp_path):
    files, verify_files = log_edits.sealed_days(tmp_path, rows=12, days=3)

    assert log_edits.campaign(files, verify_files, range(500)) == []


@pytest.mark.requirement("LO-5")
def test_an_edit_that_is_none_is_noticed_by_the_campaign_itself(tmp_path):
    files, verify_files = log_edits.sealed_days(tmp_path, rows=12, days=3)

    def blind(given):
        report = verify_files(given)
        for file in report.files:
            file.findings.clear()
        return report

    assert len(log_edits.campaign(files, blind, range(10))) == 10


@pytest.mark.requirement("LO-4", "LO-6")
@pytest.mark.parametrize("which", ["stamp", "head of a block"])
def test_a_bit_that_no_signature_covers_is_noticed_as_well(days, which):
    """Certificates that come along, versions, algorithms: octets of CMS that are not signed."""
    trust, anchors = log_edits.judged_by(Sandbox.open(days / "sandbox", clock=FixedClock(BEGIN + timedelta(days=3))))
    opener = LogOpener(trust=trust, anchors=anchors, present=BEGIN + timedelta(days=3, hours=1))
    if which == "stamp":
        path = min((days / "log").glob("*.p7m"))
        digest, octets = sha256(path.read_bytes()).digest(), path.with_name(path.stem + ".tsr").read_bytes()
        holds = lambda given: opener.stamp(given, digest).holds  # noqa: E731
    else:
        octets = min((days / "witness").glob("*.p7m")).read_bytes()
        holds = lambda given: (opened := opener.record(given)) is not None and opened.seal.holds  # noqa: E731
    assert holds(octets)
    places = range(0, len(octets), 11)
    flipped = (octets[:at] + bytes((octets[at] ^ 1 << at % 8,)) + octets[at + 1 :] for at in places)

    assert [at for at, given in zip(places, flipped, strict=True) if holds(given)] == []
