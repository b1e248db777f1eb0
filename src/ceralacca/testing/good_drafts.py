"""Hand-made drafts of all eleven rows, written out without the composers.

They are what the tests of `lint` start from: each is right to the letter, and a test spoils one
point of it. Being made by hand they also tell the composers' tests what a stranger expects. All
names are invented.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.formats.splice import Splice

INSTANT = datetime(2026, 11, 5, 9, 15, 2, tzinfo=UTC)
DATE = "Thu, 05 Nov 2026 10:15:02 +0100"
WHEN = "Il giorno 05/11/2026 alle ore 10:15:02 (+0100)"
SENDER = "mario.rossi@pec.alfa.example"
ANNA = "anna.bianchi@pec.beta.example"
INFO = "info@ditta.example"
ALFA = "posta-certificata@gestore-alfa.example"
BETA = "posta-certificata@gestore-beta.example"
MAILBOX = "ricevute@gestore-alfa.example"
IDENTIFIER = "pec202611051015021a2b3c4d5e6f70819@gestore-alfa.example"
CLIENT_ID = "<20261105091455.4711@client.alfa.example>"
OWN_ID = {
    "gestore-alfa.example": "<pec20261105091502aaaabbbbccccddddeeeeffff0000@gestore-alfa.example>",
    "gestore-beta.example": "<pec20261105091502bbbbccccddddeeeeffff0000aaaa@gestore-beta.example>",
}
BOUNDARY = "----=_pec0123456789abcdef0123456789abcdef"

ORIGINAL = (
    b"Received: from client.alfa.example (client.alfa.example [192.0.2.10])\r\n"
    b" by smtp.gestore-alfa.example with ESMTPSA id 0001; Thu, 05 Nov 2026 10:15:02 +0100\r\n"
    b"Date: Thu, 05 Nov 2026 10:14:55 +0100\r\n"
    b"Subject: Prova\r\n"
    b'From: "Mario Rossi" <mario.rossi@pec.alfa.example>\r\n'
    b'To: "Anna Bianchi" <anna.bianchi@pec.beta.example>, info@ditta.example\r\n'
    b"Message-ID: <" + IDENTIFIER.encode() + b">\r\n"
    b"X-Riferimento-Message-ID: " + CLIENT_ID.encode() + b"\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=us-ascii\r\n"
    b"\r\n"
    b"Buongiorno.\r\n"
)

ARRIVED = (
    b"Received: from elsewhere.example by mx.gestore-beta.example; Thu, 05 Nov 2026 10:15:01 +0100\r\n"
    b"From: rete@negozio.example\r\n"
    b"To: anna.bianchi@pec.beta.example\r\n"
    b"Subject: Offerta\r\n"
    b"Message-ID: <1@negozio.example>\r\n"
    b"\r\n"
    b"Buongiorno.\r\n"
)

VIRUS = "Eicar-Test-Signature"
TWELVE = "4.4.1 - Gestore Alfa S.p.A. - il messaggio non è stato consegnato nelle prime dodici ore dal suo invio"
UNKNOWN_BOX = "5.1.1 - Gestore Beta S.r.l. - casella del destinatario inesistente"

_HEAD_LINES = f'"Prova" proveniente da "{SENDER}"\n'
_LAST_LINE = f"Identificativo messaggio: {IDENTIFIER}\n"

TEXTS: Mapping[MessageRow, str] = {
    MessageRow.NON_ACCEPTANCE: (
        f"Errore nell'accettazione del messaggio\n{WHEN} nel messaggio\n{_HEAD_LINES}ed indirizzato a:\n"
        f"{ANNA}\n{INFO}\nè stato rilevato un problema che ne impedisce l'accettazione\n"
        "a causa di ecceduta la dimensione massima del messaggio.\nIl messaggio non è stato accettato.\n" + _LAST_LINE
    ),
    MessageRow.NON_ACCEPTANCE_VIRUS: (
        f"Errore nell'accettazione del messaggio per presenza di virus\n{WHEN} nel messaggio\n{_HEAD_LINES}"
        f"ed indirizzato a:\n{ANNA}\n{INFO}\nè stato rilevato un problema di sicurezza {VIRUS}.\n"
        "Il messaggio non è stato accettato.\n" + _LAST_LINE
    ),
    MessageRow.ACCEPTANCE: (
        f"Ricevuta di accettazione\n{WHEN} il messaggio\n{_HEAD_LINES}ed indirizzato a:\n"
        f'{ANNA} ("posta certificata")\n{INFO} ("posta ordinaria")\n'
        "è stato accettato dal sistema ed inoltrato.\n" + _LAST_LINE
    ),
    MessageRow.TRANSPORT_ENVELOPE: (
        f'Messaggio di posta certificata\n{WHEN} il messaggio\n"Prova" è stato inviato da "{SENDER}"\n'
        f"indirizzato a:\n{ANNA}\n{INFO}\nIl messaggio originale è incluso in allegato.\n" + _LAST_LINE
    ),
    MessageRow.DELIVERY_TIMEOUT: (
        f'Avviso di mancata consegna\n{WHEN} il messaggio\n{_HEAD_LINES}e destinato all\'utente "{ANNA}"\n'
        "non è stato consegnato nelle prime dodici ore dal suo invio. Non escludendo\n"
        "che questo possa avvenire in seguito, si ritiene utile considerare che\n"
        "l'invio potrebbe non andare a buon fine. Il sistema provvederà comunque ad\n"
        "inviare un ulteriore avviso di mancata consegna se nelle prossime dodici ore\n"
        "non vi sarà la conferma della ricezione da parte del destinatario.\n" + _LAST_LINE
    ),
    MessageRow.TAKING_IN_CHARGE: (
        f"Ricevuta di presa in carico\n{WHEN} il messaggio\n{_HEAD_LINES}ed indirizzato a:\n{ANNA}\n"
        "è stato accettato dal sistema.\n" + _LAST_LINE
    ),
    MessageRow.ANOMALY_ENVELOPE: (
        f"Anomalia nel messaggio\n{WHEN} è stato ricevuto\n"
        'il messaggio "Offerta" proveniente da "rete@negozio.example"\n'
        f"ed indirizzato a:\n{ANNA}\nTali dati non sono stati certificati per il seguente errore:\n"
        "Firma non presente o non autentica\nIl messaggio originale è incluso in allegato.\n"
    ),
    MessageRow.VIRUS_DETECTION: (
        f"Avviso di rilevazione virus informatico\n{WHEN} nel messaggio\n{_HEAD_LINES}"
        f'e destinato all\'utente "{ANNA}"\nè stato rilevato un problema di sicurezza {VIRUS}.\n' + _LAST_LINE
    ),
    MessageRow.NON_DELIVERY_VIRUS: (
        f'Avviso di mancata consegna per virus\n{WHEN} nel messaggio\n"Prova" destinato all\'utente "{ANNA}"\n'
        f"è stato rilevato un problema di sicurezza {VIRUS}.\nIl messaggio non è stato consegnato.\n" + _LAST_LINE
    ),
    MessageRow.DELIVERY: (
        f"Ricevuta di avvenuta consegna\n{WHEN} il messaggio\n{_HEAD_LINES}"
        f'ed indirizzato a "{ANNA}"\nè stato consegnato nella casella di destinazione.\n' + _LAST_LINE
    ),
    MessageRow.NON_DELIVERY: (
        f'Avviso di mancata consegna\n{WHEN} nel messaggio\n{_HEAD_LINES}e destinato all\'utente "{ANNA}"\n'
        "è stato rilevato un errore casella del destinatario inesistente.\n"
        "Il messaggio è stato rifiutato dal sistema.\n" + _LAST_LINE
    ),
}

_DETAILS = {
    MessageRow.NON_ACCEPTANCE: ("altro", "ecceduta la dimensione massima del messaggio"),
    MessageRow.NON_ACCEPTANCE_VIRUS: ("virus", VIRUS),
    MessageRow.DELIVERY_TIMEOUT: ("altro", TWELVE),
    MessageRow.VIRUS_DETECTION: ("virus", VIRUS),
    MessageRow.NON_DELIVERY_VIRUS: ("virus", VIRUS),
    MessageRow.NON_DELIVERY: ("no-dest", UNKNOWN_BOX),
}

_BY_RECIPIENT = {
    MessageRow.TAKING_IN_CHARGE,
    MessageRow.VIRUS_DETECTION,
    MessageRow.DELIVERY,
    MessageRow.NON_DELIVERY,
}
"""Rows made by the recipient's provider, here Gestore Beta."""


