"""What a block and a file say of themselves, as the records that are signed, and the lines that hold them (LO-4, LO-6).

`{"file":{...},"seal":"..."}` is the first line of a file; `{"block":{...},"marks":"...","seal":"..."}` stands
after the rows of each block. A seal is base64 of a CMS SignedData whose content is the record before it,
to the octet: so `openssl cms -verify` opens it, and whoever changes the record is seen there as well.
"""

import base64
from hashlib import sha256

from ceralacca.core.log_chain import BlockHead, FileHead
from ceralacca.formats.log_file.canonical import instant_text, object_text, octets
from ceralacca.formats.log_file.chain import marks_text

FORMAT = "ceralacca-log-1"
"""Named in the first line of each file; another name is another format."""


def block_record(head: BlockHead) -> bytes:
    """Return the record of a block: what is signed, and hashed for the next one."""
    return _record(
        ("ledger", head.ledger.value),
        ("number", head.number),
        ("node", head.node),
        ("sealed", instant_text(head.sealed)),
        ("first", head.first),
        ("last", head.last),
        ("rows", head.rows),
        ("root", head.root),
        ("row_hash", head.row_hash),
        ("marks", head.marks),
        ("prev_hash", head.prev_hash),
    )


def file_record(head: FileHead) -> bytes:
    """Return the record of a file."""
    return _record(
        ("format", FORMAT),
        ("ledger", head.ledger.value),
        ("number", head.number),
        ("node", head.node),
        ("from", instant_text(head.period.start)),
        ("until", instant_text(head.period.until)),
        ("sealed", instant_text(head.sealed)),
        ("first", head.first),
        ("last", head.last),
        ("rows", head.rows),
        ("blocks", [[one.number, one.first, one.rows, one.root] for one in head.blocks]),
        ("prev_hash", head.prev_hash),
    )


def record_hash(record: bytes) -> str:
    """Return the hash by which the next block names this one."""
    return sha256(record).hexdigest()


def file_line(record: bytes, seal: bytes) -> bytes:
    """Return the first line of a file."""
    return b'{"file":%b,"seal":"%b"}\n' % (record, base64.b64encode(seal))


def block_line(record: bytes, marks: bytes, seal: bytes) -> bytes:
    """Return the line after the rows of a block."""
    return b'{"block":%b,"marks":"%b","seal":"%b"}\n' % (record, marks_text(marks).encode(), base64.b64encode(seal))


def _record(*members: tuple[str, object]) -> bytes:
    return octets(object_text(members))
