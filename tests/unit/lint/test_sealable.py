"""Does lint pass what is right and refuse each thing that is wrong, under the rule that names it?"""

import copy
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.splice import Splice
from ceralacca.lint.sealable import RULES, LintRefusal, Sealable, examine, findings_in
from ceralacca.testing import good_drafts as good
from ceralacca.testing.good_drafts import good_draft, with_certification, with_entity, with_header, with_text

ENVELOPE, ANOMALY, DELIVERY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.ANOMALY_ENVELOPE, MessageRow.DELIVERY
ACCEPTANCE, TIMEOUT, TAKING = MessageRow.ACCEPTANCE, MessageRow.DELIVERY_TIMEOUT, MessageRow.TAKING_IN_CHARGE
VIRUS = MessageRow.VIRUS_DETECTION


def rules_against(draft):
    return {finding.rule for finding in findings_in(draft)}


def swap(old, new, count=1):
    def change(whole):
        assert old in whole, f"the good draft does not hold {old!r}"
        return whole.replace(old, new, count)

    return change


@pytest.mark.requirement("GE-9", "GE-10", "GE-11", "GE-12", "GE-14", "GE-20", "GE-21", "GE-22", "GE-32", "XM-1", "ER-1")
@pytest.mark.parametrize("row", MessageRow)
def test_good_draft_of_every_row_passes(row):
    assert findings_in(good_draft(row)) == ()
    assert examine(good_draft(row)).draft.row is row


@pytest.mark.requirement("GE-1")
def test_only_examine_makes_a_sealable():
    sealable = examine(good_draft(DELIVERY))
    with pytest.raises(OurError):
        Sealable(good_draft(DELIVERY), object())
    with pytest.raises(TypeError):
        Sealable(good_draft(DELIVERY))
    with pytest.raises((TypeError, ValueError)):
        replace(sealable, draft=good_draft(ENVELOPE))
    with pytest.raises(FrozenInstanceError):
        sealable.draft = good_draft(ENVELOPE)
    assert copy.copy(sealable) == sealable


def test_a_refusal_lists_every_finding_and_no_content():
    draft = with_header(good_draft(DELIVERY), lambda h: h.replace(b"CONSEGNA: Prova", b"Segreto"))
    with pytest.raises(LintRefusal) as refusal:
        examine(draft)
    assert [finding.rule for finding in refusal.value.findings] == ["subject"]
    assert "GE-28" in str(refusal.value)
    assert "Segreto" not in str(refusal.value)


def test_rules_have_names_of_their_own_and_clauses():
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert all(rule.requirements for rule in RULES)
    assert all(rule.check.__doc__ for rule in RULES)


