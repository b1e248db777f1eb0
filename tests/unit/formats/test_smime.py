import mmap
import tracemalloc

import pytest

from ceralacca.core.model.reason import Reason
from ceralacca.formats.smime import (
    MalformedSignature,
    NotSigned,
    SealForm,
    canonical_lines,
    canonical_pieces,
    split_signed,
    strict_base64,
)
from ceralacca.testing.seals import ENTITY, message, opaque_message

CMS = bytes(range(256)) * 10
SENDER = "posta-certificata@gestore-alfa.example"
PLAIN = message(CMS, sender=SENDER)


def reason_of(octets: bytes) -> Reason:
    """Return why it is refused: the same whether it lies by itself or inside something else."""
    reasons = set()
    for data in (octets, memoryview(b"??" + octets + b"--S\r\n")[2 : 2 + len(octets)]):
        with pytest.raises((NotSigned, MalformedSignature)) as caught:
            split_signed(data)
        reasons.add(caught.value.reason)
    (reason,) = reasons
    return reason


@pytest.mark.requirement("GE-5", "IP-6")
def test_the_entity_is_what_stands_between_the_boundaries_without_their_line_end():
    parts = split_signed(PLAIN)
    assert bytes(parts.entity) == ENTITY
    assert PLAIN[parts.entity_start :].startswith(ENTITY)
    assert parts.cms == CMS
    assert parts.form is SealForm.DETACHED
    assert parts.micalg == "sha-256"
    assert parts.tolerated == ()


def test_the_entity_is_a_view_of_the_message():
    assert split_signed(PLAIN).entity.obj is PLAIN
    assert split_signed(memoryview(PLAIN)).entity.obj is PLAIN
    around = b"??" + PLAIN + b"??"
    parts = split_signed(memoryview(around)[2:-2])
    assert parts.entity.obj is around
    assert (bytes(parts.entity), parts.cms) == (ENTITY, CMS)


@pytest.mark.requirement("TO-2")
@pytest.mark.parametrize("kind", [b"application/pkcs7-signature", b"application/x-pkcs7-signature"])
@pytest.mark.parametrize("protocol", [b"application/pkcs7-signature", b'"application/x-PKCS7-Signature"'])
def test_both_spellings_of_protocol_and_part(kind, protocol):
    content_type = b"Multipart/Signed; protocol=" + protocol + b"; micalg=sha1; boundary=S"
    assert split_signed(message(CMS, sender=SENDER, content_type=content_type, part_type=kind)).cms == CMS


@pytest.mark.requirement("TO-1")
@pytest.mark.parametrize("micalg", [b"", b"; micalg=SHA1", b'; micalg="sha-256"', b'; micalg="sha1, md5"'])
def test_any_micalg(micalg):
    content_type = b'multipart/signed; protocol="application/pkcs7-signature"; boundary="S"' + micalg
    assert split_signed(message(CMS, sender=SENDER, content_type=content_type)).cms == CMS


@pytest.mark.requirement("TO-3")
def test_preamble_and_long_boundaries_are_tolerated():
    hyphens = b"-" * 40 + b"ms0001"
    octets = message(CMS, sender=SENDER, preamble=b"This is an S/MIME signed message\r\n\r\n")
    octets = octets.replace(b'boundary="S"', b'boundary="' + hyphens + b'"').replace(b"--S", b"--" + hyphens)
    parts = split_signed(octets)
    assert bytes(parts.entity) == ENTITY
    assert parts.tolerated == (Reason.PREAMBLE,)


@pytest.mark.requirement("TO-4")
def test_lf_line_ends_are_split_at_the_same_places():
    parts = split_signed(PLAIN.replace(b"\r\n", b"\n"))
    assert bytes(parts.entity) == ENTITY.replace(b"\r\n", b"\n")
    assert canonical_lines(parts.entity) == ENTITY
    assert parts.cms == CMS


