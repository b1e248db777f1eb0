from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.formats.smime_writer import base64_lines, frame
from ceralacca.formats.splice import Splice

HEADER = Splice.of(b"X-Ricevuta: accettazione\r\n", b"Subject: ACCETTAZIONE: Prova\r\n")
ENTITY = Splice.of(b"Content-Type: text/plain\r\n", memoryview(b"\r\nciao\r\n"), b"ciao")

EXPECTED = b"""\
X-Ricevuta: accettazione
Subject: ACCETTAZIONE: Prova
MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/pkcs7-signature";
 micalg="sha-256"; boundary="S"

--S
Content-Type: text/plain

ciao
ciao
--S
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Disposition: attachment; filename="smime.p7s"
Content-Transfer-Encoding: base64

MAMCAQE=
--S--
""".replace(b"\n", b"\r\n")


@pytest.mark.requirement("GE-1", "GE-4", "GE-5", "GE-6")
def test_the_frame_is_that_of_the_norm_to_the_octet():
    assert bytes(frame(HEADER, ENTITY, bytes.fromhex("3003020101"), boundary="S")) == EXPECTED


@pytest.mark.requirement("GE-31")
def test_the_entity_is_not_copied():
    framed = frame(HEADER, ENTITY, b"x", boundary="S")
    assert all(any(piece is mine for piece in framed) for mine in (*HEADER, *ENTITY))


@given(octets=st.binary(max_size=600))
def test_base64_has_lines_of_76_and_only_the_last_is_shorter(octets):
    lines = base64_lines(octets)
    assert b64decode(lines) == octets
    *whole, last = lines.split(b"\r\n")
    assert last == b""
    assert all(len(line) == 76 for line in whole[:-1])
    assert all(0 < len(line) <= 76 for line in whole[-1:])
    assert b"\n" not in lines.replace(b"\r\n", b"")


@given(octets=st.binary(min_size=1, max_size=400), cut=st.integers(1, 399))
def test_a_seal_in_pieces_is_framed_like_the_same_in_one(octets, cut):
    whole = frame(HEADER, ENTITY, octets, boundary="S")
    pieces = Splice.of(octets[:cut], octets[cut:])
    assert bytes(frame(HEADER, ENTITY, pieces, boundary="S")) == bytes(whole)
