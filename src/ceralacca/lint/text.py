"""Rules for the readable text: it is the text of its row, and says what the certification data say.

A sanity check of wording, not a second copy of the templates: title, instant, names and identifier.
Programs never decide from the text (GE-18); people do, so that it must agree.

Clauses: GE-23, TI-2, TI-4, AC-1, AC-2, BT-1, BA-1, PC-4, TN-2, DR-2, SE-8.
"""

from collections.abc import Iterator

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.reading import Reading
from ceralacca.lint.rule import CERTIFIED_ROWS, Family

FAMILY = Family()

_TITLES = {
    MessageRow.NON_ACCEPTANCE: ("Errore nell'accettazione del messaggio",),
    MessageRow.NON_ACCEPTANCE_VIRUS: ("Errore nell'accettazione del messaggio per presenza di virus",),
    MessageRow.ACCEPTANCE: ("Ricevuta di accettazione",),
    MessageRow.TRANSPORT_ENVELOPE: ("Messaggio di posta certificata",),
    MessageRow.DELIVERY_TIMEOUT: ("Avviso di mancata consegna",),
    MessageRow.TAKING_IN_CHARGE: ("Ricevuta di presa in carico",),
    MessageRow.ANOMALY_ENVELOPE: ("Anomalia nel messaggio",),
    MessageRow.VIRUS_DETECTION: ("Avviso di rilevazione virus informatico",),
    MessageRow.NON_DELIVERY_VIRUS: ("Avviso di mancata consegna per virus",),
    MessageRow.DELIVERY: (
        "Ricevuta di avvenuta consegna",
        "Ricevuta breve di avvenuta consegna",
        "Ricevuta sintetica di avvenuta consegna",
    ),
    MessageRow.NON_DELIVERY: ("Avviso di mancata consegna",),
}
_WITHOUT_ORIGINAL = "Ricevuta sintetica di avvenuta consegna"
_LISTED = {
    # What is listed, one a line, in the text of the row
    MessageRow.NON_ACCEPTANCE: "destinatari",
    MessageRow.NON_ACCEPTANCE_VIRUS: "destinatari",
    MessageRow.ACCEPTANCE: "destinatari",
    MessageRow.TRANSPORT_ENVELOPE: "destinatari",
    MessageRow.TAKING_IN_CHARGE: "ricezione",
}
_KINDS = {"certificato": ' ("posta certificata")', "esterno": ' ("posta ordinaria")'}
_SENTENCES = {
    "4.4.1": "nelle prime dodici ore dal suo invio",
    "5.4.1": "nelle ventiquattro ore successive al suo invio",
}


@FAMILY.rule("text-title", "BT-1", "AC-1", "BA-1", "DR-2")
def title(reading: Reading) -> Iterator[str]:
    """The first line is the title of the row; a delivery receipt's tells whether the original is inside."""
    if reading.plain is None:
        return
    row = reading.draft.row
    first = reading.plain.partition("\n")[0]
    if first not in _TITLES[row]:
        yield "the first line is not the title of the row"
    elif row is MessageRow.DELIVERY and (reading.original is not None) is (first == _WITHOUT_ORIGINAL):
        yield "the title of the delivery receipt does not go with its parts"


@FAMILY.rule("text-instant", "GE-23", "TI-2", "TI-4", "AC-2")
def instant(reading: Reading) -> Iterator[str]:
    """The second line begins with the instant of the step in Italian legal time."""
    if reading.plain is None:
        return
    local = reading.local
    opening = f"\nIl giorno {local.day} alle ore {local.time} ({local.zone}) "
    if opening not in reading.plain[:200]:
        yield "the text does not show the instant of the draft in legal time"


@FAMILY.rule("text-names", "AC-1", "BT-1", "PC-4", "TN-1", "RV-1", "DR-4", rows=CERTIFIED_ROWS)
def names(reading: Reading) -> Iterator[str]:
    """Sender, subject and recipients are those of the certification data."""
    if reading.plain is None or reading.certified is None:
        return
    row, text = reading.draft.row, reading.plain
    if f'"{reading.xml_text["oggetto"] or ""}" ' not in text:
        yield "the subject is not in the text"
    if row is not MessageRow.NON_DELIVERY_VIRUS and f'"{reading.xml_text["mittente"]}"\n' not in text:
        yield "the sender is not in the text"
    listed = _expected_list(reading)
    if listed and f":\n{listed}\n" not in text:
        yield "the recipients are not listed one a line"
    for recipient in reading.xml_texts["consegna"]:
        if f'"{recipient}"\n' not in text:
            yield "the recipient is not in the text"


def _expected_list(reading: Reading) -> str:
    name = _LISTED.get(reading.draft.row)
    if name is None or reading.certified is None:
        return ""
    texts = reading.xml_texts[name]
    if reading.draft.row is MessageRow.ACCEPTANCE:  # AC-1
        kinds = reading.certified.markup.recipient_kinds
        texts = [text + _KINDS.get(kind or "", "") for text, kind in zip(texts, kinds, strict=True)]
    return "\n".join(texts)


@FAMILY.rule("text-anomaly", "BA-1", "BA-2", "BA-4", rows={MessageRow.ANOMALY_ENVELOPE})
def anomaly(reading: Reading) -> Iterator[str]:
    """An anomaly envelope lists its recipients, says why, and certifies nothing."""
    if reading.plain is None:
        return
    text, draft = reading.plain, reading.draft
    if ":\n" + "\n".join(path.text for path in draft.forward_paths) + "\n" not in text:
        yield "the recipients are not listed one a line"
    if draft.reverse_path is not None and f'proveniente da "{draft.reverse_path.text}"\n' not in text:
        yield "the sender is not in the text"
    if "\nTali dati non sono stati certificati per il seguente errore:\n" not in text:
        yield "the text does not say that nothing is certified"
    if "Identificativo messaggio:" in text:
        yield "the text has an identifier"


@FAMILY.rule("text-last-line", "BT-1", "BA-1")
def last_line(reading: Reading) -> Iterator[str]:
    """The text ends with the identifier (row 7: with the sentence about the attachment) and one line end."""
    if reading.plain is None:
        return
    if reading.draft.row is MessageRow.ANOMALY_ENVELOPE:
        expected = "Il messaggio originale è incluso in allegato."
    else:
        expected = f"Identificativo messaggio: {reading.xml_text['identificativo']}"
    if not reading.plain.endswith(f"\n{expected}\n"):
        yield "the last line is not the one of the row"
    if reading.draft.row is MessageRow.TRANSPORT_ENVELOPE and "Il messaggio originale è incluso" not in reading.plain:
        yield "the text does not say that the original is attached"


@FAMILY.rule("text-timeout", "TN-2", "TN-1", rows={MessageRow.DELIVERY_TIMEOUT})
def timeout(reading: Reading) -> Iterator[str]:
    """The text of a timeout notice is the one of its code."""
    if reading.plain is None:
        return
    sentence = _SENTENCES.get((reading.xml_text["errore-esteso"] or "")[:5])
    if sentence is None or sentence not in reading.plain:
        yield "the text is not the one of the code in errore-esteso"
