"""A provider's settings in a folder, a real store behind them, and `pec` called in this process."""

import json
from contextlib import closing

import pytest
import structlog

from ceralacca.apps.cli import run
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import provider_store


@pytest.fixture
def config(settings_file, monkeypatch):
    monkeypatch.setenv("PEC_CONFIG", str(settings_file))
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    yield settings_file
    structlog.reset_defaults()  # the commands set up diagnostics for a process of their own


@pytest.fixture
def store(config):
    (config.parent / "data").mkdir(mode=0o700)
    with closing(provider_store(read_settings(config))) as store:
        yield store


@pytest.fixture
def pec(capsys):
    def call(*arguments, status=0):
        assert run(arguments) == status, capsys.readouterr()
        return capsys.readouterr()

    return call


@pytest.fixture
def answer(pec):
    """Give a command, and read its answer for programs."""

    def call(*arguments, status=0):
        return json.loads(pec(*arguments, "--json", status=status).out)

    return call
