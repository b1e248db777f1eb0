"""The reduced original: what is replaced, what stays, and how the hashes are named and found again."""

import base64
import hashlib

import pytest

from ceralacca.formats.brief import HashForm, HashInput, brief_original, matching_hash
from ceralacca.formats.mime.entity import look
from ceralacca.testing.scenario import FORWARDED, SUBMITTED

HEAD = b"From: mario.rossi@pec.alfa.example\r\nSubject: Prova\r\nMIME-Version: 1.0\r\n"


def sha1(octets):
    return hashlib.sha1(octets).hexdigest()


def reduce(octets, **options):
    return brief_original(octets, look(octets), **options)


def multipart(*parts, subtype=b"mixed", boundary=b"b", params=b""):
    return (
        b"Content-Type: multipart/"
        + subtype
        + b"; boundary="
        + boundary
        + params
        + b"\r\n\r\npreambolo\r\n"
        + b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
        + b"--"
        + boundary
        + b"--\r\nepilogo\r\n"
    )


def part(content_type, body=b"corpo", more=b""):
    return b"Content-Type: " + content_type + b"\r\n" + more + b"\r\n" + body


TEXT = part(b"text/plain", b"Buongiorno.\r\n")


def reference(octets):
    """Reduce a message by hand-cut replacement: each hashed part at its span gives way to header and hash."""
    reduced, done, out = reduce(octets), 0, b""
    for one in reduced.hashed:
        out += octets[done : one.span[0]] + b"<" + one.digest.encode() + b">"
        done = one.span[1]
    return out + octets[done:]


@pytest.mark.requirement("BR-1", "BR-2", "BR-3")
def test_files_and_messages_are_replaced_and_the_rest_is_not():
    reduced = reduce(SUBMITTED)
    octets = bytes(reduced.splice)
    assert [one.filename for one in reduced.hashed] == ["perizia.pdf.hash", "quantità.csv.hash", "messaggio.eml.hash"]
    assert [one.digest for one in reduced.hashed] == [
        sha1(b"JVBERi0xLjQKJSBxdWVzdG8gbm9uIGUnIHVuIHZlcm8gZG9jdW1lbnRvCg==\r\n"),
        sha1(b"voce,euro\r\nponteggio,1200"),
        sha1(FORWARDED),
    ]
    assert [child.media_type for child in look(octets).children] == ["text/plain"] * 4
    for digest in [one.digest.encode() for one in reduced.hashed]:
        assert b"7bit\r\n\r\n" + digest + b"\r\n--=_parti" in octets, "nothing else, no line end of its own (BR-3)"


@pytest.mark.requirement("BR-9", "GE-31")
def test_header_preamble_epilogue_and_unnamed_parts_are_the_same_octets():
    octets = HEAD + multipart(TEXT, part(b"application/pdf; name=a.pdf"), TEXT)
    reduced = reduce(octets)
    (one,) = reduced.hashed
    start, end = one.span
    result = bytes(reduced.splice)
    assert result.startswith(octets[:start])
    assert result.endswith(octets[end:])
    assert octets[start:end] == part(b"application/pdf; name=a.pdf")
    assert octets[one.body[0] : one.body[1]] == b"corpo"


@pytest.mark.requirement("GE-31")
def test_kept_octets_are_views():
    whole = bytes(HEAD + multipart(TEXT, part(b"application/pdf; name=a.pdf")))
    pieces = [piece for piece in reduce(whole).splice if isinstance(piece, memoryview)]
    assert all(piece.obj is whole for piece in pieces)
    assert sum(map(len, pieces)) > len(whole) - 80


@pytest.mark.requirement("BR-1", "BR-4")
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (b'Content-Type: application/pdf; name="a b.pdf"\r\n', "a b.pdf.hash"),
        (b"Content-Disposition: attachment; filename=a.pdf\r\n", "a.pdf.hash"),
        (b"Content-Type: text/plain; NAME=nota.txt\r\n", "nota.txt.hash"),
        (b"Content-Type: a/b; name=uno\r\nContent-Disposition: inline; filename=due\r\n", "due.hash"),
        (b"Content-Disposition: attachment; filename*=utf-8''perch%C3%A9.txt\r\n", "perché.txt.hash"),
        (b"Content-Type: a/b; name*0=lun; name*1=go.txt\r\n", "lungo.txt.hash"),
        (b'Content-Type: a/b; name="=?utf-8?q?Citt=C3=A0.txt?="\r\n', "Città.txt.hash"),
        (b'Content-Disposition: attachment; filename=""\r\n', "allegato.hash"),
        (b"Content-Type: message/rfc822\r\n", "messaggio.eml.hash"),
        (b'Content-Type: message/rfc822; name="inoltro.eml"\r\n', "inoltro.eml.hash"),
    ],
)
def test_name_of_the_hash_file(headers, expected):
    octets = HEAD + multipart(headers + b"\r\ncorpo")
    (one,) = reduce(octets).hashed
    assert one.filename == expected
    (child,) = look(bytes(reduce(octets).splice)).children
    assert child.filename == expected
    assert child.content_type.params["name"] == expected
    assert (child.media_type, child.disposition.value, child.encoding) == ("text/plain", "attachment", "7bit")


