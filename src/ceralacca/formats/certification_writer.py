"""Certification data written as `daticert.xml` (section 8, XM-1 to XM-3).

The same value always gives the same octets. What breaks the tables of 4.12 and 8.2 is a defect
of the caller and is refused: a wrong certification must never reach the sealer. Reading is
`formats.certification_xml`, which shares no code with this module.

Clauses: XM-1, XM-2, XM-3, ER-1, TI-3, TI-5, AM-1, AM-3, AM-4, AM-18.
"""

from dataclasses import dataclass

from ceralacca.base.errors import OurError
from ceralacca.base.instants import LegalTime, legal_time
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.notification import ErrorKind, MessageRow, NotificationKind
from ceralacca.formats.neutral import one_line, some_lines

SIZE_LIMIT = 1024 * 1024
"""Octets that every reader must accept (XM-4), and that we therefore never pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    """Which optional elements one kind has: a row of the second table of 8.2."""

    requested_receipt: bool = False
    delivery_recipient: bool = False
    taken_recipients: bool = False


_CONTENTS = {
    NotificationKind.ACCEPTANCE: _Contents(),
    NotificationKind.NON_ACCEPTANCE: _Contents(),
    NotificationKind.TRANSPORT_ENVELOPE: _Contents(requested_receipt=True),
    NotificationKind.TAKING_IN_CHARGE: _Contents(taken_recipients=True),
    NotificationKind.DELIVERY: _Contents(requested_receipt=True, delivery_recipient=True),
    NotificationKind.NON_DELIVERY: _Contents(delivery_recipient=True),
    NotificationKind.DELIVERY_TIMEOUT: _Contents(delivery_recipient=True),
    NotificationKind.VIRUS_DETECTION: _Contents(delivery_recipient=True),
}
_ERRORS: dict[NotificationKind, frozenset[ErrorKind]] = {
    kind: frozenset().union(*(row.facts.errors for row in MessageRow if row.facts.kind is kind))
    for kind in NotificationKind
}  # 4.12


def write_certification(data: CertificationData) -> bytes:
    """Write the XML file, valid against the DTD, UTF-8, LF line ends (XM-1, XM-2).

    Characters that XML 1.0 does not allow become U+FFFD, and every text but `errore-esteso` is put
    on one line (XM-3). Raises OurError when the data break a table of 4.12 or 8.2, or pass 1 MiB.
    """
    _check(data)
    octets = "\n".join([*_document(data), ""]).encode("utf-8")
    if len(octets) > SIZE_LIMIT:
        raise OurError("certification data of more than 1 MiB")
    return octets


def _check(data: CertificationData) -> None:
    original, expected = data.original, _CONTENTS[data.kind]
    breaches = {
        "errore": data.error not in _ERRORS[data.kind],
        "errore-esteso": (data.error_detail is None) != (data.error is ErrorKind.NONE)  # ER-1
        or (data.error_detail is not None and not some_lines(data.error_detail)),
        "ricevuta": (data.requested_receipt is not None) != expected.requested_receipt,
        "consegna": (data.delivery_recipient is not None) != expected.delivery_recipient,
        "ricezione": bool(data.taken_recipients) != expected.taken_recipients,
        "destinatari": not original.recipients,
        "gestore-emittente": not one_line(data.issuer),
        "identificativo": not one_line(original.identifier) or original.identifier[0] == "<",
        "msgid": original.client_message_id is not None and not one_line(original.client_message_id),
        "data": data.instant.tzinfo is None,
    }
    broken = [name for name, breach in breaches.items() if breach]
    if broken:
        raise OurError(f"certification data of kind {data.kind} break the rules of {', '.join(broken)}")


def _document(data: CertificationData) -> list[str]:
    return [
        '<?xml version="1.0" encoding="UTF-8"?>',  # XM-2
        f'<postacert tipo="{data.kind}" errore="{data.error}">',  # ER-1: written also when nessuno
        "  <intestazione>",
        *_heading(data.original),
        "  </intestazione>",
        "  <dati>",
        *_body(data, legal_time(data.instant)),
        "  </dati>",
        "</postacert>",
    ]


def _heading(original: OriginalData) -> list[str]:
    lines = [_element("mittente", original.sender.text)]
    for recipient in original.recipients:
        text = _escaped(one_line(recipient.address.text))
        lines.append(f'    <destinatari tipo="{recipient.kind}">{text}</destinatari>')
    lines.append(_element("risposte", original.reply_to))
    if original.subject is not None:
        lines.append(_element("oggetto", original.subject))
    return lines


def _body(data: CertificationData, legal: LegalTime) -> list[str]:
    original = data.original
    lines = [
        _element("gestore-emittente", data.issuer),
        f'    <data zona="{legal.zone}">',  # TI-5
        f"      <giorno>{legal.day}</giorno>",
        f"      <ora>{legal.time}</ora>",
        "    </data>",
        _element("identificativo", original.identifier),
    ]
    if original.client_message_id is not None:  # AP-22
        lines.append(_element("msgid", original.client_message_id))
    if data.requested_receipt is not None:
        lines.append(f'    <ricevuta tipo="{data.requested_receipt}"/>')  # AM-4
    if data.delivery_recipient is not None:
        lines.append(_element("consegna", data.delivery_recipient.text))
    lines += [_element("ricezione", taken.text) for taken in data.taken_recipients]
    if data.error_detail is not None:
        lines.append(f"    <errore-esteso>{_escaped(some_lines(data.error_detail))}</errore-esteso>")
    return lines


def _element(name: str, text: str) -> str:
    return f"    <{name}>{_escaped(one_line(text))}</{name}>"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # XM-3
