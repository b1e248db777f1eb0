"""The Italian texts of the eleven messages, literal to the octet (section 4).

Only the words: what fills the braces is `formats.texts.values`, how it is laid out is
`formats.texts.plain` and `formats.texts.html`. A line that is one placeholder alone is a list
and becomes one line an item. Programs never parse these texts (GE-18).

Clauses: NA-1, NV-1, AC-1, BT-1, TN-1, TN-2, PC-4, BA-1, RV-2, MV-1, DR-2, AD-1.
"""

from ceralacca.base.errors import OurError
from ceralacca.core.delivery_point import Timeout
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.core.timeout_notice import timeout_of

DELIVERY_TITLES = {
    ReceiptKind.COMPLETE: "Ricevuta di avvenuta consegna",
    ReceiptKind.BRIEF: "Ricevuta breve di avvenuta consegna",
    ReceiptKind.CONCISE: "Ricevuta sintetica di avvenuta consegna",
}
"""The first line of row 10, by the kind that is issued (4.10)."""

ANOMALY = """\
Anomalia nel messaggio
Il giorno {data} alle ore {ora} ({zona}) è stato ricevuto
il messaggio "{oggetto}" proveniente da "{mittente}"
ed indirizzato a:
{destinatari}
Tali dati non sono stati certificati per il seguente errore:
{errore}
Il messaggio originale è incluso in allegato."""
"""Row 7 (4.7)."""

_BY_TIMEOUT = {
    Timeout.TWELVE_HOURS: """\
Avviso di mancata consegna
Il giorno {data} alle ore {ora} ({zona}) il messaggio
"{oggetto}" proveniente da "{mittente}"
e destinato all'utente "{destinatario}"
non è stato consegnato nelle prime dodici ore dal suo invio. Non escludendo
che questo possa avvenire in seguito, si ritiene utile considerare che
l'invio potrebbe non andare a buon fine. Il sistema provvederà comunque ad
inviare un ulteriore avviso di mancata consegna se nelle prossime dodici ore
non vi sarà la conferma della ricezione da parte del destinatario.
Identificativo messaggio: {identificativo}""",
    Timeout.TWENTY_FOUR_HOURS: """\
Avviso di mancata consegna
Il giorno {data} alle ore {ora} ({zona}) il messaggio
"{oggetto}" proveniente da "{mittente}"
e destinato all'utente "{destinatario}"
non è stato consegnato nelle ventiquattro ore successive al suo invio. Si
ritiene che la spedizione debba considerarsi non andata a buon fine.
Identificativo messaggio: {identificativo}""",
}

_BY_ROW = {
    MessageRow.NON_ACCEPTANCE: """\
Errore nell'accettazione del messaggio
Il giorno {data} alle ore {ora} ({zona}) nel messaggio
"{oggetto}" proveniente da "{mittente}"
ed indirizzato a:
{destinatari}
è stato rilevato un problema che ne impedisce l'accettazione
a causa di {errore}.
Il messaggio non è stato accettato.
Identificativo messaggio: {identificativo}""",
    MessageRow.NON_ACCEPTANCE_VIRUS: """\
Errore nell'accettazione del messaggio per presenza di virus
Il giorno {data} alle ore {ora} ({zona}) nel messaggio
"{oggetto}" proveniente da "{mittente}"
ed indirizzato a:
{destinatari}
è stato rilevato un problema di sicurezza {errore}.
Il messaggio non è stato accettato.
Identificativo messaggio: {identificativo}""",
    MessageRow.ACCEPTANCE: """\
Ricevuta di accettazione
Il giorno {data} alle ore {ora} ({zona}) il messaggio
"{oggetto}" proveniente da "{mittente}"
ed indirizzato a:
{destinatari_con_tipo}
è stato accettato dal sistema ed inoltrato.
Identificativo messaggio: {identificativo}""",
    MessageRow.TRANSPORT_ENVELOPE: """\
Messaggio di posta certificata
Il giorno {data} alle ore {ora} ({zona}) il messaggio
"{oggetto}" è stato inviato da "{mittente}"
indirizzato a:
{destinatari}
Il messaggio originale è incluso in allegato.
Identificativo messaggio: {identificativo}""",
    MessageRow.TAKING_IN_CHARGE: """\
Ricevuta di presa in carico
Il giorno {data} alle ore {ora} ({zona}) il messaggio
"{oggetto}" proveniente da "{mittente}"
ed indirizzato a:
{ricezione}
è stato accettato dal sistema.
Identificativo messaggio: {identificativo}""",
    MessageRow.VIRUS_DETECTION: """\
Avviso di rilevazione virus informatico
Il giorno {data} alle ore {ora} ({zona}) nel messaggio
"{oggetto}" proveniente da "{mittente}"
e destinato all'utente "{destinatario}"
è stato rilevato un problema di sicurezza {errore}.
Identificativo messaggio: {identificativo}""",
    MessageRow.NON_DELIVERY_VIRUS: """\
Avviso di mancata consegna per virus
Il giorno {data} alle ore {ora} ({zona}) nel messaggio
"{oggetto}" destinato all'utente "{destinatario}"
è stato rilevato un problema di sicurezza {errore}.
Il messaggio non è stato consegnato.
Identificativo messaggio: {identificativo}""",
    MessageRow.DELIVERY: """\
{titolo}
Il giorno {data} alle ore {ora} ({zona}) il messaggio
"{oggetto}" proveniente da "{mittente}"
ed indirizzato a "{destinatario}"
è stato consegnato nella casella di destinazione.
Identificativo messaggio: {identificativo}""",
    MessageRow.NON_DELIVERY: """\
Avviso di mancata consegna
Il giorno {data} alle ore {ora} ({zona}) nel messaggio
"{oggetto}" proveniente da "{mittente}"
e destinato all'utente "{destinatario}"
è stato rilevato un errore {errore}.
Il messaggio è stato rifiutato dal sistema.
Identificativo messaggio: {identificativo}""",
}


def template_of(row: MessageRow, facts: CertificationData) -> str:
    """Return the text of a row, without a line end after its last line.

    Row 5 has two texts, told apart by the code that begins `errore-esteso` (TN-2). Raises OurError
    when the certification data are not of the row's kind, and for row 7, which has none.
    """
    if row.facts.kind is None or row.facts.kind is not facts.kind:
        raise OurError(f"certification data of kind {facts.kind} do not belong to row {row.facts.number}")
    if row is not MessageRow.DELIVERY_TIMEOUT:
        return _BY_ROW[row]
    timeout = timeout_of(facts.error_detail)
    if timeout is None:
        raise OurError("errore-esteso of a timeout notice begins with neither of its two codes")  # TN-2
    return _BY_TIMEOUT[timeout]
