from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, RecipientKind
from ceralacca.core.story import RecipientOutcome, Witness, tell

T0 = datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC)
ANNA = Address("anna.bianchi@pec.beta.example")
SHOP = Address("info@ditta.example")
ORIGINAL = OriginalData(
    sender=Address("mario.rossi@pec.alfa.example"),
    recipients=(
        Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),
        Recipient(address=SHOP, kind=RecipientKind.EXTERNAL),
    ),
    reply_to="mario.rossi@pec.alfa.example",
    subject="Prova",
    identifier="pec1@gestore-alfa.example",
    client_message_id="<1@client.alfa.example>",
)


def witness(kind, *, after=0, error=ErrorKind.NONE, proven=True, name="", original=ORIGINAL, **data):
    certification = CertificationData(
        kind=kind,
        error=error,
        original=original,
        issuer="Gestore Beta S.r.l.",
        instant=T0 + timedelta(seconds=after),
        **data,
    )
    return Witness(name=name or f"{kind}-{after}.eml", certification=certification, proven=proven)


ACCEPTANCE = witness(NotificationKind.ACCEPTANCE)
TAKEN = witness(NotificationKind.TAKING_IN_CHARGE, after=2, taken_recipients=(ANNA,))
DELIVERY = witness(NotificationKind.DELIVERY, after=3, delivery_recipient=ANNA)


def outcomes(*witnesses):
    (story,) = tell(witnesses)
    return [recipient.outcome for recipient in story.recipients]


def test_a_whole_transaction_is_one_story_in_any_order():
    (story,) = tell([DELIVERY, TAKEN, ACCEPTANCE])
    assert story.identifier == "pec1@gestore-alfa.example"
    anna, shop = story.recipients
    assert anna.outcome is RecipientOutcome.DELIVERED
    assert [event.outcome for event in anna.events] == ["accepted", "taken-in-charge", "delivered"]
    assert shop.outcome is RecipientOutcome.ACCEPTED_EXTERNAL
    assert story.inconsistent == ()


def test_the_envelope_alone_says_sent():
    assert outcomes(witness(NotificationKind.TRANSPORT_ENVELOPE)) == ["sent", "accepted-external"]


def test_a_refusal_concerns_everybody():
    refusal = witness(NotificationKind.NON_ACCEPTANCE, error=ErrorKind.OTHER, error_detail="x")
    assert outcomes(refusal) == ["refused", "refused"]


@pytest.mark.parametrize(
    ("kind", "error", "detail", "outcome"),
    [
        (NotificationKind.NON_DELIVERY, ErrorKind.NO_RECIPIENT, "5.1.1 - x", "not-delivered"),
        (NotificationKind.NON_DELIVERY, ErrorKind.VIRUS, "Eicar", "virus"),
        (NotificationKind.VIRUS_DETECTION, ErrorKind.OTHER, "Eicar", "virus"),
        (NotificationKind.DELIVERY_TIMEOUT, ErrorKind.OTHER, "4.4.1 - x", "warned"),
        (NotificationKind.DELIVERY_TIMEOUT, ErrorKind.OTHER, "5.4.1 - x", "expired"),
        (NotificationKind.DELIVERY_TIMEOUT, ErrorKind.NONE, None, "warned"),
    ],
)
def test_each_notice_moves_its_recipient_only(kind, error, detail, outcome):
    notice = witness(kind, after=9, error=error, error_detail=detail, delivery_recipient=ANNA)
    assert outcomes(ACCEPTANCE, notice) == [outcome, "accepted-external"]


def test_an_old_platform_names_the_virus_recipient_in_ricezione():
    notice = witness(NotificationKind.VIRUS_DETECTION, error=ErrorKind.VIRUS, taken_recipients=(ANNA,))
    assert outcomes(notice)[0] == "virus"


def test_a_late_delivery_is_stronger_than_the_timeout_before_it():
    expired = witness(NotificationKind.DELIVERY_TIMEOUT, after=5, error_detail="5.4.1 - x", delivery_recipient=ANNA)
    assert outcomes(expired, witness(NotificationKind.DELIVERY, after=9, delivery_recipient=ANNA))[0] == "delivered"


def test_an_unproven_message_is_told_but_moves_nothing():
    forged = replace(DELIVERY, proven=False)
    (story,) = tell([ACCEPTANCE, forged])
    assert story.recipients[0].outcome is RecipientOutcome.ACCEPTED
    assert story.recipients[0].events[-1].proven is False
    assert outcomes(forged) == ["unknown", "unknown"]


def test_two_transactions_are_two_stories_by_first_instant():
    later = witness(NotificationKind.ACCEPTANCE, after=60, original=replace(ORIGINAL, identifier="pec2@x.example"))
    assert [story.identifier for story in tell([later, ACCEPTANCE])] == ["pec1@gestore-alfa.example", "pec2@x.example"]


def test_a_message_that_tells_of_another_sender_is_inconsistent():
    other = replace(ORIGINAL, sender=Address("altri@pec.alfa.example"))
    liar = witness(NotificationKind.DELIVERY, after=3, delivery_recipient=ANNA, original=other, name="liar.eml")
    (story,) = tell([ACCEPTANCE, liar])
    assert story.inconsistent == ("liar.eml",)


def test_a_stranger_in_a_receipt_is_nobodys_story():
    stranger = witness(NotificationKind.DELIVERY, after=3, delivery_recipient=Address("nessuno@pec.beta.example"))
    assert outcomes(ACCEPTANCE, stranger) == ["accepted", "accepted-external"]


@pytest.mark.requirement("TO-15")
def test_a_timeout_notice_without_code_is_read_by_the_time_elapsed():
    late = witness(NotificationKind.DELIVERY_TIMEOUT, after=23 * 3600, delivery_recipient=ANNA)
    early = witness(NotificationKind.DELIVERY_TIMEOUT, after=12 * 3600, delivery_recipient=ANNA)
    assert outcomes(ACCEPTANCE, late)[0] == "expired"
    assert outcomes(ACCEPTANCE, early)[0] == "warned"
