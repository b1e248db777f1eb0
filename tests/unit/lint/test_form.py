"""Does the formal check fail what IP-12 and IP-13 forbid, bear section 11, and leave open what it cannot know?"""

from dataclasses import replace

import pytest

from ceralacca.core.incoming_point import DETAILS, MessageFamily
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import Mark
from ceralacca.formats.received import read_received
from ceralacca.lint.form import FormStep, check_form, failed, family_of
from ceralacca.lint.reason import FormReason
from ceralacca.testing import good_drafts as good
from ceralacca.testing.arrivals import OUR_MAILBOX, sealed, sealed_good, with_parts
from ceralacca.testing.good_drafts import good_draft, with_certification, with_header

ENVELOPE, DELIVERY, ANOMALY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY, MessageRow.ANOMALY_ENVELOPE
TAKING = MessageRow.TAKING_IN_CHARGE
XML = good.certification_part(good.certification(ENVELOPE))
TEXT = good.text_part(good.TEXTS[ENVELOPE])
ORIGINAL = good.original_part(good.ORIGINAL)


def known(draft):
    """What the incoming point knows of the transaction."""
    address = good.BETA if good.BETA.encode() in bytes(draft.header) else good.ALFA
    local = [path for path in draft.forward_paths if path.domain != "ditta.example"]
    return {
        "reverse_path": draft.reverse_path,
        "local_recipients": local,
        "signer_addresses": (address,),
        "service_mailboxes": (OUR_MAILBOX,),
    }


def outcome_of(draft, step, **changes):
    outcomes = check_form(read_received(sealed(draft)), **(known(draft) | changes))
    return next(outcome for outcome in outcomes if outcome.step == step)


def swap(old, new):
    def change(whole):
        assert old in whole
        return whole.replace(old, new, 1)

    return change


@pytest.mark.requirement("IP-12", "IP-13")
@pytest.mark.parametrize("row", MessageRow)
def test_good_message_of_every_row_passes_every_step(row):
    draft = good_draft(row)
    outcomes = check_form(read_received(sealed(draft)), **known(draft))
    assert [outcome.step for outcome in outcomes] == list(FormStep)
    marks = {outcome.mark for outcome in outcomes}
    assert marks <= ({Mark.PASSED, Mark.NOT_REACHED} if row is ANOMALY else {Mark.PASSED})


@pytest.mark.requirement("IP-16", "TO-21")
@pytest.mark.parametrize("row", MessageRow)
def test_what_only_the_transaction_knows_is_left_open_in_an_archive(row):
    outcomes = check_form(read_received(sealed_good(row)))
    assert not failed(outcomes)
    open_ones = {outcome.reason for outcome in outcomes if outcome.mark is Mark.UNKNOWN}
    assert FormReason.SIGNER_UNKNOWN in open_ones
    assert open_ones <= {FormReason.SIGNER_UNKNOWN, FormReason.TRANSACTION_UNKNOWN}


HEADERS = [
    (ENVELOPE, FormStep.MARKER, b"X-Trasporto: posta-certificata\r\n", b"", "no-marker"),
    (ENVELOPE, FormStep.MARKER, b"X-Trasporto:", b"X-Ricevuta: accettazione\r\nX-Trasporto:", "both-markers"),
    (ENVELOPE, FormStep.MARKER, b"X-Trasporto:", b"X-Trasporto: posta-certificata\r\nX-Trasporto:", "repeated-marker"),
    (DELIVERY, FormStep.MARKER, b"X-Ricevuta:", b"X-Ricevuta: avvenuta-consegna\r\nX-Ricevuta:", "repeated-marker"),
    (DELIVERY, FormStep.MARKER, b"avvenuta-consegna", b"consegna", "unknown-marker"),
    (DELIVERY, FormStep.MARKER, b"avvenuta-consegna", b"posta-certificata", "unknown-marker"),
    (ENVELOPE, FormStep.MARKER, b"posta-certificata\r\nX-T", b"normale\r\nX-T", "unknown-marker"),
    (ENVELOPE, FormStep.HEADER_FIELDS, b"Subject:", b"X-Subject:", "field-missing"),
    (ENVELOPE, FormStep.HEADER_FIELDS, b"Date:", b"Date: Thu, 05 Nov 2026 10:15:02 +0100\r\nDate:", "field-repeated"),
    (DELIVERY, FormStep.HEADER_FIELDS, b"From:", b"From: x@y.example\r\nFrom:", "field-repeated"),
    (DELIVERY, FormStep.FROM, b"From: posta-certificata@gestore-beta.example", b"From: nessuno", "no-from-address"),
    (DELIVERY, FormStep.FROM, b"From: ", b"From: x@y.example, ", "several-from-addresses"),
    (DELIVERY, FormStep.FROM, b"To:", b"Sender: x@y.example\r\nTo:", "sender-differs"),
    (ENVELOPE, FormStep.IDENTIFIER, b"Message-ID: <pec2", b"Message-ID: <pec3", "identifier-not-message-id"),
    (ENVELOPE, FormStep.IDENTIFIER, b"\r\nMessage-ID: <" + good.IDENTIFIER.encode() + b">", b"", "no-message-id"),
    (DELIVERY, FormStep.KIND, b"avvenuta-consegna", b"errore-consegna", "kind-not-marker"),
    (DELIVERY, FormStep.RECIPIENTS, b"To: mario", b"To: luigi", "to-not-sender"),
]


