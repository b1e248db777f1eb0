"""Diagnostics are JSON lines with the role's name, on standard error and in a file."""

import json

import pytest
import structlog

from ceralacca.apps import diagnostics
from ceralacca.apps.settings.sections import LogSection
from ceralacca.base.errors import UserError


@pytest.fixture(autouse=True)
def defaults():
    yield
    structlog.reset_defaults()


def test_a_line_is_json_with_role_level_and_time(tmp_path):
    diagnostics.configure(LogSection(file=tmp_path / "log", stderr=False, level="info"), role="worker-1")
    log = structlog.get_logger("any")
    log.debug("too fine")
    log.info("step", job=3)
    (line,) = (tmp_path / "log").read_text().splitlines()
    facts = json.loads(line)
    assert facts.pop("timestamp").endswith("Z")
    assert facts == {"role": "worker-1", "level": "info", "event": "step", "job": 3}


def test_a_file_that_cannot_be_written_is_the_operators(tmp_path):
    with pytest.raises(UserError):
        diagnostics.configure(LogSection(file=tmp_path / "none" / "log"), role="worker-1")
