"""Which delivery receipt is issued, and how failures are written."""

import pytest

from ceralacca.core.anomaly import AnomalyReason, malformed
from ceralacca.core.delivery_point import DeliveryFailure, Fate, Timeout, owed, receipt_kind, requested_receipt
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, ReceiptKind

ANNA = Address("anna.bianchi@pec.beta.example")
ANNA_SHOUTING = Address("Anna.Bianchi@PEC.Beta.Example")
INFO = Address("info@ditta.example")
C, B, S = ReceiptKind.COMPLETE, ReceiptKind.BRIEF, ReceiptKind.CONCISE

TABLE_4_10 = {  # requested: (in To, only in Cc, in both, in neither)
    C: (C, S, C, C),
    B: (B, S, B, B),
    S: (S, S, S, S),
}


@pytest.mark.requirement("PC-3", "DR-1", "AD-1", "RV-1", "AM-7")
def test_an_envelope_is_taken_in_charge_whatever_becomes_of_it_and_has_one_outcome():
    outcomes = {
        Fate.STORED: MessageRow.DELIVERY,
        Fate.UNDELIVERABLE: MessageRow.NON_DELIVERY,
        Fate.INFECTED: MessageRow.VIRUS_DETECTION,
        Fate.WAITING: None,
    }
    for fate in Fate:
        first, *rest = owed(MessageClass.ENVELOPE, fate)
        assert first is MessageRow.TAKING_IN_CHARGE
        assert rest == ([outcomes[fate]] if outcomes[fate] else [])


@pytest.mark.requirement("DR-1", "AD-1", "MO-13")
@pytest.mark.parametrize("message", [kind for kind in MessageClass if kind is not MessageClass.ENVELOPE])
@pytest.mark.parametrize("fate", list(Fate))
def test_nothing_but_an_envelope_is_ever_answered(message, fate):
    assert owed(message, fate) == ()


@pytest.mark.requirement("DR-2", "AM-30")
@pytest.mark.parametrize("requested", list(TABLE_4_10))
@pytest.mark.parametrize(
    ("column", "to", "cc"),
    [(0, [ANNA], [INFO]), (1, [INFO], [ANNA]), (2, [ANNA], [ANNA]), (3, [INFO], [INFO]), (3, [], [])],
)
def test_kind_issued_follows_the_table(requested, column, to, cc):
    assert receipt_kind(requested, ANNA, to, cc) is TABLE_4_10[requested][column]


@pytest.mark.requirement("DR-2", "AM-14")
def test_spelling_of_the_address_makes_no_copy():
    assert receipt_kind(C, ANNA, [INFO], [ANNA_SHOUTING]) is S
    assert receipt_kind(C, ANNA, [ANNA_SHOUTING], [ANNA]) is C


@pytest.mark.requirement("DR-2")
def test_unreadable_field_counts_as_primary():
    assert receipt_kind(B, ANNA, None, [ANNA]) is B
    assert receipt_kind(B, ANNA, [INFO], None) is B


@pytest.mark.requirement("DR-5", "AP-16", "TO-12")
@pytest.mark.parametrize(
    ("certified", "header", "expected"),
    [
        (B, "sintetica", B),
        (C, "breve", C),
        (None, "Breve", B),
        (None, " sintetica ", S),
        (None, "complet", C),
        (None, None, C),
    ],
)
def test_certification_data_win_over_the_header(certified, header, expected):
    assert requested_receipt(certified, header) is expected


@pytest.mark.requirement("AD-1")
@pytest.mark.parametrize(
    ("failure", "error", "detail"),
    [
        ("NO_MAILBOX", "no-dest", "5.1.1 - Gestore Beta S.r.l. - casella del destinatario inesistente"),
        ("NO_DOMAIN", "no-dominio", "5.1.2 - Gestore Beta S.r.l. - dominio del destinatario non valido"),
        ("OVER_QUOTA", "altro", "5.2.2 - Gestore Beta S.r.l. - casella piena"),
        ("DISABLED", "altro", "5.2.1 - Gestore Beta S.r.l. - casella non attiva"),
        ("TOO_BIG", "altro", "5.2.3 - Gestore Beta S.r.l. - ecceduta la dimensione massima del messaggio"),
        (
            "UNSPECIFIED",
            "altro",
            "5.3.0 - Gestore Beta S.r.l. - si sono verificati dei problemi consegnando il messaggio",
        ),
    ],
)
def test_failures_are_written_as_the_table_says(failure, error, detail):
    row = DeliveryFailure[failure].value
    assert (row.error, row.detail("Gestore Beta S.r.l.")) == (ErrorKind(error), detail)
    assert row.error in MessageRow.NON_DELIVERY.facts.errors


def test_no_failure_is_left_out():
    assert len(DeliveryFailure) == 6


@pytest.mark.requirement("TN-2", "AM-3")
def test_notices_of_time_differ_in_their_code():
    twelve, day = (stage.value.detail("G") for stage in (Timeout.TWELVE_HOURS, Timeout.TWENTY_FOUR_HOURS))
    assert twelve == "4.4.1 - G - il messaggio non è stato consegnato nelle prime dodici ore dal suo invio"
    assert day == "5.4.1 - G - il messaggio non è stato consegnato nelle ventiquattro ore successive al suo invio"
    assert {stage.value.error for stage in Timeout} == {ErrorKind.OTHER}


@pytest.mark.requirement("BA-1")
def test_reasons_of_an_anomaly_are_the_literals_of_the_norm():
    assert [str(reason) for reason in AnomalyReason] == [
        "Firma non presente o non autentica",
        "la firma digitale del messaggio non risulta attendibile",
        "dominio mittente non di posta certificata",
    ]
    assert malformed("manca X").startswith("il messaggio non e' conforme alle regole tecniche: ")