HEADERS = [
    # (row, what is spoilt, old, new, rule that must speak)
    ("header-grammar", ENVELOPE, b"Reply-To:", b"\r\nReply-To:"),
    ("header-grammar", ENVELOPE, b"Subject: POSTA", b"Subject: a\nBcc: x@y.example\r\n POSTA"),
    ("header-grammar", ENVELOPE, b"192.0.2.10", b"192\x00"),
    ("header-grammar", ANOMALY, b"To: anna", b"To: a\rX-Trasporto: posta-certificata, anna"),
    ("header-octets", DELIVERY, b"Subject: CONSEGNA: Prova", "Subject: CONSEGNA: Pròva".encode()),
    ("header-octets", DELIVERY, b"Prova", b"Prova\x07"),
    ("header-octets", ENVELOPE, b"Prova", b"Prova " + b"x" * 998),
    ("header-octets", DELIVERY, b"Prova", b"Prova\r\n \t"),
    ("header-fields", DELIVERY, b"X-Ricevuta: avvenuta-consegna\r\n", b""),
    ("header-fields", DELIVERY, b"Date:", b"Sender: a@b.example\r\nSender: a@b.example\r\nDate:"),
    ("header-fields", DELIVERY, b"X-Ricevuta:", b"X-Ricevuta: avvenuta-consegna\r\nX-Ricevuta:"),
    ("header-fields", DELIVERY, b"To:", b"Cc: x@y.example\r\nTo:"),
    ("header-fields", DELIVERY, b"To:", b"Bcc: x@y.example\r\nTo:"),
    ("header-fields", DELIVERY, b"X-Ric", b"Received: by x\r\nX-Ric"),
    ("header-fields", ENVELOPE, b"X-TipoRicevuta", b"X-Priority: 1\r\nX-TipoRicevuta"),
    ("header-fields", ENVELOPE, b"To:", b"To: c@d.example\r\nTo:"),
    ("header-fields", ENVELOPE, b"X-Trasporto", b"X-Ricevuta: accettazione\r\nX-Trasporto"),
    ("header-fields", ANOMALY, b"X-Trasporto", b"X-Riferimento-Message-ID: <a@b>\r\nX-Trasporto"),
    ("header-order", ENVELOPE, b"X-Trasporto: posta-certificata\r\n", b""),
    ("marker", DELIVERY, b"avvenuta-consegna", b"accettazione"),
    ("marker", DELIVERY, b"X-Ricevuta: avvenuta-consegna", b"X-Ricevuta: consegna"),
    ("marker", ANOMALY, b"errore", b"posta-certificata"),
    ("marker", ENVELOPE, b"X-TipoRicevuta: completa", b"X-TipoRicevuta: breve"),
    ("marker", VIRUS, b"X-Mittente: mario", b"X-Mittente: anna"),
    ("marker", MessageRow.NON_DELIVERY_VIRUS, b"X-VerificaSicurezza: errore", b"X-VerificaSicurezza: ok"),
    ("date", DELIVERY, b"10:15:02 +0100\r\nSubject", b"10:15:03 +0100\r\nSubject"),
    ("date", DELIVERY, b"10:15:02 +0100\r\nSubject", b"09:15:02 +0000\r\nSubject"),
    ("subject", DELIVERY, b"CONSEGNA:", b"ACCETTAZIONE:"),
    ("subject", DELIVERY, b"CONSEGNA: Prova", b"CONSEGNA:Prova"),
    ("subject", DELIVERY, b"CONSEGNA: Prova", b"CONSEGNA: Altro"),
    ("subject", DELIVERY, b"CONSEGNA: Prova", b"CONSEGNA:"),
    ("from", DELIVERY, b"From: posta", b'From: "Gestore" <posta'),
    ("from", ENVELOPE, b"Per conto di: mario", b"Per conto di: Mario"),
    ("from", ENVELOPE, b'"Per conto di: mario.rossi@pec.alfa.example"', b"Per conto di mario"),
    ("from", DELIVERY, b"To:", b"Sender: altri@gestore-beta.example\r\nTo:"),
    ("to", DELIVERY, b"To: mario.rossi@pec.alfa.example", b"To: altri@pec.alfa.example"),
    ("to", DELIVERY, b"To: mario.rossi@pec.alfa.example", b"To: mario.rossi@pec.alfa.example, x@y.example"),
    ("paths", DELIVERY, b"From: posta-certificata@gestore-beta", b"From: posta-certificata@gestore-alfa"),
    ("message-id", DELIVERY, b"bbbbccccdddd", b"bbbccccdddd"),
    ("reference", DELIVERY, b"<20261105091455", b"<20261105091456"),
    ("reference", ENVELOPE, good.CLIENT_ID.encode(), good.CLIENT_ID.strip("<>").encode()),
    ("reply-to", ENVELOPE, b"Reply-To: mario.rossi@pec.alfa.example\r\n", b""),
]


@pytest.mark.requirement(
    "GE-14", "GE-20", "GE-21", "GE-22", "GE-23", "GE-26", "GE-27", "GE-28", "BT-2", "BT-3", "BT-4", "SE-8", "MO-10"
)
@pytest.mark.parametrize(("rule", "row", "old", "new"), HEADERS)
def test_spoilt_header_is_refused(rule, row, old, new):
    draft = with_header(good_draft(row), swap(old, new))
    if rule == "header-order":
        draft = with_header(
            draft, lambda h: h.replace(b"Message-ID:", b"X-Trasporto: posta-certificata\r\nMessage-ID:")
        )
    assert rule in rules_against(draft)


