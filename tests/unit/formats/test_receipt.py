"""Rows 1 to 3, 5, 6 and 8 to 11: header, text, certification data and parts of each, read back by a stranger."""

from dataclasses import replace

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, ReceiptKind
from ceralacca.formats.receipt import (
    compose_acceptance,
    compose_delivery,
    compose_non_acceptance,
    compose_non_acceptance_virus,
    compose_non_delivery,
    compose_non_delivery_virus,
    compose_taking_in_charge,
    compose_timeout_notice,
    compose_virus_detection,
)
from ceralacca.lint.reading import Reading
from ceralacca.lint.sealable import findings_in
from ceralacca.testing.scenario import SERVICE_MAILBOX, SUBMITTED, Scenario, all_drafts

ANNA = Address("anna.bianchi@pec.beta.example")
INFO = Address("info@ditta.example")
RECEIPTS = {
    name: draft
    for name, draft in all_drafts().items()
    if draft.row not in {MessageRow.TRANSPORT_ENVELOPE, MessageRow.ANOMALY_ENVELOPE}
}


@pytest.fixture
def sent():
    return Scenario().transaction()


@pytest.fixture
def here(sent):
    """The recipient's provider, about to answer."""
    return sent.by_recipient(sent.scenario.instant)


def header_lines(draft):
    return bytes(draft.header).decode("ascii").replace("\r\n ", " ").split("\r\n")[:-1]


def order(draft):
    return [line.partition(":")[0] for line in header_lines(draft)]


@pytest.mark.requirement("GE-20", "GE-32")
@pytest.mark.parametrize("name", list(RECEIPTS))
def test_header_has_the_fields_of_the_norm_in_their_order(name):
    draft = RECEIPTS[name]
    special = {
        MessageRow.NON_ACCEPTANCE_VIRUS: ["X-VerificaSicurezza"],
        MessageRow.NON_DELIVERY_VIRUS: ["X-VerificaSicurezza"],
        MessageRow.VIRUS_DETECTION: ["X-Mittente"],
    }.get(draft.row, [])
    assert order(draft) == [
        "X-Ricevuta",
        *special,
        "X-Riferimento-Message-ID",
        "Date",
        "Subject",
        "From",
        "To",
        "Message-ID",
    ]


@pytest.mark.requirement("GE-21", "MO-10", "MO-12", "MO-5")
@pytest.mark.parametrize("name", list(RECEIPTS))
def test_paths_are_those_of_the_table(name):
    draft = RECEIPTS[name]
    reading = Reading.of(draft)
    addressee = SERVICE_MAILBOX if draft.row.facts.to_service_mailbox else Address("mario.rossi@pec.alfa.example")
    assert draft.forward_paths == (addressee,)
    assert reading.head.single.get("to") == addressee.text
    assert reading.head.single.get("from") == str(draft.reverse_path)
    assert str(draft.reverse_path).startswith("posta-certificata@gestore-")


@pytest.mark.requirement("MO-10")
def test_reply_to_of_the_original_moves_no_receipt():
    asks = SUBMITTED.replace(b"X-Mailer:", b"Reply-To: altrove@pec.alfa.example\r\nX-Mailer:")
    draft = compose_acceptance(Scenario(submitted=asks).transaction().by_sender())
    assert [path.text for path in draft.forward_paths] == ["mario.rossi@pec.alfa.example"]
    assert "Reply-To" not in order(draft)


@pytest.mark.requirement("GE-30", "GE-29")
def test_each_receipt_has_an_identifier_of_its_own():
    identifiers = [draft.message_id for draft in RECEIPTS.values()]
    envelopes = [f"<{Reading.of(draft).xml_text['identificativo']}>" for draft in RECEIPTS.values()]
    assert len(set(identifiers)) == len(identifiers)
    assert not set(identifiers) & set(envelopes)


@pytest.mark.requirement("GE-15", "NA-2", "NV-1", "TN-3", "RV-2", "AD-5", "PC-1", "AC-1")
@pytest.mark.parametrize("name", [name for name in RECEIPTS if not name.startswith("10-")])
def test_no_other_receipt_holds_the_original(name):
    draft = RECEIPTS[name]
    assert [part.type for part in Reading.of(draft).parts] == ["text/plain", "application/xml"]
    assert b"Messaggio in parti" not in bytes(draft.entity)


