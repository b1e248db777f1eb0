"""Is all that header and text say otherwise than the certification data reported, and nothing else?"""

import pytest

from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.received import read_received
from ceralacca.lint.contradictions import Subject, contradictions
from ceralacca.testing import good_drafts as good
from ceralacca.testing.arrivals import sealed, sealed_good
from ceralacca.testing.good_drafts import good_draft, with_certification, with_text

ENVELOPE, DELIVERY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY


def subjects(message):
    return {found.subject for found in contradictions(read_received(message))}


@pytest.mark.requirement("TO-20")
@pytest.mark.parametrize("row", MessageRow)
def test_good_message_contradicts_nothing(row):
    assert contradictions(read_received(sealed_good(row))) == ()


TAMPERED = [
    (Subject.OUTER_KIND, DELIVERY, b"X-Ricevuta: avvenuta-consegna", b"X-Ricevuta: errore-consegna"),
    (Subject.OUTER_KIND, DELIVERY, b"X-Ricevuta: avvenuta-consegna\r\n", b""),
    (Subject.OUTER_KIND, DELIVERY, b"X-Ricevuta:", b"X-Trasporto: posta-certificata\r\nX-Ricevuta:"),
    (Subject.OUTER_KIND, ENVELOPE, b"X-Trasporto: posta-certificata", b"X-Trasporto: errore"),
    (Subject.OUTER_SUBJECT_PREFIX, DELIVERY, b"Subject: CONSEGNA:", b"Subject: ACCETTAZIONE:"),
    (Subject.OUTER_SUBJECT_PREFIX, DELIVERY, b"Subject: CONSEGNA:", b"X:"),
    (Subject.OUTER_SUBJECT, DELIVERY, b"CONSEGNA: Prova", b"CONSEGNA: Altro"),
    (Subject.OUTER_FROM, ENVELOPE, b"Per conto di: mario", b"Per conto di: luigi"),
    (Subject.OUTER_TO, DELIVERY, b"To: mario", b"To: luigi"),
    (Subject.OUTER_DATE, DELIVERY, b"Date: Thu, 05 Nov 2026 10:15:02", b"Date: Fri, 06 Nov 2026 10:15:02"),
    (Subject.OUTER_DATE, DELIVERY, b"Date: Thu, 05 Nov 2026 10:15:02 +0100", b"Date: ieri"),
    (Subject.OUTER_MESSAGE_ID, ENVELOPE, b"Message-ID: <pec2", b"Message-ID: <pec3"),
    (Subject.OUTER_REFERENCE, DELIVERY, b"X-Riferimento-Message-ID: <2026", b"X-Riferimento-Message-ID: <2025"),
    (Subject.OUTER_RECEIPT_KIND, ENVELOPE, b"X-TipoRicevuta: completa", b"X-TipoRicevuta: breve"),
    (Subject.OUTER_SENDER, MessageRow.VIRUS_DETECTION, b"X-Mittente: mario", b"X-Mittente: luigi"),
]


@pytest.mark.requirement("TO-20", "GE-8", "DR-5")
@pytest.mark.parametrize(("subject", "row", "old", "new"), TAMPERED)
def test_tampered_header_is_reported(subject, row, old, new):
    message = sealed_good(row)
    assert old in message
    assert subjects(message.replace(old, new, 1)) == {subject}


@pytest.mark.requirement("TO-20", "GE-18", "GE-23")
@pytest.mark.parametrize(
    ("subject", "old", "new"),
    [
        (Subject.TEXT_IDENTIFIER, good.IDENTIFIER, "pec9@gestore-alfa.example"),
        (Subject.TEXT_INSTANT, "10:15:02", "11:15:02"),
        (Subject.TEXT_INSTANT, "(+0100)", "(+0200)"),
    ],
)
def test_text_that_says_otherwise_is_reported(subject, old, new):
    assert subjects(sealed(with_text(good_draft(DELIVERY), lambda text: text.replace(old, new)))) == {subject}


@pytest.mark.requirement("TO-20", "AP-21")
def test_foreign_original_inside_is_reported():
    draft = good.with_entity(good_draft(DELIVERY), lambda e: e.replace(b"Message-ID: <pec2", b"Message-ID: <pec7"))
    assert subjects(sealed(draft)) == {Subject.ORIGINAL_MESSAGE_ID}


