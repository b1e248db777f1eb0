import base64
import tracemalloc

import pytest

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.transfer import decode_transfer, transfer_defect


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (b"", b""),
        (b"QUJD", b"ABC"),
        (b"QUJ\r\nDRA==\r\n", b"ABCD"),
        (b"QUJDRA", b"ABCD"),
        (b"QUJDR", b"ABC"),
        (b"QU!JD-RA==", b"ABCD"),
        (b"QUJDRA==QUJD", b"ABCD"),
        (b"QQ==" + b"\r\n" * 500_000 + b"QUJD", b"A"),
        (b"====", b""),
        (b"\xff", b""),
    ],
)
def test_base64_is_read_leniently(octets, content):
    assert decode_transfer(octets, "base64") == content
    assert decode_transfer(memoryview(octets), "base64") == content


@pytest.mark.parametrize(
    ("octets", "content"),
    [
        (b"citt=E0 =3D", b"citt\xe0 ="),
        (b"soft=\r\n break=\n s", b"soft break s"),
        (b"=e0=Zz=", b"\xe0=Zz"),
        (b"line\r\n", b"line\r\n"),
    ],
)
def test_quoted_printable_is_read_leniently(octets, content):
    assert decode_transfer(octets, "quoted-printable") == content
    assert decode_transfer(memoryview(octets), "quoted-printable") == content


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "binary", "x-unknown", ""])
def test_other_encodings_leave_the_octets(encoding):
    assert decode_transfer(memoryview(b"QU=\x00\xff"), encoding) == b"QU=\x00\xff"
    assert transfer_defect(b"QU=\x00\xff", encoding) is None


@pytest.mark.requirement("AP-5")
@pytest.mark.parametrize(
    "octets",
    [
        b"QQ",
        b"QQ=",
        b"Q",
        b"QQ==QQ==",
        b"QQ==QQ",
        b"QR==",
        b"QUI=x",
        b"=",
        b"Q!Q=",
        b"Q===",
        b"QUJD=",
        b"QUJD\x00",
        b"\xff",
    ],
)
def test_base64_with_two_readings_is_a_defect(octets):
    for line_end in (b"\r\n", b"\n", b""):
        assert transfer_defect(octets + line_end, "base64") is Defect.BAD_BASE64
    many = b"QUJD" * 300_000
    assert transfer_defect(many + octets, "base64") is Defect.BAD_BASE64
    assert transfer_defect(octets + many, "base64") is Defect.BAD_BASE64


@pytest.mark.parametrize("length", [0, 1, 2, 3, 57, 58, 589_823, 589_824, 589_825, 1_000_000])
def test_base64_as_programs_write_it_is_sound(length):
    content = bytes(n % 251 for n in range(length))
    for octets in (base64.encodebytes(content), base64.b64encode(content)):
        assert transfer_defect(octets.replace(b"\n", b"\r\n"), "base64") is None
        assert decode_transfer(octets, "base64") == content


@pytest.mark.parametrize(
    ("octets", "sound"),
    [(b"a=3D=\r\nb\tc=", True), (b"a = b", False), (b"=3", False), (b"=G0", False), (b"\xe0", False)],
)
def test_quoted_printable_that_is_none_is_a_defect(octets, sound):
    assert transfer_defect(octets, "quoted-printable") is (None if sound else Defect.BAD_QUOTED_PRINTABLE)


@pytest.mark.requirement("SE-7")
def test_thirty_megabytes_are_checked_without_a_copy_and_decoded_with_one():
    octets = memoryview(base64.encodebytes(bytes(22 << 20)))
    tracemalloc.start()
    try:
        assert transfer_defect(octets, "base64") is None
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        assert len(decode_transfer(octets, "base64")) == 22 << 20
        assert tracemalloc.get_traced_memory()[1] < 2 * len(octets)
    finally:
        tracemalloc.stop()