@pytest.mark.requirement("BT-5", "MO-11", "MO-12", "MO-13", "GE-30", "GE-29", "BA-3")
@pytest.mark.parametrize(
    ("rule", "row", "change"),
    [
        ("paths", DELIVERY, {"reverse_path": None}),
        ("paths", DELIVERY, {"forward_paths": ()}),
        ("to", DELIVERY, {"forward_paths": (Address(good.SENDER), Address(good.ANNA))}),
        ("to", TAKING, {"forward_paths": (Address(good.SENDER),)}),
        ("paths", ENVELOPE, {"reverse_path": None}),
        ("paths", ENVELOPE, {"reverse_path": Address(good.ALFA)}),
        ("paths", ENVELOPE, {"forward_paths": (Address(good.ANNA),)}),
        ("paths", ENVELOPE, {"forward_paths": (Address(good.ANNA), Address(good.INFO), Address("x@y.example"))}),
        ("from", ANOMALY, {"reverse_path": Address("altri@negozio.example")}),
        ("message-id", ANOMALY, {"message_id": "<2@negozio.example>"}),
        ("text-anomaly", ANOMALY, {"forward_paths": (Address(good.ANNA), Address(good.INFO))}),
        ("date", DELIVERY, {"instant": good.INSTANT + timedelta(seconds=1)}),
        ("xml-instant", DELIVERY, {"instant": good.INSTANT + timedelta(seconds=1)}),
        ("text-instant", DELIVERY, {"instant": good.INSTANT + timedelta(seconds=1)}),
    ],
)
def test_spoilt_routing_is_refused(rule, row, change):
    assert rule in rules_against(replace(good_draft(row), **change))


@pytest.mark.requirement("GE-30")
def test_receipt_under_the_envelope_identifier_is_refused():
    envelope_id = f"<{good.IDENTIFIER}>"
    draft = with_header(
        good_draft(DELIVERY), lambda h: h.replace(good.OWN_ID["gestore-beta.example"].encode(), envelope_id.encode())
    )
    assert rules_against(replace(draft, message_id=envelope_id)) == {"message-id"}


@pytest.mark.requirement("GE-29")
def test_identifier_with_dots_is_not_ours_to_emit():
    odd = "<opec.288@gestore-beta.example>"
    draft = with_header(
        good_draft(DELIVERY), lambda h: h.replace(good.OWN_ID["gestore-beta.example"].encode(), odd.encode())
    )
    assert rules_against(replace(draft, message_id=odd)) == {"message-id"}


@pytest.mark.requirement("BA-2")
def test_anomaly_envelope_may_have_the_null_path():
    assert findings_in(replace(good_draft(ANOMALY), reverse_path=None)) == ()


@pytest.mark.requirement("BA-5", "GE-25")
def test_anomaly_envelope_inherits_fields_as_they_are():
    draft = with_header(good_draft(ANOMALY), lambda h: h.replace(b"To: anna", b"To: Pap\xe0 <x@y.example>, anna"))
    assert findings_in(draft) == ()


