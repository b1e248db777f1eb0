"""PEC messages inside a message: the original of a forwarded envelope, and messages attached as files.

People forward envelopes, and attach receipts to letters as proof: each such message has a seal of its
own and is judged by itself. What presents itself as a PEC message counts, by its seal or its marks; a
lone `daticert.xml` among somebody's attachments does not.

Bounded: a hostile nest costs at most a known multiple of its own size. Clauses: TO-16, GE-8, SE-7.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.model.reason import Reason
from ceralacca.formats.message_summary import Attachment, MessageSummary, summarise, summarise_original
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.mime.parameters import read_main_value
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets

MOST_MESSAGES = 1000
"""Candidates looked at inside one message (SE-7: the most parts)."""
MOST_TIMES = 16
"""Octets looked at, as a multiple of those of the message."""

_SIGNED = frozenset({"multipart/signed", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_MARKS = ("X-Ricevuta", "X-Trasporto")


def claims_to_be_pec(received: Received) -> bool:
    """Tell whether a message presents itself as a PEC message: by a seal, sound or not, or by a mark."""
    outer = received.outer
    return received.seal_fault is not Reason.NOT_SIGNED or bool(outer.receipt_marks or outer.transport_marks)


@dataclass(slots=True)
class Inside:
    """The search through one message; iterate once, then ask whether it was cut."""

    octets: int
    """Of the message that is searched."""
    cut: bool = False
    """A bound was met, so that something inside was not looked at."""
    _left: int = field(init=False)
    _waiting: deque[Octets | Attachment] = field(init=False, default_factory=deque)

    def search(self, original: Octets | None, summary: MessageSummary | None) -> Iterator[Received]:
        """Yield the PEC messages inside, from the outside in.

        `original` is the embedded original of the message, `summary` that of the original, or of the
        message itself when there is no original.
        """
        self._left = MOST_TIMES * self.octets
        self._await(original, summary)
        for _ in range(MOST_MESSAGES):
            if not self._waiting or self._left <= 0:
                break
            found = self._look(self._waiting.popleft())
            if found is not None:
                yield found
        self.cut = bool(self._waiting)

    def _await(self, original: Octets | None, summary: MessageSummary | None) -> None:
        if original is not None:
            self._waiting.append(original)
        if summary is not None:
            self._waiting.extend(one for one in summary.attachments if _is_message(one))

    def _look(self, candidate: Octets | Attachment) -> Received | None:
        """Return the candidate when it is a PEC message; whatever is in it waits for its turn."""
        octets = candidate.content() if isinstance(candidate, Attachment) else candidate
        self._left -= len(octets)
        try:
            if not _may_be_pec(octets):
                if isinstance(candidate, Attachment):
                    self._await(None, summarise(octets))
                return None
            received = read_received(octets)
        except UnreadableMessage:
            return None
        if claims_to_be_pec(received) and received.original_part.entity is not None:
            self._await(received.original, summarise_original(received))
        else:
            self._await(None, summarise(octets))
        return received


def _is_message(attachment: Attachment) -> bool:
    return attachment.media_type == "message/rfc822" or (attachment.name or "").lower().endswith(".eml")


def _may_be_pec(octets: Octets) -> bool:
    """Look at the header only: most originals are no PEC message and need not be taken apart once more."""
    head = read_head(octets)
    kinds = {read_main_value(one.body) for one in head.all("Content-Type")}
    return bool(kinds & _SIGNED) or any(head.first(mark) for mark in _MARKS)
