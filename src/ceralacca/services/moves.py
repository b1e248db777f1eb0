"""What the steps of a batch make of the states of a message, for those that come after them in the batch.

The taking in charge of a message and its delivery receipt often arrive together. Decided on the same state, the second
would be stale, and the whole batch would be written once more. So each step sees the states as those before it in its
batch leave them: commits are applied in that order. It is a hope and no more, so its own commit names each such state,
also one that it leaves alone: where a commit before it comes to nothing, the step is stale and is decided again.

Clauses: 1.3, IP-19; invariants 1 to 5 of ARCHITECTURE.md.
"""

from collections.abc import Iterable, Mapping

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import Commit, Job, StateChange


class Moves:
    """The states that a batch moves, by the place of the job that moves them."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._places = {job.id: place for place, job in enumerate(jobs)}
        self._changes: dict[str, list[tuple[int, StateChange]]] = {}

    def add(self, commit: Commit) -> None:
        """Learn what a job of the batch has decided; jobs may come in any order."""
        if commit.states:
            assert commit.done is not None, "a step finishes its job"
            place = self._places[commit.done]
            for change in commit.states:
                self._changes.setdefault(change.identifier, []).append((place, change))

    def before(self, job: Job, identifier: str) -> Mapping[Address, RecipientState]:
        """Return where the jobs before this one leave recipients of a message."""
        changes = self._changes.get(identifier)
        if changes is None:
            return {}
        place = self._places[job.id]
        earlier = sorted([each for each in changes if each[0] < place], key=lambda each: each[0])
        return {change.recipient: change.after for _, change in earlier}
