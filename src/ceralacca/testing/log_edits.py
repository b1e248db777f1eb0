"""Edits of sealed log files, drawn from a seed, each with the place that a verifier must name (R23).

Whoever edits has no key. What can be had without one is had: in the stronger kinds hashes, numbers and links after
the edit are made anew, and the head of the block says what the rows now give.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from random import Random  # noqa: TID251 seeded by the caller: which edit is drawn
from typing import Final

from ceralacca.core.model.log_proof import LogFinding
from ceralacca.formats.cms import read_around

Files = dict[str, bytes]
"""Sealed files and time stamps by name."""

_SUFFIX: Final = ".jsonl.p7m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Files after an edit, and what must be named."""

    kind: str
    files: Files
    file: str
    """Name of the file that must be named; the one after it where it is gone."""
    rows: frozenset[int] = frozenset()
    """Numbers of rows of which each must be named."""
    fields: frozenset[str] = frozenset()
    """Fields of which one must be named with the row or head."""

    def is_named(self, findings: list[LogFinding]) -> bool:
        """Tell whether findings name the place."""
        here = [one for one in findings if one.file == self.file]
        rows = {one.row for one in here}
        fields = {one.field for one in here if not self.rows or one.row in self.rows}
        return bool(here) and self.rows <= rows and (not self.fields or bool(self.fields & fields))


@dataclass(slots=True)
class _Line:
    """A line of a file: text, and for a row its number."""

    octets: bytes
    row: int = 0

    @property
    def is_row(self) -> bool:
        return self.row > 0


