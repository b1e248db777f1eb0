"""What is certified of a month of the log that is deleted: one line of JSON, to be signed (LO-5).

Whoever finds a gap in the log reads here that it is none: what went, when, why and under which seals it had stood. The
sealed files are named with their digests, so that a copy of one that is kept elsewhere can still be told as genuine.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from ceralacca.core.retention import KEPT_MONTHS, LegalHold, MonthFigures, SealedFile
from ceralacca.formats.log_file.canonical import instant_text, object_text, octets


def purge_record(
    figures: MonthFigures, *, node: str, at: datetime, files: Sequence[SealedFile], holds: Iterable[LegalHold]
) -> bytes:
    """Return the record of a deletion that is about to be done."""
    return octets(
        object_text(
            (
                ("what", "purge-of-message-log"),
                ("version", 1),
                ("node", node),
                ("at", instant_text(at)),
                ("month", str(figures.month)),
                ("from", instant_text(figures.month.start)),
                ("until", instant_text(figures.month.end)),
                ("kept_months", KEPT_MONTHS),
                ("rows_deleted", figures.goes),
                ("rows_held", figures.held),
                ("first_place", figures.first_seq),
                ("last_place", figures.last_seq),
                ("first_row_at", instant_text(figures.first_instant)),
                ("last_row_at", instant_text(figures.last_instant)),
                ("holds", [hold.number for hold in holds]),
                (
                    "files",
                    [
                        {
                            "name": file.name,
                            "sha256": file.digest,
                            "stamped": instant_text(file.stamped) if file.stamped else None,
                        }
                        for file in files
                    ],
                ),
            )
        )
        + "\n"
    )


def record_digest(record: bytes) -> str:
    """Return the SHA-256 that the log names a certificate by."""
    return sha256(record).hexdigest()


def certificate_name(node: str, month: str, at: datetime) -> str:
    """Return the name of a certificate's file: of one month there are several when something in it was held."""
    return f"PEC-{node}-purged-{month}-{at:%Y%m%dT%H%M%SZ}.json.p7m"
