"""The gate before the seal: a draft becomes `Sealable` only after it has been read back (GE-1).

The composers made the draft; here it is read as a stranger would read it, by rules that share no
code with them. `trust.sealer` takes a `Sealable` and nothing else, and only `examine` makes one.
"""

from dataclasses import InitVar, dataclass
from typing import Final

from ceralacca.base.errors import OurError
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.lint import certification, headers, structure, text
from ceralacca.lint.reading import Reading
from ceralacca.lint.rule import Finding, Rule

_TOKEN: Final = object()

RULES: Final[tuple[Rule, ...]] = (
    *headers.FAMILY.rules,
    *structure.FAMILY.rules,
    *certification.FAMILY.rules,
    *text.FAMILY.rules,
)
"""Every rule for what we emit, in the order in which they run."""


_OF_ROW: Final = {row: tuple(rule for rule in RULES if row in rule.rows) for row in MessageRow}


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
    reading = Reading.of(draft)
    return tuple(
        Finding(rule=rule.name, requirements=rule.requirements, evidence=evidence)
        for rule in _OF_ROW[draft.row]
        for evidence in rule.check(reading)
    )


def examine(draft: Draft) -> Sealable:
    """Read the draft back and return the proof that it may be sealed.

    Raises LintRefusal when any rule has a finding.
    """
    findings = findings_in(draft)
    if findings:
        raise LintRefusal(draft, findings)
    return Sealable(draft, _TOKEN)
