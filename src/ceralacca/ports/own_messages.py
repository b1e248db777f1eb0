"""What a holder may read of the store: the messages that were accepted from one sender, and nothing of anybody else.

Clauses: LO-8 (own rows only), SE-3.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from ceralacca.core.model.address import Address
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import SentMessage


class OwnMessages(Protocol):
    """Reads by sender. Safe between threads; every call may raise WorldError."""

    def sent(
        self,
        sender: Address,
        *,
        limit: int,
        before: datetime | None = None,
        since: datetime | None = None,
        containing: str = "",
        states: Collection[RecipientState] = (),
    ) -> Sequence[SentMessage]:
        """Return messages accepted from a sender, the newest first, within the instants given: `since <= x < before`.

        `containing` narrows to those whose subject, recipients or identifier hold the text, in any case of letters;
        `states` to those that stand so for one recipient at least.
        """
        ...
