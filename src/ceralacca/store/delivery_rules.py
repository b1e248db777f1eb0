"""Rules of mailboxes as rows: a `ports.delivery_rules.RuleBooks` of the database.

A version is a row of its own and one row for each rule. It is written once, in one transaction; whoever comes second
with the same number has lost and is told. Old versions go when new ones come.

Clauses: DP-8.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from ceralacca.core.delivery_rules import MessageSort, Rule
from ceralacca.core.model.address import Address
from ceralacca.ports.delivery_rules import VERSIONS_KEPT, RuleBook, RulesChanged
from ceralacca.store.engine import Database, until_won
from ceralacca.store.prepared import Prepared, Record, among
from ceralacca.store.tables import DELIVERY_RULE, DELIVERY_RULES

_B, _R = DELIVERY_RULES.c, DELIVERY_RULE.c
_LAST = select(func.max(_B.version)).where(_B.mailbox_key == bindparam("whose"))
_VERSION = select(DELIVERY_RULES).where(_B.mailbox_key == bindparam("whose"), _B.version == bindparam("which"))
_RULES = (
    select(DELIVERY_RULE)
    .where(_R.mailbox_key == bindparam("whose"), _R.version == bindparam("which"))
    .order_by(_R.position)
)
_NEWEST = (
    select(_B.mailbox_key, func.max(_B.version).label("version"))
    .where(among(_B.mailbox_key, "wanted"))
    .group_by(_B.mailbox_key)
    .subquery()
)
NEWEST_RULES: Final = Prepared(
    select(DELIVERY_RULE)
    .join(_NEWEST, (_R.mailbox_key == _NEWEST.c.mailbox_key) & (_R.version == _NEWEST.c.version))
    .order_by(_R.mailbox_key, _R.position)
)
"""The rows of the present rules of the mailboxes `wanted`, in their order."""


class StoredRuleBooks:
    """Keeps rules in a provider's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, mailbox: Address) -> RuleBook:
        """Return the rules of a mailbox as they are now. Raises WorldError."""
        with self._database.reading() as connection:
            last = connection.scalar(_LAST, {"whose": mailbox.key})
            return _book(connection, mailbox, last or 0) or RuleBook(mailbox=mailbox)

    def earlier(self, mailbox: Address, version: int) -> RuleBook | None:
        """Return an earlier version. Raises WorldError."""
        with self._database.reading() as connection:
            if version == 0 and (connection.scalar(_LAST, {"whose": mailbox.key}) or 0) <= VERSIONS_KEPT:
                return RuleBook(mailbox=mailbox)
            return _book(connection, mailbox, version)

    def change(self, book: RuleBook, *, now: datetime) -> RuleBook:
        """Make the next version. Raises RulesChanged, WorldError."""
        key, version = book.mailbox.key, book.version + 1

        def store() -> None:
            with self._database.transaction() as connection:
                if (connection.scalar(_LAST, {"whose": key}) or 0) != book.version:
                    raise RulesChanged
                head = {"mailbox_key": key, "version": version, "mailbox": book.mailbox, "made": now}
                connection.execute(insert(DELIVERY_RULES).values(head))
                rows = [_values(key, version, at, rule) for at, rule in enumerate(book.rules)]
                if rows:
                    connection.execute(insert(DELIVERY_RULE), rows)
                for table in (DELIVERY_RULE, DELIVERY_RULES):
                    old = (table.c.mailbox_key == key, table.c.version <= version - VERSIONS_KEPT)
                    connection.execute(delete(table).where(*old))

        until_won(store)
        return RuleBook(mailbox=book.mailbox, version=version, rules=book.rules, made=now)


def rules_of(rows: Iterable[Record]) -> tuple[Rule, ...]:
    """Read rules. Raises InvalidRule or ValueError for rows that another release wrote and this one cannot read."""
    return tuple(_rule(row) for row in rows)


def read_rules(database: Database, mailbox: Address) -> tuple[Rule, ...]:
    """Return the present rules of one mailbox. Raises WorldError, and what `rules_of` raises."""
    with database.direct_reading() as connection:
        return rules_of(NEWEST_RULES.all(connection, wanted=[mailbox.key]))


def _book(connection: Connection, mailbox: Address, version: int) -> RuleBook | None:
    named = {"whose": mailbox.key, "which": version}
    head = connection.execute(_VERSION, named).first()
    if head is None:
        return None
    rules = rules_of(connection.execute(_RULES, named))
    return RuleBook(mailbox=head.mailbox, version=head.version, rules=rules, made=head.made)


def _values(key: str, version: int, position: int, rule: Rule) -> dict[str, Any]:
    return {
        "mailbox_key": key,
        "version": version,
        "position": position,
        "key": rule.key,
        "name": rule.name,
        "folder": rule.folder,
        "sorts": " ".join(sorted(rule.sorts)),
        "sender": rule.sender,
        "recipient": rule.recipient,
        "subject": rule.subject,
        "at_least": rule.at_least,
        "at_most": rule.at_most,
        "files": rule.files,
        "active": rule.active,
    }


def _rule(row: Record) -> Rule:
    return Rule(
        key=row.key,
        name=row.name,
        folder=row.folder,
        sorts=frozenset(map(MessageSort, row.sorts.split())),
        sender=row.sender,
        recipient=row.recipient,
        subject=row.subject,
        at_least=row.at_least,
        at_most=row.at_most,
        files=row.files,
        active=row.active,
    )