@pytest.mark.parametrize("encoding", [b"base64", b"binary", b"BASE64", b"8bit"])
def test_encodings_of_the_signature(encoding):
    octets = message(CMS, sender=SENDER, encoding=b"base64" if encoding.lower() == b"base64" else b"binary")
    octets = octets.replace(b"Encoding: base64", b"Encoding: " + encoding)
    assert split_signed(octets.replace(b"Encoding: binary", b"Encoding: " + encoding)).cms == CMS


@pytest.mark.parametrize("boundary", [b'"S"', b"S", b'"S" (comment)', b'"\\S"', b"S ; x=y"])
def test_boundaries_however_written(boundary):
    octets = PLAIN.replace(b'boundary="S"', b"boundary=" + boundary)
    assert bytes(split_signed(octets).entity) == ENTITY


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize(
    "parameters",
    [
        b'boundary=other; xboundary="S"',
        b'boundary=in-its-place; xboundary="S"',
        b'name="boundary=\\"S\\""; boundary=other',
        b'x="; boundary="S""; boundary=other',
    ],
)
def test_a_boundary_that_only_looks_like_one_is_not_taken(parameters):
    octets = PLAIN.replace(b'boundary="S"', parameters)
    assert reason_of(octets) in {Reason.TRUNCATED, Reason.NO_BOUNDARY}


@pytest.mark.requirement("IP-6")
@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", Reason.NOT_SIGNED),
        (b"Subject: x\r\n\r\nciao\r\n", Reason.NOT_SIGNED),
        (b"Content-Type: multipart/mixed; boundary=S\r\n\r\n--S\r\n\r\n--S--\r\n", Reason.NOT_SIGNED),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nMII=", Reason.NOT_SIGNED),
        (PLAIN.replace(b"application/pkcs7-signature", b"application/pgp-signature"), Reason.UNEXPECTED_PROTOCOL),
        (PLAIN.replace(b'protocol="application/pkcs7-signature"; ', b""), Reason.UNEXPECTED_PROTOCOL),
        (PLAIN.replace(b'; boundary="S"', b""), Reason.NO_BOUNDARY),
        (PLAIN.replace(b"--S--\r\n", b""), Reason.TRUNCATED),
        (PLAIN[: len(PLAIN) // 2], Reason.TRUNCATED),
        (PLAIN.replace(b"--S\r\nContent-Type: multipart", b"Content-Type: multipart"), Reason.NOT_TWO_PARTS),
        (PLAIN.replace(b"--S--", b"--S\r\nContent-Type: text/plain\r\n\r\naltro\r\n--S--"), Reason.NOT_TWO_PARTS),
        (PLAIN.replace(b"\r\n--S\r\n", b"\r\n--S\r\n--S\r\n", 1), Reason.NOT_TWO_PARTS),
        (PLAIN + b"Altro testo\r\n", Reason.CONTENT_AFTER_SEAL),
        (PLAIN + b"--S\r\n\r\naltro\r\n--S--\r\n", Reason.CONTENT_AFTER_SEAL),
        (b"Content-Type: text/plain\r\n" + PLAIN, Reason.AMBIGUOUS_HEADER),
        (b"Content-type: multipart/mixed; boundary=T\r\n" + PLAIN, Reason.AMBIGUOUS_HEADER),
        (
            PLAIN.replace(b"Encoding: base64\r\n", b"Encoding: base64\r\nContent-Transfer-Encoding: binary\r\n"),
            Reason.AMBIGUOUS_HEADER,
        ),
        (message(CMS, sender=SENDER, part_type=b"text/plain"), Reason.NOT_A_SIGNATURE_PART),
        (PLAIN.replace(b"Encoding: base64", b"Encoding: quoted-printable"), Reason.SIGNATURE_ENCODING),
        (PLAIN.replace(b"AAEC", b"AA!C", 1), Reason.SIGNATURE_ENCODING),
        (PLAIN.replace(b"AAEC", b"AAE", 1), Reason.SIGNATURE_ENCODING),
        (PLAIN.replace(b"AAEC", b"AA=C", 1), Reason.SIGNATURE_ENCODING),
        (b"X: " + b"y" * 300_000 + b"\r\n" + PLAIN, Reason.MALFORMED_MESSAGE),
        (message(bytes(1_600_000), sender=SENDER), Reason.TOO_LARGE),
        (message(bytes(1_100_000), sender=SENDER, encoding=b"binary"), Reason.TOO_LARGE),
    ],
)
def test_every_other_shape_is_refused_with_its_reason(octets, reason):
    assert reason_of(octets) is reason


