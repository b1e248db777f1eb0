"""Room beside a frozen value for what is made of it once: several messages say the same of one original.

What is made belongs to this very instance and ends with it, so that two that are equal and spelled differently never
share it, and nothing grows.
"""

from collections.abc import Callable
from typing import Any, Self, TypeVar

_Made = TypeVar("_Made")


class Once:
    """A frozen value that remembers what pure functions have made of it."""

    __slots__ = ("_made",)
    _made: dict[Callable[[Any], Any], Any]

    def once(self, make: Callable[[Self], _Made]) -> _Made:
        """Return what a function of the value returns; it is called for this instance once."""
        try:
            made = self._made
        except AttributeError:
            object.__setattr__(self, "_made", made := {})
        if make not in made:
            made[make] = make(self)
        found: _Made = made[make]
        return found
