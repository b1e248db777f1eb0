"""The domains that we serve and their mailboxes, as records; the mail itself lies with the mail store."""

from datetime import date, datetime

from sqlalchemy import bindparam, insert, select, update

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import MailboxRecord, OrdinaryMail
from ceralacca.store.driver import Open
from ceralacca.store.engine import Database
from ceralacca.store.prepared import Prepared
from ceralacca.store.rows import mailbox_values, read_mailbox
from ceralacca.store.tables import DOMAIN, MAILBOX

_DOMAINS = Prepared(select(DOMAIN.c.name))
_MAILBOX = Prepared(select(MAILBOX).where(MAILBOX.c.address_key == bindparam("wanted")))


def domains(database: Database) -> frozenset[str]:
    """Return the domains that we serve."""
    with database.direct_reading() as connection:
        return read_domains(connection)


def read_domains(connection: Open) -> frozenset[str]:
    """Return the domains that we serve, in an open transaction."""
    return frozenset(row.name for row in _DOMAINS.all(connection))


def add_domain(database: Database, domain: str, *, now: datetime) -> None:
    """Serve a domain; harmless when it is served already. Raises Raced."""
    name = domain.lower()
    with database.transaction() as connection:
        if connection.scalar(select(DOMAIN.c.name).where(DOMAIN.c.name == name)) is None:
            connection.execute(insert(DOMAIN).values(name=name, created=now))


def mailbox(database: Database, address: Address) -> MailboxRecord | None:
    """Return a mailbox."""
    with database.direct_reading() as connection:
        row = _MAILBOX.first(connection, wanted=address.key)
    return None if row is None else read_mailbox(row)


def mailboxes(database: Database, domain: str | None) -> list[MailboxRecord]:
    """Return mailboxes by address, of one domain or of all."""
    query = select(MAILBOX)
    if domain is not None:
        query = query.where(MAILBOX.c.domain == domain)
    with database.reading() as connection:
        found = [read_mailbox(row) for row in connection.execute(query)]
    return sorted(found, key=lambda each: each.address.key)  # not as the database's language has it


def ending(database: Database, first: date, last: date) -> list[MailboxRecord]:
    """Return the mailboxes whose last day is one of those, by address."""
    with database.reading() as connection:
        rows = connection.execute(select(MAILBOX).where(MAILBOX.c.ends.between(first, last)))
        return sorted((read_mailbox(row) for row in rows), key=lambda each: each.address.key)


def set_end(database: Database, address: Address, ends: date | None) -> None:
    """Change the last day of a mailbox. Raises UserError."""
    _change(database, address, ends=ends)


def set_ordinary_mail(database: Database, address: Address, way: OrdinaryMail, forward_to: Address | None) -> None:
    """Change what becomes of ordinary mail for a mailbox. Raises UserError, ValueError."""
    MailboxRecord(address=address, ordinary_mail=way, forward_to=forward_to)  # what goes together
    _change(database, address, ordinary_mail=way, forward_to=forward_to)


def _change(database: Database, address: Address, **values: object) -> None:
    change = update(MAILBOX).where(MAILBOX.c.address_key == address.key).values(values)
    with database.transaction() as connection:
        if connection.execute(change).rowcount == 0:
            raise UserError("there is no such mailbox", remedy="pec mailbox list shows them")


def put_mailbox(database: Database, record: MailboxRecord, *, now: datetime) -> None:
    """Add or change a mailbox; `created` and `ends` stay what they were. Raises UserError, Raced."""
    values = mailbox_values(record, record.created or now)
    with database.transaction() as connection:
        if connection.scalar(select(DOMAIN.c.name).where(DOMAIN.c.name == record.address.domain)) is None:
            raise UserError("the domain of the mailbox is not served", remedy="add the domain first")
        kept = {name: value for name, value in values.items() if name not in {"created", "ends"}}
        change = update(MAILBOX).where(MAILBOX.c.address_key == record.address.key).values(kept)
        if connection.execute(change).rowcount == 0:
            connection.execute(insert(MAILBOX).values(values))
