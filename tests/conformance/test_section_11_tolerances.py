"""Section 11: what other providers do is borne, and what nobody may do is not. One test or more for each TO."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.delivery_point import Timeout
from ceralacca.core.incoming_point import MessageClass
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ErrorKind, MessageRow, ReceiptKind
from ceralacca.core.model.outcome import Mark, SealVerdict
from ceralacca.core.timeout_notice import received_timeout
from ceralacca.formats.received import read_received
from ceralacca.lint.contradictions import Subject, contradictions
from ceralacca.lint.form import check_form, failed
from ceralacca.testing import good_drafts as good
from ceralacca.testing.arrivals import arrival_of, peers, sealed, sealed_good, with_parts
from ceralacca.testing.good_drafts import good_draft, with_certification, with_entity, with_header, with_text
from ceralacca.testing.seals import Make, as_ber, cms_seal
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.verifier import JudgedAt, verify_seal

ENVELOPE, DELIVERY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY
DRAFT = good_draft(ENVELOPE)
TEXT = good.text_part(good.TEXTS[ENVELOPE])
XML = good.certification_part(good.certification(ENVELOPE))
ORIGINAL = good.original_part(good.ORIGINAL)


def kind_of(octets, row=ENVELOPE):
    return arrival_of(good_draft(row), octets=octets).classify().kind


def is_borne(octets, row=ENVELOPE):
    """Sound on arrival, and named as what it is in an archive."""
    expected = MessageClass.ENVELOPE if row is ENVELOPE else MessageClass.RECEIPT
    assert kind_of(octets, row) is expected
    received = read_received(octets)
    assert received.row is row
    assert not failed(check_form(received))
    return received


def swap(old, new):
    def change(whole):
        assert old in whole
        return whole.replace(old, new, 1)

    return change


def foreign(
    make=None, *, draft=DRAFT, content_type=None, part_type=b"application/pkcs7-signature", preamble=b"", ber=False
):
    """Seal a draft as some other provider's program does."""
    entity = bytes(draft.entity)
    cms = cms_seal(entity, peers().alfa, good.INSTANT, make or Make())
    content_type = (
        content_type or b'multipart/signed; protocol="application/pkcs7-signature"; micalg="sha-256"; boundary="S"'
    )
    return b"".join(
        (
            bytes(draft.header),
            b"MIME-Version: 1.0\r\nContent-Type: " + content_type + b"\r\n\r\n",
            preamble + b"--S\r\n" + entity + b"\r\n--S\r\nContent-Type: " + part_type + b"; name=smime.p7s\r\n",
            b"Content-Transfer-Encoding: base64\r\n\r\n",
            base64.encodebytes(as_ber(cms) if ber else cms).replace(b"\n", b"\r\n") + b"--S--\r\n",
        )
    )


MICALGS = [b"sha1", b"sha-1", b"SHA1", b"SHA-1", b"sha256", b"sha-256", b"SHA256", b'"sha1"', b'"Sha-256"']


@pytest.mark.requirement("TO-1")
@pytest.mark.parametrize("micalg", MICALGS)
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_to_1_micalg_in_any_dress_and_sha_1_digests(micalg, digest):
    content_type = b"multipart/signed; protocol=application/pkcs7-signature; boundary=S; micalg=" + micalg
    message = foreign(Make(digest=digest), content_type=content_type)
    is_borne(message)
    assert arrival_of(DRAFT, octets=message).seal().digest_algorithm == digest


@pytest.mark.requirement("TO-1", "IP-8")
def test_to_1_ends_where_sha_1_ends():
    assert kind_of(foreign(Make(digest="md5"))) is MessageClass.ORDINARY
    assert kind_of(foreign(ber=True)) is MessageClass.ENVELOPE


@pytest.mark.requirement("TO-2")
@pytest.mark.parametrize("protocol", [b"application/x-pkcs7-signature", b"Application/PKCS7-Signature"])
@pytest.mark.parametrize("part_type", [b"application/x-pkcs7-signature", b"application/pkcs7-signature"])
def test_to_2_old_names_of_the_signature_part(protocol, part_type):
    content_type = b'multipart/signed; protocol="' + protocol + b'"; micalg=sha1; boundary=S'
    is_borne(foreign(content_type=content_type, part_type=part_type))


