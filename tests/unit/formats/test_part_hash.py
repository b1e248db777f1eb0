"""Every reading of the hash input that AM-9 lists is recognised, and nothing else."""

import base64
import hashlib
import os

import pytest

from ceralacca.formats.part_hash import HashForm, HashInput, matching_hash, part_hash

CONTENT = bytes(range(256)) * 3
ENCODED = base64.encodebytes(CONTENT).replace(b"\n", b"\r\n")


def sha1(octets):
    return hashlib.sha1(octets).hexdigest()


@pytest.mark.requirement("BR-3", "BR-5")
def test_hash_is_forty_lower_case_digits_of_the_encoded_body():
    digest = part_hash(ENCODED, "base64")
    assert digest == sha1(ENCODED)
    assert len(digest) == 40
    assert digest == digest.lower()
    assert part_hash(ENCODED, "base64", HashInput.DECODED) == sha1(CONTENT)
    assert part_hash(memoryview(ENCODED), "base64") == digest


READINGS = [
    (ENCODED, HashForm.AS_IS),
    (ENCODED.removesuffix(b"\r\n"), HashForm.CRLF),
    (ENCODED.replace(b"\r\n", b"\n"), HashForm.LF_ENDED),
    (ENCODED.replace(b"\r\n", b"\n").removesuffix(b"\n"), HashForm.LF),
    (CONTENT, HashForm.DECODED),
]


@pytest.mark.requirement("AM-9", "BR-5")
@pytest.mark.parametrize(("hashed", "form"), READINGS)
def test_every_reading_of_a_part(hashed, form):
    assert matching_hash(ENCODED, sha1(hashed), encoding="base64") is form


@pytest.mark.requirement("AM-9")
def test_every_reading_of_a_part_kept_with_lf():
    kept = ENCODED.replace(b"\r\n", b"\n")
    for hashed, _ in READINGS:
        assert matching_hash(kept, sha1(hashed), encoding="base64") is not None


@pytest.mark.requirement("AM-9")
@pytest.mark.parametrize("width", [76, 72, 64, 60])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("last", [True, False])
def test_every_reading_of_a_file(width, line_end, last):
    encoded = base64.b64encode(CONTENT)
    lines = line_end.join(encoded[at : at + width] for at in range(0, len(encoded), width))
    assert matching_hash(CONTENT, sha1(lines + line_end if last else lines)) is not None
    assert matching_hash(CONTENT, sha1(CONTENT)) is HashForm.DECODED


@pytest.mark.requirement("AM-9")
def test_text_file_that_was_sent_without_encoding():
    assert matching_hash(b"uno\ndue\n", sha1(b"uno\r\ndue")) is HashForm.CRLF
    assert matching_hash(b"uno\r\ndue", sha1(b"uno\ndue\n")) is HashForm.LF_ENDED


def test_digest_may_have_white_space_and_capitals():
    assert matching_hash(b"x", f" {sha1(b'x').upper()}\r\n") is HashForm.DECODED


@pytest.mark.requirement("AM-9")
@pytest.mark.parametrize("encoding", ["base64", "7bit", None])
def test_another_content_fits_under_no_reading(encoding):
    assert matching_hash(ENCODED, sha1(b"altro"), encoding=encoding) is None
    assert matching_hash(b"", "", encoding=encoding) is None


def test_line_ends_across_the_chunks_in_which_large_content_is_read():
    for shift in range(3):
        text = b"x" * (262144 - 1 - shift) + b"\r\n" * 3 + b"y\r\n"
        assert matching_hash(text, sha1(text.replace(b"\r\n", b"\n")), encoding="7bit") is HashForm.LF_ENDED
        assert matching_hash(text, sha1(text.removesuffix(b"\r\n")), encoding="7bit") is HashForm.CRLF
    large = os.urandom(57 * 4096 * 2 + 11)
    assert matching_hash(large, sha1(base64.encodebytes(large))) is HashForm.LF_ENDED


def test_lone_cr_is_no_line_end():
    assert matching_hash(b"a\rb\r", sha1(b"a\rb\r\r\n"), encoding="7bit") is HashForm.CRLF_ENDED