def certification(row: MessageRow) -> str:
    """Return the certification data that belong to the good draft of that row."""
    kind = row.facts.kind
    assert kind is not None, "the anomaly envelope has no certification data"
    error, detail = _DETAILS.get(row, ("nessuno", ""))
    issuer = "Gestore Beta S.r.l." if row in _BY_RECIPIENT else "Gestore Alfa S.p.A."
    requested = row in {MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY}
    single = row in {
        MessageRow.DELIVERY_TIMEOUT,
        MessageRow.VIRUS_DETECTION,
        MessageRow.NON_DELIVERY_VIRUS,
        MessageRow.DELIVERY,
        MessageRow.NON_DELIVERY,
    }
    client = CLIENT_ID.replace("<", "&lt;").replace(">", "&gt;")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<postacert tipo="{kind.value}" errore="{error}">\n'
        f"<intestazione><mittente>{SENDER}</mittente>\n"
        f'<destinatari tipo="certificato">{ANNA}</destinatari>\n'
        f'<destinatari tipo="esterno">{INFO}</destinatari>\n'
        f"<risposte>{SENDER}</risposte><oggetto>Prova</oggetto></intestazione>\n"
        f"<dati><gestore-emittente>{issuer}</gestore-emittente>\n"
        '<data zona="+0100"><giorno>05/11/2026</giorno><ora>10:15:02</ora></data>\n'
        f"<identificativo>{IDENTIFIER}</identificativo><msgid>{client}</msgid>"
        + ('<ricevuta tipo="completa"/>' if requested else "")
        + (f"<consegna>{ANNA}</consegna>" if single else "")
        + (f"<ricezione>{ANNA}</ricezione>" if row is MessageRow.TAKING_IN_CHARGE else "")
        + (f"<errore-esteso>{detail}</errore-esteso>" if detail else "")
        + "</dati>\n</postacert>\n"
    )


