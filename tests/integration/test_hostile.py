"""Whatever octets stand in a file, the command answers with a verdict, not with a traceback."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.apps.cli.extract import Extractor
from ceralacca.apps.cli.judgement import prepare
from ceralacca.services.verify_message import MessageReport, verify_message
from ceralacca.testing.clock import NOON
from ceralacca.testing.scenario import SUBMITTED

GOLDEN = sorted((Path(__file__).parent.parent / "golden" / "sealed").glob("*.eml"))
ENVELOPE = next(path for path in GOLDEN if path.stem == "04-busta-di-trasporto-completa").read_bytes()
NASTY = {
    "nothing-but-line-ends": b"\r\n" * 5000,
    "nul": b"\0" * 5000,
    "deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(2000)
    ),
    "many-parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "long-header": b"Subject: " + b"x" * 2**20 + b"\r\n\r\n",
    "many-fields": b"X-A: b\r\n" * 100_000,
    "signed-with-nothing": b"Content-Type: multipart/signed; boundary=b\r\n\r\n",
    "signed-by-garbage": b"Content-Type: multipart/signed; boundary=b\r\nX-Ricevuta: accettazione\r\n\r\n"
    b"--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\n\x30\x80\x06\r\n--b--\r\n",
    "marks-only": b"X-Trasporto: errore\r\nX-Trasporto: posta-certificata\r\nX-Ricevuta: \r\n\r\n",
    "words": b"Subject: =?utf-8?q?=1B[2J=00?= =?x?y?z?=\r\nFrom: <<<>>>;;,,@\r\nDate: never\r\n\r\n",
    "mbox-of-nothing": b"From x Thu Nov  5 10:15:02 2026\n\n" * 50,
    "itself-inside": b"Content-Type: message/rfc822\r\n\r\n" * 3000,
}  # fmt: skip


@pytest.fixture(scope="module")
def verify(sample):
    judged = {"trust": [sample / "pki"], "crls": [], "directory": sample / "igpec.ldif", "at": "signing"}
    return prepare(**judged, present=NOON).verify


@pytest.mark.requirement("SE-7", "TO-11")
@pytest.mark.parametrize("name", NASTY)
def test_nasty_messages_have_an_answer(pec, save, tmp_path, name):
    path = save(NASTY[name])
    for how in ([], ["--json"], ["--short"], ["--extract", tmp_path / "out"]):
        answer = pec.verify(path, *how)
        assert answer.status in {1, 2}
        assert "Traceback" not in answer.err
        assert "\x1b" not in answer.out


@given(octets=st.binary(max_size=400))
def test_any_octets_have_a_report(octets):
    report = verify_message("x", octets, _never_sealed)
    assert isinstance(report, MessageReport)
    assert not report.valid


def _never_sealed(message, *, sender_domain):
    from ceralacca.trust.verifier import JudgedAt, verify_seal

    return verify_seal(message, trust=None, directory=None, at=JudgedAt.signing(NOON), sender_domain=sender_domain)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_any_damage_to_a_message_has_a_report(verify, tmp_path, path):
    whole = path.read_bytes()
    chance = random.Random(path.stem)
    extractor = Extractor(tmp_path)
    for number in range(25):
        octets = bytearray(whole)
        start = chance.randrange(len(octets))
        match number % 5:
            case 0:
                del octets[start:]
            case 1:
                del octets[start : start + chance.randrange(200)]
            case 2:
                octets[start : start + 20] = chance.randbytes(20)
            case 3:
                octets[start:start] = octets[: chance.randrange(2000)]
            case _:
                octets = octets.replace(b"\r\n", chance.choice([b"\n", b"\r", b"\r\n\r\n", b""]))
        report = verify_message("x", bytes(octets), verify)
        assert not report.proven or report.seal.good
        extractor.extract("x", bytes(octets))


@given(name=st.text(max_size=80), text=st.binary(max_size=80))
def test_any_submitted_text_is_shown(name, text):
    octets = SUBMITTED.replace(b"perizia.pdf", name.encode("utf-8", "replace")).replace(b"Messaggio in parti.", text)
    assert verify_message(name, octets, _never_sealed).nature == "ordinary"
