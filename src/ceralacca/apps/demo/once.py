"""`pec demo --once`: every scenario in turn, each with its outcome; one that fails does not stop the others."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ceralacca.apps.demo.scenarios import SCENARIOS, Scenario
from ceralacca.apps.demo.stage import Stage, Unexpected
from ceralacca.base.errors import PecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one scenario went."""

    scenario: Scenario
    rows: dict[int, int]
    """How many messages of each row of table 1.1 came; 0 is ordinary mail."""
    faults: tuple[str, ...]
    """Empty when it holds."""
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether everything was as it must be."""
        return not self.faults


def play_all(
    stage: Stage, *, done: Callable[[Outcome], None] = lambda _: None, scenarios: tuple[Scenario, ...] = SCENARIOS
) -> list[Outcome]:
    """Play every scenario; call back after each."""
    outcomes = []
    for scenario in scenarios:
        outcome = play_one(stage, scenario)
        outcomes.append(outcome)
        done(outcome)
    return outcomes


def play_one(stage: Stage, scenario: Scenario) -> Outcome:
    """Play one scenario; whatever goes wrong is its outcome."""
    begun = time.monotonic()
    stage.rows.clear()
    stage.faults.clear()
    wrong: list[str] = []
    try:
        scenario.play(stage)
    except Unexpected as unexpected:
        wrong.append(str(unexpected))
    except (PecError, OSError) as error:
        wrong.append(f"{type(error).__name__}: {error}")
    if wrong:
        wrong += _cleared(stage)
    return Outcome(
        scenario=scenario,
        rows=dict(sorted(stage.rows.items())),
        faults=(*wrong, *stage.faults),
        seconds=time.monotonic() - begun,
    )


def _cleared(stage: Stage) -> list[str]:
    """Let what is on its way arrive, so that the next scenario does not find it."""
    try:
        stage.lookout.rest()
    except (PecError, OSError) as error:
        return [str(error)]
    return []
