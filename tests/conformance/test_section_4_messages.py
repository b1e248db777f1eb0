"""Section 4 of the technical rules, message by message: header and text written out once more, by hand.

What stands here was copied from the rules, not from the templates of the program. A stranger's
parser (the standard library's) reads what the composers made.
"""

import tracemalloc
from email import message_from_bytes, policy

import pytest

from ceralacca.core.delivery_point import receipt_kind
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.formats.brief import brief_original
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope, compose_transport_envelope
from ceralacca.formats.extract import embedded_original
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.mime.entity import look
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.receipt import compose_delivery
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.scenario import BETA, INSTANT, SUBMITTED, Scenario, all_drafts

ANNA = Address("anna.bianchi@pec.beta.example")
INFO = Address("info@ditta.example")
DRAFTS = all_drafts()
SUBJECT = "=?utf-8?q?Citt=C3=A0?= & controprova <urgente>"
DATE = "Thu, 05 Nov 2026 10:15:02 +0100"
CLIENT_ID = "<20261105091455.4711@client.alfa.example>"
WHEN = "Il giorno 05/11/2026 alle ore 10:15:02 (+0100)"
TO_ALL = "ed indirizzato a:\nanna.bianchi@pec.beta.example\ninfo@ditta.example\n"
FROM_MARIO = '"Città & controprova <urgente>" proveniente da "mario.rossi@pec.alfa.example"\n'
FOR_ANNA = 'e destinato all\'utente "anna.bianchi@pec.beta.example"\n'


def read(draft):
    octets = bytes(draft.header) + b"MIME-Version: 1.0\r\n" + bytes(draft.entity)
    return message_from_bytes(octets, policy=policy.default)


def text(message):
    return message.get_payload()[0].get_content().replace("\r\n", "\n").removesuffix("\n")


def unfolded(draft):
    lines = bytes(draft.header).decode("ascii").replace("\r\n ", " ").split("\r\n")
    return [line for line in lines if line and not line.startswith(("Message-ID: ", "Received: "))]


def receipt_header(kind, subject, sender, to, *special):
    return [
        f"X-Ricevuta: {kind}",
        *special,
        f"X-Riferimento-Message-ID: {CLIENT_ID}",
        f"Date: {DATE}",
        f"Subject: {subject} {SUBJECT}",
        f"From: posta-certificata@{sender}",
        f"To: {to}",
    ]


ALFA, BETA_DOMAIN, MARIO = "gestore-alfa.example", "gestore-beta.example", "mario.rossi@pec.alfa.example"
SECURITY = "X-VerificaSicurezza: errore"
SERVICE = "ricevute@gestore-alfa.example"
LATE = "AVVISO DI MANCATA CONSEGNA PER SUP. TEMPO MASSIMO:"

