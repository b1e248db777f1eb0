"""What a command leaves in the audit trail: who gave it, why, and how it ended.

    with audited(store, AuditAct.MAILBOX_CLOSED, "pec mailbox close", mailbox=holder, why=Why(purpose, ticket)):
        store.put_mailbox(...)

A change is recorded when it has ended, well or not. What only shows something is recorded before it is shown
(`told_beforehand`), so that nobody reads and leaves no trace.

Clauses: SE-3, SE-4, LO-8.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import UserError

if TYPE_CHECKING:
    from ceralacca.apps.auditing import What
    from ceralacca.core.model.audit import AuditAct, AuditOutcome
    from ceralacca.store.database import DatabaseStore

Purpose = Annotated[str, typer.Option(help="Why, in a few words: kept in the audit trail.", metavar="TEXT")]
Ticket = Annotated[str, typer.Option(help="Number of the request that it answers: kept beside it.", metavar="NUMBER")]


@dataclass(frozen=True, slots=True)
class Why:
    """What whoever gives a command says of its reason."""

    purpose: str = ""
    ticket: str = ""


@contextmanager
def audited(
    store: "DatabaseStore", act: "AuditAct", command: str, why: Why | None = None, **what: "Unpack[What]"
) -> Iterator[None]:
    """Record what is done inside when it has ended: done, refused, or failed. Raises WorldError."""
    from ceralacca.core.model.audit import AuditOutcome  # noqa: PLC0415 `pec --help` waits for nobody

    try:
        yield
    except UserError:
        _record(store, act, command, why, AuditOutcome.REFUSED, what)
        raise
    except BaseException:
        _record(store, act, command, why, AuditOutcome.FAILED, what)
        raise
    _record(store, act, command, why, AuditOutcome.DONE, what)


def told_beforehand(
    store: "DatabaseStore", act: "AuditAct", command: str, why: Why | None = None, **what: "Unpack[What]"
) -> None:
    """Record that something is about to be shown or handed out. Raises WorldError: then it is not to be shown."""
    from ceralacca.core.model.audit import AuditOutcome  # noqa: PLC0415

    _record(store, act, command, why, AuditOutcome.DONE, what)


def _record(
    store: "DatabaseStore", act: "AuditAct", command: str, why: Why | None, outcome: "AuditOutcome", what: "What"
) -> None:
    from ceralacca.apps.auditing import by_staff  # noqa: PLC0415

    why = why or Why()
    all_of_it: What = {**what, "outcome": outcome, "purpose": why.purpose, "ticket": why.ticket}
    store.audit.record(by_staff(act, command, SystemClock().now(), **all_of_it))
