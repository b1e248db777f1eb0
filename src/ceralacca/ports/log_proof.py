"""What verifying a sealed log asks of whoever knows keys: opening seals, and judging time stamps (LO-4 to LO-6).

The real ones are `trust.log_reading`; they need neither network nor database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFinding:
    """What is known of one seal."""

    holds: bool
    """Digest and signature hold, and nothing that could be judged speaks against the signer."""
    judged: bool
    """Its signer's certificate leads to a given anchor, and was not revoked."""
    reason: str = ""
    """Why it does not hold, or could not be judged: a code."""
    signer: str = ""
    """SHA-256 of the signer's certificate."""
    name: str = ""
    """Subject of the certificate."""
    instant: datetime | None = None
    """When it says it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecord:
    """A sealed head."""

    record: bytes
    """What is inside; worth something when the seal holds."""
    seal: SealFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFile:
    """A sealed file, whose content is not copied."""

    start: int
    end: int
    """Where the content stands."""
    seal: SealFinding | None
    """None: no CMS that can be read; then the content is where it seems to be."""
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StampFinding:
    """What is known of one time stamp."""

    holds: bool
    judged: bool
    instant: datetime | None = None
    reason: str = ""
    """`imprint`: it is over something else."""
    evidence: Mapping[str, str] = field(default_factory=dict)


class OpensLog(Protocol):
    """Opens seals and stamps. Raises nothing for what it finds."""

    def record(self, p7m: bytes, /) -> OpenedRecord | None:
        """Open the seal of a head; None when it is no CMS."""
        ...

    def file(self, octets: bytes, /) -> OpenedFile:
        """Look at a whole file, which may be a mapped one."""
        ...

    def stamp(self, reply: bytes, digest: bytes, /) -> StampFinding:
        """Judge the stamp over a SHA-256."""
        ...