@pytest.mark.requirement("BR-4", "SE-8")
@pytest.mark.parametrize(
    "name",
    [
        "x" * 300 + ".pdf",
        "perché " * 30,
        'quo"te\\.pdf',
        "文書.pdf",
        "a\x00b\r\nX-Falso: 1.pdf",
        "😀" * 200,
        "\ud800.txt",
    ],
)
def test_any_name_is_written_in_short_7_bit_lines_and_read_back(name):
    encoded = "".join(f"%{octet:02X}" for octet in name.encode("utf-8", "surrogatepass")).encode()
    headers = b"Content-Disposition: attachment; filename*=utf-8''" + encoded + b"\r\n"
    octets = bytes(reduce(HEAD + multipart(headers + b"\r\ncorpo")).splice)
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 100
    assert b"\r\nX-Falso" not in octets
    (child,) = look(octets).children
    if name.isprintable():
        assert child.filename == f"{name.strip()}.hash"
    assert child.filename.endswith(".hash")


@pytest.mark.requirement("BR-4")
def test_a_name_without_end_is_cut():
    headers = b"Content-Disposition: attachment; filename=" + b"x" * 100_000 + b"\r\n"
    (one,) = reduce(HEAD + multipart(headers + b"\r\ncorpo")).hashed
    assert one.filename == "x" * 500 + ".hash"


@pytest.mark.requirement("BR-1")
def test_parts_without_name_stay():
    octets = HEAD + multipart(
        part(b"application/pdf"), part(b"image/png", more=b"Content-Disposition: attachment\r\n"), TEXT
    )
    assert bytes(reduce(octets).splice) == octets
    assert reduce(octets).hashed == ()


@pytest.mark.requirement("BR-1")
def test_nested_structure_stays_and_its_files_do_not():
    inner = multipart(TEXT, part(b"image/png; name=i.png"), subtype=b"related", boundary=b"c")
    octets = HEAD + multipart(inner, part(b"application/pdf; name=a.pdf"))
    assert reference(octets) == (
        HEAD
        + multipart(
            multipart(TEXT, b"<" + sha1(b"corpo").encode() + b">", subtype=b"related", boundary=b"c"),
            b"<" + sha1(b"corpo").encode() + b">",
        )
    )


@pytest.mark.requirement("BR-1")
def test_a_named_multipart_is_one_file_but_the_message_itself_is_none():
    inner = multipart(TEXT, subtype=b"appledouble", boundary=b"c", params=b"; name=foto")
    (one,) = reduce(HEAD + multipart(inner)).hashed
    assert one.filename == "foto.hash"
    top = HEAD + multipart(TEXT, params=b"; name=tutto")
    assert bytes(reduce(top).splice) == top


@pytest.mark.requirement("BR-2")
def test_message_is_replaced_whole_at_any_depth_named_or_not():
    forwarded = part(b"message/rfc822", HEAD + multipart(part(b"application/pdf; name=dentro.pdf"), boundary=b"d"))
    octets = HEAD + multipart(multipart(forwarded, boundary=b"c"), part(b"message/rfc822; name=x.eml", FORWARDED))
    hashed = reduce(octets).hashed
    assert [one.filename for one in hashed] == ["messaggio.eml.hash", "x.eml.hash"]
    assert hashed[0].digest == sha1(forwarded.partition(b"\r\n\r\n")[2])
    assert hashed[1].digest == sha1(FORWARDED)


@pytest.mark.requirement("BR-2")
def test_parts_of_a_digest_are_messages():
    octets = HEAD + multipart(b"\r\n" + FORWARDED, subtype=b"digest")
    assert [one.digest for one in reduce(octets).hashed] == [sha1(FORWARDED)]


@pytest.mark.requirement("BR-2")
def test_a_look_that_stays_out_of_messages_gives_the_same():
    assert bytes(brief_original(SUBMITTED, look(SUBMITTED, into_messages=False)).splice) == bytes(
        reduce(SUBMITTED).splice
    )


SIGNATURE_TYPES = [b"application/pkcs7-signature", b"application/x-pkcs7-signature", b"application/x-pkcs-signature"]


@pytest.mark.requirement("BR-6")
@pytest.mark.parametrize("kind", SIGNATURE_TYPES)
@pytest.mark.parametrize("nested", [False, True])
def test_signature_of_the_user_stays(kind, nested):
    signature = part(kind + b"; name=smime.p7s", b"MIIB", b"Content-Disposition: attachment; filename=smime.p7s\r\n")
    first = multipart(TEXT, part(b"application/pdf; name=a.pdf"), boundary=b"c")
    signed = multipart(first, signature, subtype=b"signed", boundary=b"s")
    octets = HEAD + (multipart(signed, TEXT) if nested else signed)
    assert [one.filename for one in reduce(octets).hashed] == ["a.pdf.hash"]
    assert signature in bytes(reduce(octets).splice)