ENTITIES = [
    ("entity-head", DELIVERY, b"multipart/mixed", b"multipart/related"),
    ("entity-head", DELIVERY, b"\r\n\r\n", b"\r\nX-Altro: 1\r\n\r\n"),
    ("entity-head", DELIVERY, b"boundary=", b"confine="),
    ("frame", DELIVERY, b"\r\n\r\n--", b"\r\n\r\npreambolo\r\n--"),
    ("frame", DELIVERY, good.BOUNDARY.encode() + b"--\r\n", good.BOUNDARY.encode() + b"--\r\nepilogo"),
    ("frame", DELIVERY, good.BOUNDARY.encode() + b"--\r\n", good.BOUNDARY.encode() + b"\r\n"),
    ("frame", DELIVERY, b"Buongiorno.", b"\r\n--" + good.BOUNDARY.encode() + b"x"),
    ("frame", DELIVERY, b"Buongiorno.", b"\r\n--" + good.BOUNDARY.encode() + b"--\r\n"),
    ("parts", DELIVERY, b"Buongiorno.", b"\r\n--" + good.BOUNDARY.encode() + b"\r\n\r\naltra parte"),
    ("parts", DELIVERY, b"application/xml", b"text/xml"),
    ("labels", DELIVERY, b'name="daticert.xml"', b'name="certdata.xml"'),
    ("labels", DELIVERY, b'filename="postacert.eml"', b'filename="messaggio.eml"'),
    ("labels", DELIVERY, b"inline; filename", b"attachment; filename"),
    ("labels", DELIVERY, b"message/rfc822; n", b"message/rfc822\r\nX; n"),
    ("readable-part", DELIVERY, b"iso-8859-1", b"windows-1252"),
    ("readable-part", DELIVERY, b"Disposition: inline\r", b"Disposition: attachment\r"),
    ("readable-part", DELIVERY, b"quoted-printable", b"x-uuencode"),
    ("octets", DELIVERY, b"Ricevuta di", b"Ricevut\xe0 di"),
    ("octets", DELIVERY, b"Ricevuta di", b"Ricevuta\ndi"),
    ("octets", DELIVERY, b"Ricevuta di", b"Ric\revuta\ndi"),
    ("octets", DELIVERY, b"Ricevuta di", b"Ricevuta\x00di"),
    ("octets", DELIVERY, b"Buongiorno", b"Buongiorn\xf2"),
    ("octets", ENVELOPE, b"Buongiorno", b"Buongiorn\xf2"),
    ("octets", ENVELOPE, b"Buongiorno.\r\n", b"Buongiorno.\n"),
    ("octets", ENVELOPE, b"Buongiorno.", b"Buongiorno.\x00"),
    ("line-length", DELIVERY, b"Ricevuta di", b"Ricevuta" + b"x" * 990 + b"di"),
    ("original-identity", ENVELOPE, b"Message-ID: <pec20261105", b"Message-ID: <pec20261106"),
    ("original-identity", ENVELOPE, b"Message-ID: <pec20261105", b"Message-ID: <x@y>\r\nMessage-ID: <pec20261105"),
    ("original-identity", ENVELOPE, b"Riferimento-Message-ID: <2026", b"Riferimento-Message-ID: <2027"),
]


@pytest.mark.requirement("GE-5", "GE-9", "GE-10", "GE-11", "GE-12", "GE-14", "GE-16", "BA-1", "DR-3", "AP-21", "BT-1")
@pytest.mark.parametrize(("rule", "row", "old", "new"), ENTITIES)
def test_spoilt_entity_is_refused(rule, row, old, new):
    assert rule in rules_against(with_entity(good_draft(row), swap(old, new)))


WITHOUT_ORIGINAL = [row for row in MessageRow if row not in {ENVELOPE, ANOMALY, DELIVERY}]


@pytest.mark.requirement("GE-15", "NA-2", "NV-1", "TN-3", "RV-2", "AD-5")
@pytest.mark.parametrize("row", WITHOUT_ORIGINAL)
@pytest.mark.parametrize("label", ["message/rfc822", "application/octet-stream", "text/plain"])
def test_no_original_under_any_label_in_rows_without_one(row, label):
    part = good.original_part(good.ORIGINAL).replace(b"message/rfc822", label.encode())
    entity = good.mixed(good.text_part(good.TEXTS[row]), good.certification_part(good.certification(row)), part)
    assert "parts" in rules_against(replace(good_draft(row), entity=entity))


@pytest.mark.requirement("GE-16", "BA-1")
def test_no_certification_data_in_an_anomaly_envelope():
    entity = good.mixed(
        good.text_part(good.TEXTS[ANOMALY]),
        good.certification_part(good.certification(ENVELOPE)),
        good.original_part(good.ARRIVED),
    )
    assert rules_against(replace(good_draft(ANOMALY), entity=entity)) == {"parts"}


@pytest.mark.requirement("BT-1", "BA-1")
@pytest.mark.parametrize("row", [ENVELOPE, ANOMALY])
def test_envelope_without_its_original_is_refused(row):
    parts = [good.text_part(good.TEXTS[row])]
    if row is ENVELOPE:
        parts.append(good.certification_part(good.certification(row)))
    assert "parts" in rules_against(replace(good_draft(row), entity=good.mixed(*parts)))


