"""Changes to a run of octets, made by cutting it into views: what no edit names stays as it is (GE-31)."""

from collections.abc import Iterable
from typing import NamedTuple

from ceralacca.formats.splice import Octets, Splice


class Edit(NamedTuple):
    """The octets `[start, end)` of the input give way to others."""

    start: int
    end: int
    octets: Octets

    def span(self) -> tuple[int, int]:
        """Return what edits are put in order by: an insertion goes before what replaces the octets after it."""
        return self.start, self.end


def apply(data: Octets, edits: Iterable[Edit]) -> Splice:
    """Return the input with its edits done: views of the input between the new octets.

    The edits are in order and do not overlap.
    """
    view, position = memoryview(data), 0
    pieces: list[Octets] = []
    for edit in edits:
        pieces += (view[position : edit.start], edit.octets)
        position = edit.end
    return Splice.of(*pieces, view[position:])
