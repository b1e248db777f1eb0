"""Thunderbird itself, set up with the preferences of `docs/clients.md`: reads, sends, understands our autoconfig."""

import shutil

import httpx
import pytest

from ceralacca.apps.demo.cast import ALFA, ANNA, MARIO
from ceralacca.core.model.notification import MessageRow
from ceralacca.testing.tls import TlsAuthority

from .thunderbird import Thunderbird

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("thunderbird") and shutil.which("certutil")), reason="needs Thunderbird"),
]


@pytest.mark.requirement("AP-1", "DP-7")
def test_thunderbird_sends_keeps_its_copy_and_sees_the_receipts(stage, running, desk):
    ports = running.nation.ports.provider("alfa")
    with Thunderbird(desk) as thunderbird:
        assert thunderbird.open() == 0
        named = {"SentMail": "Inviata", "Drafts": "Bozze", "Trash": "Cestino", "Archive": "Archivio"}
        assert thunderbird.folders() == named
        status, message_id = thunderbird.send(ANNA.text, "Da Thunderbird", "Buongiorno.\r\n")
        assert status == 0
        subjects = thunderbird.subjects("Da Thunderbird", 2)
        assert sorted(subjects) == ["ACCETTAZIONE: Da Thunderbird", "CONSEGNA: Da Thunderbird"]
        answer = httpx.get(
            f"https://localhost:{ports.web}/mail/config-v1.1.xml", params={"emailaddress": MARIO.text},
            verify=running.account(MARIO).tls(), trust_env=False,
        )  # fmt: skip
        read = thunderbird.read_configuration(answer.text)
    tls, password = 3, 3  # of Thunderbird's own numbers
    assert read == [
        ["imap", "localhost", ports.imap, tls, password, "%EMAILADDRESS%"],
        ["pop3", "localhost", ports.pop3, tls, password, "%EMAILADDRESS%"],
        ["smtp", "localhost", ports.submissions, tls, password, "%EMAILADDRESS%"],
    ]
    came = stage.settle({MARIO: [3, 10], ANNA: [4], ALFA.service_mailbox: [6]})
    assert came.facts(MessageRow.ACCEPTANCE).original.client_message_id == message_id


@pytest.mark.requirement("SE-1", "DP-7")
def test_thunderbird_does_not_enter_under_another_authority(desk, tmp_path):
    desk.trust(TlsAuthority(tmp_path).file)
    with Thunderbird(desk) as thunderbird:
        assert thunderbird.open() != 0