def text_part(text: str) -> bytes:
    """Return a text part in quoted-printable ISO-8859-1."""
    return (
        b'Content-Type: text/plain; charset="iso-8859-1"\r\n'
        b"Content-Disposition: inline\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted(text)
    )


def quoted(text: str, charset: str = "iso-8859-1") -> bytes:
    """Encode as quoted-printable: every line of at most 76 characters."""
    lines = []
    for line in text.encode(charset).split(b"\n"):
        run = "".join(chr(octet) if 32 <= octet < 127 and octet != 61 else f"={octet:02X}" for octet in line)
        while len(run) > 75:
            cut = 75
            while "=" in run[cut - 2 : cut]:
                cut -= 1
            lines.append(run[:cut] + "=")
            run = run[cut:]
        lines.append(run)
    return "\r\n".join(lines).encode("ascii")


def certification_part(xml: str | bytes) -> bytes:
    """Return the certification data as a part in base64."""
    octets = xml.encode() if isinstance(xml, str) else xml
    return (
        b'Content-Type: application/xml; name="daticert.xml"\r\n'
        b'Content-Disposition: inline; filename="daticert.xml"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(octets).replace(b"\n", b"\r\n")
    )


def original_part(original: bytes, encoding: str = "7bit") -> bytes:
    """Return the original message as a part."""
    return (
        b'Content-Type: message/rfc822; name="postacert.eml"\r\n'
        b'Content-Disposition: inline; filename="postacert.eml"\r\n'
        b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + original
    )


def mixed(*parts: bytes, boundary: str = BOUNDARY) -> Splice:
    """Return the multipart/mixed entity of these parts."""
    mark = b"--" + boundary.encode()
    run: list[bytes] = [b'Content-Type: multipart/mixed; boundary="' + boundary.encode() + b'"\r\n\r\n']
    for part in parts:
        run += [mark + b"\r\n", part, b"\r\n"]
    return Splice.of(*run, mark + b"--\r\n")


def entity_of(row: MessageRow, *, xml: str | bytes | None = None, text: str | None = None) -> Splice:
    """Return the signed entity of the good draft, with other certification data or another text if given."""
    parts = [text_part(TEXTS[row] if text is None else text)]
    if row is not MessageRow.ANOMALY_ENVELOPE:
        parts.append(certification_part(certification(row) if xml is None else xml))
    if row in {MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY}:
        parts.append(original_part(ORIGINAL))
    if row is MessageRow.ANOMALY_ENVELOPE:
        parts.append(original_part(ARRIVED))
    return mixed(*parts)


