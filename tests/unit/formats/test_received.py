"""Are the parts of a PEC message found however they are labelled, and is what is missing named?"""

import base64
from dataclasses import replace

import pytest

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.reason import Reason
from ceralacca.formats.received import Absence, PartDeviation, read_received
from ceralacca.testing import good_drafts as good
from ceralacca.testing.arrivals import sealed, sealed_good, with_parts

ENVELOPE, DELIVERY, ANOMALY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY, MessageRow.ANOMALY_ENVELOPE
TEXT = good.text_part(good.TEXTS[ENVELOPE])
XML = good.certification_part(good.certification(ENVELOPE))
ORIGINAL = good.original_part(good.ORIGINAL)


def envelope_of(*parts):
    return read_received(sealed(with_parts(ENVELOPE, parts)))


@pytest.mark.parametrize("row", MessageRow)
def test_each_row_is_recognised_by_its_certification_data(row):
    received = read_received(sealed_good(row))
    assert received.row is row
    assert received.signed is not None
    assert received.plain_text() == good.TEXTS[row]
    assert (received.certification is None) is (row is ANOMALY)


@pytest.mark.requirement("TO-20", "GE-8")
def test_row_never_follows_the_outer_header():
    message = sealed_good(DELIVERY).replace(b"X-Ricevuta: avvenuta-consegna", b"X-Ricevuta: errore-consegna")
    assert read_received(message).row is DELIVERY
    assert (
        read_received(sealed_good(DELIVERY).replace(b"X-Ricevuta: avvenuta-consegna", b"X-Trasporto: errore")).row
        is DELIVERY
    )


def test_original_is_a_view_of_the_message():
    message = sealed_good(ENVELOPE)
    original = read_received(message).original
    assert bytes(original) == good.ORIGINAL
    assert original.obj is message


def test_outer_facts_are_all_there():
    outer = read_received(sealed_good(ENVELOPE)).outer
    assert (outer.receipt_marks, outer.transport_marks) == ((), ("posta-certificata",))
    assert (outer.receipt_kind, outer.security, outer.original_sender) == ("completa", None, None)
    assert [address.text for address in outer.sender] == [good.ALFA]
    assert outer.sender_display == f"Per conto di: {good.SENDER}"
    assert [address.text for address in outer.to] == [good.ANNA, good.INFO]
    assert (outer.subject, outer.date) == ("POSTA CERTIFICATA: Prova", good.DATE)
    assert (outer.message_id, outer.reference) == (f"<{good.IDENTIFIER}>", good.CLIENT_ID)


def test_every_marker_is_kept():
    message = sealed_good(DELIVERY).replace(b"X-Ricevuta:", b"X-Ricevuta: accettazione\r\nx-ricevuta:")
    assert read_received(message).outer.receipt_marks == ("accettazione", "avvenuta-consegna")