@pytest.mark.requirement("BR-6")
def test_signature_of_another_protocol_stays_too():
    signature = part(b"application/pgp-signature; name=signature.asc", b"iQEz")
    octets = HEAD + multipart(TEXT, signature, subtype=b"signed", params=b'; protocol="application/pgp-signature"')
    assert bytes(reduce(octets).splice) == octets


@pytest.mark.requirement("BR-6", "BR-1")
def test_what_only_stands_in_the_place_of_a_signature_is_replaced():
    file = part(b"application/pdf; name=a.pdf")
    p7s = part(b"application/pkcs7-signature; name=smime.p7s", b"MIIB")
    signed = HEAD + multipart(TEXT, file, subtype=b"signed")
    assert len(reduce(signed).hashed) == 1
    assert len(reduce(HEAD + multipart(p7s, file, p7s, subtype=b"signed")).hashed) == 3
    assert len(reduce(HEAD + multipart(TEXT, p7s)).hashed) == 1


@pytest.mark.requirement("BR-7")
@pytest.mark.parametrize("kind", [b"application/pkcs7-mime", b"application/x-pkcs7-mime", b"Application/PKCS7-Mime"])
def test_opaque_message_is_left_whole(kind):
    octets = HEAD + part(kind + b"; smime-type=enveloped-data; name=smime.p7m", b"MIIB\r\n")
    assert bytes(reduce(octets).splice) == octets
    assert reduce(octets).hashed == ()


@pytest.mark.requirement("BR-7", "BR-1")
def test_opaque_part_below_the_top_is_a_file():
    assert len(reduce(HEAD + multipart(part(b"application/pkcs7-mime; name=smime.p7m"))).hashed) == 1


@pytest.mark.requirement("BR-8", "BR-9")
def test_message_that_is_a_file_keeps_its_header():
    octets = (
        b"From: mario.rossi@pec.alfa.example\r\n"
        b"Content-Type: application/pdf;\r\n name=a.pdf\r\n"
        b"Subject:  Prova \r\n"
        b"content-disposition: attachment\r\n"
        b"Content-Transfer-Encoding: base64\r\n"
        b"Content-Description: tale e quale\r\n"
        b"X-Strano:\tx\r\n"
        b"\r\n"
        b"QUJD\r\n"
    )
    assert bytes(reduce(octets).splice) == (
        b"From: mario.rossi@pec.alfa.example\r\n"
        b'Content-Type: text/plain; charset=us-ascii;\r\n name="a.pdf.hash"\r\n'
        b'Content-Disposition: attachment;\r\n filename="a.pdf.hash"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"Subject:  Prova \r\n"
        b"Content-Description: tale e quale\r\n"
        b"X-Strano:\tx\r\n"
        b"\r\n" + sha1(b"QUJD\r\n").encode()
    )


@pytest.mark.requirement("BR-8", "BR-2")
def test_message_that_is_a_message_becomes_its_hash():
    (one,) = reduce(HEAD + b"Content-Type: message/rfc822\r\n\r\n" + FORWARDED).hashed
    assert (one.filename, one.digest) == ("messaggio.eml.hash", sha1(FORWARDED))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"Content-Type: a/b; name=x",
        b"Content-Type: a/b; name=x\r\nSubject: senza riga vuota",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b; name=x\r\n--b--",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b; name=x\r\n\r\nmai chiuso",
        b"Content-Type: multipart/mixed; name=x\r\n\r\nsenza boundary",
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name=x\n\ny\n--b--\n",
    ],
)
def test_broken_messages_are_reduced_without_a_word(octets):
    look(bytes(reduce(octets).splice))


@pytest.mark.requirement("BR-5", "AM-9")
def test_hash_over_the_decoded_content_by_setting():
    octets = HEAD + multipart(part(b"a/b; name=x", b"QUJD\r\n", b"Content-Transfer-Encoding: base64\r\n"))
    assert [one.digest for one in reduce(octets).hashed] == [sha1(b"QUJD\r\n")]
    assert [one.digest for one in reduce(octets, hash_input=HashInput.DECODED).hashed] == [sha1(b"ABC")]


@pytest.mark.requirement("BR-5", "AM-9")
def test_hashes_are_found_again_from_the_parts():
    for one in reduce(SUBMITTED).hashed:
        body = memoryview(SUBMITTED)[one.body[0] : one.body[1]]
        assert matching_hash(body, one.digest, encoding="7bit") is HashForm.AS_IS
    pdf = base64.b64decode("JVBERi0xLjQKJSBxdWVzdG8gbm9uIGUnIHVuIHZlcm8gZG9jdW1lbnRvCg==")
    assert matching_hash(pdf, reduce(SUBMITTED).hashed[0].digest) is HashForm.CRLF_ENDED