@pytest.mark.requirement("ER-1")
@pytest.mark.parametrize("name", list(RECEIPTS))
def test_error_detail_is_there_exactly_when_there_is_an_error(name):
    reading = Reading.of(RECEIPTS[name])
    assert (reading.certified.error == "nessuno") is (reading.xml_text["errore-esteso"] is None)


@pytest.mark.requirement("NA-1", "ER-1")
def test_non_acceptance_says_why(sent):
    draft = compose_non_acceptance(sent.by_sender(), description="ecceduto il numero massimo di destinatari")
    reading = Reading.of(draft)
    assert reading.head.single.get("x-ricevuta") == "non-accettazione"
    assert reading.head.single["subject"].startswith("AVVISO DI NON ACCETTAZIONE: =?utf-8?q?Citt=C3=A0?=")
    assert reading.head.single.get("x-verificasicurezza") is None
    assert (reading.certified.kind, reading.certified.error) == ("non-accettazione", "altro")
    assert reading.xml_text["errore-esteso"] == "ecceduto il numero massimo di destinatari"
    assert "a causa di ecceduto il numero massimo di destinatari.\n" in reading.plain


@pytest.mark.requirement("NV-1", "ER-1")
def test_non_acceptance_for_virus_names_it(sent):
    reading = Reading.of(compose_non_acceptance_virus(sent.by_sender(), virus="Eicar-Test-Signature"))
    assert reading.head.single.get("x-ricevuta") == "non-accettazione"
    assert reading.head.single.get("x-verificasicurezza") == "errore"
    assert reading.head.single["subject"].startswith("AVVISO DI NON ACCETTAZIONE PER VIRUS: ")
    assert (reading.certified.kind, reading.certified.error) == ("non-accettazione", "virus")
    assert reading.xml_text["errore-esteso"] == "Eicar-Test-Signature"


@pytest.mark.requirement("AC-1", "AC-2", "TI-2")
def test_acceptance_lists_every_recipient_with_its_type_at_t0(sent):
    draft = compose_acceptance(sent.by_sender())
    reading, envelope = Reading.of(draft), sent.envelope()
    assert (
        'anna.bianchi@pec.beta.example ("posta certificata")\ninfo@ditta.example ("posta ordinaria")\n' in reading.plain
    )
    assert (reading.certified.kind, reading.xml_text["ricevuta"]) == ("accettazione", None)
    assert draft.instant == envelope.instant == sent.scenario.instant
    assert (
        Reading.of(envelope).head.single.get("date")
        == reading.head.single.get("date")
        == "Thu, 05 Nov 2026 10:15:02 +0100"
    )
    assert reading.xml_text["ora"] == "10:15:02"
    assert "Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio\n" in reading.plain


@pytest.mark.requirement("TN-1", "TN-2", "AM-2", "AM-3", "TO-15")
@pytest.mark.parametrize(
    ("timeout", "code", "sentence"),
    [
        (Timeout.TWELVE_HOURS, "4.4.1 - Gestore Alfa S.p.A. - ", "nelle prime dodici ore"),
        (Timeout.TWENTY_FOUR_HOURS, "5.4.1 - Gestore Alfa S.p.A. - ", "nelle ventiquattro ore"),
    ],
)
def test_timeout_notices_differ_in_text_and_detail_only(sent, timeout, code, sentence):
    reading = Reading.of(compose_timeout_notice(sent.by_sender(), recipient=ANNA, timeout=timeout))
    assert reading.head.single.get("x-ricevuta") == "preavviso-errore-consegna"
    assert reading.head.single["subject"].startswith("AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO: ")
    assert reading.head.single.get("to") == "mario.rossi@pec.alfa.example"
    assert (reading.certified.error, reading.xml_text["consegna"]) == ("altro", ANNA.text)
    assert reading.xml_text["errore-esteso"].startswith(code)
    assert sentence in reading.plain


@pytest.mark.requirement("TN-4")
@pytest.mark.parametrize("recipient", [INFO, Address("nessuno@pec.beta.example")])
def test_timeout_notices_are_for_certified_recipients_of_the_message(sent, recipient):
    with pytest.raises(OurError):
        compose_timeout_notice(sent.by_sender(), recipient=recipient, timeout=Timeout.TWELVE_HOURS)