HEADERS = {
    "01-non-accettazione": receipt_header("non-accettazione", "AVVISO DI NON ACCETTAZIONE:", ALFA, MARIO),
    "02-non-accettazione-virus": receipt_header(
        "non-accettazione", "AVVISO DI NON ACCETTAZIONE PER VIRUS:", ALFA, MARIO, SECURITY
    ),
    "03-accettazione-completa": receipt_header("accettazione", "ACCETTAZIONE:", ALFA, MARIO),
    "05-mancata-consegna-12-ore": receipt_header("preavviso-errore-consegna", LATE, ALFA, MARIO),
    "05-mancata-consegna-24-ore": receipt_header("preavviso-errore-consegna", LATE, ALFA, MARIO),
    "06-presa-in-carico-completa": receipt_header("presa-in-carico", "PRESA IN CARICO:", BETA_DOMAIN, SERVICE),
    "08-rilevazione-virus": receipt_header(
        "rilevazione-virus", "PROBLEMA DI SICUREZZA:", BETA_DOMAIN, SERVICE, f"X-Mittente: {MARIO}"
    ),
    "09-mancata-consegna-virus": receipt_header(
        "errore-consegna", "AVVISO DI MANCATA CONSEGNA PER VIRUS:", ALFA, MARIO, SECURITY
    ),
    "10-avvenuta-consegna-completa": receipt_header("avvenuta-consegna", "CONSEGNA:", BETA_DOMAIN, MARIO),
    "10-avvenuta-consegna-breve": receipt_header("avvenuta-consegna", "CONSEGNA:", BETA_DOMAIN, MARIO),
    "10-avvenuta-consegna-sintetica": receipt_header("avvenuta-consegna", "CONSEGNA:", BETA_DOMAIN, MARIO),
    "11-mancata-consegna-no-mailbox": receipt_header(
        "errore-consegna", "AVVISO DI MANCATA CONSEGNA:", BETA_DOMAIN, MARIO
    ),
    "04-busta-di-trasporto-breve": [
        "X-Trasporto: posta-certificata",
        "X-TipoRicevuta: breve",
        f"X-Riferimento-Message-ID: {CLIENT_ID}",
        f"Date: {DATE}",
        f"Subject: POSTA CERTIFICATA: {SUBJECT}",
        f'From: "Per conto di: {MARIO}" <posta-certificata@{ALFA}>',
        'To: "Anna Bianchi" <anna.bianchi@pec.beta.example>',
        "Cc: info@ditta.example",
        f"Reply-To: {MARIO}",
    ],
    "07-busta-di-anomalia-firma-assente": [
        "Return-Path: <info@ditta.example>",
        "X-Trasporto: errore",
        f"Date: {DATE}",
        "Subject: ANOMALIA MESSAGGIO: Offerta",
        f'From: "Per conto di: info@ditta.example" <posta-certificata@{BETA_DOMAIN}>',
        "To: anna.bianchi@pec.beta.example",
        "Cc: ufficio@ditta.example",
        "Reply-To: info@ditta.example",
    ],
}

TEXTS = {
    "01-non-accettazione": (
        f"Errore nell'accettazione del messaggio\n{WHEN} nel messaggio\n{FROM_MARIO}{TO_ALL}"
        "è stato rilevato un problema che ne impedisce l'accettazione\n"
        "a causa di ecceduta la dimensione massima del messaggio.\nIl messaggio non è stato accettato.\n"
    ),
    "02-non-accettazione-virus": (
        f"Errore nell'accettazione del messaggio per presenza di virus\n{WHEN} nel messaggio\n{FROM_MARIO}{TO_ALL}"
        "è stato rilevato un problema di sicurezza Eicar-Test-Signature.\nIl messaggio non è stato accettato.\n"
    ),
    "03-accettazione-completa": (
        f"Ricevuta di accettazione\n{WHEN} il messaggio\n{FROM_MARIO}ed indirizzato a:\n"
        'anna.bianchi@pec.beta.example ("posta certificata")\ninfo@ditta.example ("posta ordinaria")\n'
        "è stato accettato dal sistema ed inoltrato.\n"
    ),
    "04-busta-di-trasporto-breve": (
        f"Messaggio di posta certificata\n{WHEN} il messaggio\n"
        '"Città & controprova <urgente>" è stato inviato da "mario.rossi@pec.alfa.example"\n'
        "indirizzato a:\nanna.bianchi@pec.beta.example\ninfo@ditta.example\n"
        "Il messaggio originale è incluso in allegato.\n"
    ),
    "05-mancata-consegna-12-ore": (
        f"Avviso di mancata consegna\n{WHEN} il messaggio\n{FROM_MARIO}{FOR_ANNA}"
        "non è stato consegnato nelle prime dodici ore dal suo invio. Non escludendo\n"
        "che questo possa avvenire in seguito, si ritiene utile considerare che\n"
        "l'invio potrebbe non andare a buon fine. Il sistema provvederà comunque ad\n"
        "inviare un ulteriore avviso di mancata consegna se nelle prossime dodici ore\n"
        "non vi sarà la conferma della ricezione da parte del destinatario.\n"
    ),
    "05-mancata-consegna-24-ore": (
        f"Avviso di mancata consegna\n{WHEN} il messaggio\n{FROM_MARIO}{FOR_ANNA}"
        "non è stato consegnato nelle ventiquattro ore successive al suo invio. Si\n"
        "ritiene che la spedizione debba considerarsi non andata a buon fine.\n"
    ),
    "06-presa-in-carico-completa": (
        f"Ricevuta di presa in carico\n{WHEN} il messaggio\n{FROM_MARIO}"
        "ed indirizzato a:\nanna.bianchi@pec.beta.example\nè stato accettato dal sistema.\n"
    ),
    "07-busta-di-anomalia-firma-assente": (
        f"Anomalia nel messaggio\n{WHEN} è stato ricevuto\n"
        'il messaggio "Offerta" proveniente da "info@ditta.example"\n'
        "ed indirizzato a:\nanna.bianchi@pec.beta.example\n"
        "Tali dati non sono stati certificati per il seguente errore:\n"
        "Firma non presente o non autentica\n"
        "Il messaggio originale è incluso in allegato.\n"
    ),
    "08-rilevazione-virus": (
        f"Avviso di rilevazione virus informatico\n{WHEN} nel messaggio\n{FROM_MARIO}{FOR_ANNA}"
        "è stato rilevato un problema di sicurezza Eicar-Test-Signature.\n"
    ),
    "09-mancata-consegna-virus": (
        f"Avviso di mancata consegna per virus\n{WHEN} nel messaggio\n"
        '"Città & controprova <urgente>" destinato all\'utente "anna.bianchi@pec.beta.example"\n'
        "è stato rilevato un problema di sicurezza Eicar-Test-Signature.\nIl messaggio non è stato consegnato.\n"
    ),
    **{
        f"10-avvenuta-consegna-{kind}": (
            f"{title}\n{WHEN} il messaggio\n{FROM_MARIO}"
            'ed indirizzato a "anna.bianchi@pec.beta.example"\nè stato consegnato nella casella di destinazione.\n'
        )
        for kind, title in (
            ("completa", "Ricevuta di avvenuta consegna"),
            ("breve", "Ricevuta breve di avvenuta consegna"),
            ("sintetica", "Ricevuta sintetica di avvenuta consegna"),
        )
    },
    "11-mancata-consegna-no-mailbox": (
        f"Avviso di mancata consegna\n{WHEN} nel messaggio\n{FROM_MARIO}{FOR_ANNA}"
        "è stato rilevato un errore 5.1.1 - Gestore Beta S.r.l. - casella del destinatario inesistente.\n"
        "Il messaggio è stato rifiutato dal sistema.\n"
    ),
}