@pytest.mark.requirement("DR-4")
def test_concise_receipt_has_no_original_and_says_so():
    text = good.TEXTS[DELIVERY].replace("Ricevuta di", "Ricevuta sintetica di")
    parts = [good.text_part(text), good.certification_part(good.certification(DELIVERY))]
    concise = replace(good_draft(DELIVERY), entity=good.mixed(*parts))
    assert findings_in(concise) == ()
    with_original = replace(concise, entity=good.mixed(*parts, good.original_part(good.ORIGINAL)))
    assert rules_against(with_original) == {"text-title"}
    untitled = [good.text_part(good.TEXTS[DELIVERY]), parts[1]]
    assert rules_against(replace(concise, entity=good.mixed(*untitled))) == {"text-title"}


@pytest.mark.requirement("BA-5", "GE-14")
@pytest.mark.parametrize("row", [ANOMALY, DELIVERY])
def test_eight_bit_original_passes_when_it_says_so(row):
    draft = with_entity(good_draft(row), swap(b"Buongiorno", b"Buongiorn\xf2"))
    assert rules_against(draft) == {"octets"}
    assert rules_against(with_entity(draft, swap(b"Encoding: 7bit", b"Encoding: 8bit"))) == set()


CERTIFICATIONS = [
    ("xml-octets", DELIVERY, '<?xml version="1.0" encoding="UTF-8"?>\n', ""),
    ("xml-octets", DELIVERY, "<?xml", "\ufeff<?xml"),
    ("xml-octets", DELIVERY, "<postacert", "<!DOCTYPE postacert>\n<postacert"),
    ("xml-octets", DELIVERY, "<postacert", '<?xml-stylesheet href="x"?>\n<postacert'),
    ("xml-octets", DELIVERY, "<postacert", '<postacert xmlns="urn:x"'),
    ("xml-valid", DELIVERY, "</postacert>", ""),
    ("xml-valid", DELIVERY, "<oggetto>Prova</oggetto>", "<oggetto>Prova</oggetto><altro/>"),
    ("xml-valid", DELIVERY, "<risposte>mario.rossi@pec.alfa.example</risposte>", ""),
    ("xml-kind", DELIVERY, 'tipo="avvenuta-consegna"', 'tipo="accettazione"'),
    ("xml-kind", DELIVERY, ' errore="nessuno"', ""),
    ("xml-kind", DELIVERY, ' errore="nessuno"', ' errore="altro"'),
    ("xml-kind", TIMEOUT, 'errore="altro"', 'errore="nessuno"'),
    ("xml-kind", VIRUS, 'errore="virus"', 'errore="altro"'),
    ("xml-contents", DELIVERY, '<ricevuta tipo="completa"/>', ""),
    ("xml-contents", DELIVERY, f"<consegna>{good.ANNA}</consegna>", ""),
    ("xml-contents", DELIVERY, f"<consegna>{good.ANNA}</consegna>", "<consegna> </consegna>"),
    ("xml-contents", DELIVERY, "</dati>", "<errore-esteso>x</errore-esteso></dati>"),
    ("xml-contents", TIMEOUT, f"<errore-esteso>{good.TWELVE}</errore-esteso>", ""),
    ("xml-contents", TAKING, f"<ricezione>{good.ANNA}</ricezione>", ""),
    ("xml-contents", ACCEPTANCE, "</dati>", '<ricevuta tipo="completa"/></dati>'),
    ("xml-recipients", DELIVERY, 'destinatari tipo="certificato"', "destinatari"),
    ("xml-recipients", DELIVERY, f"<consegna>{good.ANNA}", "<consegna>altri@pec.beta.example"),
    ("xml-recipients", TAKING, f"<ricezione>{good.ANNA}", "<ricezione>altri@pec.beta.example"),
    ("xml-recipients", TIMEOUT, f"<consegna>{good.ANNA}", f"<consegna>{good.INFO}"),
    ("xml-instant", DELIVERY, "10:15:02", "10:15:03"),
    ("xml-instant", DELIVERY, 'zona="+0100"', 'zona="+0200"'),
    ("xml-instant", DELIVERY, "<giorno>05", "<giorno>06"),
    ("xml-values", DELIVERY, "<oggetto>Prova", "<oggetto>Pro&#10;va"),
    ("xml-values", DELIVERY, "<oggetto>Prova", "<oggetto>Pro\x85va"),
    ("xml-values", DELIVERY, f"<mittente>{good.SENDER}", f"<mittente>Mario &lt;{good.SENDER}&gt;"),
    ("xml-values", DELIVERY, "Gestore Beta S.r.l.", " "),
    ("xml-values", DELIVERY, f"<identificativo>{good.IDENTIFIER}", f"<identificativo>&lt;{good.IDENTIFIER}&gt;"),
    ("xml-error-code", TIMEOUT, "<errore-esteso>4.4.1 - ", "<errore-esteso>"),
    ("text-timeout", TIMEOUT, "<errore-esteso>4.4.1", "<errore-esteso>5.4.1"),
    ("reference", DELIVERY, "091455.4711", "091455.4712"),
    ("message-id", ENVELOPE, "<identificativo>pec20261105", "<identificativo>pec20261106"),
    ("original-identity", ENVELOPE, "<identificativo>pec20261105", "<identificativo>pec20261106"),
    ("subject", DELIVERY, "<oggetto>Prova</oggetto>", ""),
    ("paths", ENVELOPE, f"<mittente>{good.SENDER}", "<mittente>altri@pec.alfa.example"),
]


