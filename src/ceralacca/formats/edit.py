"""Changes to a run of octets, made by cutting it into views: what no edit names stays as it is (GE-31)."""

from collections.abc import Iterable, Iterator
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
    return Splice.of(*_pieces(memoryview(data), edits))


def _pieces(view: memoryview, edits: Iterable[Edit]) -> Iterator[Octets]:
    position = 0
    for edit in edits:
        yield view[position : edit.start]
        yield edit.octets
        position = edit.end
    yield view[position:]
