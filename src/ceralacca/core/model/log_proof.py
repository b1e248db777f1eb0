"""What is wrong with a sealed log, and where: file, block, row, field (LO-5).

A finding is a value with a code; its sentence is `apps.cli.language`.
"""

import dataclasses
from collections.abc import Mapping
from enum import StrEnum


class LogFault(StrEnum):
    """What can be wrong."""

    UNREADABLE = "unreadable"
    """No sealed log file, or cut short: what is readable of it was looked at all the same."""
    FILE_SEAL = "file-seal"
    """The seal over the whole file does not hold; `evidence` has the reason."""
    FILE_HEAD = "file-head"
    """A member of the first line is not what was signed."""
    BLOCK_HEAD = "block-head"
    """A member of the line after a block's rows is not what was signed."""
    BLOCK_MISSING = "block-missing"
    BLOCK_MOVED = "block-moved"
    """A block that does not belong where it stands, or stands there twice."""
    ROW_ALTERED = "row-altered"
    ROW_DELETED = "row-deleted"
    ROW_INSERTED = "row-inserted"
    ROW_MOVED = "row-moved"
    ROWS_DIFFER = "rows-differ"
    """The rows of a block are not those that were sealed, and nothing is left to say which."""
    FILE_MISSING = "file-missing"
    FILE_MOVED = "file-moved"
    """A file that is there twice, or is of another log than the others."""
    CHAIN_BROKEN = "chain-broken"
    """A file does not name the file before it by its hash, or does not begin where that one ends."""
    STAMP_MISSING = "stamp-missing"
    STAMP_FOREIGN = "stamp-foreign"
    """The time stamp is over another file, or this file over another content than was stamped."""
    STAMP_BAD = "stamp-bad"
    WITNESS_DIFFERS = "witness-differs"
    """A witness has another block of this number."""
    WITNESS_AHEAD = "witness-ahead"
    """A witness has blocks that no file given here has, and whose time has come."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LogFinding:
    """One thing that is wrong."""

    fault: LogFault
    file: str
    """Name of the file."""
    block: int | None = None
    row: int | None = None
    """Number of the row, as it was sealed."""
    field: str = ""
    """Member of the line: of a row, or of a head; `seal` and `marks` are members of heads."""
    evidence: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LogRemark:
    """Something to know that is no fault: a late stamp, rows before the first file, a seal that could not be judged."""

    code: str
    file: str
    evidence: Mapping[str, str] = dataclasses.field(default_factory=dict)