@pytest.mark.requirement("TO-3")
def test_to_3_preamble_long_boundaries_and_fields_inside_the_signed_part():
    is_borne(foreign(preamble=b"This is an S/MIME signed message\r\n\r\n"))
    inside = with_entity(DRAFT, lambda e: b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n" + e)
    is_borne(foreign(draft=inside))
    hyphens = b"-" * 16 + b"=_Part_1"
    message = (
        foreign()
        .replace(b'boundary="S"', b'boundary="' + hyphens + b'"')
        .replace(b"--S\r\n", b"--" + hyphens + b"\r\n")
    )
    is_borne(message.replace(b"--S--", b"--" + hyphens + b"--"))


@pytest.mark.requirement("TO-4")
@pytest.mark.parametrize("row", [ENVELOPE, DELIVERY])
def test_to_4_file_saved_with_lf_line_ends(row):
    is_borne(sealed_good(row).replace(b"\r\n", b"\n"), row)


@pytest.mark.requirement("TO-4", "IP-8")
def test_to_4_bears_no_other_change():
    saved = sealed_good(ENVELOPE).replace(b"\r\n", b"\n")
    assert kind_of(saved.replace(b"Buongiorno.", b"Buonasera!!")) is MessageClass.ORDINARY


@pytest.mark.requirement("TO-5")
def test_to_5_header_in_any_order_case_and_folding():
    fields = bytes(DRAFT.header).replace(b"\r\n ", b"\r\n\t").split(b"\r\n")
    whole = b"\r\n".join(fields).replace(b"\r\n\t", b"\0").split(b"\r\n")[:-1]
    shuffled = b"".join(field.replace(b"\0", b"\r\n\t") + b"\r\n" for field in reversed(whole))
    shuffled = shuffled.replace(b"X-TipoRicevuta", b"X-Tiporicevuta").replace(b"Message-ID:", b"Message-Id:")
    is_borne(sealed(with_header(DRAFT, lambda _: shuffled), peers().alfa))


@pytest.mark.requirement("TO-6", "GE-18")
@pytest.mark.parametrize(
    "text",
    [
        '-- Ricevuta di accettazione del messaggio indirizzato a anna ("posta certificata") --\n',
        "--Questo è un Messaggio di Posta Certificata--\nNota: conservare.\n",
        "--Avviso di mancata consegna del messaggio--\n",
        "e' stato consegnato\nIdentificativo messaggio: opec999@altrove.example\n",
        "",
    ],
)
def test_to_6_texts_in_other_words_decide_nothing(text):
    received = is_borne(sealed(with_text(DRAFT, lambda _: text)))
    assert received.facts.original.identifier == good.IDENTIFIER


@pytest.mark.requirement("TO-6", "GE-12")
@pytest.mark.parametrize("charset", [b"iso-8859-1", b"utf-8"])
def test_to_6_alternative_of_text_and_html(charset):
    part = (
        b'Content-Type: multipart/alternative; boundary="A"\r\n\r\n'
        b"--A\r\nContent-Type: text/plain; charset=" + charset + b"\r\nContent-Disposition: inline\r\n\r\nMessaggio\r\n"
        b"--A\r\nContent-Type: text/html; charset=" + charset + b"\r\n\r\n<p>Messaggio</p>\r\n--A--\r\n"
    )
    is_borne(sealed(with_parts(ENVELOPE, (part, XML, ORIGINAL))))


IDENTIFIERS = [
    "opec288.20181113163926.01838.310.1.63@pec.alfa.example",
    "E82D9D8F.000073B6.E8F90950.8520A581.posta-certificata@posta.example",
    "201301071741240100.0787.pech@gestore.example",
    "20080327125149.115789@gestore.example",
]


@pytest.mark.requirement("TO-7", "XM-6", "GE-29")
@pytest.mark.parametrize("identifier", IDENTIFIERS)
@pytest.mark.parametrize("brackets", [False, True])
def test_to_7_identifiers_that_are_not_alphanumeric(identifier, brackets):
    written = f"&lt;{identifier}&gt;" if brackets else identifier
    draft = with_certification(DRAFT, swap(good.IDENTIFIER, written))
    draft = with_header(draft, swap(good.IDENTIFIER.encode(), identifier.encode()))
    assert is_borne(sealed(draft)).facts.original.identifier == identifier


@pytest.mark.requirement("TO-8")
def test_to_8_msgid_there_or_not():
    escaped = good.CLIENT_ID.replace("<", "&lt;").replace(">", "&gt;")
    assert is_borne(sealed(DRAFT)).facts.original.client_message_id == good.CLIENT_ID
    without = with_certification(DRAFT, swap(f"<msgid>{escaped}</msgid>", ""))
    assert is_borne(sealed(without)).facts.original.client_message_id is None


@pytest.mark.requirement("TO-9", "XM-4")
def test_to_9_doctype_and_style_sheet_are_never_fetched():
    prologue = (
        '<?xml-stylesheet type="text/xsl" href="https://gestore.invalid/postacert.xsl"?>\r\n'
        '<!DOCTYPE postacert PUBLIC "posta certificata" "https://gestore.invalid/postacert.dtd">\r\n<postacert'
    )
    draft = with_certification(DRAFT, lambda xml: xml.replace("\n", "\r\n").replace("<postacert", prologue, 1))
    received = is_borne(sealed(draft))
    assert {"doctype", "stylesheet"} <= set(received.certification.deviations)


@pytest.mark.requirement("TO-10")
def test_to_10_issuer_under_another_name():
    draft = with_certification(DRAFT, swap("Gestore Alfa S.p.A.", "GESTORE ALFA spa"))
    assert is_borne(sealed(draft)).facts.issuer == "GESTORE ALFA spa"


@pytest.mark.requirement("TO-11", "IP-11")
def test_to_11_envelope_without_certification_data():
    found = arrival_of(with_parts(ENVELOPE, (TEXT, ORIGINAL))).classify()
    assert found.kind is MessageClass.PEC_MALFORMED
    assert found.anomaly.endswith("mancano i dati di certificazione")


@pytest.mark.requirement("TO-12", "AP-16")
@pytest.mark.parametrize("value", [b"complet", b"Completa", b"COMPLETA ", b"integrale", b""])
def test_to_12_receipt_kind_truncated_or_unknown_means_complete(value):
    message = sealed(DRAFT).replace(b"X-TipoRicevuta: completa", b"X-Tiporicevuta: " + value)
    received = is_borne(message)
    assert ReceiptKind.requested_by(received.outer.receipt_kind) is ReceiptKind.COMPLETE
    assert contradictions(received) == ()


@pytest.mark.requirement("TO-13")
@pytest.mark.parametrize("error", ["virus", "altro"])
def test_to_13_virus_detection_with_the_recipient_in_ricezione(error):
    row = MessageRow.VIRUS_DETECTION
    draft = with_certification(
        good_draft(row),
        lambda xml: xml.replace("consegna>", "ricezione>").replace('errore="virus"', f'errore="{error}"'),
    )
    received = is_borne(sealed(draft), row)
    assert received.facts.delivery_recipient == Address(good.ANNA)
    assert received.facts.error is ErrorKind(error)


@pytest.mark.requirement("TO-14")
def test_to_14_error_notice_with_ricevuta_and_timeout_without_errore():
    row = MessageRow.NON_DELIVERY
    with_receipt = with_certification(good_draft(row), swap("<consegna>", '<ricevuta tipo="breve"/><consegna>'))
    is_borne(sealed(with_receipt), row)
    row = MessageRow.DELIVERY_TIMEOUT
    bare = with_certification(
        good_draft(row),
        lambda xml: xml.replace(' errore="altro"', "").replace(f"<errore-esteso>{good.TWELVE}</errore-esteso>", ""),
    )
    received = is_borne(sealed(bare), row)
    assert (received.facts.error, received.facts.error_detail) == (ErrorKind.NONE, None)


@pytest.mark.requirement("TO-15", "TN-2")
@pytest.mark.parametrize(
    ("detail", "hours", "timeout"),
    [
        ("5.4.1 - Gestore Alfa S.p.A. - non consegnato", 12, Timeout.TWENTY_FOUR_HOURS),
        ("4.4.1 - Gestore Alfa S.p.A. - non consegnato", 24, Timeout.TWELVE_HOURS),
        ("non consegnato", 24, Timeout.TWENTY_FOUR_HOURS),
        ("non consegnato", 12, Timeout.TWELVE_HOURS),
    ],
)
def test_to_15_the_final_notice_is_told_by_its_code_or_else_by_the_time(detail, hours, timeout):
    row = MessageRow.DELIVERY_TIMEOUT
    received = is_borne(sealed(with_certification(good_draft(row), swap(good.TWELVE, detail))), row)
    accepted = good.INSTANT - timedelta(hours=hours)
    assert received_timeout(received.facts, accepted=accepted) is timeout


@pytest.mark.requirement("TO-16")
def test_to_16_forwarded_envelope_inside_an_envelope():
    inner = sealed_good(ENVELOPE)
    twice = "POSTA CERTIFICATA: Prova"
    draft = with_certification(DRAFT, swap("<oggetto>Prova", f"<oggetto>{twice}"))
    draft = with_header(draft, swap(b"POSTA CERTIFICATA: Prova", f"POSTA CERTIFICATA: {twice}".encode()))
    xml = good.certification_part(good.certification(ENVELOPE).replace("<oggetto>Prova", f"<oggetto>{twice}"))
    entity = good.mixed(TEXT, xml, good.original_part(inner), boundary="fuori")
    received = is_borne(sealed(replace(draft, entity=entity)))
    assert [message.row for message in received.nested()] == [ENVELOPE]
    assert Subject.OUTER_SUBJECT not in {found.subject for found in contradictions(received)}


@pytest.mark.requirement("TO-17")
@pytest.mark.parametrize("xml_type", [b"application/xml", b"text/xml", b"application/octet-stream"])
@pytest.mark.parametrize("name", [b'; name="postacert.eml"', b'; name="Prova.eml"', b""])
def test_to_17_parts_under_other_labels(xml_type, name):
    xml = XML.replace(b"application/xml", xml_type)
    original = b"Content-Type: message/rfc822" + name + b"\r\nContent-Disposition: inline\r\n\r\n" + good.ORIGINAL
    received = is_borne(sealed(with_parts(ENVELOPE, (TEXT, xml, original))))
    assert bytes(received.original) == good.ORIGINAL


@pytest.mark.requirement("TO-18", "AP-14")
def test_to_18_fields_of_the_users_software_are_user_data():
    marks = b"X-Sensitivity: 3\r\nX-MLTR-UUID: 1\r\nX-Ricevuta: accettazione\r\nX-Trasporto: errore\r\n"
    received = is_borne(
        sealed(with_entity(DRAFT, swap(b"\r\nReceived: from client", b"\r\n" + marks + b"Received: from client")))
    )
    assert received.outer.receipt_marks == ()


@pytest.mark.requirement("TO-19")
def test_to_19_bounce_from_the_internet_is_an_anomaly_without_answer():
    bounce = (
        b"From: MAILER-DAEMON@posta.example\r\nTo: anna.bianchi@pec.beta.example\r\n"
        b"Subject: Undelivered Mail Returned to Sender\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="R"\r\n\r\n'
        b"--R\r\n\r\nnon consegnato\r\n--R\r\nContent-Type: message/rfc822\r\n\r\n"
        + sealed_good(ENVELOPE)
        + b"\r\n--R--\r\n"
    )
    found = replace(arrival_of(DRAFT, octets=bounce), reverse_path=None).classify()
    assert (found.kind, found.anomaly) == (MessageClass.ORDINARY, AnomalyReason.NO_SIGNATURE)
    assert not found.receipt_due
    assert read_received(bounce).row is None


@pytest.mark.requirement("TO-20", "GE-8")
@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        (b"X-Ricevuta: avvenuta-consegna", b"X-Ricevuta: errore-consegna", Subject.OUTER_KIND),
        (b"X-Ricevuta: avvenuta-consegna", b"X-Trasporto: posta-certificata", Subject.OUTER_KIND),
        (b"Subject: CONSEGNA:", b"Subject: AVVISO DI MANCATA CONSEGNA:", Subject.OUTER_SUBJECT_PREFIX),
    ],
)
def test_to_20_outer_header_is_never_believed_and_its_lies_are_reported(old, new, subject):
    message = sealed_good(DELIVERY)
    assert old in message
    tampered = message.replace(old, new, 1)
    received = read_received(tampered)
    assert received.row is DELIVERY
    assert arrival_of(good_draft(DELIVERY), octets=tampered).seal().verdict is SealVerdict.VALID
    assert subject in {found.subject for found in contradictions(received)}


@pytest.mark.requirement("TO-21")
def test_to_21_archived_message_was_valid_when_signed():
    world, later = peers(), datetime(2036, 1, 1, tzinfo=UTC)
    message = sealed_good(DELIVERY)
    crls = world.authority.crls()
    trust = TrustStore(anchors=world.authority.anchors(), crls=crls)
    judged = {"directory": world.directory, "at": JudgedAt.signing(later)}
    assert verify_seal(message, trust=trust, **judged).verdict is SealVerdict.VALID_WHEN_SIGNED
    without_history = TrustStore(anchors=world.authority.anchors())
    assert verify_seal(message, trust=without_history, **judged).verdict is SealVerdict.INDETERMINATE
    at_reception = verify_seal(message, trust=trust, directory=world.directory, at=JudgedAt.now(later))
    assert not at_reception.good
    assert all(outcome.mark is not Mark.FAILED for outcome in check_form(read_received(message)))