class Editor:
    """Draws edits of one set of files."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._names = sorted(name for name in files if name.endswith(_SUFFIX))
        self._lines = {name: _lines(_content(files[name])) for name in self._names}

    def draw(self, seed: int) -> Edit:
        """Return the edit of a seed; the same one each time."""
        random = Random(seed)  # noqa: S311 not a secret
        kinds: tuple[Callable[[Random], Edit], ...] = (
            self._alter,
            self._alter,
            self._alter,
            self._chain_field,
            self._delete,
            self._insert,
            self._swap,
            self._truncate,
            self._cut,
            self._head,
            self._block_line,
            self._flip,
            self._flip,
            self._flip_stamp,
            self._lose_file,
            self._stamps,
        )
        return random.choice(kinds)(random)

    # -- rows ---------------------------------------------------------------------------------------

    def _alter(self, random: Random) -> Edit:
        name, lines, at = self._a_row(random)
        row, key = lines[at].row, random.choice(_keys(lines[at].octets))
        start, end = _span(lines[at].octets, key)
        old = lines[at].octets[start:end]
        lines[at].octets = lines[at].octets[:start] + _other(old, random) + lines[at].octets[end:]
        level = self._rechain(lines, at, random)
        return self._made(f"alter-{level}", name, lines, rows={row}, fields={key})

    def _chain_field(self, random: Random) -> Edit:
        name, lines, at = self._a_row(random)
        key, line = random.choice(("seq", "prev_hash", "hash")), lines[at].octets
        if key == "seq":
            comma = line.find(b",")
            line = b'{"seq":%d' % (lines[at].row + random.randrange(1, 99)) + line[comma:]
        else:
            start, end = _span(line, key)
            line = line[:start] + b'"%b"' % sha256(str(random.random()).encode()).hexdigest().encode() + line[end:]
        lines[at].octets = line
        return self._made(f"alter-{key}", name, lines, rows={lines[at].row}, fields={key})

    def _delete(self, random: Random) -> Edit:
        name, lines, at = self._a_row(random)
        row = lines.pop(at).row
        level = self._rechain(lines, at, random)
        return self._made(f"delete-{level}", name, lines, rows={row})

    def _insert(self, random: Random) -> Edit:
        name, lines, at = self._a_row(random)
        _, _, other = self._a_row(random)
        twin = random.random() < 0.3
        source = lines[at].octets if twin else self._lines[name][other % len(self._lines[name])].octets
        if not source.startswith(b'{"seq":'):
            source = lines[at].octets
        start, end = _span(source, "event" if b'"event"' in source else "act")
        octets = source if twin else source[:start] + _other(source[start:end], random) + source[end:]
        after = lines[at].row
        lines.insert(at + 1, _Line(octets, row=after))
        level = self._rechain(lines, at + 1, random)
        return self._made(f"insert-{level}", name, lines, rows={after})

    def _swap(self, random: Random) -> Edit:
        name, lines, at = self._a_row(random)
        rows = [place for place, line in enumerate(lines) if line.is_row and place != at]
        other = random.choice(rows)
        named = {lines[at].row, lines[other].row}
        lines[at], lines[other] = lines[other], lines[at]
        level = self._rechain(lines, min(at, other), random)
        if abs(at - other) == 1:
            named = set()  # of two neighbours either may be told to have moved
        return self._made(f"swap-{level}", name, lines, rows=named)

    def _truncate(self, random: Random) -> Edit:
        name, lines, at = self._a_row(random)
        row = lines[at].row
        return self._made("truncate-lines", name, lines[:at], rows={row})

    # -- files --------------------------------------------------------------------------------------

    def _cut(self, random: Random) -> Edit:
        name = random.choice(self._names)
        whole = self._files[name]
        return self._put("cut-octets", name, whole[: random.randrange(len(whole))])

    def _head(self, random: Random) -> Edit:
        name = random.choice(self._names)
        lines = _copy(self._lines[name])
        heads = [place for place, line in enumerate(lines) if not line.is_row]
        at = random.choice(heads)
        held = json.loads(lines[at].octets)
        part = "file" if "file" in held else "block"
        key = random.choice([*held[part], "seal", *(["marks"] if part == "block" else [])])
        place = held if key in {"seal", "marks"} and (key == "seal" or random.random() < 0.5) else held[part]
        if key not in place:
            place = held[part]
        if place is held:
            octets = bytearray(base64.b64decode(held[key]))
            octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
            held[key] = base64.b64encode(octets).decode()
        else:
            value = place[key]
            place[key] = value + 1 if isinstance(value, int) else [] if isinstance(value, list) else value + "0"
        lines[at].octets = json.dumps(held, separators=(",", ":"), ensure_ascii=False).encode()
        return self._made(f"head-{part}", name, lines, fields={key})

    def _block_line(self, random: Random) -> Edit:
        name = random.choice(self._names)
        lines = _copy(self._lines[name])
        at = random.choice([place for place, line in enumerate(lines) if line.octets.startswith(b'{"block":')])
        if random.random() < 0.5:
            lines.pop(at)
        else:
            lines.insert(at, lines[at])
        return self._made("block-line", name, lines)

    def _flip(self, random: Random) -> Edit:
        name = random.choice(self._names)
        octets = bytearray(self._files[name])
        at = random.randrange(len(octets))
        octets[at] ^= 1 << random.randrange(8)
        row, fields = self._place_of(name, at)
        rows = {row} if row else set()
        return self._put("flip", name, bytes(octets), rows=rows, fields=fields)

    def _flip_stamp(self, random: Random) -> Edit:
        name = random.choice(self._names)
        stamp = _stamp(name)
        octets = bytearray(self._files[stamp])
        octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)
        return Edit(kind="flip-stamp", files={**self._files, stamp: bytes(octets)}, file=name)

    def _lose_file(self, random: Random) -> Edit:
        place = random.randrange(1, len(self._names) - 1)
        gone = self._names[place]
        files = {name: octets for name, octets in self._files.items() if name not in {gone, _stamp(gone)}}
        return Edit(kind="lose-file", files=files, file=self._names[place + 1])

    def _stamps(self, random: Random) -> Edit:
        one, other = random.sample(self._names, 2)
        if random.random() < 0.5:
            files = {name: octets for name, octets in self._files.items() if name != _stamp(one)}
            return Edit(kind="lose-stamp", files=files, file=one)
        if random.random() < 0.5:
            swapped = {_stamp(one): self._files[_stamp(other)], _stamp(other): self._files[_stamp(one)]}
            return Edit(kind="swap-stamps", files={**self._files, **swapped}, file=one)
        swapped = {one: self._files[other], other: self._files[one]}
        return Edit(kind="swap-files", files={**self._files, **swapped}, file=one)

    # -- inside -------------------------------------------------------------------------------------

    def _a_row(self, random: Random) -> tuple[str, list[_Line], int]:
        name = random.choice(self._names)
        lines = _copy(self._lines[name])
        return name, lines, random.choice([at for at, line in enumerate(lines) if line.is_row])

    def _rechain(self, lines: list[_Line], at: int, random: Random) -> str:
        """Make anew what can be made without a key; return how much."""
        level = random.choice(("naive", "own-hash", "chain", "chain-and-head"))
        if level == "naive" or at >= len(lines):
            return level
        if level == "own-hash":
            if lines[at].is_row:
                lines[at].octets = _hashed(lines[at].octets)
            return level
        _relink(lines, heads=level == "chain-and-head")
        return level

    def _made(
        self,
        kind: str,
        name: str,
        lines: list[_Line],
        *,
        rows: set[int] | None = None,
        fields: set[str] | None = None,
    ) -> Edit:
        content = b"".join(line.octets + b"\n" for line in lines)
        return self._put(kind, name, _reframed(self._files[name], content), rows=rows, fields=fields)

    def _put(
        self, kind: str, name: str, octets: bytes, *, rows: set[int] | None = None, fields: set[str] | None = None
    ) -> Edit:
        return Edit(
            kind=kind,
            files={**self._files, name: octets},
            file=name,
            rows=frozenset(rows or ()),
            fields=frozenset(fields or ()),
        )

    def _place_of(self, name: str, at: int) -> tuple[int, set[str]]:
        """Return row and field in which an octet of a file is; an empty set where it belongs to none alone."""
        _, position, end = read_around(self._files[name])
        if not position <= at < end:
            return 0, set()
        for line in self._lines[name]:
            after = position + len(line.octets) + 1
            if at < after:
                if not line.is_row:
                    return 0, set()
                for key in (*_keys(line.octets), "prev_hash", "hash"):
                    start, stop = _span(line.octets, key)
                    if position + start <= at < position + stop:
                        return line.row, {key}
                return line.row if at < after - 1 else 0, set()
            position = after
        return 0, set()


def _content(p7m: bytes) -> bytes:
    _, start, end = read_around(p7m)
    return p7m[start:end]


def _lines(content: bytes) -> list[_Line]:
    found = []
    for octets in content.split(b"\n")[:-1]:
        is_row = octets.startswith(b'{"seq":')
        found.append(_Line(octets, row=int(octets[7 : octets.index(b",")]) if is_row else 0))
    return found


def _copy(lines: list[_Line]) -> list[_Line]:
    return [_Line(line.octets, row=line.row) for line in lines]


def _keys(line: bytes) -> list[str]:
    return [key for key in json.loads(line) if key not in {"seq", "prev_hash", "hash"}]


def _span(line: bytes, key: str) -> tuple[int, int]:
    """Return where the value of a member stands."""
    start = 0
    for name, value in json.loads(line).items():
        spelt = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
        start = line.index(b'"%b":' % name.encode(), start) + len(name) + 3
        if name == key:
            return start, start + len(spelt)
        start += len(spelt)
    raise AssertionError(f"the line has no {key}")


def _other(old: bytes, random: Random) -> bytes:
    """Return another value in JSON."""
    value = json.loads(old)
    if isinstance(value, str) and value:
        at = random.randrange(len(value))
        value = value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]
    elif isinstance(value, list) and value:
        value = value[:-1]
    elif isinstance(value, list):
        value = ["altro@pec.example"]
    else:
        value = "altro"
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _hashed(line: bytes) -> bytes:
    body = line[: line.rindex(b',"hash":"')]
    return body + b',"hash":"' + sha256(body + b"}").hexdigest().encode() + b'"}'


def _relink(lines: list[_Line], *, heads: bool) -> None:
    """Number and link the rows of a file anew; with `heads` each block's record says what its rows give."""
    rows = [line for line in lines if line.is_row]
    if not rows:
        return
    number = int(json.loads(lines[0].octets)["file"]["first"])
    prev = min(rows, key=lambda line: line.row).octets
    start, end = _span(prev, "prev_hash")
    before, leaves = prev[start + 1 : end - 1], list[bytes]()
    for line in lines:
        if line.is_row:
            body = line.octets[: line.octets.rindex(b',"prev_hash":"')]
            body = b'{"seq":%d' % number + body[body.index(b",") :] + b',"prev_hash":"%b"' % before
            before = sha256(body + b"}").hexdigest().encode()
            leaves.append(bytes.fromhex(before.decode()))
            line.octets = body + b',"hash":"%b"}' % before
            number += 1
        elif line.octets.startswith(b'{"block":') and heads:
            held = json.loads(line.octets)
            held["block"] |= {
                "rows": len(leaves),
                "last": number - 1,
                "root": _root(leaves).hex(),
                "row_hash": before.decode(),
            }
            line.octets = json.dumps(held, separators=(",", ":"), ensure_ascii=False).encode()
        if not line.is_row:
            leaves = []


def _root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return sha256(b"\x00" + leaves[0]).digest() if leaves else sha256(b"").digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\x01" + _root(leaves[:half]) + _root(leaves[half:])).digest()


def _stamp(name: str) -> str:
    return name.removesuffix(".p7m") + ".tsr"


def _reframed(p7m: bytes, content: bytes) -> bytes:
    """Put another content into a seal, with lengths that fit."""
    _, _, end = read_around(p7m)
    after, identifier, data = (
        p7m[end:],
        bytes.fromhex("06092a864886f70d010702"),
        bytes.fromhex("06092a864886f70d010701"),
    )
    outline = bytes.fromhex("020101310d300b0609608648016503040201")
    inner = _tlv(0x30, data + _tlv(0xA0, _tlv(0x04, content)))
    return _tlv(0x30, identifier + _tlv(0xA0, _tlv(0x30, outline + inner + after)))


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
