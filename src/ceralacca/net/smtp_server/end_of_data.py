"""Where a message ends inside DATA: only CR LF `.` CR LF ends it, and dots are unstuffed, chunk by chunk.

No sockets and no clock: octets in, octets out. Smuggling lives on servers that disagree on what ends
a message, so nothing is repaired here: a bare CR, a bare LF or a NUL anywhere makes the message one
that is refused, and nothing of it is given on after that.

Clauses: RFC 5321 2.3.8, 4.1.1.4, 4.5.2; GE-31 (what comes out is what the client meant, unmodified).
"""

from enum import StrEnum

from ceralacca.formats.lines import has_bare_end

_END = b"\r\n.\r\n"
_TAILS = tuple(_END[:length] for length in range(len(_END) - 1, 0, -1))


class Defect(StrEnum):
    """Why a message cannot be taken as it comes."""

    BARE_LINE_END = "bare-line-end"
    NUL = "nul"


class EndOfData:
    """Reads the octets after `354` as they come; one object a message."""

    def __init__(self) -> None:
        # The octets before the first line end a line: a message may begin with its final dot.
        self._kept = b"\r\n"
        self._unseen = 2  # octets of `_kept` that stand before the message
        self.ended = False
        """Whether the final dot was seen."""
        self.defect: Defect | None = None
        """What is wrong with the message; the end is looked for on, nothing is given out any more."""
        self.rest = b""
        """What the client sent after the final dot: the next commands (RFC 2920)."""

    def feed(self, chunk: bytes) -> bytes:
        """Take more octets; return those that are certain to belong to the message, unstuffed."""
        if self.ended:
            raise ValueError("the message has ended")
        octets = self._kept + chunk
        end = octets.find(_END) if b"." in octets else -1  # base64 has no dot: one look, and a quick one
        if end >= 0:
            self.ended, self.rest, self._kept = True, octets[end + len(_END) :], b""
            run = octets[: end + 2]
        else:
            self._kept = next((tail for tail in _TAILS if octets.endswith(tail)), b"")
            run = octets[: len(octets) - len(self._kept)] if self._kept else octets
        return self._give(run)

    def _give(self, run: bytes) -> bytes:
        """Look at a run that neither begins nor ends inside a line end, and unstuff its dots."""
        self.defect = self.defect or _defect(run)
        if self.defect is not None or not run:
            return b""
        content = run.replace(b"\r\n.", b"\r\n") if b"." in run and b"\r\n." in run else run
        if self._unseen:
            content, self._unseen = content[self._unseen :], 0
        return content


def _defect(run: bytes) -> Defect | None:
    if b"\0" in run:
        return Defect.NUL
    return Defect.BARE_LINE_END if has_bare_end(run) else None
