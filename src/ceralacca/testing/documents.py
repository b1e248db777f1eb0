"""Files as messages bring them, good and hostile: pictures, PDFs, e-invoices. All names in them are invented."""

import struct
import zlib
from io import BytesIO

from fpdf import FPDF
from PIL import Image


def picture(width: int = 120, height: int = 80, *, kind: str = "PNG") -> bytes:
    """Return a picture of one colour."""
    out = BytesIO()
    Image.new("RGB", (width, height), (0, 90, 180)).save(out, kind)
    return out.getvalue()


def picture_bomb(side: int = 30_000) -> bytes:
    """Return a PNG of a few hundred kilobytes whose picture has a gigabyte or more."""
    row = b"\0" + bytes(side)
    squeeze = zlib.compressobj(9)
    data = b"".join([*(squeeze.compress(row) for _ in range(side)), squeeze.flush()])
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def pdf(*pages: str, password: str | None = None) -> bytes:
    """Return a PDF with one line on each page."""
    document = FPDF()
    document.set_font("helvetica", size=24)
    for text in pages:
        document.add_page()
        document.cell(text=text)
    if password:
        document.set_encryption(owner_password=password, user_password=password)
    return bytes(document.output())


def scripted_pdf(script: str) -> bytes:
    """Return a PDF that wants to run a script, open a page of the web and start a program when it is opened."""
    objects = [
        f"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS({script})/Next<</S/Launch/F(/bin/sh)>>>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 100]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        "<</Length 43>>stream\nBT /F1 18 Tf 10 40 Td (Solo carta) Tj ET    \nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj{body}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF\n".encode()


def invoice(*, lines: int = 2, text: str = "Consulenza", before: str = "") -> bytes:
    """Return a FatturaPA of a fee note with so many lines; `before` stands between declaration and root."""
    details = "".join(
        f"<DettaglioLinee><NumeroLinea>{number}</NumeroLinea><Descrizione>{text} {number}</Descrizione>"
        "<Quantita>2.00</Quantita><UnitaMisura>ore</UnitaMisura><PrezzoUnitario>50.00</PrezzoUnitario>"
        "<PrezzoTotale>100.00</PrezzoTotale><AliquotaIVA>22.00</AliquotaIVA></DettaglioLinee>"
        for number in range(1, lines + 1)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>{before}
<p:FatturaElettronica versione="FPR12" xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2">
<FatturaElettronicaHeader>
<DatiTrasmissione><ProgressivoInvio>1</ProgressivoInvio><CodiceDestinatario>0000000</CodiceDestinatario>
<PECDestinatario>ditta@posta.example</PECDestinatario></DatiTrasmissione>
<CedentePrestatore><DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>01234567890</IdCodice></IdFiscaleIVA>
<Anagrafica><Denominazione>Studio Prova &amp; Figli S.r.l.</Denominazione></Anagrafica></DatiAnagrafici>
<Sede><Indirizzo>Via di Prova</Indirizzo><NumeroCivico>1</NumeroCivico><CAP>00100</CAP><Comune>Roma</Comune>
<Provincia>RM</Provincia><Nazione>IT</Nazione></Sede></CedentePrestatore>
<CessionarioCommittente><DatiAnagrafici><CodiceFiscale>PRVNNA80A01H501X</CodiceFiscale>
<Anagrafica><Nome>Anna</Nome><Cognome>Prova</Cognome></Anagrafica></DatiAnagrafici></CessionarioCommittente>
</FatturaElettronicaHeader>
<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD06</TipoDocumento><Divisa>EUR</Divisa>
<Data>2026-03-31</Data><Numero>12/A</Numero><DatiRitenuta><ImportoRitenuta>40.00</ImportoRitenuta></DatiRitenuta>
<ImportoTotaleDocumento>244.00</ImportoTotaleDocumento><Causale>Prestazione del primo trimestre</Causale>
</DatiGeneraliDocumento></DatiGenerali>
<DatiBeniServizi>{details}<DatiRiepilogo><AliquotaIVA>22.00</AliquotaIVA><ImponibileImporto>200.00</ImponibileImporto>
<Imposta>44.00</Imposta></DatiRiepilogo></DatiBeniServizi>
<DatiPagamento><DettaglioPagamento><ModalitaPagamento>MP05</ModalitaPagamento>
<DataScadenzaPagamento>2026-04-30</DataScadenzaPagamento><ImportoPagamento>204.00</ImportoPagamento>
<IBAN>IT00X0000000000000000000000</IBAN></DettaglioPagamento></DatiPagamento>
<Allegati><NomeAttachment>dettaglio.pdf</NomeAttachment><Attachment>JVBERi0=</Attachment></Allegati>
</FatturaElettronicaBody></p:FatturaElettronica>
""".encode()


def entity_bomb() -> bytes:
    """Return an e-invoice whose entities would make a billion words (billion laughs)."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    return invoice(text="&l9;", before=f"<!DOCTYPE p:FatturaElettronica [{entities}]>")
