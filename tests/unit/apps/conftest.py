"""The settings of a provider in a folder, with nothing behind the files that they name."""

import pytest

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
def settings_file(tmp_path):
    """Return the path of a settings file that can be read."""
    path = tmp_path / "pec.toml"
    path.write_text(CONFIG)
    return path
