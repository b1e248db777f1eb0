"""The hash that stands for a part in a brief delivery receipt: made, and found again (BR-3, BR-5, AM-9).

The norm leaves open what exactly is hashed. We make one kind (the encoded body by default) and
recognise every reading of it that AM-9 lists, from the part as sent or from the bare file that
somebody kept on disk. Which parts are hashed at all: `formats.brief`.

SHA-1 is what the norm asks for; it names a file here and protects nothing.
"""

import binascii
import hashlib
from collections.abc import Iterable, Iterator
from enum import StrEnum

from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.splice import Octets

_CHUNK = 262144
"""Octets handled at once."""

_LINE_WIDTHS = (76, 72, 64, 60)
"""Lengths of base64 lines seen in the wild, most common first."""


class HashInput(StrEnum):
    """What a brief receipt hashes: the setting `breve_hash_input` (BR-5)."""

    ENCODED = "encoded"
    """The body octets of the part exactly as they stand in postacert.eml."""
    DECODED = "decoded"
    """The content after its transfer encoding is undone."""


class HashForm(StrEnum):
    """The reading under which a hash was found to fit (AM-9)."""

    AS_IS = "as-is"
    CRLF = "crlf"
    CRLF_ENDED = "crlf-with-last-line-end"
    LF = "lf"
    LF_ENDED = "lf-with-last-line-end"
    DECODED = "decoded"


def part_hash(body: Octets, encoding: str, hash_input: HashInput = HashInput.ENCODED) -> str:
    """Return the SHA-1 of a part's body as 40 lower-case hexadecimal digits (BR-3).

    `body` excludes the CRLF before the boundary (BR-5); `encoding` is the part's
    Content-Transfer-Encoding, used only when the decoded content is to be hashed.
    """
    return _sha1([decode_transfer(body, encoding)] if hash_input is HashInput.DECODED else [body])


def matching_hash(content: Octets, hexdigest: str, *, encoding: str | None = None) -> HashForm | None:
    """Tell under which reading of AM-9 `hexdigest` is the hash of this content; None when under none.

    With `encoding`, `content` is the body of a part as it stands in a message. Without, it is the
    file itself, and the encodings that a client would have given it are tried.
    """
    wanted = hexdigest.strip().lower()
    return next((form for form, digest in hash_forms(content, encoding=encoding) if digest == wanted), None)


def hash_forms(content: Octets, *, encoding: str | None = None) -> Iterator[tuple[HashForm, str]]:
    """Give every hash that `matching_hash` would accept for this content, most likely first.

    One that compares many files with many hashes computes them once.
    """
    return _part_forms(content, encoding) if encoding is not None else _file_forms(content)


def _part_forms(body: Octets, encoding: str) -> Iterator[tuple[HashForm, str]]:
    yield HashForm.AS_IS, _sha1([body])
    yield from _line_forms(_chunks(body))
    yield HashForm.DECODED, _sha1([decode_transfer(body, encoding)])


def _file_forms(content: Octets) -> Iterator[tuple[HashForm, str]]:
    yield HashForm.DECODED, _sha1([content])
    for width in _LINE_WIDTHS:
        yield from _line_forms(_base64_lines(content, width))
    yield from _line_forms(_chunks(content))  # a part sent without encoding


def _line_forms(pieces: Iterable[bytes]) -> Iterator[tuple[HashForm, str]]:
    """Hash one text with CRLF and with LF line ends, each with and without a last line end."""
    crlf, lf = hashlib.sha1(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
    held = b""
    for piece in _unix_lines(pieces):
        text = held + piece
        held = b"\n" if text.endswith(b"\n") else b""
        text = text.removesuffix(b"\n")
        lf.update(text)
        crlf.update(text.replace(b"\n", b"\r\n"))
    yield HashForm.CRLF, crlf.hexdigest()
    yield HashForm.LF, lf.hexdigest()
    crlf.update(b"\r\n")
    lf.update(b"\n")
    yield HashForm.CRLF_ENDED, crlf.hexdigest()
    yield HashForm.LF_ENDED, lf.hexdigest()


def _unix_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Turn CRLF into LF, also where it stands across two pieces."""
    held = b""
    for piece in pieces:
        text = held + piece
        held = b"\r" if text.endswith(b"\r") else b""
        yield text.removesuffix(b"\r").replace(b"\r\n", b"\n")
    if held:
        yield held


def _chunks(content: Octets) -> Iterator[bytes]:
    view = memoryview(content)
    for start in range(0, len(view), _CHUNK):
        yield bytes(view[start : start + _CHUNK])


def _base64_lines(content: Octets, width: int) -> Iterator[bytes]:
    for chunk in _lines_worth(content, width):
        encoded = binascii.b2a_base64(chunk, newline=False)
        yield b"".join(encoded[at : at + width] + b"\n" for at in range(0, len(encoded), width))


def _lines_worth(content: Octets, width: int) -> Iterator[memoryview]:
    """Cut the content so that every piece but the last fills whole lines."""
    view, step = memoryview(content), width // 4 * 3 * 4096
    for start in range(0, len(view), step):
        yield view[start : start + step]


def _sha1(pieces: Iterable[Octets]) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
