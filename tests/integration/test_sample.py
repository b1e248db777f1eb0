"""What `pec sample` writes is good in the eyes of our own command and of strangers' programs."""

import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

import ceralacca
from ceralacca.formats.certification_xml import dtd
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.received import read_received
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.sample import SampleWorld
from ceralacca.testing.scenario import Scenario, all_drafts

PEC = Path(sys.executable).with_name("pec")
NAMES = tuple(all_drafts(Scenario()))
DTD = Path(ceralacca.__file__).parent / "formats" / "postacert.dtd"


def certification(octets):
    received = read_received(octets)
    part = received.certification_part.entity
    return None if part is None else decode_transfer(part.body(received.data), part.encoding)


@pytest.mark.slow
@pytest.mark.system
def test_the_installed_command_finds_its_own_sample_valid(tmp_path):
    subprocess.run([PEC, "sample", tmp_path / "out"], check=True, capture_output=True)
    files = sorted((tmp_path / "out").glob("*.eml"))
    command = [PEC, "verify", "--trust", "pki", "--directory", "igpec.ldif.p7m", *(file.name for file in files)]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(NAMES)} of {len(NAMES)}" in done.stdout


@pytest.mark.requirement("IP-12", "IP-13", "IP-14", "IP-15")
def test_every_message_of_the_sample_is_valid(pec, sample):
    answer = pec.judge(*sorted(sample.glob("*.eml")))
    assert answer.status == 0
    assert {Path(one["name"]).stem: one["seal"]["verdict"] for one in answer.messages} == dict.fromkeys(NAMES, "valid")
    assert sorted({one["row"] for one in answer.messages}) == list(range(1, 12))


@pytest.mark.system
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.requirement("GE-1", "GE-2", "GE-5")
def test_openssl_accepts_every_seal(sample, tmp_path, name):
    authority = ["-CAfile", sample / "pki" / "root.pem", "-purpose", "any", "-attime", str(int(NOON.timestamp()))]
    command = ["openssl", "cms", "-verify", "-in", sample / f"{name}.eml", *authority, "-out", tmp_path / "content"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.system
@pytest.mark.requirement("XM-1")
def test_xmllint_finds_all_certification_data_valid(sample, tmp_path):
    files = []
    for name in NAMES:
        xml = certification((sample / f"{name}.eml").read_bytes())
        if xml is not None:
            files.append(tmp_path / f"{name}.xml")
            files[-1].write_bytes(xml)
    assert len(files) == len(NAMES) - sum(name.startswith("07") for name in NAMES)
    done = subprocess.run(["xmllint", "--noout", "--dtdvalid", DTD, *files], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.requirement("XM-1")
def test_all_certification_data_obey_the_definition(world):
    for _, sealed in world.messages():
        xml = certification(bytes(sealed.octets))
        assert xml is None or dtd().validate(etree.fromstring(xml))


def test_the_same_instant_gives_the_same_world():
    one, other = (list(SampleWorld.at(NOON).files()) for _ in range(2))
    assert one == other


def test_the_command_writes_the_sample_and_says_how_to_try_it(pec, tmp_path):
    answer = pec("sample", tmp_path / "out", "--lang", "en")
    assert answer.status == 0
    assert f"{len(NAMES)} sealed messages" in answer.out
    assert {path.stem for path in (tmp_path / "out").glob("*.eml")} == set(NAMES)


@pytest.mark.parametrize("held", ["notes.txt", "out.eml"])
def test_a_folder_that_holds_something_is_left_alone(pec, tmp_path, held):
    (tmp_path / held).write_text("mine")
    answer = pec("sample", tmp_path)
    assert answer.status == 2
    assert "not empty" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == [held]


def test_a_folder_that_cannot_be_made_is_named(pec, tmp_path):
    (tmp_path / "file").write_text("mine")
    answer = pec("sample", tmp_path / "file")
    assert answer.status == 2
    assert str(tmp_path / "file") in answer.err


def test_the_clock_decides_the_instant_of_the_story(pec, tmp_path):
    pec("sample", tmp_path / "out", present=FixedClock().now())
    octets = (tmp_path / "out" / "03-accettazione-completa.eml").read_bytes()
    assert b"Date: Wed, 04 Nov 2026 12:00:00 +0100" in octets