@pytest.mark.requirement(
    "XM-1", "XM-2", "XM-3", "ER-1", "TI-2", "TI-5", "TN-2", "TN-4", "PC-4", "GE-22", "GE-23", "SE-8", "BT-5"
)
@pytest.mark.parametrize(("rule", "row", "old", "new"), CERTIFICATIONS)
def test_spoilt_certification_is_refused(rule, row, old, new):
    assert rule in rules_against(with_certification(good_draft(row), swap(old, new)))


@pytest.mark.requirement("XM-2", "GE-11")
def test_certification_in_another_charset_or_encoding_is_refused():
    latin = good.certification(DELIVERY).replace("Prova", "Pròva").encode("iso-8859-1")
    assert "xml-valid" in rules_against(replace(good_draft(DELIVERY), entity=good.entity_of(DELIVERY, xml=latin)))
    broken = with_entity(good_draft(DELIVERY), swap(b"PD94bWwg", b"PD94bWw*"))
    assert "xml-octets" in rules_against(broken)


TEXTS = [
    ("text-title", DELIVERY, "Ricevuta di avvenuta consegna", "Ricevuta di consegna"),
    ("text-title", ENVELOPE, "Messaggio di posta certificata", "Ricevuta di accettazione"),
    ("text-instant", DELIVERY, "10:15:02", "10:15:01"),
    ("text-instant", DELIVERY, "(+0100)", "(CET)"),
    ("text-names", DELIVERY, '"Prova"', '"Altro"'),
    ("text-names", DELIVERY, f'proveniente da "{good.SENDER}"', 'proveniente da "x@y.example"'),
    ("text-names", DELIVERY, f'indirizzato a "{good.ANNA}"', 'indirizzato a "x@y.example"'),
    ("text-names", ACCEPTANCE, f'{good.INFO} ("posta ordinaria")', f'{good.INFO} ("posta certificata")'),
    ("text-names", ACCEPTANCE, f'{good.INFO} ("posta ordinaria")\n', ""),
    ("text-names", ENVELOPE, f"{good.ANNA}\n{good.INFO}\n", f"{good.INFO}\n{good.ANNA}\n"),
    ("text-names", TAKING, f"{good.ANNA}\n", f"{good.INFO}\n"),
    ("text-last-line", DELIVERY, good.IDENTIFIER, "pec9@gestore-alfa.example"),
    ("text-last-line", DELIVERY, f"messaggio: {good.IDENTIFIER}\n", f"messaggio: {good.IDENTIFIER}\n\n"),
    ("text-last-line", ENVELOPE, "Il messaggio originale è incluso in allegato.\n", ""),
    ("text-anomaly", ANOMALY, f"{good.ANNA}\n", ""),
    ("text-anomaly", ANOMALY, "Tali dati non sono stati certificati", "Tali dati sono stati certificati"),
    ("text-anomaly", ANOMALY, "rete@negozio.example", "altri@negozio.example"),
    ("text-anomaly", ANOMALY, "Firma", "Identificativo messaggio: 1\nFirma"),
    ("text-timeout", TIMEOUT, "nelle prime dodici ore dal suo invio", "in tempo"),
]


