"""Which rows of a block were changed, deleted, inserted, moved, and which of their fields: told from the marks.

Marks are three octets of CRC-32 for each field of each row, under the signed head of the block. The rows
that are there are laid beside them: what fits in another order was moved, what is there too often or too much
inserted, what is lacking deleted, what fits in most fields changed in the others.

Only where all contents fit is a fault of number, link or hash told as one: after any other change
they follow from it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256
from zlib import crc32

from ceralacca.core.model.log_proof import LogFault
from ceralacca.lint.log_file.hashes import link, relinked
from ceralacca.lint.log_file.lines import members

MARK = 3
_MISSING = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One change."""

    fault: LogFault
    row: int
    """Number of the row; of the row after which something was inserted."""
    field: str = ""
    line: int | None = None
    """Which of the block's lines, from 0, where one is meant."""


Marks = tuple[bytes, ...]


def marks_of(line: bytes, keys: tuple[str, ...]) -> Marks:
    """Return the marks of a row as it is now; an empty one for a member whose name is not there."""
    return tuple(
        _MISSING if value is None else crc32(value).to_bytes(4, "big")[4 - MARK :] for value in members(line, keys)
    )


def split_marks(marks: bytes, keys: tuple[str, ...]) -> list[Marks]:
    """Return the marks of each row of a block."""
    size = MARK * len(keys)
    rows = [marks[at : at + size] for at in range(0, len(marks), size)]
    return [tuple(row[at : at + MARK] for at in range(0, size, MARK)) for row in rows]


def find_places(
    lines: Sequence[bytes], sealed: Sequence[Marks], keys: tuple[str, ...], *, first: int, prev_hash: bytes | None
) -> list[Place]:
    """Return what was done to the rows of a block, the earliest first.

    `sealed` are the marks of its rows as they were, `first` the number of the first one, `prev_hash` the hash of the
    row before it when that is known.
    """
    there = [marks_of(line, keys) for line in lines]
    found = list(_contents(sealed, there, keys, first))
    exchanged = [first + at for at, marks in enumerate(sealed) if len(there) == len(sealed) and marks != there[at]]
    if len(exchanged) <= len(found) and all(one.fault is LogFault.ROW_MOVED for one in found):
        found = [Place(fault=LogFault.ROW_MOVED, row=row) for row in exchanged]  # as many, and none that stands still
    found += _links(lines, sealed, there, first=first, prev_hash=prev_hash)
    return sorted(found, key=lambda place: (place.row, place.fault, place.field))


# -- contents ---------------------------------------------------------------------------------------------


def _contents(sealed: Sequence[Marks], there: Sequence[Marks], keys: tuple[str, ...], first: int) -> Iterator[Place]:
    groups = [
        (list(range(i, i_end)), list(range(j, j_end)))
        for tag, i, i_end, j, j_end in SequenceMatcher(None, sealed, there, autojunk=False).get_opcodes()
        if tag != "equal"
    ]
    lacking = Counter(sealed[i] for was, _ in groups for i in was)
    surplus = Counter(there[j] for _, now in groups for j in now)
    moved = lacking & surplus
    taken_out, put_in = Counter(moved), Counter(moved)
    for was, now in groups:
        left, stranger = [], []
        for i in was:
            if taken_out[sealed[i]] > 0:
                taken_out[sealed[i]] -= 1
                yield Place(fault=LogFault.ROW_MOVED, row=first + i)
            else:
                left.append(i)
        for j in now:
            if put_in[there[j]] > 0:
                put_in[there[j]] -= 1
            else:
                stranger.append(j)
        yield from _paired(left, stranger, sealed, there, keys, first)


