"""The shelf of receipts that came in: where a holder's receipt is found again after it was delivered (LO-8).

The octets lie where they were stored when the receipt came in; the shelf says which transaction, whose, and under
which digest. A row is written in the commit of the step that took the receipt in, and left when it is there.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.store import ReceivedReceipt
from ceralacca.store.bulk import insert_rows
from ceralacca.store.engine import Database
from ceralacca.store.tables import BLOB, RECEIVED_RECEIPT


def write_receipts(connection: Connection, receipts: Sequence[ReceivedReceipt]) -> None:
    """Put receipts on the shelf; what is there is left. Raises SQLAlchemyError."""
    rows = [
        {
            "identifier": one.identifier,
            "holder_key": one.holder.key,
            "digest": one.digest,
            "holder": one.holder,
            "message_id": one.message_id,
            "kind": one.kind,
            "instant": one.instant,
        }
        for one in receipts
    ]
    if rows:
        insert_rows(connection, RECEIVED_RECEIPT, rows, or_leave=True)


def received_receipts(database: Database, identifier: str, holder: Address) -> list[ReceivedReceipt]:
    """Return what came in for a holder about one transaction, oldest first."""
    column = RECEIVED_RECEIPT.c
    wanted = select(RECEIVED_RECEIPT).where(column.identifier == identifier, column.holder_key == holder.key)
    with database.reading() as connection:
        rows = connection.execute(wanted.order_by(column.instant, column.digest)).all()
    return [
        ReceivedReceipt(
            identifier=identifier,
            holder=row.holder,
            digest=row.digest,
            message_id=row.message_id,
            kind=row.kind,
            instant=row.instant,
        )
        for row in rows
    ]


def size_of(database: Database, digest: str) -> tuple[int, bool]:
    """Return how many octets have this digest, and whether they are still here. Raises WorldError for none."""
    gone = (func.coalesce(func.length(BLOB.c.octets), 1) == 0) & (BLOB.c.size > 0)
    with database.reading() as connection:
        row = connection.execute(select(BLOB.c.size, gone.label("gone")).where(BLOB.c.digest == digest)).first()
    if row is None:
        raise WorldError("stored octets are missing", remedy="restore them from a backup")
    return row.size, not row.gone