@pytest.mark.requirement(
    "GE-23", "TI-2", "TI-4", "AC-1", "AC-2", "BT-1", "BA-1", "BA-2", "PC-4", "TN-1", "TN-2", "DR-2"
)
@pytest.mark.parametrize(("rule", "row", "old", "new"), TEXTS)
def test_spoilt_text_is_refused(rule, row, old, new):
    assert rule in rules_against(with_text(good_draft(row), swap(old, new)))


@pytest.mark.requirement("GE-19", "AM-17")
def test_text_in_utf_8_passes():
    text, xml = (source.replace("Prova", "Ελληνικά") for source in (good.TEXTS[DELIVERY], good.certification(DELIVERY)))
    part = good.text_part("").replace(b"iso-8859-1", b"utf-8") + good.quoted(text, "utf-8")
    entity = good.mixed(part, good.certification_part(xml), good.original_part(good.ORIGINAL))
    header = b"CONSEGNA: =?utf-8?b?zpXOu867zrfOvc65zrrOrA==?="
    draft = with_header(replace(good_draft(DELIVERY), entity=entity), swap(b"CONSEGNA: Prova", header))
    assert findings_in(draft) == ()


def with_html(html):
    text = good.TEXTS[DELIVERY]
    inner = b"----=_pecfedcba9876543210fedcba9876543210"
    alternative = (
        b'Content-Type: multipart/alternative; boundary="' + inner + b'"\r\n\r\n--' + inner + b"\r\n"
        + good.text_part(text) + b"\r\n--" + inner + b"\r\n"
        + good.text_part("").replace(b"text/plain", b"text/html") + good.quoted(html)
        + b"\r\n--" + inner + b"--\r\n"
    )  # fmt: skip
    certification = good.certification_part(good.certification(DELIVERY))
    entity = good.mixed(alternative, certification, good.original_part(good.ORIGINAL))
    return replace(good_draft(DELIVERY), entity=entity)


def html_of(body=None, head=""):
    lines = good.TEXTS[DELIVERY].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<!DOCTYPE html>\n<html lang='it'><head>{head}</head><body><p>{body or lines}</p></body></html>\n"


@pytest.mark.requirement("GE-12", "GE-13")
def test_html_alternative_with_the_same_words_passes():
    assert findings_in(with_html(html_of())) == ()


@pytest.mark.requirement("GE-13")
@pytest.mark.parametrize(
    "hostile",
    [
        "<img src='https://x.example/a.png'>",
        "<script>alert(1)</script>",
        "<link rel=stylesheet href='x'>",
        "<style>p{background:url(x)}</style>",
        "<p style='background:url(x)'>",
        "<p onclick='x()'>",
        "<a href='mailto:x@y.example'>x</a>",
        "<iframe></iframe>",
        "<svg/onload=alert(1)>",
        "<base target=_top>",
        "a < b",
        "<p\nonmouseover=x>",
        "<!-- -->",
    ],
)
def test_html_with_references_or_active_content_is_refused(hostile):
    assert "html" in rules_against(with_html(html_of(head=hostile)))


@pytest.mark.requirement("GE-13")
def test_html_with_other_words_is_refused():
    assert rules_against(with_html(html_of(body="Ricevuta di avvenuta consegna"))) == {"html-information"}


