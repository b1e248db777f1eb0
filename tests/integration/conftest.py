"""A sample world on disk, and the command as a test calls it: same arguments, an injected clock."""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from ceralacca.apps.cli import run
from ceralacca.lint.sealable import examine
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.sample import SampleWorld
from ceralacca.testing.scenario import ALFA, BETA
from ceralacca.trust.sealer import Sealer

DAY_AFTER = NOON + timedelta(hours=25)


@pytest.fixture(scope="session")
def world():
    return SampleWorld.at(NOON)


@pytest.fixture(scope="session")
def sample(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    for file in world.files():
        path = folder / file.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.content)
    return folder


@dataclass(frozen=True)
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def messages(self):
        return self.json["messages"]

    @property
    def message(self):
        (one,) = self.messages
        return one


class Command:
    """Runs `pec` in this process."""

    def __init__(self, sample, capsys):
        self._capsys = capsys
        self.judged_by = ["--trust", sample / "pki", "--directory", sample / "igpec.ldif.p7m"]

    def __call__(self, *arguments, present=DAY_AFTER):
        status = run([str(one) for one in arguments], clock=FixedClock(present))
        captured = self._capsys.readouterr()
        return Answer(status, captured.out, captured.err)

    def verify(self, *arguments, present=DAY_AFTER):
        """Verify with everything that there is to judge by, in English."""
        return self("verify", *self.judged_by, "--lang", "en", *arguments, present=present)

    def judge(self, *arguments, present=DAY_AFTER):
        """Verify with everything, and answer as JSON."""
        return self.verify("--json", *arguments, present=present)


@pytest.fixture
def pec(sample, capsys):
    return Command(sample, capsys)


@pytest.fixture
def save(tmp_path):
    """Write octets to a new file and return its path."""

    def save(octets, name="message.eml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
        return path

    return save


@pytest.fixture(scope="session")
def sealing(world):
    """Seal envelopes and receipts around any submitted message."""

    def seal(submitted, kind=None, *, delivery=False):
        scenario = replace(world.scenario, submitted=submitted)
        transaction = scenario.transaction(kind)
        draft, issuer = (transaction.delivery(), BETA) if delivery else (transaction.envelope(), ALFA)
        sealer = Sealer(world.identities[issuer], issuer.address, scenario.entropy)
        return bytes(sealer.seal(examine(draft)).octets)

    return seal
