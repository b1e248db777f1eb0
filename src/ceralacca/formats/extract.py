"""The original message taken out of a received envelope, octet for octet (DR-3).

Works on an envelope whose seal and form are already judged (`trust.verifier`, `lint.form`): it only
finds the place. Tolerant in how the part is labelled (TO-17), never in what it returns.
"""

from ceralacca.base.errors import PeerError
from ceralacca.formats.mime.entity import Entity, look
from ceralacca.formats.mime.transfer import decode_transfer
from ceralacca.formats.splice import Octets

_FILE_NAME = "postacert.eml"
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})


class OriginalNotFound(PeerError):
    """The envelope has no embedded original, or more than one that could be it."""


def embedded_original(envelope: Octets, entity: Entity | None = None) -> memoryview:
    """Return the octets of postacert.eml: a view of the envelope, nothing copied.

    `entity`, when given, is what `look` saw in the same octets. Only a part that some provider has
    put in a transfer encoding of its own is decoded, which a `message/rfc822` may not be (GE-14).
    Raises OriginalNotFound; UnreadableMessage when the look passes a limit of SE-7.
    """
    top = look(envelope, into_messages=False) if entity is None else entity
    part = _the_original(_certified_parts(top))
    body = part.body(memoryview(envelope))
    if part.encoding in _IDENTITY:
        return body
    return memoryview(decode_transfer(body, part.encoding))


def _certified_parts(top: Entity) -> tuple[Entity, ...]:
    """Return the parts of the signed entity: those of the first child of a `multipart/signed`."""
    if top.media_type == "multipart/signed" and top.children:
        return top.children[0].children
    return top.children


def _the_original(parts: tuple[Entity, ...]) -> Entity:
    """Find the part by type and name, then by type, then by name (TO-17)."""
    messages = [part for part in parts if part.media_type == "message/rfc822"]
    named = [part for part in parts if (part.filename or "").lower() == _FILE_NAME]
    for candidates in ([part for part in messages if part in named], messages, named):
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise OriginalNotFound("more than one part of the envelope could be the original message")
    raise OriginalNotFound("the envelope holds no original message")