@pytest.mark.requirement("GE-12")
@pytest.mark.parametrize("wrong", [b"text/enriched", b"text/plain"])
def test_alternative_is_one_plain_and_one_html(wrong):
    assert "readable-part" in rules_against(with_entity(with_html(html_of()), swap(b"text/html", wrong)))


@pytest.mark.requirement("AP-22", "AP-23")
def test_without_client_identifier_the_reference_is_the_pec_one():
    xml = good.certification(DELIVERY).replace(f"<msgid>&lt;{good.CLIENT_ID[1:-1]}&gt;</msgid>", "")
    draft = replace(good_draft(DELIVERY), entity=good.entity_of(DELIVERY, xml=xml))
    assert rules_against(draft) == {"reference"}
    assert findings_in(with_header(draft, swap(good.CLIENT_ID.encode(), f"<{good.IDENTIFIER}>".encode()))) == ()


def in_pieces(octets, size):
    view = memoryview(octets)
    return Splice.of(*(view[at : at + size] for at in range(0, len(view), size)))


@pytest.mark.requirement("GE-31", "GE-5")
@pytest.mark.parametrize(("lines", "cut"), [(1, 1), (1, 7), (40_000, 997), (40_000, 65_537)])
def test_a_draft_reads_the_same_however_its_octets_are_cut(lines, cut):
    line = b"0123456789012345678901234567890123456789012345678901234567890123456789\r\n"
    entity = bytes(good_draft(ENVELOPE).entity).replace(b"Buongiorno.\r\n", line * lines)
    draft = replace(good_draft(ENVELOPE), entity=in_pieces(entity, cut))
    assert findings_in(draft) == ()
    bare_end = entity.replace(line, b"\n" + line, 1)
    assert rules_against(replace(draft, entity=in_pieces(bare_end, cut))) == {"octets"}
    unclosed = entity.replace(good.BOUNDARY.encode() + b"--", good.BOUNDARY.encode() + b"-")
    assert "frame" in rules_against(replace(draft, entity=in_pieces(unclosed, cut)))


@pytest.mark.requirement("TI-3")
@pytest.mark.parametrize(
    ("instant", "date", "zone"),
    [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "25/10/2026 alle ore 02:30:00", "+0200"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "25/10/2026 alle ore 02:30:00", "+0100"),
    ],
)
def test_the_two_half_past_two_of_october_are_told_apart(instant, date, zone):
    def moved(whole, separator):
        return whole.replace(f"05/11/2026{separator}10:15:02", date.replace(" alle ore ", separator))

    text = moved(good.TEXTS[DELIVERY], " alle ore ").replace("+0100", zone)
    xml = (
        good.certification(DELIVERY)
        .replace("05/11/2026", "25/10/2026")
        .replace("10:15:02", "02:30:00")
        .replace("+0100", zone)
    )
    draft = replace(good_draft(DELIVERY), instant=instant, entity=good.entity_of(DELIVERY, xml=xml, text=text))
    draft = with_header(draft, swap(b"Thu, 05 Nov 2026 10:15:02 +0100", f"Sun, 25 Oct 2026 02:30:00 {zone}".encode()))
    assert findings_in(draft) == ()
    assert {"date", "xml-instant", "text-instant"} <= rules_against(
        replace(draft, instant=instant + timedelta(hours=1))
    )


@pytest.mark.requirement("GE-28")
@pytest.mark.parametrize("row", [DELIVERY, ENVELOPE])
def test_a_subject_that_is_not_certified_is_refused_also_when_it_reads_none(row):
    draft = with_certification(good_draft(row), swap("<oggetto>Prova</oggetto>", ""))
    assert "subject" in rules_against(with_header(draft, swap(b": Prova", b": None")))


@pytest.mark.requirement("XM-2", "GE-28")
def test_a_subject_about_namespaces_passes():
    text, xml = (source.replace("Prova", "xmlns") for source in (good.TEXTS[DELIVERY], good.certification(DELIVERY)))
    draft = replace(good_draft(DELIVERY), entity=good.entity_of(DELIVERY, xml=xml, text=text))
    assert findings_in(with_header(draft, swap(b"CONSEGNA: Prova", b"CONSEGNA: xmlns"))) == ()