@pytest.mark.requirement("IP-6")
def test_a_nested_seal_is_content_of_the_outer_one():
    outer = message(CMS[:5], sender=SENDER, entity=PLAIN.replace(b"--S", b"--T").replace(b'"S"', b'"T"'))
    assert split_signed(outer).cms == CMS[:5]


@pytest.mark.requirement("IP-6")
def test_the_opaque_form():
    parts = split_signed(opaque_message(CMS, sender=SENDER))
    assert (parts.form, parts.cms, parts.tolerated) == (SealForm.OPAQUE, CMS, (Reason.OPAQUE_FORM,))
    assert len(parts.entity) == 0


def test_boundary_lines_end_with_blanks_and_only_stand_at_line_starts():
    entity = ENTITY + b"x--S\r\n --S\r\n--Sx\r\n--S-\r\n"
    octets = message(CMS, sender=SENDER, entity=entity).replace(b"--S--", b"--S-- \t")
    assert bytes(split_signed(octets).entity) == entity


@pytest.mark.requirement("SE-7")
@pytest.mark.parametrize("near", [b"--Sx\r\n", b"--S-\r\n", b"x--S\r\n", b"--S--x\r\n", b"--S \tx\r\n"])
@pytest.mark.parametrize("ends", [b"--S--", b"--S-- \t"])
def test_lines_that_almost_are_boundaries_change_nothing_however_many(near, ends):
    entity = ENTITY + near * 1000
    octets = message(CMS, sender=SENDER, entity=entity).replace(b"\r\n--S--\r\n", b"\r\n" + ends + b"\r\n")
    for data in (octets, memoryview(octets)):
        parts = split_signed(data)
        assert bytes(parts.entity) == entity
        assert parts.cms == CMS
    assert split_signed(octets.replace(b"\r\n", b"\n")).cms == CMS
    with pytest.raises(MalformedSignature):
        split_signed(octets[: len(octets) - len(ends) - 2])


def test_base64_is_strict_but_for_white_space():
    assert strict_base64(b" A\tA\r\nE=\n") == b"\0\1"
    for text in (b"AAE", b"AAE=x", b"=AAE", b"AA-E", b"AAE\x00="):
        with pytest.raises(MalformedSignature):
            strict_base64(text)


@pytest.mark.requirement("TO-4")
def test_line_ends_are_converted_over_the_edges_of_the_pieces():
    piece = 1 << 20
    data = b"a" * (piece - 1) + b"\r\n" + b"b" * (piece - 2) + b"\n" + b"\r" + b"\nc\rd\r"
    want = b"a" * (piece - 1) + b"\r\n" + b"b" * (piece - 2) + b"\r\n" + b"\r\nc\rd\r"
    assert b"".join(canonical_pieces(data)) == want
    assert canonical_lines(want) == want


def test_a_large_message_is_not_copied():
    body = b"x" * 76 + b"\r\n"
    octets = message(CMS, sender=SENDER, entity=ENTITY + body * (8_000_000 // len(body)))
    assert peak_of(octets) < 200_000


def test_a_large_message_that_is_a_view_of_a_file_is_not_copied(tmp_path):
    body = b"x" * 76 + b"\r\n"
    path = tmp_path / "message"
    path.write_bytes(message(CMS, sender=SENDER, entity=ENTITY + body * (8_000_000 // len(body))))
    with path.open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    assert peak_of(view) < 1_000_000


def peak_of(data):
    tracemalloc.start()
    split_signed(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
