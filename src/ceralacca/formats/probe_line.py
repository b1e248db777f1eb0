"""One line of a probe's raw evidence: a loop as JSON, chained to the line before it by SHA-256.

Evidence must show when it was touched later: each line names the digest of the line before, across files, so that a
seal over the last line of a day is a seal over all of them. A line that a cut has torn stays where it is, and the
next one names it as it stands.

Clauses: SL-2, SL-3.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from ceralacca.base.errors import PeerError
from ceralacca.core.availability import Function, Loop, Tried

_VERSION = 1
_MOST_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLine:
    """A loop, and the digest of the line before it."""

    loop: Loop
    previous: str
    """Hexadecimal; empty for the first line of all."""


class UnreadableEvidence(PeerError):
    """A line is no evidence of ours: torn, or written by somebody else."""


def digest(line: bytes) -> str:
    """Return by what the next line names this one; `line` without its end."""
    return sha256(line).hexdigest()


def write_line(loop: Loop, previous: str) -> bytes:
    """Return the line, without its end."""
    tried = {function.value: _written(one) for function, one in loop.tried.items()}
    at = loop.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    words = {"v": _VERSION, "probe": loop.probe, "at": at, "tried": tried, "prev": previous}
    return json.dumps(words, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _written(one: Tried) -> dict[str, object]:
    words: dict[str, object] = {"ok": one.ok}
    if one.seconds is not None:
        words["s"] = round(one.seconds, 4)
    if one.reason:
        words["why"] = one.reason[:_MOST_REASON]
    return words


def read_line(line: bytes) -> EvidenceLine:
    """Read a line, without its end. Raises UnreadableEvidence."""
    try:
        words = json.loads(line)
        if words["v"] != _VERSION:
            raise UnreadableEvidence(f"evidence of version {words['v']!r}", remedy="use the release that wrote it")
        at = _instant(words["at"])
        tried = {Function(name): _tried(one) for name, one in words["tried"].items()}
        return EvidenceLine(loop=Loop(probe=str(words["probe"]), at=at, tried=tried), previous=str(words["prev"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableEvidence("not a line of probe evidence", remedy="it may be torn by a power cut") from error


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return at


def _tried(words: dict[str, object]) -> Tried:
    seconds = words.get("s")
    if not isinstance(words["ok"], bool) or not (seconds is None or isinstance(seconds, int | float)):
        raise ValueError("not what was tried")
    return Tried(ok=words["ok"], seconds=seconds, reason=str(words.get("why", "")))
