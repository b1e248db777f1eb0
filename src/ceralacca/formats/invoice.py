"""An Italian electronic invoice read for people: parties, lines, totals, payments, as the file states them.

FatturaPA, ordinary (`FPA12`, `FPR12`) and simplified (`FSM10`), by the structure that the Agenzia delle Entrate
publishes (specifiche tecniche, allegato A). Only looks: nothing is reckoned and nothing validated, so what is shown is
what the file says, not that it is right. Texts are somebody else's.

A file with a document type is refused: an invoice has none (threats.md 21). Run it in a confined process: XML of any
shape costs memory in proportion to its size, and no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ceralacca.formats.splice import Octets

MOST_OCTETS: Final = 10 * 2**20
"""The exchange system takes five."""
MOST_ROWS: Final = 1000
"""Lines of one invoice that are told; `cut` says that there are more."""
MOST_BODIES: Final = 50
"""Invoices of one file."""
_LONGEST: Final = 2000
"""Characters of one value."""
_ROOTS: Final = frozenset({"FatturaElettronica", "FatturaElettronicaSemplificata"})
_NAMESPACES: Final = ("http://ivaservizi.agenziaentrate.gov.it/", "http://www.fatturapa.gov.it/sdi/fatturapa/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who sells or buys; every field empty when it is not stated."""

    name: str
    vat: str
    """Country and number."""
    tax_code: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of goods or services."""

    number: str
    text: str
    quantity: str
    unit: str
    price: str
    total: str
    rate: str
    """VAT, percent."""
    nature: str
    """Why there is no VAT: N1 to N7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VatTotal:
    """One line of the summary by VAT rate."""

    rate: str
    nature: str
    taxable: str
    tax: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One instalment."""

    way: str
    """MP01 to MP23."""
    due: str
    amount: str
    iban: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One invoice of the file."""

    kind: str
    """TD01 and so on."""
    number: str
    date: str
    currency: str
    total: str
    reasons: tuple[str, ...]
    lines: tuple[Line, ...]
    cut: bool
    """There are more lines than are told here."""
    vat: tuple[VatTotal, ...]
    withheld: tuple[str, ...]
    """Amounts of `DatiRitenuta`."""
    stamp: str
    """`ImportoBollo`."""
    payments: tuple[Payment, ...]
    attachments: tuple[str, ...]
    """Names of files inside; they are not opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A file of one or more invoices."""

    version: str
    seller: Party
    buyer: Party
    recipient: str
    """`CodiceDestinatario`, or the PEC address that the file is for."""
    bodies: tuple[Body, ...]


def read_invoice(octets: Octets) -> Invoice | None:
    """Read a file; None when it is no FatturaPA, is no well-formed XML, or has what no invoice has."""
    root = _root(octets)
    if root is None:
        return None
    header = root.find("FatturaElettronicaHeader")
    if header is None:
        return None
    bodies = root.findall("FatturaElettronicaBody")[:MOST_BODIES]
    sent = "DatiTrasmissione/"
    return Invoice(
        version=(root.get("versione") or "")[:10],
        seller=_party(header.find("CedentePrestatore")),
        buyer=_party(header.find("CessionarioCommittente")),
        recipient=_text(header, sent + "PECDestinatario") or _text(header, sent + "CodiceDestinatario"),
        bodies=tuple(_body(one) for one in bodies),
    )


