"""Which timeout notice a received one is."""

from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.delivery_point import Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.timeout_notice import received_timeout, timeout_of

ACCEPTED = datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC)
ANNA = Address("anna.bianchi@pec.beta.example")


def notice(detail: str | None, hours: int = 12) -> CertificationData:
    return CertificationData(
        kind=NotificationKind.DELIVERY_TIMEOUT,
        error=ErrorKind.OTHER,
        original=OriginalData(
            sender=Address("mario.rossi@pec.alfa.example"),
            recipients=(Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),),
            reply_to="",
            subject=None,
            identifier="x@y.example",
            client_message_id=None,
        ),
        issuer="Gestore",
        instant=ACCEPTED + timedelta(hours=hours),
        delivery_recipient=ANNA,
        error_detail=detail,
    )


@pytest.mark.requirement("TO-15", "TN-2")
@pytest.mark.parametrize(
    ("detail", "timeout"),
    [
        (Timeout.TWELVE_HOURS.value.detail("G"), Timeout.TWELVE_HOURS),
        (Timeout.TWENTY_FOUR_HOURS.value.detail("G"), Timeout.TWENTY_FOUR_HOURS),
        ("5.4.1 - Gestore - altro testo", Timeout.TWENTY_FOUR_HOURS),
        (" 5.4.1", Timeout.TWENTY_FOUR_HOURS),
        ("5.4.10 - x", None),
        ("x 5.4.1", None),
        ("", None),
        (None, None),
    ],
)
def test_the_code_tells(detail, timeout):
    assert timeout_of(detail) is timeout
    assert received_timeout(notice(detail)) is timeout


@pytest.mark.requirement("TO-15")
@pytest.mark.parametrize(
    ("hours", "timeout"), [(12, Timeout.TWELVE_HOURS), (21, Timeout.TWELVE_HOURS), (22, Timeout.TWENTY_FOUR_HOURS)]
)
def test_without_a_code_the_time_elapsed_does(hours, timeout):
    assert received_timeout(notice(None, hours), accepted=ACCEPTED) is timeout


@pytest.mark.requirement("TO-15")
def test_the_code_wins_over_the_time():
    assert received_timeout(notice("5.4.1 - x", 12), accepted=ACCEPTED) is Timeout.TWENTY_FOUR_HOURS
