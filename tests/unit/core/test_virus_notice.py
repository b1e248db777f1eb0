from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.virus_notice import IgnoredNotice, infected_recipients

ANNA = Address("anna.bianchi@pec.beta.example")
SHOP = Address("info@ditta.example")
ACCEPTED = OriginalData(
    sender=Address("mario.rossi@pec.alfa.example"),
    recipients=(
        Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),
        Recipient(address=SHOP, kind=RecipientKind.EXTERNAL),
    ),
    reply_to="mario.rossi@pec.alfa.example",
    subject="Prova",
    identifier="pec1@gestore-alfa.example",
    client_message_id=None,
)
NOTICE = CertificationData(
    kind=NotificationKind.VIRUS_DETECTION,
    error=ErrorKind.VIRUS,
    original=ACCEPTED,
    issuer="Gestore Beta S.r.l.",
    instant=datetime(2026, 11, 5, 9, 15, 5, tzinfo=UTC),
    delivery_recipient=ANNA,
    error_detail="Eicar-Test-Signature",
)


def beta(domain):
    return domain == "pec.beta.example"


@pytest.mark.requirement("MV-1", "MV-2")
def test_a_notice_that_fits_names_the_recipients_to_tell_the_sender_of():
    assert infected_recipients(NOTICE, ACCEPTED, beta) == (ANNA,)


def test_an_older_platform_names_them_in_ricezione():
    older = replace(NOTICE, delivery_recipient=None, taken_recipients=(ANNA,))
    assert infected_recipients(older, ACCEPTED, beta) == (ANNA,)


@pytest.mark.requirement("MV-2")
@pytest.mark.parametrize(
    ("notice", "accepted", "in_charge", "why"),
    [
        (NOTICE, None, beta, IgnoredNotice.UNKNOWN_MESSAGE),
        (NOTICE, replace(ACCEPTED, identifier="pec2@gestore-alfa.example"), beta, IgnoredNotice.UNKNOWN_MESSAGE),
        (NOTICE, replace(ACCEPTED, sender=Address("altri@pec.alfa.example")), beta, IgnoredNotice.OTHER_SENDER),
        (replace(NOTICE, delivery_recipient=None), ACCEPTED, beta, IgnoredNotice.NO_RECIPIENT),
        (replace(NOTICE, delivery_recipient=SHOP), ACCEPTED, lambda _: True, IgnoredNotice.UNKNOWN_RECIPIENT),
        (NOTICE, ACCEPTED, lambda _: False, IgnoredNotice.WRONG_PROVIDER),
    ],
)
def test_a_notice_that_does_not_fit_is_ignored_and_says_why(notice, accepted, in_charge, why):
    assert infected_recipients(notice, accepted, in_charge) is why
