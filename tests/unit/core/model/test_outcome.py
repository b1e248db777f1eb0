"""What a report on a seal says of itself."""

import pytest

from ceralacca.core.model.outcome import Mark, SealReport, SealStep, SealVerdict, StepOutcome


def step(name: str, mark: Mark, reason: str = "") -> StepOutcome:
    return StepOutcome(step=name, mark=mark, requirements=("IP-8",), reason=reason)


@pytest.mark.requirement("TO-21")
@pytest.mark.parametrize("verdict", SealVerdict)
def test_only_two_verdicts_are_a_claim(verdict):
    assert SealReport(verdict=verdict, steps=()).good == (verdict in {"valid", "valid-when-signed"})


@pytest.mark.requirement("TO-21")
def test_the_reason_is_the_first_failure_or_else_the_first_doubt():
    unknown = step(SealStep.REVOCATION, Mark.UNKNOWN, "revocation-unknown")
    failed = step(SealStep.DIRECTORY, Mark.FAILED, "not-in-directory")
    passed = step(SealStep.SHAPE, Mark.PASSED)
    assert SealReport(verdict=SealVerdict.NOT_IN_DIRECTORY, steps=(passed, unknown, failed)).reason == (
        "not-in-directory"
    )
    assert SealReport(verdict=SealVerdict.INDETERMINATE, steps=(passed, unknown)).reason == "revocation-unknown"
    assert not SealReport(verdict=SealVerdict.VALID, steps=(passed,)).reason