@pytest.mark.requirement(
    *("NA-1", "NV-1", "AC-1", "BT-2", "BT-3", "BT-4", "TN-1", "TN-2", "PC-1", "PC-2", "BA-2", "BA-3", "BA-4"),
    *("RV-1", "MV-1", "DR-2", "AD-1", "GE-20", "GE-21", "GE-22", "GE-23", "GE-24", "GE-25", "GE-28", "GE-32", "AC-2"),
)
@pytest.mark.parametrize("name", list(HEADERS))
def test_header_is_the_one_of_the_rules(name):
    lines = [line for line in unfolded(DRAFTS[name]) if not line.startswith(" ")]
    assert lines == HEADERS[name]
    assert bytes(DRAFTS[name].header).count(b"\r\nMessage-ID: <") == 1


@pytest.mark.requirement(
    *("NA-1", "NV-1", "AC-1", "BT-1", "TN-1", "TN-2", "PC-4", "BA-1", "RV-2", "MV-1", "DR-2", "AD-1", "TI-3", "TI-4")
)
@pytest.mark.parametrize("name", list(TEXTS))
def test_text_is_the_one_of_the_rules(name):
    found = text(read(DRAFTS[name]))
    if not name.startswith("07"):
        body, _, identifier = found.rpartition("Identificativo messaggio: ")
        assert identifier.startswith("pec")
        assert identifier.rstrip("\n").endswith("@gestore-alfa.example")
        found = body
    assert found.removesuffix("\n") == TEXTS[name].removesuffix("\n")


