"""The reduced original of a brief delivery receipt: attachments replaced by their hashes (BR-1 to BR-9).

What is not replaced is a view of the original's own octets: structure, header and boundaries stay
as they are. Whether a brief receipt is due is `core.delivery_point`; how a hash is made and found
again is `formats.part_hash`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ceralacca.formats.mime.entity import Entity
from ceralacca.formats.part_hash import HashForm, HashInput, matching_hash, part_hash
from ceralacca.formats.splice import Octets, Splice

__all__ = ["BriefOriginal", "HashForm", "HashInput", "HashedPart", "brief_original", "matching_hash"]

_OPAQUE = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})  # BR-7
_SIGNATURES = frozenset(
    {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/x-pkcs-signature"}
)  # BR-6
_REPLACED_FIELDS = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})  # BR-8
_UNNAMED_MESSAGE = "messaggio.eml"  # BR-4
_UNNAMED_FILE = "allegato"
_LONGEST_NAME = 500
"""Characters of a file name that are kept; a longer one is an attack on whoever stores it."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_QUOTABLE = re.compile(r"[ -~]{1,60}")
_SEGMENT = 60
_ATTRIBUTE_CHARACTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedPart:
    """One part of the original that stands in the receipt as its hash."""

    filename: str
    """Name of the hash file: the part's own name, decoded, with `.hash` (BR-4)."""
    digest: str
    """40 lower-case hexadecimal digits (BR-3)."""
    span: tuple[int, int]
    """Where the part, header included, stands in the original: first octet and the one after the last."""
    body: tuple[int, int]
    """Where its body stands: what was hashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefOriginal:
    """The reduced original and what was taken out of it."""

    splice: Splice
    hashed: tuple[HashedPart, ...]
    """In the order in which they stand in the message."""


def brief_original(original: Octets, entity: Entity, *, hash_input: HashInput = HashInput.ENCODED) -> BriefOriginal:
    """Replace every attachment of the original by a text file with its SHA-1.

    `entity` is what `formats.mime.entity.look` saw in these same octets, with or without a look
    into embedded messages: those are replaced whole (BR-2).
    """
    view = memoryview(original)
    pieces: list[Octets] = []
    hashed: list[HashedPart] = []
    done = 0
    for part in _attachments(entity):
        replaced = _hashed(view, part, hash_input)
        pieces.append(view[done : part.start])
        pieces.extend(_kept_header(view, part, replaced) if part is entity else (_fields(replaced), b"\r\n"))
        pieces.append(replaced.digest.encode("ascii"))
        hashed.append(replaced)
        done = part.end
    return BriefOriginal(splice=Splice.of(*pieces, view[done:]), hashed=tuple(hashed))


def _attachments(top: Entity) -> Iterator[Entity]:
    """Yield the entities to be replaced, in document order, none inside another."""
    if top.media_type in _OPAQUE:  # BR-7
        return
    waiting = [top]
    while waiting:
        part = waiting.pop()
        if _is_attachment(part, is_top=part is top):
            yield part
        elif part.media_type.startswith("multipart/"):
            waiting.extend(reversed(_replaceable_children(part)))


def _is_attachment(part: Entity, *, is_top: bool) -> bool:
    """Tell whether the part is replaced: a file by its name (BR-1) or an embedded message (BR-2).

    The top of the message is a file only if it has no structure of its own (BR-8).
    """
    if is_top and part.media_type.startswith("multipart/"):
        return False
    named = "name" in part.content_type.params or (
        part.disposition is not None and "filename" in part.disposition.params
    )
    return named or part.media_type == "message/rfc822"


def _replaceable_children(part: Entity) -> tuple[Entity, ...]:
    """Return the children to look into: all of them, but not the signature of a `multipart/signed` (BR-6)."""
    if part.media_type != "multipart/signed":
        return part.children
    protocol = part.content_type.params.get("protocol", "").lower()
    return tuple(
        child
        for number, child in enumerate(part.children)
        if number != 1 or child.media_type not in _SIGNATURES | {protocol}
    )


def _hashed(view: memoryview, part: Entity, hash_input: HashInput) -> HashedPart:
    return HashedPart(
        filename=_hash_file_name(part),
        digest=part_hash(part.body(view), part.encoding, hash_input),  # BR-5
        span=(part.start, part.end),
        body=(part.body_start, part.end),
    )


def _hash_file_name(part: Entity) -> str:
    unnamed = _UNNAMED_MESSAGE if part.media_type == "message/rfc822" else _UNNAMED_FILE
    name = _UNSAFE.sub("_", part.filename or "").strip()[:_LONGEST_NAME]  # SE-8
    return f"{name or unnamed}.hash"  # BR-4


def _fields(part: HashedPart) -> bytes:
    """Write the header fields of a hash file (BR-4)."""
    return (
        b"Content-Type: text/plain; charset=us-ascii"
        + _parameter("name", part.filename)
        + b"\r\nContent-Disposition: attachment"
        + _parameter("filename", part.filename)
        + b"\r\nContent-Transfer-Encoding: 7bit\r\n"
    )


def _kept_header(view: memoryview, top: Entity, replaced: HashedPart) -> Iterator[Octets]:
    """Yield the header of a message that is itself a file: unchanged but for the three fields of BR-8, BR-9."""
    fields: Octets = _fields(replaced)
    for field in top.head.fields:
        if field.key in _REPLACED_FIELDS:
            yield fields  # where the first of the three stood
            fields = b""
        else:
            yield view[field.start : field.end]
            yield b"" if field.raw.endswith(b"\n") else b"\r\n"
    yield b"\r\n"


def _parameter(name: str, value: str) -> bytes:
    """Write `; name=value` with its folding: a quoted-string if the name is short US-ASCII, else RFC 2231 (BR-4)."""
    if _QUOTABLE.fullmatch(value):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        return f';\r\n {name}="{quoted}"'.encode("ascii")
    charset, *segments = ["utf-8''", *_segments(value)]
    if len(segments) == 1:
        return f";\r\n {name}*={charset}{segments[0]}".encode("ascii")
    segments[0] = charset + segments[0]
    return b"".join(f";\r\n {name}*{number}*={segment}".encode("ascii") for number, segment in enumerate(segments))


def _segments(value: str) -> Iterator[str]:
    """Percent-encode and cut so that no line is long and no character is cut in two."""
    segment = ""
    for character in value:
        encoded = "".join(
            chr(octet) if octet in _ATTRIBUTE_CHARACTERS else f"%{octet:02X}" for octet in character.encode("utf-8")
        )
        if len(segment) + len(encoded) > _SEGMENT:
            yield segment
            segment = ""
        segment += encoded
    yield segment