@pytest.mark.requirement("IP-12", "IP-13", "GE-26")
@pytest.mark.parametrize(("row", "step", "old", "new", "reason"), HEADERS)
def test_outer_header_that_breaks_the_form_fails(row, step, old, new, reason):
    outcome = outcome_of(with_header(good_draft(row), swap(old, new)), step)
    assert (outcome.mark, outcome.reason) == (Mark.FAILED, reason)


@pytest.mark.requirement("IP-12", "IP-13", "MO-5", "MO-6")
@pytest.mark.parametrize(
    ("row", "step", "changes", "reason"),
    [
        (ENVELOPE, FormStep.FROM, {"signer_addresses": ("altri@gestore-alfa.example",)}, "from-not-signer"),
        (ENVELOPE, FormStep.REVERSE_PATH, {"reverse_path": Address("x@pec.alfa.example")}, "sender-not-reverse-path"),
        (ENVELOPE, FormStep.REVERSE_PATH, {"reverse_path": None}, "sender-not-reverse-path"),
        (
            ENVELOPE,
            FormStep.RECIPIENTS,
            {"local_recipients": (Address(good.ANNA), Address("x@pec.beta.example"))},
            "recipient-not-certified",
        ),
        (DELIVERY, FormStep.RECIPIENTS, {"local_recipients": (Address(good.ANNA),)}, "recipient-not-sender"),
        (TAKING, FormStep.RECIPIENTS, {"local_recipients": (Address(good.SENDER),)}, "not-to-service-mailbox"),
    ],
)
def test_transaction_that_does_not_fit_fails(row, step, changes, reason):
    outcome = outcome_of(good_draft(row), step, **changes)
    assert (outcome.mark, outcome.reason) == (Mark.FAILED, reason)


PARTS = [
    (FormStep.STRUCTURE, None, "not-mixed"),
    (FormStep.READABLE_PART, (XML, ORIGINAL), "no-readable-part"),
    (FormStep.CERTIFICATION_PART, (TEXT, ORIGINAL), "certification-missing"),
    (FormStep.CERTIFICATION_PART, (TEXT, XML, XML, ORIGINAL), "several-certifications"),
    (FormStep.CERTIFICATION, (TEXT, good.certification_part(b"<postacert/>"), ORIGINAL), "certification-malformed"),
    (FormStep.ORIGINAL_PART, (TEXT, XML), "original-missing"),
    (FormStep.ORIGINAL_PART, (TEXT, XML, ORIGINAL, ORIGINAL), "several-originals"),
    (FormStep.ORIGINAL_PART, (TEXT, XML, ORIGINAL, ORIGINAL.replace(b"postacert", b"altro")), "several-originals"),
    (FormStep.STRUCTURE, (TEXT, XML, ORIGINAL, *[b"\r\nx"] * 1100), "limit-passed"),
]


@pytest.mark.requirement("IP-12", "TO-11", "SE-7")
@pytest.mark.parametrize(("step", "parts", "reason"), PARTS)
def test_parts_that_break_the_form_fail(step, parts, reason):
    if parts is None:
        entity = good.mixed(TEXT, XML, ORIGINAL)
        draft = good.with_entity(
            replace(good_draft(ENVELOPE), entity=entity), swap(b"multipart/mixed", b"multipart/related")
        )
    else:
        draft = with_parts(ENVELOPE, parts)
    outcome = outcome_of(draft, step)
    assert (outcome.mark, outcome.reason) == (Mark.FAILED, reason)


@pytest.mark.requirement("GE-16", "BA-1")
def test_anomaly_envelope_with_certification_data_fails():
    draft = with_parts(ANOMALY, (TEXT, XML, good.original_part(good.ARRIVED)))
    assert outcome_of(draft, FormStep.CERTIFICATION_PART).reason == FormReason.CERTIFICATION_UNEXPECTED


@pytest.mark.requirement("IP-6")
def test_message_without_detached_seal_fails():
    draft = good_draft(ENVELOPE)
    outcomes = check_form(read_received(bytes(draft.header) + bytes(draft.entity)), **known(draft))
    assert FormReason.NO_SEAL in {outcome.reason for outcome in outcomes if outcome.mark is Mark.FAILED}
    opaque = b"X-Trasporto: posta-certificata\r\nContent-Type: application/pkcs7-mime\r\n\r\n0"
    outcomes = check_form(read_received(opaque))
    assert FormReason.OPAQUE_SEAL in {outcome.reason for outcome in outcomes if outcome.mark is Mark.FAILED}