@pytest.mark.requirement("PC-1", "PC-2", "PC-4", "XM-7")
def test_taking_in_charge_lists_its_own_and_certifies_all(sent, here):
    draft = compose_taking_in_charge(here, taken=(ANNA,), service_mailbox=SERVICE_MAILBOX)
    reading = Reading.of(draft)
    assert draft.forward_paths == (SERVICE_MAILBOX,)
    assert "ed indirizzato a:\nanna.bianchi@pec.beta.example\nè stato accettato" in reading.plain
    assert reading.xml_texts["ricezione"] == [ANNA.text]
    assert reading.xml_texts["destinatari"] == [ANNA.text, INFO.text]
    assert reading.xml_text["gestore-emittente"] == "Gestore Beta S.r.l."
    assert reading.xml_text["identificativo"] == sent.original.identifier


@pytest.mark.requirement("PC-1")
def test_taking_nobody_in_charge_is_refused(here):
    with pytest.raises(OurError):
        compose_taking_in_charge(here, taken=(), service_mailbox=SERVICE_MAILBOX)


@pytest.mark.requirement("RV-1", "RV-2")
def test_virus_detection_goes_to_the_service_mailbox(here):
    reading = Reading.of(
        compose_virus_detection(here, recipient=ANNA, virus="Eicar-Test-Signature", service_mailbox=SERVICE_MAILBOX)
    )
    assert reading.head.single.get("x-ricevuta") == "rilevazione-virus"
    assert reading.head.single.get("x-mittente") == "mario.rossi@pec.alfa.example"
    assert reading.head.single.get("to") == SERVICE_MAILBOX.text
    assert (reading.certified.error, reading.xml_text["consegna"]) == ("virus", ANNA.text)
    assert "è stato rilevato un problema di sicurezza Eicar-Test-Signature.\n" in reading.plain


@pytest.mark.requirement("MV-1", "GE-28")
def test_non_delivery_for_virus_needs_only_the_certification_data(sent):
    issuance = replace(sent.by_sender(), subject_body=None)  # all that the notice of row 8 brings
    draft = compose_non_delivery_virus(issuance, recipient=ANNA, virus="Eicar-Test-Signature")
    reading = Reading.of(draft)
    assert reading.head.single.get("x-verificasicurezza") == "errore"
    assert (reading.certified.kind, reading.certified.error) == ("errore-consegna", "virus")
    assert reading.head.single["subject"].startswith("AVVISO DI MANCATA CONSEGNA PER VIRUS: =?utf-8?q?Citt=C3=A0?=")
    assert findings_in(draft) == ()


@pytest.mark.requirement("AD-1", "AD-2")
@pytest.mark.parametrize("failure", list(DeliveryFailure))
def test_non_delivery_says_what_the_table_says(here, failure):
    reading = Reading.of(compose_non_delivery(here, recipient=ANNA, failure=failure))
    detail = failure.value.detail("Gestore Beta S.r.l.")
    assert reading.head.single.get("x-ricevuta") == "errore-consegna"
    assert reading.certified.error == failure.value.error != ErrorKind.NONE
    assert reading.xml_text["errore-esteso"] == detail
    assert f"è stato rilevato un errore {detail}.\n" in reading.plain


def delivery(issuance, original, requested, issued):
    return compose_delivery(issuance, recipient=ANNA, requested=requested, issued=issued, original=original)


@pytest.mark.requirement("DR-3", "GE-31")
def test_complete_receipt_holds_the_original_octet_for_octet(sent, here):
    original = bytes(sent.prepared.splice)
    for octets in (original, original + b"Una riga.\r\n" * 8000):
        draft = delivery(here, octets, ReceiptKind.COMPLETE, ReceiptKind.COMPLETE)
        part = Reading.of(draft).parts[2]
        assert part.type == "message/rfc822"
        assert bytes(draft.entity)[part.start : part.end] == octets
    assert any(piece is octets for piece in draft.entity), "spliced, not copied"


@pytest.mark.requirement("DR-4", "AM-4")
def test_copy_of_a_complete_message_gets_a_concise_receipt_that_says_complete(sent, here):
    draft = delivery(here, bytes(sent.prepared.splice), ReceiptKind.COMPLETE, ReceiptKind.CONCISE)
    reading = Reading.of(draft)
    assert [part.type for part in reading.parts] == ["text/plain", "application/xml"]
    assert reading.plain.startswith("Ricevuta sintetica di avvenuta consegna\n")
    assert reading.certified.requested == "completa"
    assert "x-tiporicevuta" not in reading.head.keys  # AM-32


