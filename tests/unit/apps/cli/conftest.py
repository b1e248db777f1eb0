"""A provider's settings in a folder, a real store behind them, and `pec` called in this process."""

from contextlib import closing

import pytest
import structlog

from ceralacca.apps.cli import run
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import provider_store

CONFIG = """
[provider]
name = "Alfa Prova"
address = "posta-certificata@alfa.example"
service_mailbox = "ricevute@alfa.example"
hostname = "mail.alfa.example"
[data]
folder = "data"
[keys]
certificate = "none.pem"
key = "none.key"
[trust]
anchors = ["none.pem"]
[directory]
url = "https://directory.example/d.p7m"
manager = ["none.pem"]
client_certificate = "none.pem"
client_key = "none.key"
server_ca = "none.pem"
[tls]
certificate = "none.pem"
key = "none.key"
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    path = tmp_path / "pec.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv("PEC_CONFIG", str(path))
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    yield path
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
