"""Certification data read from a received `daticert.xml` (section 8, XM-4 to XM-6).

Strict where a doubt would change what is certified (well-formedness, the DTD, instants,
addresses), tolerant where section 11 knows real providers to differ; each tolerance that was used
is named among the deviations. Writing is `formats.certification_writer`, which shares no code
with this module; the hostile octets are met by `formats.certification_gate`.

Clauses: XM-4, XM-5, XM-6, ER-1, AM-3, TO-7 to TO-10, TO-13, TO-14.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

from lxml import etree

from ceralacca.base.instants import LegalTime, read_legal_time
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.formats.certification_gate import MalformedCertification, pass_gate
from ceralacca.formats.certification_plain import read_plain
from ceralacca.formats.splice import Octets

__all__ = ["MalformedCertification", "ReadCertification", "dtd", "read_certification", "read_strictly"]

_SPACE = " \t\r\n"
_BROKEN = re.compile("[ \t]*[\t\r\n\x85\u2028\u2029]+[ \t]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCertification:
    """What a received certification file says, and in what it differs from what we would write."""

    data: CertificationData
    deviations: tuple[str, ...]
    """Stable codes in alphabetical order; empty when the file is by the letter. See `_Reading` and
    `formats.certification_gate.pass_gate`."""


@cache
def dtd() -> etree.DTD:
    """Return our own copy of the DTD, the one that every file is validated against (XM-5).

    One object serves all threads: lxml validates without letting go of the interpreter lock.
    """
    with (files("ceralacca.formats") / "postacert.dtd").open("rb") as octets:
        return etree.DTD(octets)


def read_certification(data: Octets) -> ReadCertification:
    """Read a `daticert.xml`.

    Default attribute values apply (XM-5), white space around values is trimmed and brackets of
    `identificativo` are stripped (XM-6). Raises MalformedCertification, and nothing else, whatever
    the octets are. Which optional elements belong to which kind is not enforced: what is missing
    or too much is a deviation, to be judged by the form rules (IP-12, IP-13).
    """
    plain = read_plain(data) if isinstance(data, bytes) else None
    if plain is not None:
        return ReadCertification(data=plain, deviations=tuple(sorted(_breaches(plain))))
    return read_strictly(data)


def read_strictly(data: Octets) -> ReadCertification:
    """Read a file of any shape, as `read_certification` does, by way of gate, parser and DTD."""
    visible, deviations = pass_gate(data)
    return _Reading(_valid_root(visible), set(deviations)).result()


def _valid_root(document: bytes) -> etree._Element:
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, collect_ids=False
    )  # XM-4
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise MalformedCertification("not-xml") from None
    if not dtd().validate(root) or root.tag != "postacert":
        raise MalformedCertification("not-valid")
    return root


class _Reading:
    """One valid document on its way to a value, collecting deviations.

    Codes: `default-error`, `default-recipient-kind` (attributes left out); `white-space`,
    `control-character` (values cleaned); `identifier-in-brackets`, `msgid-without-brackets`,
    `msgid-empty`; `error-unusual`, `error-detail-missing`, `error-detail-unexpected` (ER-1);
    `recipient-in-ricezione` (TO-13); `X-missing`, `X-unexpected` for X of `ricevuta`, `consegna`,
    `ricezione` (8.2).
    """

    def __init__(self, root: etree._Element, deviations: set[str]) -> None:
        self._root = root
        self._deviations = deviations

    def result(self) -> ReadCertification:
        data = self._data()
        self._deviations |= set(_breaches(data))
        return ReadCertification(data=data, deviations=tuple(sorted(self._deviations)))

    def _data(self) -> CertificationData:
        kind = NotificationKind(self._root.get("tipo", ""))
        consegna, taken = self._address("dati/consegna"), self._addresses("dati/ricezione")
        if kind is NotificationKind.VIRUS_DETECTION and consegna is None and len(taken) == 1:
            self._deviations.add("recipient-in-ricezione")  # TO-13
            consegna, taken = taken[0], ()
        receipt = self._root.find("dati/ricevuta")
        return CertificationData(
            kind=kind,
            error=ErrorKind(self._attribute(self._root, "errore", ErrorKind.NONE, "default-error")),
            original=self._original(),
            issuer=self._line("dati/gestore-emittente") or "",
            instant=self._instant(),
            requested_receipt=None if receipt is None else ReceiptKind(receipt.get("tipo", "")),
            delivery_recipient=consegna,
            taken_recipients=taken,
            error_detail=self._detail(),
        )

    def _original(self) -> OriginalData:
        (sender,) = self._addresses("intestazione/mittente")
        return OriginalData(
            sender=sender,
            recipients=tuple(self._recipient(element) for element in self._root.iterfind("intestazione/destinatari")),
            reply_to=self._line("intestazione/risposte") or "",
            subject=self._line("intestazione/oggetto"),
            identifier=self._identifier(),
            client_message_id=self._client_message_id(),
        )

    def _recipient(self, element: etree._Element) -> Recipient:
        kind = self._attribute(element, "tipo", RecipientKind.CERTIFIED, "default-recipient-kind")
        return Recipient(address=_address(self._cleaned(element)), kind=RecipientKind(kind))

    def _identifier(self) -> str:
        text = self._line("dati/identificativo") or ""
        identifier = text.strip("<> ")  # XM-6
        if identifier != text:
            self._deviations.add("identifier-in-brackets")
        if not identifier:
            raise MalformedCertification("bad-identifier")
        return identifier

    def _client_message_id(self) -> str | None:
        text = self._line("dati/msgid")
        if text == "":
            self._deviations.add("msgid-empty")
        elif text is not None and not (text[0] == "<" and text[-1] == ">"):
            self._deviations.add("msgid-without-brackets")
        return text or None  # TO-8

    def _detail(self) -> str | None:
        """Return `errore-esteso`, which alone may have several lines."""
        element = self._root.find("dati/errore-esteso")
        if element is None:
            return None
        lines = [self._clean(line.rstrip(_SPACE)) for line in re.split("\r\n|[\r\n]", element.text or "")]
        return "\n".join(line for line in lines if line).strip(_SPACE) or None

    def _instant(self) -> datetime:
        data = self._root.find("dati/data")
        assert data is not None
        legal = LegalTime(
            day=self._line("dati/data/giorno") or "",
            time=self._line("dati/data/ora") or "",
            zone=data.get("zona", "").strip(_SPACE),
        )
        try:
            return read_legal_time(legal)  # TI-5
        except (ValueError, OverflowError):
            raise MalformedCertification("bad-instant") from None

    def _attribute(self, element: etree._Element, name: str, default: str, deviation: str) -> str:
        value = element.get(name)
        if value is None:
            self._deviations.add(deviation)  # XM-5
            return default
        return value

    def _address(self, path: str) -> Address | None:
        found = self._addresses(path)
        return found[0] if found else None

    def _addresses(self, path: str) -> tuple[Address, ...]:
        return tuple(_address(self._cleaned(element)) for element in self._root.iterfind(path))

    def _line(self, path: str) -> str | None:
        element = self._root.find(path)
        return None if element is None else self._cleaned(element)

    def _cleaned(self, element: etree._Element) -> str:
        """Return the value of an element on one line and without control characters (XM-6, SE-8)."""
        text = element.text or ""
        trimmed = text.strip(_SPACE)
        if trimmed != text or _BROKEN.search(trimmed):
            self._deviations.add("white-space")
        return self._clean(_BROKEN.sub(" ", trimmed))

    def _clean(self, text: str) -> str:
        clean = _CONTROL.sub("\ufffd", text)
        if clean != text:
            self._deviations.add("control-character")
        return clean


def _address(text: str) -> Address:
    try:
        return Address(text)
    except InvalidAddress:
        raise MalformedCertification("bad-address") from None


def _breaches(data: CertificationData) -> Iterator[str]:
    """Name what the tables of 4.12 and 8.2 do not have; written from them, not from the writer's."""
    rule = _RULES[data.kind]
    if data.error not in rule.errors:
        yield "error-unusual"  # AM-3, TO-13, TO-14
    if (data.error_detail is None) != (data.error is ErrorKind.NONE):
        yield "error-detail-missing" if data.error_detail is None else "error-detail-unexpected"  # ER-1
    present = {
        "ricevuta": data.requested_receipt is not None,
        "consegna": data.delivery_recipient is not None,
        "ricezione": bool(data.taken_recipients),
    }
    for name, there in present.items():
        if there != (name in rule.elements):
            yield f"{name}-unexpected" if there else f"{name}-missing"


@dataclass(frozen=True, slots=True)
class _Rule:
    elements: frozenset[str]
    errors: frozenset[ErrorKind]


_FINE = frozenset({ErrorKind.NONE})
_RULES = {
    NotificationKind.ACCEPTANCE: _Rule(frozenset(), _FINE),
    NotificationKind.NON_ACCEPTANCE: _Rule(frozenset(), frozenset({ErrorKind.OTHER, ErrorKind.VIRUS})),
    NotificationKind.TRANSPORT_ENVELOPE: _Rule(frozenset({"ricevuta"}), _FINE),
    NotificationKind.TAKING_IN_CHARGE: _Rule(frozenset({"ricezione"}), _FINE),
    NotificationKind.DELIVERY: _Rule(frozenset({"ricevuta", "consegna"}), _FINE),
    NotificationKind.NON_DELIVERY: _Rule(frozenset({"consegna"}), frozenset(ErrorKind) - _FINE),
    NotificationKind.DELIVERY_TIMEOUT: _Rule(frozenset({"consegna"}), frozenset({ErrorKind.OTHER})),
    NotificationKind.VIRUS_DETECTION: _Rule(frozenset({"consegna"}), frozenset({ErrorKind.VIRUS})),
}