@pytest.mark.requirement("DR-2", "DR-4")
@pytest.mark.parametrize(
    ("issued", "title", "parts"),
    [
        (ReceiptKind.COMPLETE, "Ricevuta di avvenuta consegna", 3),
        (ReceiptKind.BRIEF, "Ricevuta breve di avvenuta consegna", 3),
        (ReceiptKind.CONCISE, "Ricevuta sintetica di avvenuta consegna", 2),
    ],
)
def test_title_and_parts_go_with_the_kind_issued(sent, here, issued, title, parts):
    reading = Reading.of(delivery(here, bytes(sent.prepared.splice), issued, issued))
    assert reading.plain.partition("\n")[0] == title
    assert len(reading.parts) == parts
    assert reading.xml_text["consegna"] == ANNA.text


@pytest.mark.requirement("DR-1", "AD-2", "RV-1")
def test_each_recipient_has_a_receipt_of_its_own_about_nobody_else(sent, here):
    original = bytes(sent.prepared.splice)
    for compose in (
        lambda to: compose_delivery(
            here, recipient=to, requested=ReceiptKind.COMPLETE, issued=ReceiptKind.COMPLETE, original=original
        ),
        lambda to: compose_non_delivery(here, recipient=to, failure=DeliveryFailure.OVER_QUOTA),
        lambda to: compose_virus_detection(here, recipient=to, virus="V", service_mailbox=SERVICE_MAILBOX),
    ):
        drafts = [compose(recipient) for recipient in (ANNA, INFO)]
        assert [Reading.of(draft).xml_texts["consegna"] for draft in drafts] == [[ANNA.text], [INFO.text]]
        assert drafts[0].message_id != drafts[1].message_id


@pytest.mark.requirement("BR-1")
def test_brief_receipt_holds_the_reduced_original(sent, here):
    octets = bytes(delivery(here, bytes(sent.prepared.splice), ReceiptKind.BRIEF, ReceiptKind.BRIEF).entity)
    assert b"perizia.pdf.hash" in octets
    assert b"JVBERi0x" not in octets


@pytest.mark.requirement("DR-3", "BA-5")
def test_original_with_8_bit_octets_is_labelled_and_kept(sent, here):
    original = bytes(sent.prepared.splice) + b"perch\xe9\r\n"
    draft = delivery(here, memoryview(original), ReceiptKind.COMPLETE, ReceiptKind.COMPLETE)
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\n" + original in bytes(draft.entity)


@pytest.mark.requirement("GE-22", "AP-22", "AP-23")
def test_without_client_identifier_the_reference_is_the_pec_one():
    draft = compose_acceptance(
        Scenario(submitted=SUBMITTED.replace(b"Message-ID: <2026", b"X-Altro: <2026")).transaction().by_sender()
    )
    reading = Reading.of(draft)
    assert reading.head.single.get("x-riferimento-message-id") == f"<{reading.xml_text['identificativo']}>"
    assert reading.xml_text["msgid"] is None
    assert findings_in(draft) == ()


@pytest.mark.requirement("SE-8", "GE-22")
@pytest.mark.parametrize(
    ("msgid", "expected"),
    [
        ("<1@client.example>", "<1@client.example>"),
        ("1@client.example", "<1@client.example>"),
        ("<due parole@client.example>", "<due parole@client.example>"),
        ("<1@client.example>\r\nBcc: spia@example.test", None),
        ("<perché@client.example>", None),
        ("<" + "x" * 2000 + "@client.example>", None),
    ],
)
def test_identifier_of_another_provider_cannot_break_the_header(sent, msgid, expected):
    original = replace(sent.original, client_message_id=msgid)
    draft = compose_acceptance(replace(sent.by_sender(), original=original))
    reading = Reading.of(draft)
    assert reading.head.single.get("x-riferimento-message-id") == (expected or f"<{original.identifier}>")
    assert "Bcc" not in order(draft)


@pytest.mark.requirement("SE-8")
@pytest.mark.parametrize("text", ["a@b.example, c@d.example", "a@b.example>", "a b@c.example", "perché@b.example"])
def test_address_that_could_be_read_as_something_else_is_refused(sent, text):
    original = replace(sent.original, sender=Address(text))
    with pytest.raises(OurError):
        compose_acceptance(replace(sent.by_sender(), original=original))


@pytest.mark.requirement("GE-12", "GE-13")
@pytest.mark.parametrize("name", list(RECEIPTS))
def test_html_alternative_when_the_provider_wants_it(name):
    draft = all_drafts(Scenario(with_html=True))[name]
    assert Reading.of(draft).parts[0].type == "multipart/alternative"
    assert Reading.of(draft).html is not None
    assert findings_in(draft) == ()