@pytest.mark.requirement("TO-17", "AM-1", "AM-20")
@pytest.mark.parametrize(
    ("change", "deviation"),
    [
        (lambda part: part, None),
        (lambda part: part.replace(b"daticert.xml", b"DATICERT.XML"), None),
        (lambda part: part.replace(b"application/xml", b"text/xml"), PartDeviation.TYPE),
        (lambda part: part.replace(b"application/xml", b"application/octet-stream"), PartDeviation.TYPE),
        (lambda part: part.replace(b"daticert.xml", b"certdata.xml"), PartDeviation.NAME),
        (lambda part: b"Content-Type: text/xml\r\n" + part[part.index(b"Content-Transfer") :], PartDeviation.NAME),
        (
            lambda part: b"Content-Type: application/octet-stream\r\n" + part[part.index(b"Content-Transfer") :],
            PartDeviation.CONTENT,
        ),
        (lambda part: b"\r\n" + good.certification(ENVELOPE).encode(), PartDeviation.CONTENT),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_certification_is_found_however_labelled_and_placed(change, deviation, last):
    parts = (TEXT, ORIGINAL, change(XML)) if last else (TEXT, change(XML), ORIGINAL)
    received = envelope_of(*parts)
    assert received.facts.original.identifier == good.IDENTIFIER
    assert received.certification_part.deviation is deviation


@pytest.mark.requirement("TO-17", "AM-20")
@pytest.mark.parametrize(
    ("change", "deviation"),
    [
        (lambda part: part, None),
        (lambda part: part.replace(b"postacert.eml", b"Prova.eml"), PartDeviation.NAME),
        (lambda part: b"Content-Type: message/rfc822\r\n\r\n" + good.ORIGINAL, PartDeviation.NAME),
        (lambda part: part.replace(b"message/rfc822", b"application/octet-stream"), PartDeviation.TYPE),
        (lambda part: b"Content-Type: application/octet-stream\r\n\r\n" + good.ORIGINAL, PartDeviation.CONTENT),
        (
            lambda part: b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(good.ORIGINAL),
            PartDeviation.CONTENT,
        ),
        (
            lambda part: part[: part.index(b"Content-Transfer")] + b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(good.ORIGINAL),
            None,
        ),
    ],
)  # fmt: skip
def test_original_is_found_however_labelled(change, deviation):
    received = envelope_of(TEXT, XML, change(ORIGINAL))
    assert bytes(received.original) == good.ORIGINAL
    assert received.original_part.deviation is deviation


@pytest.mark.requirement("GE-17")
def test_parts_we_do_not_know_are_left_aside():
    other = b"Content-Type: application/pdf; name=guida.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n"
    notes = b"Content-Type: text/plain; name=note.txt\r\n\r\nnote\r\n"
    received = envelope_of(TEXT, other, XML, ORIGINAL, notes)
    assert received.row is ENVELOPE
    assert bytes(received.original) == good.ORIGINAL


@pytest.mark.requirement("TO-11")
def test_missing_parts_are_named():
    received = envelope_of(TEXT)
    assert received.certification_fault == Absence.MISSING
    assert received.original_part.absence is Absence.MISSING
    assert received.original is None
    assert received.row is None


def test_doubled_parts_are_named_and_none_of_them_is_read():
    received = envelope_of(TEXT, XML, XML, ORIGINAL, ORIGINAL)
    assert received.certification_fault == Absence.SEVERAL
    assert received.facts is None
    assert received.original_part.absence is Absence.SEVERAL


@pytest.mark.parametrize(
    ("xml", "fault"),
    [
        (b"<postacert", "not-xml"),
        (b"<?xml version='1.0'?><altro/>", "not-valid"),
        (b"\xff\xfe<postacert/>", "not-utf-8"),
        (b"x" * (3 << 20), "too-large"),
    ],
)
def test_broken_certification_data_are_named(xml, fault):
    assert envelope_of(TEXT, good.certification_part(xml), ORIGINAL).certification_fault == fault


@pytest.mark.requirement("TO-6")
def test_text_is_read_from_an_alternative_and_in_any_charset():
    inner = (
        b'Content-Type: multipart/alternative; boundary="A"\r\n\r\n--A\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"Questo \xc3\xa8 un testo\r\n"
        b"--A\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Questo</p>\r\n--A--\r\n"
    )
    received = envelope_of(inner, XML, ORIGINAL)
    assert received.plain_text() == "Questo è un testo"
    assert received.html_text() == "<p>Questo</p>"
    assert envelope_of(XML, ORIGINAL).readable is None


@pytest.mark.requirement("IP-6")
def test_message_without_seal_says_why():
    received = read_received(b"From: a@b.example\r\n\r\nciao")
    assert (received.signed, received.seal_fault) == (None, Reason.NOT_SIGNED)
    assert received.row is None
    truncated = sealed_good(ENVELOPE)[:-200]
    assert read_received(truncated).seal_fault is Reason.TRUNCATED


def test_stripped_message_still_shows_what_it_holds():
    """Somebody saved the parts without the seal: seen, and unsigned."""
    draft = good.good_draft(ENVELOPE)
    received = read_received(bytes(draft.header) + bytes(draft.entity))
    assert received.signed is None
    assert received.row is ENVELOPE


@pytest.mark.requirement("SE-7")
def test_limits_are_a_finding_of_the_content_and_an_error_of_the_header():
    many = b"Content-Type: text/plain\r\n\r\nx"
    received = envelope_of(TEXT, *[many] * 1100)
    assert received.limit_passed
    assert received.entity is None
    assert received.signed is not None
    with pytest.raises(UnreadableMessage):
        read_received(b"X: " + b"y" * 300_000 + b"\r\n\r\n")


@pytest.mark.requirement("SE-7", "GE-31")
def test_limits_are_those_of_the_envelope_not_of_the_original_inside():
    original = good.ORIGINAL.replace(b"text/plain; charset=us-ascii", b'multipart/mixed; boundary="X"')
    original = original.replace(b"Buongiorno.\r\n", b"--X\r\n\r\nx\r\n" * 1100 + b"--X--\r\n")
    received = envelope_of(TEXT, XML, good.original_part(original))
    assert not received.limit_passed
    assert bytes(received.original) == original


@pytest.mark.requirement("TO-16")
def test_nested_envelopes_come_from_the_outside_in():
    inner = sealed_good(ENVELOPE)
    parts = (good.text_part(good.TEXTS[DELIVERY]), XML, good.original_part(inner))
    middle = sealed(replace(good.good_draft(DELIVERY), entity=good.mixed(*parts, boundary="M2")))
    parts = (good.text_part(good.TEXTS[ANOMALY]), good.original_part(middle))
    outer = read_received(sealed(replace(good.good_draft(ANOMALY), entity=good.mixed(*parts, boundary="M3"))))
    assert [message.row for message in outer.nested()] == [ENVELOPE, ENVELOPE]
    assert [message.outer.subject for message in outer.nested()] == ["CONSEGNA: Prova", "POSTA CERTIFICATA: Prova"]
    assert list(read_received(inner).nested()) == []


@pytest.mark.requirement("TO-5")
def test_names_in_other_case_and_fields_folded_with_tabs():
    message = sealed_good(ENVELOPE)
    message = message.replace(b"X-TipoRicevuta:", b"X-Tiporicevuta:").replace(
        b"\r\nMessage-ID:", b"\r\nMessage-Id:\r\n\t"
    )
    outer = read_received(message).outer
    assert outer.receipt_kind == "completa"
    assert outer.message_id == f"<{good.IDENTIFIER}>"


def test_opaque_content_is_not_looked_into():
    received = read_received(
        b"From: a@b.example\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nMAA=\r\n"
    )
    assert received.signed is not None
    assert received.entity is None
    assert not received.limit_passed
