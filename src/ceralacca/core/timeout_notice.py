"""Which of the two timeout notices a received one is: the 12 h warning or the final one (TN-2, TO-15).

They share kind, header and subject; only `errore-esteso` and the text tell them apart, and
programs read the former (GE-18).
"""

from datetime import datetime, timedelta

from ceralacca.core.delivery_point import Timeout
from ceralacca.core.model.certification import CertificationData

_FINAL_NOT_BEFORE = timedelta(hours=22)  # TI-8


def timeout_of(detail: str | None) -> Timeout | None:
    """Return the notice that an `errore-esteso` belongs to by the code that begins it, or None (TN-2)."""
    words = (detail or "").split(maxsplit=1)
    return next((timeout for timeout in Timeout if words[:1] == [timeout.value.code]), None)


def received_timeout(notice: CertificationData, *, accepted: datetime | None = None) -> Timeout | None:
    """Return which notice a received timeout notice is (TO-15).

    Its code decides; without a code, the time elapsed since `accepted`, the acceptance instant,
    does; without that either the answer is None.
    """
    timeout = timeout_of(notice.error_detail)
    if timeout is not None or accepted is None:
        return timeout
    late = notice.instant - accepted >= _FINAL_NOT_BEFORE
    return Timeout.TWENTY_FOUR_HOURS if late else Timeout.TWELVE_HOURS
