"""The shape of `daticert.xml` that nearly every provider writes, read by one expression.

Only a document that is well-formed, valid against the DTD and free of every oddity by construction matches: each
element in its place with the usual spelling of its attributes, texts that are neither blank nor padded and hold no
control character and none but the predefined entities. For it the answer is that of `formats.certification_xml`,
some eight times sooner; for any other there is no answer here, never an error, and the strict reader has the word.

Clauses: XM-4, XM-5, XM-6.
"""

import re
from collections.abc import Mapping

from ceralacca.base.instants import LegalTime, read_legal_time
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, ReceiptKind, RecipientKind

LARGEST = 16_384
"""Octets; what is larger is left to the strict reader."""

_CHARACTER = r"[^<>&\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]"
_SPACE = r"[ \t\r\n]*+"
_TEXT = rf"(?=[^ <]){_CHARACTER}*+(?:&(?:amp|lt|gt|quot|apos);{_CHARACTER}*+)*(?<! )"


def _element(name: str) -> str:
    return rf"{_SPACE}<{name}>(?P<{name.replace('-', '_')}>{_TEXT})</{name}>"


def _one_of(group: str, kinds: type[NotificationKind | ErrorKind | ReceiptKind]) -> str:
    return rf'"(?P<{group}>{"|".join(re.escape(one.value) for one in kinds)})"'


_RECIPIENTS = rf'(?:{_SPACE}<destinatari tipo="(?:certificato|esterno)">{_TEXT}</destinatari>)+'
_TAKEN_ONES = rf"(?:{_SPACE}<ricezione>{_TEXT}</ricezione>)*"
_PLAIN = re.compile(
    rf'<\?xml version="1\.0" encoding="UTF-8"(?: standalone="no")?\?>{_SPACE}'
    rf"<postacert tipo={_one_of('kind', NotificationKind)} errore={_one_of('error', ErrorKind)}>"
    rf"{_SPACE}<intestazione>{_element('mittente')}(?P<destinatari>{_RECIPIENTS})"
    rf"{_element('risposte')}(?:{_element('oggetto')})?{_SPACE}</intestazione>"
    rf'{_SPACE}<dati>{_element("gestore-emittente")}{_SPACE}<data zona="(?P<zona>[+-][0-9]{{4}})">'
    rf"{_element('giorno')}{_element('ora')}{_SPACE}</data>{_element('identificativo')}(?:{_element('msgid')})?"
    rf"(?:{_SPACE}<ricevuta tipo={_one_of('receipt', ReceiptKind)} ?/>)?(?:{_element('consegna')})?"
    rf"(?P<ricezione>{_TAKEN_ONES})(?:{_element('errore-esteso')})?"
    rf"{_SPACE}</dati>{_SPACE}</postacert>{_SPACE}"
)
_KINDS = {kind.value: kind for kind in NotificationKind}
_ERRORS = {error.value: error for error in ErrorKind}
_RECEIPT_KINDS = {kind.value: kind for kind in ReceiptKind}
_RECIPIENT_KINDS = {kind.value: kind for kind in RecipientKind}
_RECIPIENT = re.compile(r'<destinatari tipo="([a-z]++)">([^<]++)<')
_TAKEN = re.compile(r"<ricezione>([^<]++)<")


def read_plain(data: bytes) -> CertificationData | None:
    """Return what a document of the plain shape says; None for every other, whatever is wrong with it."""
    if len(data) > LARGEST:
        return None
    try:
        found = _PLAIN.fullmatch(data.decode("utf-8"))
        return None if found is None else _data(found.groupdict())
    except ValueError:  # octets that are not UTF-8, or an instant that is none
        return None


def _data(texts: Mapping[str, str | None]) -> CertificationData | None:
    values = {name: _plain(text) if "&" in text else text for name, text in texts.items() if text is not None}
    kind, consegna, receipt = _KINDS[values["kind"]], values.get("consegna"), values.get("receipt")
    if kind is NotificationKind.VIRUS_DETECTION and consegna is None:
        return None  # TO-13
    original = _original(values, texts["destinatari"] or "")
    if original is None:
        return None
    return CertificationData(
        kind=kind,
        error=_ERRORS[values["error"]],
        original=original,
        issuer=values["gestore_emittente"],
        instant=read_legal_time(LegalTime(day=values["giorno"], time=values["ora"], zone=values["zona"])),
        requested_receipt=None if receipt is None else _RECEIPT_KINDS[receipt],
        delivery_recipient=None if consegna is None else Address(consegna),
        taken_recipients=tuple([Address(_plain(text)) for text in _TAKEN.findall(texts["ricezione"] or "")]),
        error_detail=values.get("errore_esteso"),
    )


def _original(values: Mapping[str, str], recipients: str) -> OriginalData | None:
    identifier, client_id = values["identificativo"], values.get("msgid")
    if identifier[0] in "<>" or identifier[-1] in "<>":
        return None  # XM-6
    if client_id is not None and not (client_id[0] == "<" and client_id[-1] == ">"):
        return None
    return OriginalData(
        sender=Address(values["mittente"]),
        recipients=tuple(
            [
                Recipient(address=Address(_plain(text)), kind=_RECIPIENT_KINDS[kind])
                for kind, text in _RECIPIENT.findall(recipients)
            ]
        ),
        reply_to=values["risposte"],
        subject=values.get("oggetto"),
        identifier=identifier,
        client_message_id=client_id,
    )


def _plain(text: str) -> str:
    """Put the characters in the place of the predefined entities."""
    if "&" not in text:
        return text
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&apos;", "'")
    return text.replace("&amp;", "&")  # the last one, for "&amp;lt;" is no "<"
