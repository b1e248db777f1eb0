import base64
import hashlib

import pytest

from ceralacca.apps.cli.originals import Originals, hash_of
from ceralacca.base.errors import UserError
from ceralacca.formats.message_summary import summarise

CONTENT = bytes(range(256)) * 3
ENCODED = base64.encodebytes(CONTENT)  # lines of 76, LF
CRLF = ENCODED.replace(b"\n", b"\r\n")
READINGS = {
    "crlf": CRLF.removesuffix(b"\r\n"),
    "crlf-with-last-line-end": CRLF,
    "lf": ENCODED.removesuffix(b"\n"),
    "lf-with-last-line-end": ENCODED,
    "decoded": CONTENT,
}


def receipt_of(digest, name="altro.bin.hash"):
    """An original as another provider reduced it."""
    return summarise(
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
        b'Content-Type: text/plain; name="%s"\r\n\r\n%s\r\n--b--\r\n' % (name.encode(), digest)
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "altro.bin").write_bytes(CONTENT)
    (tmp_path / "niente.bin").write_bytes(b"")
    return tmp_path


@pytest.mark.requirement("AM-9", "BR-5")
@pytest.mark.parametrize("form", READINGS)
@pytest.mark.parametrize("upper", [False, True])
def test_each_reading_of_the_rule_is_recognised(folder, form, upper):
    digest = hashlib.sha1(READINGS[form], usedforsecurity=False).hexdigest().encode()
    (check,) = Originals(folder).check(receipt_of(digest.upper() if upper else digest))
    assert (check.name, check.form, check.file) == ("altro.bin", form, str(folder / "altro.bin"))


def test_a_hash_that_fits_no_file_says_so(folder):
    (check,) = Originals(folder).check(receipt_of(b"0" * 40))
    assert (check.file, check.form) == (None, None)


@pytest.mark.requirement("BR-3", "BR-4")
@pytest.mark.parametrize(
    ("digest", "name"), [(b"0" * 40, "note.txt"), (b"0" * 39, "a.hash"), (b"g" * 40, "a.hash"), (b"0" * 200, "a.hash")]
)
def test_what_is_no_hash_file_is_passed_over(folder, digest, name):
    original = receipt_of(digest, name)
    assert hash_of(original.attachments[0]) == ""
    assert Originals(folder).check(original) == ()


def test_a_folder_that_is_not_there_is_the_users_error(tmp_path):
    with pytest.raises(UserError, match="--originals"):
        Originals(tmp_path / "missing")
