"""What a lint rule is: one thing to see in a finished message, with the clauses that ask for it.

A rule looks and says what it saw; it never mends, and it does not raise for whatever the message
holds. Rules of one family live in one module (`headers`, `structure`, `certification`, `text`);
`sealable` runs them all.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import wraps

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.reading import Reading, Shape

Check = Callable[[Reading], Iterable[str]]
"""Yields one short piece of evidence for each violation; yields nothing when all is well."""
ShapeCheck = Callable[[Shape], Iterable[str]]
"""As a Check, of what is seen in the shape alone."""


EVERY_ROW = frozenset(MessageRow)
CERTIFIED_ROWS = EVERY_ROW - {MessageRow.ANOMALY_ENVELOPE}
"""The rows with certification data: all but one (GE-16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One violation: which rule, which clauses, what was seen (never the content of the message)."""

    rule: str
    requirements: tuple[str, ...]
    evidence: str

    def __str__(self) -> str:
        return f"{self.rule} ({', '.join(self.requirements)}): {self.evidence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule with its stable name."""

    name: str
    requirements: tuple[str, ...]
    rows: frozenset[MessageRow]
    """The rows that it is about: it is asked of no other."""
    check: Check
    shape_check: ShapeCheck | None = None
    """The check, when it looks at the shape alone: one judgement serves all messages of that shape."""


@dataclass(frozen=True, slots=True)
class Family:
    """The rules of one module, in the order in which they are written."""

    rules: list[Rule] = field(default_factory=list)

    def rule(self, name: str, *requirements: str, rows: Collection[MessageRow] = EVERY_ROW) -> Callable[[Check], Check]:
        """Add the decorated check to the family under a stable name."""

        def add(check: Check) -> Check:
            self.rules.append(Rule(name=name, requirements=requirements, rows=frozenset(rows), check=check))
            return check

        return add

    def shape_rule(
        self, name: str, *requirements: str, rows: Collection[MessageRow] = EVERY_ROW
    ) -> Callable[[ShapeCheck], ShapeCheck]:
        """Add the decorated check of shapes to the family under a stable name."""

        def add(shape_check: ShapeCheck) -> ShapeCheck:
            @wraps(shape_check)
            def check(reading: Reading) -> Iterable[str]:
                return shape_check(reading.shape)

            self.rules.append(
                Rule(name=name, requirements=requirements, rows=frozenset(rows), check=check, shape_check=shape_check)
            )
            return shape_check

        return add