TOLERATED = [
    (ENVELOPE, FormStep.MARKER, b"posta-certificata\r\nX-T", b"Posta-Certificata\r\nX-T", "marker-case"),
    (ENVELOPE, FormStep.HEADER_FIELDS, b"X-TipoRicevuta: completa\r\n", b"", "optional-field-missing"),
    (DELIVERY, FormStep.HEADER_FIELDS, b"X-Riferimento-", b"X-Altro-", "optional-field-missing"),
]


@pytest.mark.requirement("IP-16", "TO-5", "TO-8", "TO-12", "AP-23")
@pytest.mark.parametrize(("row", "step", "old", "new", "reason"), TOLERATED)
def test_what_is_borne_is_named(row, step, old, new, reason):
    draft = with_header(good_draft(row), swap(old, new))
    outcome = outcome_of(draft, step)
    assert (outcome.mark, outcome.reason) == (Mark.TOLERATED, reason)
    assert not failed(check_form(read_received(sealed(draft)), **known(draft)))


@pytest.mark.requirement("IP-16", "TO-9", "TO-17", "XM-6")
def test_deviations_of_the_certification_data_are_borne_and_listed():
    draft = with_certification(good_draft(ENVELOPE), swap("<postacert", "<!DOCTYPE postacert>\r\n<postacert"))
    outcome = outcome_of(draft, FormStep.CERTIFICATION)
    assert (outcome.mark, outcome.reason) == (Mark.TOLERATED, FormReason.CERTIFICATION_DEVIATES)
    assert outcome.evidence["deviations"] == "doctype"
    relabelled = with_parts(ENVELOPE, (TEXT, XML.replace(b"application/xml", b"text/xml"), ORIGINAL))
    outcome = outcome_of(relabelled, FormStep.CERTIFICATION_PART)
    assert (outcome.mark, outcome.reason) == (Mark.TOLERATED, FormReason.PART_LABEL)


def test_receipt_with_an_original_too_many_and_html_alone_are_borne():
    row = MessageRow.ACCEPTANCE
    parts = (good.text_part(good.TEXTS[row]), good.certification_part(good.certification(row)), ORIGINAL)
    assert outcome_of(with_parts(row, parts), FormStep.ORIGINAL_PART).reason == FormReason.ORIGINAL_UNEXPECTED
    html = TEXT.replace(b"text/plain", b"text/html")
    assert (
        outcome_of(with_parts(ENVELOPE, (html, XML, ORIGINAL)), FormStep.READABLE_PART).reason == FormReason.HTML_ONLY
    )


@pytest.mark.requirement("GE-30")
def test_receipt_under_the_envelope_identifier_is_borne_from_others():
    own = good.OWN_ID["gestore-beta.example"].encode()
    draft = with_header(good_draft(DELIVERY), swap(own, f"<{good.IDENTIFIER}>".encode()))
    assert outcome_of(draft, FormStep.IDENTIFIER).reason == FormReason.RECEIPT_UNDER_ENVELOPE_ID


@pytest.mark.requirement("AM-14", "XM-6", "IP-12")
def test_addresses_compare_without_case():
    draft = good_draft(ENVELOPE)
    changes = {
        "reverse_path": Address(good.SENDER.upper()),
        "local_recipients": (Address(good.ANNA.title()),),
        "signer_addresses": (good.ALFA.upper(),),
    }
    outcomes = check_form(read_received(sealed(draft)), **(known(draft) | changes))
    assert {outcome.mark for outcome in outcomes} == {Mark.PASSED}


@pytest.mark.parametrize(
    ("old", "new", "family"),
    [
        (b"", b"", MessageFamily.RECEIPT),
        (b"X-Ricevuta: avvenuta-consegna\r\n", b"", MessageFamily.RECEIPT),
        (b"X-Ricevuta: avvenuta-consegna\r\n", b"X-Trasporto: errore\r\n", MessageFamily.ANOMALY),
        (b"X-Ricevuta: avvenuta-consegna\r\n", b"X-Trasporto: posta-certificata\r\n", MessageFamily.ENVELOPE),
    ],
)
def test_family_is_what_the_message_claims(old, new, family):
    message = sealed(with_header(good_draft(DELIVERY), swap(old, new)))
    assert family_of(read_received(message)) is family


def test_family_of_mail_that_claims_nothing():
    assert family_of(read_received(b"From: a@b.example\r\n\r\nciao")) is MessageFamily.NONE


@pytest.mark.requirement("BA-1", "IP-11")
def test_every_failure_has_its_italian_words_for_the_anomaly_envelope():
    source = {reason.value for reason in FormReason}
    assert set(DETAILS) <= source
    borne = {
        *("marker-case", "optional-field-missing", "signer-unknown", "html-only", "original-unexpected", "part-label"),
        *("certification-deviates", "certification-unread", "receipt-under-envelope-id", "transaction-unknown"),
    }
    assert source - set(DETAILS) == borne
