"""The shelf of receipts that came in: where a holder's receipt is found again after it was delivered (LO-8).

The octets lie where they were stored when the receipt came in; the shelf says which transaction, whose, and under
which digest. A row is written in the commit of the step that took the receipt in, and left when it is there.

Where the contract keeps the hash alone, the octets of receipts that were delivered are let go after a while, in the two
steps of `store.purge`; their digest stays.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, or_, select

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.store import JobKind, ReceivedReceipt
from ceralacca.store.blobs import BlobFolder
from ceralacca.store.bulk import INSERT_RECEIPTS
from ceralacca.store.driver import Open
from ceralacca.store.engine import Database
from ceralacca.store.packs import Packs
from ceralacca.store.purge import clear_place, named_by_a_job, remove_file, say_gone
from ceralacca.store.rows import receipt_line
from ceralacca.store.tables import BLOB, INBOUND, LETTER, RECEIVED_RECEIPT


def write_receipts(connection: Open, receipts: Sequence[ReceivedReceipt]) -> None:
    """Put receipts on the shelf; what is there is left. Raises SQLAlchemyError."""
    if receipts:
        INSERT_RECEIPTS.lines(connection, list(map(receipt_line, receipts)))


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


_READERS: Final = (JobKind.SUBMISSION, JobKind.ARRIVAL, JobKind.DELIVERY, JobKind.RELAY)
_ROWS: Final = (
    MessageRow.NON_ACCEPTANCE,
    MessageRow.NON_ACCEPTANCE_VIRUS,
    MessageRow.ACCEPTANCE,
    MessageRow.DELIVERY_TIMEOUT,
    MessageRow.NON_DELIVERY_VIRUS,
    MessageRow.DELIVERY,
    MessageRow.NON_DELIVERY,
)
"""What a sender is given."""


def forget_octets(
    database: Database, blobs: BlobFolder, packs: Packs, *, before: datetime, of: Callable[[str, Address], bool]
) -> int:
    """Let go of the octets of older receipts, and return of how many; `of` says of which transaction and holder.

    Raises WorldError.

    What a job that is not finished still has to deliver or send stays.
    """
    gone = 0
    for digest, place in _older(database, before, of).items():
        if say_gone(database, digest, _is_under_way):
            gone += 1
            if blobs.has(digest):
                remove_file(database, blobs, digest)
            if place is not None:
                clear_place(database, packs, digest)
    return gone


def _older(database: Database, before: datetime, of: Callable[[str, Address], bool]) -> dict[str, str | None]:
    """Return the digests of older receipts that are here, or in a pack still, with the place of each there."""
    here = or_(BLOB.c.octets.is_(None), func.length(BLOB.c.octets) > 0, BLOB.c.place.is_not(None))
    shelf, letter = RECEIVED_RECEIPT.c, LETTER.c
    received = select(shelf.digest, shelf.identifier, shelf.holder, BLOB.c.place).join(BLOB)
    issued = select(letter.digest, letter.identifier, letter.forward_paths, BLOB.c.place).join(BLOB)
    issued = issued.where(letter.row.in_(_ROWS))
    with database.reading() as connection:
        came = connection.execute(received.where(shelf.instant < before, here)).all()
        went = connection.execute(issued.where(letter.instant < before, here)).all()
    found = [row for row in came if of(row.identifier, row.holder)]
    found += [row for row in went if all(of(row.identifier, path) for path in row.forward_paths)]
    return {row.digest: row.place for row in found}


def _is_under_way(connection: Connection, digest: str) -> bool:
    keys = [
        *connection.scalars(select(INBOUND.c.key).where(INBOUND.c.digest == digest)),
        *connection.scalars(select(LETTER.c.key).where(LETTER.c.digest == digest)),
    ]
    return named_by_a_job(connection, keys, _READERS)