def _root(octets: Octets) -> etree._Element | None:
    if len(octets) > MOST_OCTETS:
        return None
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        collect_ids=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(bytes(octets), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root.getroottree().docinfo.internalDTD is not None:
        return None
    name = etree.QName(root)
    known = name.localname in _ROOTS and (name.namespace or "").startswith(_NAMESPACES)
    return root if known else None


def _body(one: etree._Element) -> Body:
    general = "DatiGenerali/DatiGeneraliDocumento/"
    lines = list(_lines(one, MOST_ROWS + 1))
    return Body(
        kind=_text(one, general + "TipoDocumento"),
        number=_text(one, general + "Numero"),
        date=_text(one, general + "Data"),
        currency=_text(one, general + "Divisa"),
        total=_text(one, general + "ImportoTotaleDocumento"),
        reasons=_texts(one, general + "Causale"),
        lines=tuple(lines[:MOST_ROWS]),
        cut=len(lines) > MOST_ROWS,
        vat=tuple(
            VatTotal(
                rate=_text(vat, "AliquotaIVA"),
                nature=_text(vat, "Natura"),
                taxable=_text(vat, "ImponibileImporto"),
                tax=_text(vat, "Imposta"),
                reference=_text(vat, "RiferimentoNormativo"),
            )
            for vat in one.findall("DatiBeniServizi/DatiRiepilogo")[:MOST_ROWS]
        ),
        withheld=_texts(one, general + "DatiRitenuta/ImportoRitenuta"),
        stamp=_text(one, general + "DatiBollo/ImportoBollo"),
        payments=tuple(
            Payment(
                way=_text(payment, "ModalitaPagamento"),
                due=_text(payment, "DataScadenzaPagamento"),
                amount=_text(payment, "ImportoPagamento"),
                iban=_text(payment, "IBAN"),
            )
            for payment in one.findall("DatiPagamento/DettaglioPagamento")[:MOST_ROWS]
        ),
        attachments=_texts(one, "Allegati/NomeAttachment"),
    )


def _lines(body: etree._Element, most: int) -> Iterator[Line]:
    goods = "DatiBeniServizi"
    for one in body.findall(f"{goods}/DettaglioLinee")[:most]:
        yield Line(
            number=_text(one, "NumeroLinea"),
            text=_text(one, "Descrizione"),
            quantity=_text(one, "Quantita"),
            unit=_text(one, "UnitaMisura"),
            price=_text(one, "PrezzoUnitario"),
            total=_text(one, "PrezzoTotale"),
            rate=_text(one, "AliquotaIVA"),
            nature=_text(one, "Natura"),
        )
    for number, one in enumerate(body.findall(goods)[:most], start=1):  # the simplified form has no lines inside
        if one.find("Importo") is not None:
            yield Line(
                number=str(number),
                text=_text(one, "Descrizione"),
                quantity="",
                unit="",
                price="",
                total=_text(one, "Importo"),
                rate=_text(one, "DatiIVA/Aliquota"),
                nature=_text(one, "Natura"),
            )


def _party(one: etree._Element | None) -> Party:
    if one is None:
        return Party(name="", vat="", tax_code="", place="")
    # The simplified form has the two beside each other.
    person = _first(one, "DatiAnagrafici", "IdentificativiFiscali", ".")
    names = _first(one, "DatiAnagrafici/Anagrafica", "AltriDatiIdentificativi", ".")
    seat = _first(one, "Sede", "AltriDatiIdentificativi/Sede")
    return Party(
        name=_text(names, "Denominazione") or _joined(names, "Nome", "Cognome"),
        vat=_joined(person, "IdFiscaleIVA/IdPaese", "IdFiscaleIVA/IdCodice").replace(" ", ""),
        tax_code=_text(person, "CodiceFiscale"),
        place=_joined(seat, "Indirizzo", "NumeroCivico", "CAP", "Comune", "Provincia", "Nazione"),
    )


def _first(one: etree._Element, *paths: str) -> etree._Element:
    """Return the first that is there, or an empty one."""
    found = (one.find(path) for path in paths)
    return next((element for element in found if element is not None), etree.Element("nothing"))


def _joined(one: etree._Element, *paths: str) -> str:
    return " ".join(filter(None, (_text(one, path) for path in paths)))


def _texts(one: etree._Element, path: str) -> tuple[str, ...]:
    return tuple(_value(found) for found in one.findall(path)[:MOST_ROWS])


def _text(one: etree._Element, path: str) -> str:
    found = one.find(path)
    return "" if found is None else _value(found)


def _value(found: etree._Element) -> str:
    """Return the text of an element on one line; nothing when something else than text is inside it."""
    return "" if len(found) else " ".join((found.text or "").split())[:_LONGEST]
