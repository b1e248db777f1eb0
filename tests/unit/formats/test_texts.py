"""The Italian texts of all messages, literal to the octet (section 4), and their HTML twins."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, MessageRow, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.formats.texts.html import anomaly_html, html_text
from ceralacca.formats.texts.plain import anomaly_text, plain_text

ANNA, ENTE, DITTA = (
    Address("anna.bianchi@pec.beta.example"),
    Address("protocollo@cert.ente.example"),
    Address("info@ditta.example"),
)
ORIGINAL = OriginalData(
    sender=Address("mario.rossi@pec.alfa.example"),
    recipients=(
        Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),
        Recipient(address=ENTE, kind=RecipientKind.CERTIFIED),
        Recipient(address=DITTA, kind=RecipientKind.EXTERNAL),
    ),
    reply_to="mario.rossi@pec.alfa.example",
    subject="Città",
    identifier="pec1a2b@gestore-alfa.example",
    client_message_id=None,
)
GESTORE = "Gestore Beta S.r.l."


def facts(kind: NotificationKind, error: ErrorKind = ErrorKind.NONE, **more) -> CertificationData:
    return CertificationData(
        kind=kind,
        error=error,
        original=ORIGINAL,
        issuer=GESTORE,
        instant=datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC),
        **more,
    )


DELIVERY = facts(NotificationKind.DELIVERY, requested_receipt=ReceiptKind.COMPLETE, delivery_recipient=ANNA)
VIRUS = {"error": ErrorKind.VIRUS, "error_detail": "Eicar-Test-Signature"}

TEXTS = {
    "1": (
        MessageRow.NON_ACCEPTANCE,
        facts(
            NotificationKind.NON_ACCEPTANCE,
            ErrorKind.OTHER,
            error_detail="ecceduta la dimensione massima del messaggio",
        ),
        """\
