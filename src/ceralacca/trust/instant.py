"""For which instant a seal is judged: the three questions that can be asked about time (IP-8, TO-21)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InstantRule(StrEnum):
    """For which instant path, revocation and validity are judged."""

    SIGNING = "signing"
    """The signing time that the seal says, then the present to tell what has changed since (TO-21): archives."""
    NOW = "now"
    """The present: reception (IP-8)."""
    GIVEN = "given"
    """An instant that somebody asks about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAt:
    """The rule with the instants that it needs; time is always given, never taken (TI-12)."""

    rule: InstantRule
    present: datetime
    given: datetime | None = None

    @classmethod
    def signing(cls, present: datetime) -> "JudgedAt":
        """Judge for the signing time; `present` is what tells valid from valid when signed."""
        return cls(rule=InstantRule.SIGNING, present=present)

    @classmethod
    def now(cls, present: datetime) -> "JudgedAt":
        """Judge for the moment of reception (IP-8)."""
        return cls(rule=InstantRule.NOW, present=present)

    @classmethod
    def instant(cls, given: datetime, *, present: datetime | None = None) -> "JudgedAt":
        """Judge for an instant that was asked for."""
        return cls(rule=InstantRule.GIVEN, present=present or given, given=given)