def test_both_values_are_shown_and_cannot_drive_a_terminal():
    message = sealed_good(DELIVERY).replace(b"CONSEGNA: Prova", b"CONSEGNA: \x1b[31mRosso" + b"x" * 500)
    (found,) = contradictions(read_received(message))
    assert found.certified == "Prova"
    assert "Rosso" in found.other
    assert found.other.isprintable()
    assert len(found.other) <= 200


@pytest.mark.requirement("TO-5", "TO-6", "TO-8", "TO-12", "XM-6", "AM-14", "AP-23")
@pytest.mark.parametrize(
    ("row", "old", "new"),
    [
        (ENVELOPE, b"X-TipoRicevuta: completa", b"X-Tiporicevuta: Complet"),
        (ENVELOPE, b"Per conto di: mario.rossi@pec.alfa", b"Per conto di: Mario.Rossi@PEC.alfa"),
        (DELIVERY, b"To: mario.rossi@pec.alfa", b"To: Mario <MARIO.rossi@pec.alfa"),
        (ENVELOPE, b'"Per conto di: mario.rossi@pec.alfa.example"', b"Mario Rossi"),
        (DELIVERY, b"X-Riferimento-Message-ID: " + good.CLIENT_ID.encode(), b"X: y"),
        (DELIVERY, b"10:15:02 +0100\r\nSubject", b"09:15:30 +0000\r\nSubject"),
        (DELIVERY, b"Subject: CONSEGNA: Prova", b"Subject: Consegna:\r\n =?iso-8859-1?Q?Prova?="),
    ],
)
def test_other_spellings_are_no_contradiction(row, old, new):
    message = sealed_good(row)
    assert old in message
    new = new.replace(b"<MARIO.rossi@pec.alfa", b"<MARIO.rossi@pec.alfa.example>\r\nX: ") if b"<MARIO" in new else new
    assert subjects(message.replace(old, new, 1)) == set()


@pytest.mark.parametrize(("subject", "expected"), [(b"Citt\xe0", set()), (b"Citt\xe0 Nuova", {Subject.OUTER_SUBJECT})])
def test_lost_charset_is_no_contradiction_and_hides_none(subject, expected):
    message = sealed(with_certification(good_draft(DELIVERY), lambda xml: xml.replace("Prova", "Città")))
    assert subjects(message.replace(b"CONSEGNA: Prova", b"CONSEGNA: " + subject)) - {Subject.OUTER_KIND} == expected


@pytest.mark.requirement("TO-8")
def test_reference_that_the_certification_data_do_not_know_denies_nothing():
    escaped = good.CLIENT_ID.replace("<", "&lt;").replace(">", "&gt;")
    draft = with_certification(good_draft(DELIVERY), lambda xml: xml.replace(f"<msgid>{escaped}</msgid>", ""))
    assert subjects(sealed(draft)) == set()


@pytest.mark.requirement("TO-6")
def test_text_in_other_words_is_no_contradiction():
    draft = with_text(
        good_draft(DELIVERY), lambda text: "--Ricevuta di avvenuta consegna--\nIl messaggio e' arrivato.\n"
    )
    assert subjects(sealed(draft)) == set()


@pytest.mark.requirement("TO-16")
def test_subject_that_begins_with_a_prefix_twice():
    draft = with_certification(good_draft(ENVELOPE), lambda xml: xml.replace("Prova", "POSTA CERTIFICATA: Prova"))
    message = sealed(
        good.with_header(draft, lambda h: h.replace(b"CERTIFICATA: Prova", b"CERTIFICATA: POSTA CERTIFICATA: Prova"))
    )
    assert subjects(message) == set()


def test_without_certification_data_there_is_nothing_to_contradict():
    assert contradictions(read_received(b"X-Ricevuta: accettazione\r\n\r\n")) == ()


@pytest.mark.parametrize(
    "date", [b"Thu, 99 Nov 2026 10:15:02 +0100", b"", b"Mon, 01 Jan 0001 00:00:00 +2359", b"1 2 3 4 5 6 7"]
)
def test_any_date_is_answered(date):
    message = sealed_good(DELIVERY).replace(b"Date: Thu, 05 Nov 2026 10:15:02 +0100", b"Date: " + date, 1)
    assert subjects(message) == {Subject.OUTER_DATE}
