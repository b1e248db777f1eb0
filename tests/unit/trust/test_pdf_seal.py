"""The signature inside a PDF, judged by Poppler and by OpenSSL; one flipped bit anywhere is seen."""

import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import cms

from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.base.errors import WorldError
from ceralacca.formats.pdf_page import Cover, PdfPages
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.scenario import INSTANT
from ceralacca.trust.pdf_seal import seal_pdf

AUTHORITY = Authority.create(INSTANT)
SIGNER = AUTHORITY.log_signer()
RANGE = re.compile(rb"/ByteRange ?\[ ?(\d+) (\d+) (\d+) (\d+) ?\]")


@pytest.fixture(scope="module")
def plain() -> bytes:
    cover = Cover(
        title="Prova", language="it", author="Alfa", instant=INSTANT, foot="p", page_word="{page}", fonts=find_fonts()
    )
    pages = PdfPages(cover)
    pages.paragraph("Perché la città è così.")
    return pages.octets()


@pytest.fixture(scope="module")
def signed(plain) -> bytes:
    return seal_pdf(plain, SIGNER, INSTANT, name="Gestore Alfa S.p.A.", reason="Estratto del log")


def parts(signed: bytes) -> tuple[bytes, bytes]:
    """Return what is signed, and the CMS."""
    a, b, c, d = map(int, RANGE.search(signed).groups())
    assert (a, c + d) == (0, len(signed)), "all but the signature itself is covered"
    hexadecimal = signed[a + b : c].strip(b"<>")
    return signed[a : a + b] + signed[c : c + d], bytes.fromhex(hexadecimal.decode())


def openssl(signed: bytes, path) -> subprocess.CompletedProcess:
    content, seal = parts(signed)
    (path / "content").write_bytes(content)
    (path / "cms").write_bytes(seal)
    (path / "ca.pem").write_bytes(pem(AUTHORITY.root.certificate))
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", path / "cms", "-cades"]
    command += ["-content", path / "content", "-CAfile", path / "ca.pem", "-purpose", "any", "-out", path / "out"]
    command += ["-attime", str(int(INSTANT.timestamp()))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def poppler(signed: bytes, path) -> str:
    (path / "s.pdf").write_bytes(signed)
    return subprocess.run(["pdfsig", "-nocert", path / "s.pdf"], capture_output=True, text=True, check=False).stdout


@pytest.mark.requirement("LO-8")
def test_poppler_and_openssl_find_the_signature_good(signed, tmp_path):
    told = poppler(signed, tmp_path)
    assert "Signature Validation: Signature is Valid." in told
    assert "ETSI.CAdES.detached" in told
    assert "Total document signed" in told
    judged = openssl(signed, tmp_path)
    assert judged.returncode == 0, judged.stderr


@pytest.mark.requirement("LO-8")
@pytest.mark.parametrize("place", ["text", "before", "after"])
def test_a_flipped_bit_is_seen(signed, place, tmp_path):
    _, before, after, _ = map(int, RANGE.search(signed).groups())
    position = {"text": before // 2, "before": before - 2, "after": after + 30}[place]
    changed = signed[:position] + bytes([signed[position] ^ 1]) + signed[position + 1 :]
    assert "Signature is Valid" not in poppler(changed, tmp_path)


@pytest.mark.requirement("TI-12")
def test_the_time_of_the_signature_is_the_one_given(plain, tmp_path):
    later = datetime(2031, 7, 1, 12, 0, 5, tzinfo=UTC)
    octets = seal_pdf(plain, AUTHORITY.log_signer(), later)
    assert rb"/M (D\07220310701120005Z)" in octets
    (info,) = cms.ContentInfo.load(parts(octets)[1])["content"]["signer_infos"]
    assert "signing_time" not in {one["type"].native for one in info["signed_attrs"]}, "PAdES has it in the field"
    assert "signing_certificate_v2" in {one["type"].native for one in info["signed_attrs"]}


def test_the_document_is_left_as_it_was(plain, signed):
    assert signed.startswith(plain)
    assert b"pyHanko" not in signed


def test_a_signature_that_does_not_hold_never_leaves(plain):
    class Broken:
        certificate, intermediates, checks_itself = SIGNER.certificate, SIGNER.intermediates, False

        def sign(self, octets: bytes) -> bytes:
            return bytes(256)

    with pytest.raises(WorldError, match="does not hold"):
        seal_pdf(plain, Broken(), INSTANT + timedelta(days=1))
