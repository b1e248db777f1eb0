"""Which of the two timeout notices one is: the 12 h warning or the final one at 24 h (TN-2, TO-15).

They share kind, header and subject; only `errore-esteso` and the text tell them apart, and
programs read the former (GE-18).
"""

from datetime import datetime, timedelta

from ceralacca.core.model.certification import CertificationData

WARNING_CODE = "4.4.1"
"""Begins `errore-esteso` of the 12 h notice (4.5, TN-2)."""
FINAL_CODE = "5.4.1"
"""Begins `errore-esteso` of the 24 h notice (4.5, TN-2)."""

_FINAL_NOT_BEFORE = timedelta(hours=22)  # TI-8


def warning_detail(issuer: str) -> str:
    """Return `errore-esteso` of the 12 h notice."""
    return f"{WARNING_CODE} - {issuer} - il messaggio non è stato consegnato nelle prime dodici ore dal suo invio"


def final_detail(issuer: str) -> str:
    """Return `errore-esteso` of the 24 h notice."""
    return (
        f"{FINAL_CODE} - {issuer} - il messaggio non è stato consegnato nelle ventiquattro ore successive al suo invio"
    )


def is_final(notice: CertificationData, *, accepted: datetime | None = None) -> bool | None:
    """Tell whether a received timeout notice is the final one (TO-15).

    Its code decides; without a code, the time elapsed since the acceptance instant does, and
    without that either the answer is None.
    """
    detail = (notice.error_detail or "").lstrip()
    if detail.startswith((WARNING_CODE, FINAL_CODE)):
        return detail.startswith(FINAL_CODE)
    if accepted is None:
        return None
    return notice.instant - accepted >= _FINAL_NOT_BEFORE
