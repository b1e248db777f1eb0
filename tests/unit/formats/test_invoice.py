"""E-invoices read for people: what the file states, escaped nowhere and reckoned nowhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.formats.invoice import MOST_OCTETS, MOST_ROWS, read_invoice
from ceralacca.testing import documents

_SIMPLIFIED = b"""<?xml version="1.0"?>
<x:FatturaElettronicaSemplificata versione="FSM10"
 xmlns:x="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0">
<FatturaElettronicaHeader><DatiTrasmissione><CodiceDestinatario>ABC1234</CodiceDestinatario></DatiTrasmissione>
<CedentePrestatore><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01234567890</IdCodice></IdFiscaleIVA>
<Denominazione>Bar Prova</Denominazione><Sede><Comune>Roma</Comune></Sede></CedentePrestatore>
<CessionarioCommittente><IdentificativiFiscali><CodiceFiscale>PRVNNA80A01H501X</CodiceFiscale></IdentificativiFiscali>
<AltriDatiIdentificativi><Nome>Anna</Nome><Cognome>Prova</Cognome></AltriDatiIdentificativi></CessionarioCommittente>
</FatturaElettronicaHeader><FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento>
<TipoDocumento>TD07</TipoDocumento><Data>2026-01-02</Data><Numero>7</Numero></DatiGeneraliDocumento></DatiGenerali>
<DatiBeniServizi><Descrizione>Pranzo</Descrizione><Importo>12.50</Importo><DatiIVA><Aliquota>10.00</Aliquota></DatiIVA>
</DatiBeniServizi></FatturaElettronicaBody></x:FatturaElettronicaSemplificata>"""


def test_parties_lines_totals_and_payments_are_told():
    told = read_invoice(documents.invoice(lines=3))
    assert told is not None
    assert told.version == "FPR12"
    assert (told.seller.vat, told.seller.place) == ("IT01234567890", "Via di Prova 1 00100 Roma RM IT")
    assert (told.buyer.name, told.buyer.tax_code) == ("Anna Prova", "PRVNNA80A01H501X")
    assert told.recipient == "ditta@posta.example"
    (body,) = told.bodies
    assert (body.kind, body.number, body.date, body.total) == ("TD06", "12/A", "2026-03-31", "244.00")
    assert [line.text for line in body.lines] == ["Consulenza 1", "Consulenza 2", "Consulenza 3"]
    assert (body.vat[0].taxable, body.vat[0].tax, body.withheld) == ("200.00", "44.00", ("40.00",))
    assert (body.payments[0].way, body.payments[0].due) == ("MP05", "2026-04-30")
    assert body.attachments == ("dettaglio.pdf",)
    assert not body.cut


def test_the_simplified_form_is_told_too():
    told = read_invoice(_SIMPLIFIED)
    assert told is not None
    assert (told.seller.name, told.seller.vat, told.buyer.name) == ("Bar Prova", "IT01234567890", "Anna Prova")
    assert [(line.text, line.total, line.rate) for line in told.bodies[0].lines] == [("Pranzo", "12.50", "10.00")]


def test_a_long_invoice_says_that_it_is_cut():
    told = read_invoice(documents.invoice(lines=MOST_ROWS + 5))
    assert told is not None
    assert (len(told.bodies[0].lines), told.bodies[0].cut) == (MOST_ROWS, True)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<a/>",
        documents.invoice()[:-40],
        documents.entity_bomb(),
        documents.invoice(before="<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>", text="&a;"),
        documents.invoice().replace(b"ivaservizi.agenziaentrate.gov.it", b"altro.example"),
        documents.invoice() + b" " * MOST_OCTETS,
    ],
)
def test_what_is_no_invoice_is_none(octets):
    assert read_invoice(octets) is None


def test_markup_inside_a_value_is_no_value():
    told = read_invoice(documents.invoice(text="<b>finto</b>"))
    assert told is not None
    assert told.bodies[0].lines[0].text == ""


@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_nothing_is_raised_whatever_the_octets_are(noise, place):
    good = documents.invoice()
    read_invoice(noise)
    read_invoice(good[:place] + noise + good[place + len(noise) :])
