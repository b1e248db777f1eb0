"""What became of a message for each recipient: the store's state, the log's instants, and nobody else's rows."""

from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData, Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import NotificationKind, RecipientKind
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.store import SentMessage
from ceralacca.services.own_transactions import own_transaction, refusal
from ceralacca.testing.clock import NOON

MARIO, ANNA = Address("mario.rossi@pec.alfa.example"), Address("anna.bianchi@pec.beta.example")
OUTSIDER = Address("info@ditta.example")
ID = "pec1@gestore-alfa.example"


def sent(state):
    original = OriginalData(
        sender=MARIO,
        recipients=(
            Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),
            Recipient(address=OUTSIDER, kind=RecipientKind.EXTERNAL),
        ),
        reply_to=MARIO.text,
        subject="Prova",
        identifier=ID,
        client_message_id="<a@b.example>",
    )
    states = {ANNA: state, OUTSIDER: RecipientState.SENT_EXTERNAL}
    return SentMessage(original=original, subject_body=b"Prova", accepted=NOON, states=states)


def row(event, minutes, *, kind=None, **more):
    return LogRow(
        instant=NOON + timedelta(minutes=minutes),
        event=event,
        identifier=ID,
        sender=MARIO,
        concerned=(ANNA,),
        kind=kind.value if kind else "",
        **more,
    )


TAKEN = row(LogEvent.TAKING_IN_CHARGE_RECEIVED, 1)
DELIVERED = row(LogEvent.RECEIPT_RECEIVED, 2, kind=NotificationKind.DELIVERY)
REFUSED = row(LogEvent.NOTICE_ISSUED, 3, kind=NotificationKind.NON_DELIVERY, error="altro", error_detail="5.1.1")
VIRUS = row(LogEvent.NOTICE_ISSUED, 3, kind=NotificationKind.NON_DELIVERY, error="virus", error_detail="Eicar")
TWELVE = row(LogEvent.NOTICE_ISSUED, 720, kind=NotificationKind.DELIVERY_TIMEOUT)
TWENTY_FOUR = row(LogEvent.NOTICE_ISSUED, 1380, kind=NotificationKind.DELIVERY_TIMEOUT)


@pytest.mark.requirement("TI-7", "TI-8", "TI-9", "AD-3")
@pytest.mark.parametrize(
    ("state", "rows", "minutes", "detail"),
    [
        (RecipientState.DISPATCHED, [], 0, ""),
        (RecipientState.TAKEN, [TAKEN], 1, ""),
        (RecipientState.DELIVERED, [TAKEN, DELIVERED], 2, ""),
        (RecipientState.FAILED, [REFUSED], 3, "5.1.1"),
        (RecipientState.FAILED_VIRUS, [VIRUS], 3, "Eicar"),
        (RecipientState.WARNED, [TWELVE], 720, ""),
        (RecipientState.EXPIRED, [TWELVE, TWENTY_FOUR], 1380, ""),
        (RecipientState.DELIVERED, [TWELVE, DELIVERED._replace(instant=NOON + timedelta(minutes=900))], 900, ""),
    ],
)
def test_each_state_has_its_instant_and_its_reason(state, rows, minutes, detail):
    (anna, outsider) = own_transaction(sent(state), rows).recipients
    assert (anna.state, anna.since, anna.detail) == (state, NOON + timedelta(minutes=minutes), detail)
    assert (outsider.state, outsider.since) == (RecipientState.SENT_EXTERNAL, NOON)
    assert len(anna.passages) == 1 + len(rows)
    assert not anna.late


def test_the_state_is_the_stores_whatever_the_rows_say():
    (anna, _) = own_transaction(sent(RecipientState.DISPATCHED), [DELIVERED]).recipients
    assert anna.state is RecipientState.DISPATCHED
    assert anna.since == NOON


def test_a_late_receipt_is_said_and_moves_nothing():
    late = DELIVERED._replace(detail="late", instant=NOON + timedelta(hours=30))
    (anna, _) = own_transaction(sent(RecipientState.EXPIRED), [TWELVE, TWENTY_FOUR, late]).recipients
    assert anna.late
    assert anna.state is RecipientState.EXPIRED
    assert all(one.state is not RecipientState.DELIVERED for one in anna.passages)


@pytest.mark.requirement("LO-8")
def test_rows_of_another_transaction_with_the_same_message_id_are_passed_over():
    (anna, _) = own_transaction(sent(RecipientState.DELIVERED), [DELIVERED._replace(identifier="other")]).recipients
    assert anna.since == NOON


def test_all_settled_or_not():
    assert own_transaction(sent(RecipientState.DELIVERED), []).settled
    assert not own_transaction(sent(RecipientState.WARNED), []).settled


def test_a_refusal_is_told_to_its_sender_alone():
    refused = row(LogEvent.NON_ACCEPTANCE, 0, subject="Prova", error="virus", error_detail="Eicar")
    told = refusal([TAKEN, refused], MARIO)
    assert told is not None
    assert (told.reason, told.virus, told.subject) == ("Eicar", True, "Prova")
    assert refusal([refused], ANNA) is None
    assert refusal([DELIVERED], MARIO) is None
