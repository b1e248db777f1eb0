"""The gate before the seal: a draft becomes `Sealable` only after it has been read back (GE-1).

The composers made the draft; here it is read as a stranger would read it, by rules that share no
code with them. `trust.sealer` takes a `Sealable` and nothing else, and only `examine` makes one.
"""

from dataclasses import InitVar, dataclass
from functools import lru_cache
from typing import Final

from ceralacca.base.errors import OurError
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.lint import certification, headers, structure, text
from ceralacca.lint.expected import is_expected
from ceralacca.lint.reading import Reading, Shape
from ceralacca.lint.rule import Finding, Rule

_TOKEN: Final = object()

RULES: Final[tuple[Rule, ...]] = (
    *headers.FAMILY.rules,
    *structure.FAMILY.rules,
    *structure.HTML.rules,
    *certification.MARKUP.rules,
    *certification.FAMILY.rules,
    *text.FAMILY.rules,
)
"""Every rule for what we emit, in the order in which they run."""


@lru_cache
def _rules(
    row: MessageRow, *, sound: bool = False, expected: bool = False, html: bool = True, valid: bool = False
) -> tuple[Rule, ...]:
    """Return the rules of the row that can have findings, knowing so much of a message."""
    return tuple(
        rule
        for rule in RULES
        if row in rule.rows
        and not (sound and rule.shape_check is not None)
        and not (expected and rule in headers.FAMILY.rules)
        and not (not html and rule in structure.HTML.rules)
        and not (valid and rule in certification.MARKUP.rules)
    )


class LintRefusal(OurError):
    """The composers made something that must not be sealed; `findings` say what."""

    def __init__(self, draft: Draft, findings: tuple[Finding, ...]) -> None:
        listed = "; ".join(str(finding) for finding in findings)
        super().__init__(
            f"the draft of a {draft.row.name} message breaks {len(findings)} rule(s): {listed}",
            remedy="Report it with the names of the rules: the message was not sealed and nothing was sent.",
        )
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Sealable:
    """A draft that has passed every rule. Only `examine` can make one."""

    draft: Draft
    token: InitVar[object]

    def __post_init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise OurError("a Sealable is made by lint.sealable.examine and by nothing else")


def findings_in(draft: Draft) -> tuple[Finding, ...]:
    """Run every rule of the row over the draft and return all that they found."""
    reading = Reading(draft)
    certified = reading.certified
    rules = _rules(
        draft.row,
        sound=_is_sound(reading.shape),
        expected=is_expected(reading),
        html=reading.html is not None,
        valid=certified is not None and certified.plain and certified.markup.valid,
    )
    return tuple(
        [
            Finding(rule=rule.name, requirements=rule.requirements, evidence=evidence)
            for rule in rules
            for evidence in rule.check(reading)
        ]
    )


@lru_cache(maxsize=256)
def _is_sound(shape: Shape) -> bool:
    """Tell whether no rule that looks at shapes has a finding in one; most messages are of few shapes."""
    checks = [rule.shape_check for rule in _rules(shape.row) if rule.shape_check]
    return not any(evidence for check in checks for evidence in check(shape))


def examine(draft: Draft) -> Sealable:
    """Read the draft back and return the proof that it may be sealed.

    Raises LintRefusal when any rule has a finding.
    """
    findings = findings_in(draft)
    if findings:
        raise LintRefusal(draft, findings)
    return Sealable(draft, _TOKEN)