def _paired(
    was: list[int],
    now: list[int],
    sealed: Sequence[Marks],
    there: Sequence[Marks],
    keys: tuple[str, ...],
    first: int,
) -> Iterator[Place]:
    """Tell rows that were changed from rows deleted and inserted at one place."""
    while was and now:
        i, j = was[0], now[0]
        alike = _alike(sealed[i], there[j])
        if alike or len(was) == len(now):
            for key in _changed(sealed[i], there[j], keys):
                yield Place(fault=LogFault.ROW_ALTERED, row=first + i, field=key, line=j)
            was, now = was[1:], now[1:]
        elif len(was) > len(now):
            yield Place(fault=LogFault.ROW_DELETED, row=first + i)
            was = was[1:]
        else:
            yield Place(fault=LogFault.ROW_INSERTED, row=first + i - 1, line=j)
            now = now[1:]
    for i in was:
        yield Place(fault=LogFault.ROW_DELETED, row=first + i)
    for j in now:
        yield Place(fault=LogFault.ROW_INSERTED, row=first + _before(j, sealed, there) - 1, line=j)


def _alike(one: Marks, other: Marks) -> bool:
    return sum(a == b for a, b in zip(one, other, strict=False)) * 2 >= len(one)


def _changed(was: Marks, now: Marks, keys: tuple[str, ...]) -> list[str]:
    """Name the fields whose marks differ; a field before a name that is damaged cannot be told from it."""
    names = [
        key
        for at, key in enumerate(keys)
        if was[at] != now[at] and not (now[at] != _MISSING and at + 1 < len(now) and now[at + 1] == _MISSING)
    ]
    return names or ["hash"]


def _before(line: int, sealed: Sequence[Marks], there: Sequence[Marks]) -> int:
    """Return how many sealed rows stand before a line that is too much."""
    places = {marks: at for at, marks in enumerate(sealed)}
    if there[line] in places:  # a copy: which of the two was put there nobody can tell
        return places[there[line]] + 1
    return next((places[there[at]] + 1 for at in range(line - 1, -1, -1) if there[at] in places), 0)


# -- numbers, links and hashes ----------------------------------------------------------------------------


def _links(
    lines: Sequence[bytes], sealed: Sequence[Marks], there: Sequence[Marks], *, first: int, prev_hash: bytes | None
) -> Iterator[Place]:
    """Look at rows whose contents are as they were: are number, link and hash?"""
    if list(there) == list(sealed):
        yield from _whole_chain(lines, first=first, prev_hash=prev_hash)
        return
    places = {marks: at for at, marks in enumerate(sealed)}
    before = prev_hash or b""
    for at, line in enumerate(lines):
        here = link(line)
        if there[at] in places and here.taken.hex().encode() != here.hash:
            row = first + places[there[at]]
            yield Place(fault=LogFault.ROW_ALTERED, row=row, field=_broken(line, row, before), line=at)
        before = here.hash


def _whole_chain(lines: Sequence[bytes], *, first: int, prev_hash: bytes | None) -> Iterator[Place]:
    """All contents are as they were, so the chain can be taken again: what is written otherwise was changed."""
    before = prev_hash if prev_hash is not None else link(lines[0]).prev_hash if lines else b""
    for at, line in enumerate(lines):
        here, number = link(line), first + at
        taken = sha256(relinked(line, number=number, prev_hash=before) + b"}").hexdigest().encode()
        rightly = (("seq", line.startswith(b'{"seq":%d,' % number)), ("prev_hash", here.prev_hash == before))
        for field, right in (*rightly, ("hash", here.hash == taken)):
            if not right:
                yield Place(fault=LogFault.ROW_ALTERED, row=number, field=field, line=at)
        before = taken


def _broken(line: bytes, number: int, before: bytes) -> str:
    """Say which of number, link and hash was changed: the one that, put right, makes the hash come out."""
    here = link(line)
    for field, prev_hash in (("seq", here.prev_hash), ("prev_hash", before)):
        put_right = relinked(line, number=number, prev_hash=prev_hash)
        if sha256(put_right + b"}").hexdigest().encode() == here.hash:
            return field
    return "hash"