@pytest.mark.requirement("GE-9", "GE-10", "GE-11", "GE-12", "GE-14", "GE-5")
def test_structure_is_the_one_of_section_2_2():
    draft = DRAFTS["04-busta-di-trasporto-completa"]
    entity = bytes(draft.entity)
    boundary = entity.partition(b'boundary="')[2].partition(b'"')[0]
    opening, words, data, original, closing = entity.split(b"\r\n--" + boundary)
    assert opening == b'Content-Type: multipart/mixed; boundary="' + boundary + b'"\r\n'
    assert words.startswith(
        b'\r\nContent-Type: text/plain; charset="iso-8859-1"\r\n'
        b"Content-Disposition: inline\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    assert data.startswith(
        b'\r\nContent-Type: application/xml; name="daticert.xml"\r\n'
        b'Content-Disposition: inline; filename="daticert.xml"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    )
    assert original.startswith(
        b'\r\nContent-Type: message/rfc822; name="postacert.eml"\r\n'
        b'Content-Disposition: inline; filename="postacert.eml"\r\nContent-Transfer-Encoding: 7bit\r\n\r\nReceived: '
    )
    assert closing == b"--\r\n"
    assert entity.isascii()


def sent_and_delivered(submitted, recipient):
    """Send a message, and have the recipient's provider answer for one recipient from the envelope alone."""
    sent = Scenario(submitted=submitted).transaction()
    envelope = sent.envelope()
    head = read_head(bytes(envelope.header))
    to, cc = (
        [box.address for found in head.all(name) for box in read_addresses(found.body).mailboxes]
        for name in ("To", "Cc")
    )
    requested = ReceiptKind.requested_by(head.text("X-TipoRicevuta"))
    receipt = compose_delivery(
        sent.by_recipient(INSTANT),
        recipient=recipient,
        requested=requested,
        issued=receipt_kind(requested, recipient, to, cc),
        original=embedded_original(bytes(envelope.entity)),
    )
    return sent, read(receipt)


def asking(kind):
    return SUBMITTED.replace(b"X-Mailer:", b"X-TipoRicevuta: " + kind + b"\r\nX-Mailer:")


@pytest.mark.requirement("DR-3", "DR-5")
def test_t_01_complete():
    sent, receipt = sent_and_delivered(SUBMITTED, ANNA)
    *_, original = receipt.get_payload()
    assert original.get_filename() == "postacert.eml"
    assert receipt.as_bytes().count(b"perizia.pdf") == 2
    assert original.get_payload(0)["Message-ID"] == f"<{sent.original.identifier}>"


@pytest.mark.requirement("BR-1", "BR-2", "BR-4", "BR-9")
def test_t_02_brief_with_two_attachments_and_a_forwarded_message():
    _, receipt = sent_and_delivered(asking(b"breve"), ANNA)
    original = receipt.get_payload()[2].get_payload(0)
    files = [part for part in original.walk() if part.get_filename()]
    assert [part.get_filename() for part in files] == ["perizia.pdf.hash", "quantità.csv.hash", "messaggio.eml.hash"]
    for part in files:
        assert part.get_content_type() == "text/plain"
        assert len(part.get_content().strip()) == 40
    assert original["X-Riferimento-Message-ID"] == CLIENT_ID
    assert original["Subject"] == "Città & controprova <urgente>"


@pytest.mark.requirement("BR-6", "BR-7")
def test_t_03_brief_of_signed_and_of_opaque_originals():
    signed = SUBMITTED.replace(b"multipart/mixed", b'multipart/signed; protocol="application/pkcs7-signature"')
    signed = signed.replace(
        b"text/csv; charset=utf-8\r\nContent-Disposition: attachment; filename*=utf-8''quantit%C3%A0.csv", b""
    )
    signed = signed.replace(b"application/pdf", b"application/pkcs7-signature").replace(b"perizia.pdf", b"smime.p7s")
    _, receipt = sent_and_delivered(signed.replace(b"X-Mailer:", b"X-TipoRicevuta: breve\r\nX-Mailer:"), ANNA)
    assert b"JVBERi0x" in bytes(receipt)
    opaque = (
        SUBMITTED.partition(b"MIME-Version")[0]
        + b"X-TipoRicevuta: breve\r\nMIME-Version: 1.0\r\n"
        + b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\nMIIB\r\n"
    )
    sent, receipt = sent_and_delivered(opaque, ANNA)
    assert receipt.get_payload()[2].get_payload(0).as_bytes().rstrip().endswith(b"MIIB")
    octets = bytes(sent.prepared.splice)
    assert bytes(brief_original(octets, look(octets)).splice) == octets


@pytest.mark.requirement("DR-2", "DR-4", "AM-4", "AM-30")
@pytest.mark.parametrize(
    ("kind", "headers", "parts"),
    [
        (b"sintetica", None, 2),  # T-04
        (b"completa", None, 3),
        (b"completa", (b"To: info@ditta.example", b"Cc: anna.bianchi@pec.beta.example"), 2),
        (b"completa", (b"To: anna.bianchi@pec.beta.example", b"Cc: anna.bianchi@pec.beta.example"), 3),  # T-05
    ],
)
def test_t_04_t_05_kinds_for_primary_and_copied(kind, headers, parts):
    octets = asking(kind)
    if headers:
        octets = octets.replace(b'To: "Anna Bianchi" <anna.bianchi@pec.beta.example>', headers[0])
        octets = octets.replace(b"Cc: info@ditta.example", headers[1])
    _, receipt = sent_and_delivered(octets, ANNA)
    assert len(receipt.get_payload()) == parts
    assert f'<ricevuta tipo="{kind.decode()}"/>' in receipt.get_payload()[1].get_content().decode()


@pytest.mark.requirement("AC-1", "BT-5")
def test_t_07_mixed_recipients():
    acceptance = read(DRAFTS["03-accettazione-completa"])
    assert '("posta certificata")' in text(acceptance)
    assert '("posta ordinaria")' in text(acceptance)
    xml = acceptance.get_payload()[1].get_content().decode()
    assert xml.index('tipo="certificato"') < xml.index('tipo="esterno"')
    assert DRAFTS["04-busta-di-trasporto-completa"].forward_paths == (ANNA, INFO)


# Memory: a 30 MB message is spliced, never copied.


LARGE = 30 * 2**20
ROOM = 2 * 2**20


def peak_of(act):
    tracemalloc.start()
    try:
        result = act()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def large_original():
    head = b"Message-ID: <1@gestore-alfa.example>\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n"
    return head + (b"QUJD" * 19 + b"\r\n") * (LARGE // 78)


@pytest.mark.requirement("GE-31", "DR-3", "BT-1", "BA-5")
def test_large_messages_are_composed_in_little_more_than_their_own_memory():
    sent, octets = Scenario().transaction(), large_original()
    delivery = {"recipient": ANNA, "original": octets}
    complete, brief = ReceiptKind.COMPLETE, ReceiptKind.BRIEF
    compositions = {
        "complete": lambda: compose_delivery(
            sent.by_recipient(INSTANT), requested=complete, issued=complete, **delivery
        ),
        "brief": lambda: compose_delivery(sent.by_recipient(INSTANT), requested=brief, issued=brief, **delivery),
        "envelope": lambda: compose_transport_envelope(
            sent.by_sender(), original=memoryview(octets), head=sent.prepared.head, requested=complete
        ),
        "anomaly": lambda: compose_anomaly_envelope(
            Arrival(octets=octets, reverse_path=None, forward_paths=(ANNA,)),
            provider=BETA,
            instant=INSTANT,
            entropy=CountingEntropy(),
            error="manca",
        ),
    }
    for name, compose in compositions.items():
        draft, peak = peak_of(compose)
        assert peak < ROOM, f"{name} took {peak} octets beside the message"
        assert (len(draft.entity) > len(octets)) is (name != "brief")


@pytest.mark.requirement("DR-3")
def test_the_original_of_a_large_envelope_is_found_without_a_copy():
    sent = Scenario().transaction()
    envelope = bytes(
        compose_transport_envelope(
            sent.by_sender(), original=large_original(), head=sent.prepared.head, requested=ReceiptKind.COMPLETE
        ).entity
    )
    found, peak = peak_of(lambda: embedded_original(envelope))
    assert len(found) == len(large_original())
    assert peak < ROOM
