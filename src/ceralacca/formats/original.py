"""The original message as it goes into `postacert.eml`: the client's octets with the changes of AP-21 and no other.

The `Message-ID` field is replaced where it stands by the PEC msgid and followed by the client's value in
`X-Riferimento-Message-ID`; empty `Bcc` fields go (AP-11); parts with octets above 127 become 7-bit
(`formats.seven_bit`, AP-15). All else are views of the input: nothing is parsed and written again (GE-31).

Not here: whether the message may be accepted (`core.access_point`), the `Received` field of the access point.

Clauses: AP-11, AP-14, AP-15, AP-21, AP-22, AM-12, GE-14, GE-22, GE-31, SE-8.
"""

import re
from typing import NamedTuple

from ceralacca.base.errors import OurError
from ceralacca.formats.edit import Edit, apply
from ceralacca.formats.message_id import LONGEST
from ceralacca.formats.mime.header import Field, Head, read_head
from ceralacca.formats.mime.limits import LIMITS
from ceralacca.formats.seven_bit import is_seven_bit, make_seven_bit
from ceralacca.formats.splice import Octets, Splice

REFERENCE_FIELD = "X-Riferimento-Message-ID"

_SURELY_WITHIN = min(LIMITS.header_octets, LIMITS.fields)
"""Octets of a header that passes no limit: it has not more fields than octets."""

_IDENTIFIER = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_CLIENT_VALUE = re.compile(r"<[ -~]+>")


class PreparedOriginal(NamedTuple):
    """An original message under its PEC msgid, all 7-bit."""

    splice: Splice
    """The octets of `postacert.eml`."""
    header_octets: int
    """Of its header, the empty line included."""
    edits: tuple[Edit, ...]
    """All that differs from what was submitted, trace apart: in order, without overlap, offsets of the submission."""

    @property
    def head(self) -> Head:
        """Its header, read anew; offsets are those of `splice`."""
        return read_head(_first(self.splice, self.header_octets))


def prepare_original(
    data: Octets, *, identifier: str, client_message_id: str | None, trace: bytes = b"", head: Head | None = None
) -> PreparedOriginal:
    """Change an accepted submission into the message that is certified (AP-21).

    `identifier` is the PEC msgid without brackets, `client_message_id` what `formats.submission` read, None when
    the client gave none (AP-22). `trace` is the `Received` field of the access point with its line end, which goes
    before everything else. `head` is the header of the submission, where it has been read already. Raises
    UnreadableMessage when the message passes a limit of SE-7, before or after, and OurError when it has two
    `Message-ID` fields or octets above 127 that must not be touched: the formal checks let none of these pass.
    """
    head = read_head(data) if head is None else head
    edits = [*_identity_edits(head, identifier, client_message_id), *_empty_bcc(head)]
    if not is_seven_bit(data):
        edits += _seven_bit_edits(data)
    edits.sort(key=Edit.span)
    splice = Splice.of(trace, apply(data, edits))
    made = PreparedOriginal(splice, len(trace) + _octets_after(edits, head), tuple(edits))
    if made.header_octets > _SURELY_WITHIN:
        read_head(_first(splice, made.header_octets))
    return made


def _identity_edits(head: Head, identifier: str, client_message_id: str | None) -> list[Edit]:
    """Replace `Message-ID` and add the reference (AP-21); without a value of the client's, only the former (AP-22)."""
    ours = _message_id_field(identifier)
    old = head.all("Message-ID")
    if len(old) > 1:
        raise OurError("a message with several Message-ID fields passed the formal checks")
    if client_message_id is None:
        return [_put(head, old, ours)]
    reference = _reference_field(client_message_id)
    forged = head.first(REFERENCE_FIELD)
    if forged is not None and not (old and old[0].start < forged.start):
        # AP-14: a field of that name from the client stays, but ours is the first, which readers take.
        return [Edit(forged.start, forged.start, reference), _put(head, old, ours)]
    return [_put(head, old, ours + reference)]


def _put(head: Head, old: tuple[Field, ...], octets: bytes) -> Edit:
    """Put fields in the place of an old one, or after the last field; before the first when that has no line end."""
    if old:
        return Edit(old[0].start, old[0].end, octets)
    place = head.fields_end if _line_ended(head) else head.start
    return Edit(place, place, octets)


def _line_ended(head: Head) -> bool:
    return not head.fields or head.fields[-1].raw.endswith(b"\n")


def _message_id_field(identifier: str) -> bytes:
    field = f"Message-ID: <{identifier}>\r\n"
    if not _IDENTIFIER.fullmatch(identifier) or len(field) > 1000:
        raise OurError("the PEC msgid is no identifier")  # GE-29, SE-8
    return field.encode("ascii")


def _reference_field(client_message_id: str) -> bytes:
    """Write the client's identifier, brackets included, on one line (GE-22)."""
    if not _CLIENT_VALUE.fullmatch(client_message_id) or len(client_message_id) > LONGEST:
        raise OurError("the client's Message-ID was not neutralised")  # SE-8
    return f"{REFERENCE_FIELD}: {client_message_id}\r\n".encode("ascii")


def _empty_bcc(head: Head) -> list[Edit]:
    return [Edit(field.start, field.end, b"") for field in head.all("Bcc") if not field.body]  # AP-11


def _seven_bit_edits(data: Octets) -> tuple[Edit, ...]:
    plan = make_seven_bit(data)  # AP-15
    if plan.obstacles:
        raise OurError("octets above 127 that must not be converted passed the formal checks")
    return plan.edits


def _octets_after(edits: list[Edit], head: Head) -> int:
    """Return how long a header is after its edits."""
    grown = [len(edit.octets) - (edit.end - edit.start) for edit in edits if edit.end <= head.fields_end]
    return head.end + sum(grown)


def _first(splice: Splice, octets: int) -> bytes:
    taken: list[Octets] = []
    for piece in splice:
        if octets <= 0:
            break
        taken.append(piece[:octets])
        octets -= len(piece)
    return b"".join(taken)
