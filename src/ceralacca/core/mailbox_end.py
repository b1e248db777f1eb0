"""The end of a mailbox's contract: a last day, whole, in Italian legal time. After it the mailbox does not send.

Pure. The norm is silent on it (spec/choices.md): what comes is delivered and can be read as before, and nothing is
deleted, until somebody closes the mailbox.
"""

from datetime import date, datetime

from ceralacca.base.instants import legal_day


def days_left(ends: date, now: datetime) -> int:
    """Return how many days a mailbox still has after today: 0 on its last one, less than 0 after it."""
    return (ends - legal_day(now)).days


def has_ended(ends: date | None, now: datetime) -> bool:
    """Say whether the last day is over; a mailbox without one has no end."""
    return ends is not None and days_left(ends, now) < 0