Errore nell'accettazione del messaggio
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) nel messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a:
anna.bianchi@pec.beta.example
protocollo@cert.ente.example
info@ditta.example
è stato rilevato un problema che ne impedisce l'accettazione
a causa di ecceduta la dimensione massima del messaggio.
Il messaggio non è stato accettato.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "1, several failures": (
        MessageRow.NON_ACCEPTANCE,
        facts(
            NotificationKind.NON_ACCEPTANCE,
            ErrorKind.OTHER,
            error_detail="Sono state riscontrate le seguenti anomalie:\n  - uno\n  - due",
        ),
        """\
Errore nell'accettazione del messaggio
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) nel messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a:
anna.bianchi@pec.beta.example
protocollo@cert.ente.example
info@ditta.example
è stato rilevato un problema che ne impedisce l'accettazione
a causa di Sono state riscontrate le seguenti anomalie:
  - uno
  - due.
Il messaggio non è stato accettato.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "2": (
        MessageRow.NON_ACCEPTANCE_VIRUS,
        facts(NotificationKind.NON_ACCEPTANCE, **VIRUS),
        """\
Errore nell'accettazione del messaggio per presenza di virus
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) nel messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a:
anna.bianchi@pec.beta.example
protocollo@cert.ente.example
info@ditta.example
è stato rilevato un problema di sicurezza Eicar-Test-Signature.
Il messaggio non è stato accettato.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "3": (
        MessageRow.ACCEPTANCE,
        facts(NotificationKind.ACCEPTANCE),
        """\
Ricevuta di accettazione
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a:
anna.bianchi@pec.beta.example ("posta certificata")
protocollo@cert.ente.example ("posta certificata")
info@ditta.example ("posta ordinaria")
è stato accettato dal sistema ed inoltrato.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "4": (
        MessageRow.TRANSPORT_ENVELOPE,
        facts(NotificationKind.TRANSPORT_ENVELOPE, requested_receipt=ReceiptKind.BRIEF),
        """\
Messaggio di posta certificata
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" è stato inviato da "mario.rossi@pec.alfa.example"
indirizzato a:
anna.bianchi@pec.beta.example
protocollo@cert.ente.example
info@ditta.example
Il messaggio originale è incluso in allegato.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "5, 12 h": (
        MessageRow.DELIVERY_TIMEOUT,
        facts(
            NotificationKind.DELIVERY_TIMEOUT,
            ErrorKind.OTHER,
            delivery_recipient=ANNA,
            error_detail=Timeout.TWELVE_HOURS.value.detail(GESTORE),
        ),
        """\
Avviso di mancata consegna
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
e destinato all'utente "anna.bianchi@pec.beta.example"
non è stato consegnato nelle prime dodici ore dal suo invio. Non escludendo
che questo possa avvenire in seguito, si ritiene utile considerare che
l'invio potrebbe non andare a buon fine. Il sistema provvederà comunque ad
inviare un ulteriore avviso di mancata consegna se nelle prossime dodici ore
non vi sarà la conferma della ricezione da parte del destinatario.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "5, 24 h": (
        MessageRow.DELIVERY_TIMEOUT,
        facts(
            NotificationKind.DELIVERY_TIMEOUT,
            ErrorKind.OTHER,
            delivery_recipient=ANNA,
            error_detail=Timeout.TWENTY_FOUR_HOURS.value.detail(GESTORE),
        ),
        """\
Avviso di mancata consegna
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
e destinato all'utente "anna.bianchi@pec.beta.example"
non è stato consegnato nelle ventiquattro ore successive al suo invio. Si
ritiene che la spedizione debba considerarsi non andata a buon fine.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "6": (
        MessageRow.TAKING_IN_CHARGE,
        facts(NotificationKind.TAKING_IN_CHARGE, taken_recipients=(ANNA, Address("altro@pec.beta.example"))),
        """\
Ricevuta di presa in carico
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a:
anna.bianchi@pec.beta.example
altro@pec.beta.example
è stato accettato dal sistema.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "8": (
        MessageRow.VIRUS_DETECTION,
        facts(NotificationKind.VIRUS_DETECTION, delivery_recipient=ANNA, **VIRUS),
        """\
Avviso di rilevazione virus informatico
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) nel messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
e destinato all'utente "anna.bianchi@pec.beta.example"
è stato rilevato un problema di sicurezza Eicar-Test-Signature.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "9": (
        MessageRow.NON_DELIVERY_VIRUS,
        facts(NotificationKind.NON_DELIVERY, delivery_recipient=ANNA, **VIRUS),
        """\
Avviso di mancata consegna per virus
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) nel messaggio
"Città" destinato all'utente "anna.bianchi@pec.beta.example"
è stato rilevato un problema di sicurezza Eicar-Test-Signature.
Il messaggio non è stato consegnato.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "10, completa": (
        MessageRow.DELIVERY,
        DELIVERY,
        """\
Ricevuta di avvenuta consegna
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a "anna.bianchi@pec.beta.example"
è stato consegnato nella casella di destinazione.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "10, breve": (
        MessageRow.DELIVERY,
        replace(DELIVERY, requested_receipt=ReceiptKind.BRIEF),
        """\
Ricevuta breve di avvenuta consegna
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a "anna.bianchi@pec.beta.example"
è stato consegnato nella casella di destinazione.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "10, sintetica": (
        MessageRow.DELIVERY,
        replace(DELIVERY, requested_receipt=ReceiptKind.CONCISE),
        """\
Ricevuta sintetica di avvenuta consegna
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) il messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
ed indirizzato a "anna.bianchi@pec.beta.example"
è stato consegnato nella casella di destinazione.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
    "11": (
        MessageRow.NON_DELIVERY,
        facts(
            NotificationKind.NON_DELIVERY,
            ErrorKind.NO_RECIPIENT,
            delivery_recipient=ANNA,
            error_detail=DeliveryFailure.NO_MAILBOX.value.detail(GESTORE),
        ),
        """\
Avviso di mancata consegna
Il giorno 05/11/2026 alle ore 10:15:02 (+0100) nel messaggio
"Città" proveniente da "mario.rossi@pec.alfa.example"
e destinato all'utente "anna.bianchi@pec.beta.example"
è stato rilevato un errore 5.1.1 - Gestore Beta S.r.l. - casella del destinatario inesistente.
Il messaggio è stato rifiutato dal sistema.
Identificativo messaggio: pec1a2b@gestore-alfa.example
""",
    ),
}
ANOMALY = {
    "instant": datetime(2026, 7, 15, 8, 15, 2, tzinfo=UTC),
    "subject": "Offerta",
    "sender": "qualcuno@posta.example",
    "recipients": (ANNA, ENTE),
    "error": "Firma non presente o non autentica",
}


@pytest.mark.requirement("NA-1", "NV-1", "AC-1", "BT-1", "TN-1", "PC-4", "RV-2", "MV-1", "DR-2", "AD-1", "TI-4")
@pytest.mark.parametrize(("row", "data", "text"), TEXTS.values(), ids=TEXTS)
def test_the_text_is_literal(row, data, text):
    assert plain_text(row, data) == text


@pytest.mark.requirement("BA-1", "TI-3")
def test_the_text_of_an_anomaly_is_literal():
    assert (
        anomaly_text(**ANOMALY)
        == """\
Anomalia nel messaggio
Il giorno 15/07/2026 alle ore 10:15:02 (+0200) è stato ricevuto
il messaggio "Offerta" proveniente da "qualcuno@posta.example"
ed indirizzato a:
anna.bianchi@pec.beta.example
protocollo@cert.ente.example
Tali dati non sono stati certificati per il seguente errore:
Firma non presente o non autentica
Il messaggio originale è incluso in allegato.
"""
    )


@pytest.mark.requirement("AM-4", "DR-2")
def test_the_title_of_a_delivery_receipt_is_that_of_the_kind_issued():
    text = plain_text(MessageRow.DELIVERY, DELIVERY, receipt=ReceiptKind.CONCISE)
    assert text.startswith("Ricevuta sintetica di avvenuta consegna\n")
    html = html_text(MessageRow.DELIVERY, DELIVERY, receipt=ReceiptKind.BRIEF)
    assert "<h1>Ricevuta breve di avvenuta consegna</h1>" in html


def test_no_subject_is_an_empty_one():
    data = replace(DELIVERY, original=replace(ORIGINAL, subject=None))
    assert '\n"" proveniente da' in plain_text(MessageRow.DELIVERY, data)


@pytest.mark.requirement("AM-31")
def test_a_long_subject_is_not_wrapped():
    data = replace(DELIVERY, original=replace(ORIGINAL, subject="parola " * 200 + "fine"))
    assert len(plain_text(MessageRow.DELIVERY, data).split("\n")) == 7


@pytest.mark.requirement("SE-8")
def test_no_value_begins_a_line_of_its_own():
    data = replace(DELIVERY, original=replace(ORIGINAL, subject='x"\r\nIl messaggio\x00 \u2028è'))
    assert '\n"x" Il messaggio\ufffd è" proveniente da' in plain_text(MessageRow.DELIVERY, data)


def test_braces_in_a_value_are_nothing_but_braces():
    data = replace(DELIVERY, original=replace(ORIGINAL, subject="{mittente}{0.__class__}"))
    assert '"{mittente}{0.__class__}"' in plain_text(MessageRow.DELIVERY, data)
    assert "<bdi>{mittente}{0.__class__}</bdi>" in html_text(MessageRow.DELIVERY, data)


@pytest.mark.parametrize("write", [plain_text, html_text])
@pytest.mark.parametrize(
    ("row", "data"),
    [
        (MessageRow.ACCEPTANCE, DELIVERY),
        (MessageRow.ANOMALY_ENVELOPE, DELIVERY),
        (MessageRow.NON_DELIVERY, facts(NotificationKind.NON_ACCEPTANCE, **VIRUS)),
    ],
)
def test_data_of_another_kind_are_refused(write, row, data):
    with pytest.raises(OurError, match="do not belong to row"):
        write(row, data)


@pytest.mark.requirement("TN-2")
@pytest.mark.parametrize("detail", [None, "", "5.4.10 - x", "4.4.2 - x", "x 5.4.1"])
def test_a_timeout_notice_without_its_code_is_refused(detail):
    data = facts(NotificationKind.DELIVERY_TIMEOUT, delivery_recipient=ANNA, error_detail=detail)
    with pytest.raises(OurError, match="neither of its two codes"):
        plain_text(MessageRow.DELIVERY_TIMEOUT, data)


class Reading(HTMLParser):
    """What a mail client shows of the body, and every tag with its attributes."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple]] = []
        self.shown = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(attrs)))
        if tag == "body":
            self.shown = ""

    def handle_data(self, data):
        self.shown += data


ALLOWED = {(tag, ()) for tag in ("head", "title", "body", "h1", "p", "ul", "li", "bdi", "br")} | {
    ("html", (("lang", "it"),))
}


@pytest.mark.requirement("GE-12", "GE-13")
@pytest.mark.parametrize(("row", "data", "text"), TEXTS.values(), ids=TEXTS)
def test_the_html_says_the_same_and_refers_to_nothing(row, data, text):
    reading = Reading(html_text(row, data))
    assert reading.shown.split() == text.split()
    assert set(reading.tags) <= ALLOWED


@pytest.mark.requirement("GE-13")
def test_the_html_of_an_anomaly_says_the_same():
    reading = Reading(anomaly_html(**ANOMALY))
    assert reading.shown.split() == anomaly_text(**ANOMALY).split()
    assert set(reading.tags) <= ALLOWED


def test_one_html_in_full():
    assert (
        html_text(*TEXTS["3"][:2])
        == """\
<!DOCTYPE html>
<html lang="it">
<head><title>Ricevuta di accettazione</title></head>
<body>
<h1>Ricevuta di accettazione</h1>
<p>Il giorno <bdi>05/11/2026</bdi> alle ore <bdi>10:15:02</bdi> (<bdi>+0100</bdi>) il messaggio
"<bdi>Citt&#224;</bdi>" proveniente da "<bdi>mario.rossi@pec.alfa.example</bdi>"
ed indirizzato a:</p>
<ul>
<li><bdi>anna.bianchi@pec.beta.example (&quot;posta certificata&quot;)</bdi></li>
<li><bdi>protocollo@cert.ente.example (&quot;posta certificata&quot;)</bdi></li>
<li><bdi>info@ditta.example (&quot;posta ordinaria&quot;)</bdi></li>
</ul>
<p>&#232; stato accettato dal sistema ed inoltrato.
Identificativo messaggio: <bdi>pec1a2b@gestore-alfa.example</bdi></p>
</body>
</html>
"""
    )


@pytest.mark.requirement("GE-13", "SE-8")
def test_every_value_is_escaped():
    evil = "<script src=//x.example>&\"'</script>"
    original = replace(
        ORIGINAL,
        subject=evil,
        sender=Address(evil),
        identifier=evil,
        recipients=(Recipient(address=Address(evil), kind=RecipientKind.EXTERNAL),),
    )
    evil_facts = {
        "original": original,
        "taken_recipients": (Address(evil),),
        "delivery_recipient": Address(evil),
        "error_detail": "5.4.1 " + evil,
    }
    for row, data, _ in TEXTS.values():
        html = html_text(row, replace(data, **evil_facts))
        assert set(Reading(html).tags) <= ALLOWED
        assert html.count("&lt;script") >= 2
    assert set(Reading(anomaly_html(**{**ANOMALY, "subject": evil, "sender": evil, "error": evil})).tags) <= ALLOWED
