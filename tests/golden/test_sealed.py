"""Do the sealed messages stay these octets, and does another program find their seals good?"""

import subprocess
from pathlib import Path

import pytest

from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.scenario import INSTANT
from ceralacca.testing.sealed_scenario import all_sealed

FOLDER = Path(__file__).parent / "sealed"
SEALED = all_sealed()


@pytest.mark.requirement("GE-1", "GE-2", "GE-4", "GE-6")
@pytest.mark.parametrize("name", list(SEALED))
def test_sealed_message_is_its_golden_file(name):
    assert bytes(SEALED[name].octets) == (FOLDER / f"{name}.eml").read_bytes()


def test_no_sealed_file_is_left_over():
    assert {path.name.removesuffix(".eml") for path in FOLDER.iterdir()} == set(SEALED)


@pytest.mark.system
@pytest.mark.requirement("GE-1", "GE-2", "GE-5")
@pytest.mark.parametrize("name", list(SEALED))
def test_openssl_accepts_the_seal(name, tmp_path):
    (anchor,) = Authority.create(INSTANT).anchors()
    (tmp_path / "anchor.pem").write_bytes(pem(anchor))
    trust = ["-CAfile", tmp_path / "anchor.pem", "-attime", str(int(INSTANT.timestamp()))]
    command = ["openssl", "cms", "-verify", "-in", FOLDER / f"{name}.eml", *trust, "-out", tmp_path / "content"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
