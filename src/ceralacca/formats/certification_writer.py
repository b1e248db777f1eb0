"""Certification data written as `daticert.xml` (section 8, XM-1 to XM-3).

The same value always gives the same octets. What breaks the tables of 4.12 and 8.2 is a defect
of the caller and is refused: a wrong certification must never reach the sealer. Reading is
`formats.certification_xml`, which shares no code with this module.

Clauses: XM-1, XM-2, XM-3, ER-1, TI-3, TI-5, AM-1, AM-3, AM-4, AM-18.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ceralacca.base.errors import OurError
from ceralacca.base.instants import legal_time
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
    octets = _document(data).encode("utf-8")
    if len(octets) > SIZE_LIMIT:
        raise OurError("certification data of more than 1 MiB")
    return octets


def _check(data: CertificationData) -> None:
    expected = _CONTENTS[data.kind]
    breaches = (
        ("errore", data.error not in _ERRORS[data.kind]),
        (
            "errore-esteso",
            (data.error_detail is None) != (data.error is ErrorKind.NONE)  # ER-1
            or (data.error_detail is not None and not some_lines(data.error_detail)),
        ),
        ("ricevuta", (data.requested_receipt is not None) != expected.requested_receipt),
        ("consegna", (data.delivery_recipient is not None) != expected.delivery_recipient),
        ("ricezione", bool(data.taken_recipients) != expected.taken_recipients),
        ("gestore-emittente", not _issuer(data.issuer)),
        ("data", data.instant.tzinfo is None),
        *data.original.once(_written).breaches,
    )
    broken = [name for name, breach in breaches if breach]
    if broken:
        raise OurError(f"certification data of kind {data.kind} break the rules of {', '.join(broken)}")


class _Written(NamedTuple):
    """What every document about an original has in common."""

    heading: str
    """`intestazione`."""
    identifiers: str
    """`identificativo` and `msgid`."""
    breaches: tuple[tuple[str, bool], ...]
    """What of it breaks a rule."""


def _written(original: OriginalData) -> _Written:
    return _Written(
        heading=(
            "  <intestazione>\n"
            f"    <mittente>{_text(original.sender.text)}</mittente>\n"
            f"{_recipients(original)}"
            f"    <risposte>{_text(original.reply_to)}</risposte>\n"
            f"{_optional('oggetto', original.subject)}"
            "  </intestazione>\n"
        ),
        identifiers=(
            f"    <identificativo>{_text(original.identifier)}</identificativo>\n"
            f"{_optional('msgid', original.client_message_id)}"  # AP-22
        ),
        breaches=(
            ("destinatari", not original.recipients),
            ("identificativo", not one_line(original.identifier) or original.identifier[0] == "<"),
            ("msgid", original.client_message_id is not None and not one_line(original.client_message_id)),
        ),
    )


def _document(data: CertificationData) -> str:
    original, legal = data.original.once(_written), legal_time(data.instant)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'  # XM-2
        f'<postacert tipo="{data.kind}" errore="{data.error}">\n'  # ER-1: written also when nessuno
        f"{original.heading}"
        "  <dati>\n"
        f"    <gestore-emittente>{_issuer(data.issuer)}</gestore-emittente>\n"
        f'    <data zona="{legal.zone}">\n'  # TI-5
        f"      <giorno>{legal.day}</giorno>\n"
        f"      <ora>{legal.time}</ora>\n"
        "    </data>\n"
        f"{original.identifiers}"
        f"{_of_kind(data)}"
        "  </dati>\n"
        "</postacert>\n"
    )


def _recipients(original: OriginalData) -> str:
    return "".join(
        [f'    <destinatari tipo="{one.kind}">{_text(one.address.text)}</destinatari>\n' for one in original.recipients]
    )


def _of_kind(data: CertificationData) -> str:
    """Write what some kinds have and others not."""
    asked, recipient, taken = data.requested_receipt, data.delivery_recipient, data.taken_recipients
    written = f'    <ricevuta tipo="{asked}"/>\n' if asked is not None else ""  # AM-4
    if recipient is not None:
        written += _optional("consegna", recipient.text)
    if taken:
        written += "".join([_optional("ricezione", one.text) for one in taken])
    if data.error_detail is not None:
        written += f"    <errore-esteso>{_escaped(some_lines(data.error_detail))}</errore-esteso>\n"
    return written


def _optional(name: str, text: str | None) -> str:
    return "" if text is None else f"    <{name}>{_text(text)}</{name}>\n"


def _text(text: str) -> str:
    return _escaped(one_line(text))


_issuer = lru_cache(maxsize=16)(_text)  # a provider has one name


def _escaped(text: str) -> str:
    if not ("&" in text or "<" in text or ">" in text):
        return text  # as nearly always
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # XM-3
