"""Periods on the command line: days of legal time, or instants (TI-3).

`--from 2026-11-05 --to 2026-11-07` means three whole days in Italy; an instant has its zone, or is legal time.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ceralacca.base.errors import UserError
from ceralacca.base.instants import ROME

_TIME = "TIME"
_DAY_LENGTH = len("2026-11-05")

From = Annotated[
    str | None,
    typer.Option("--from", metavar=_TIME, help="From this day on, in Italian legal time; or from an instant."),
]
To = Annotated[
    str | None, typer.Option("--to", metavar=_TIME, help="Up to this day, the whole of it; or before an instant.")
]


def since(text: str | None) -> datetime | None:
    """Return the instant at which a period begins. Raises UserError."""
    return None if text is None else _read("--from", text)


def until(text: str | None) -> datetime | None:
    """Return the first instant after a period. Raises UserError."""
    if text is None:
        return None
    if len(text.strip()) > _DAY_LENGTH:
        return _read("--to", text)
    day = _read("--to", text).astimezone(ROME)
    return (day.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=ROME).astimezone(UTC)


def in_order(begin: datetime | None, end: datetime | None) -> None:
    """Raise UserError when a period ends before it begins."""
    if begin is not None and end is not None and end <= begin:
        raise UserError("--to is not after --from", remedy="the first day comes first")


def _read(option: str, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise UserError(f"{option} {text}", remedy="write 2026-11-05, or 2026-11-05T10:15:02+01:00") from error
    return (instant if instant.tzinfo else instant.replace(tzinfo=ROME)).astimezone(UTC)