def _receipt(row: MessageRow) -> Draft:
    facts = row.facts
    assert facts.kind is not None
    issuer = BETA if row in _BY_RECIPIENT else ALFA
    recipient = MAILBOX if facts.to_service_mailbox else SENDER
    message_id = OWN_ID[issuer.partition("@")[2]]
    header = (
        f"X-Ricevuta: {facts.kind.value}\r\n"
        + ("X-VerificaSicurezza: errore\r\n" if facts.security else "")
        + (f"X-Mittente: {SENDER}\r\n" if row is MessageRow.VIRUS_DETECTION else "")
        + f"X-Riferimento-Message-ID: {CLIENT_ID}\r\nDate: {DATE}\r\nSubject: {facts.subject_prefix} Prova\r\n"
        f"From: {issuer}\r\nTo: {recipient}\r\nMessage-ID: {message_id}\r\n"
    )
    return Draft(
        row=row,
        instant=INSTANT,
        header=Splice.of(header.encode()),
        entity=entity_of(row),
        message_id=message_id,
        reverse_path=Address(issuer),
        forward_paths=(Address(recipient),),
    )


def _transport_envelope() -> Draft:
    header = (
        "Received: from client.alfa.example (client.alfa.example [192.0.2.10])\r\n"
        " by smtp.gestore-alfa.example with ESMTPSA id 0001; Thu, 05 Nov 2026 10:15:02 +0100\r\n"
        "X-Trasporto: posta-certificata\r\nX-TipoRicevuta: completa\r\n"
        f"X-Riferimento-Message-ID: {CLIENT_ID}\r\nDate: {DATE}\r\nSubject: POSTA CERTIFICATA: Prova\r\n"
        f'From: "Per conto di: {SENDER}"\r\n <{ALFA}>\r\n'
        f'To: "Anna Bianchi" <{ANNA}>, {INFO}\r\nReply-To: {SENDER}\r\nMessage-ID: <{IDENTIFIER}>\r\n'
    )
    return Draft(
        row=MessageRow.TRANSPORT_ENVELOPE,
        instant=INSTANT,
        header=Splice.of(header.encode()),
        entity=entity_of(MessageRow.TRANSPORT_ENVELOPE),
        message_id=f"<{IDENTIFIER}>",
        reverse_path=Address(SENDER),
        forward_paths=(Address(ANNA), Address(INFO)),
    )


def _anomaly_envelope() -> Draft:
    header = (
        "Received: from elsewhere.example by mx.gestore-beta.example; Thu, 05 Nov 2026 10:15:01 +0100\r\n"
        f"X-Trasporto: errore\r\nDate: {DATE}\r\nSubject: ANOMALIA MESSAGGIO: Offerta\r\n"
        f'From: "Per conto di: rete@negozio.example"\r\n <{BETA}>\r\n'
        f"To: {ANNA}\r\nReply-To: rete@negozio.example\r\nMessage-ID: <1@negozio.example>\r\n"
    )
    return Draft(
        row=MessageRow.ANOMALY_ENVELOPE,
        instant=INSTANT,
        header=Splice.of(header.encode()),
        entity=entity_of(MessageRow.ANOMALY_ENVELOPE),
        message_id="<1@negozio.example>",
        reverse_path=Address("rete@negozio.example"),
        forward_paths=(Address(ANNA),),
    )


def good_draft(row: MessageRow) -> Draft:
    """Return the good draft of that row: the one delivery receipt is complete."""
    if row is MessageRow.TRANSPORT_ENVELOPE:
        return _transport_envelope()
    return _anomaly_envelope() if row is MessageRow.ANOMALY_ENVELOPE else _receipt(row)


def with_header(draft: Draft, change: Callable[[bytes], bytes]) -> Draft:
    """Return the draft with its outer header changed."""
    return replace(draft, header=Splice.of(change(bytes(draft.header))))


def with_entity(draft: Draft, change: Callable[[bytes], bytes]) -> Draft:
    """Return the draft with the octets of its entity changed."""
    return replace(draft, entity=Splice.of(change(bytes(draft.entity))))


def with_certification(draft: Draft, change: Callable[[str], str]) -> Draft:
    """Return the draft with its certification data changed before they were encoded."""
    return replace(draft, entity=entity_of(draft.row, xml=change(certification(draft.row))))


def with_text(draft: Draft, change: Callable[[str], str]) -> Draft:
    """Return the draft with its readable text changed before it was encoded."""
    return replace(draft, entity=entity_of(draft.row, text=change(TEXTS[draft.row])))
