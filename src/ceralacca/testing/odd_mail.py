"""Odd mail: more than a hundred messages that real clients and machines send, made by code.

Each has a name that says what is odd in it. `submissions` are messages of a holder that SMTP can carry and that an
access point must answer, by an acceptance or a notice, and never with a crash; those named `refused` break
a rule of section 3 or of SMTP itself. The same octets on every call.

What is odd by itself is multiplied by where it may stand: header, subject, body, attachment name, structure.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from ceralacca.core.model.address import Address

SENDER = Address("mario.rossi@pec.alfa.example")
RECIPIENT = Address("anna.bianchi@pec.beta.example")
_DATE = "Date: Thu, 05 Nov 2026 10:14:55 +0100"
_BINARY = base64.encodebytes(bytes(range(256))).replace(b"\n", b"\r\n").decode()


class Fate(StrEnum):
    """What must become of a message at the access point."""

    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not-accepted"
    """A notice (row 1)."""
    SMTP = "smtp"
    """Refused at the end of DATA: no notice is owed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddMessage:
    """One message."""

    name: str
    octets: bytes
    fate: Fate = Fate.ACCEPTED


_MALFORMED = frozenset(
    {
        "without Date",
        "date empty",
        "message-id of two",
        "raw eight bits in a field",
        "subject raw UTF-8",
        "subject raw Latin-1",
        "subject twice",
        "recipient with raw eight bits in the name",
        "attachment name in raw UTF-8",
        "attachment name given twice",
        "multipart without parts",
        "multipart that is not closed",
        "multipart without boundary",
    }
)
"""Not as RFC 5322 and MIME have it: what is certified could be read in two ways, and the sender is told (AP-5)."""


def odd_mail() -> tuple[OddMessage, ...]:
    """Return the whole collection, in a fixed order; names are unique."""
    made = (*_headers(), *_subjects(), *_recipients(), *_bodies(), *_charsets(), *_names(), *_structures(), *_wire())
    return tuple(replace(one, fate=Fate.NOT_ACCEPTED) if one.name in _MALFORMED else one for one in made)


def _mail(*fields: str, body: str | bytes = "Buongiorno.\r\n", usual: bool = True) -> bytes:
    """Write a message; `usual` fields come first unless one of their name is given."""
    given = {field.partition(":")[0].strip().lower() for field in fields}
    base = [
        _DATE,
        f"From: {SENDER}",
        f"To: {RECIPIENT}",
        "Subject: Prova",
        "Message-ID: <1@client.alfa.example>",
    ]
    kept = [one for one in base if usual and one.partition(":")[0].lower() not in given]
    head = "\r\n".join([*kept, *(field for field in fields if field)]).encode("utf-8", "surrogateescape")
    octets = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
    return head + b"\r\n\r\n" + octets


def _without(name: str) -> bytes:
    octets = _mail()
    lines = octets.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(name.lower().encode() + b":"))


def _one(name: str, *fields: str, body: str | bytes = "Buongiorno.\r\n", fate: Fate = Fate.ACCEPTED) -> OddMessage:
    return OddMessage(name=name, octets=_mail(*fields, body=body), fate=fate)


def _headers() -> Iterator[OddMessage]:
    for name in ("Date", "Message-ID", "Subject"):
        yield OddMessage(name=f"without {name}", octets=_without(name))
    for name in ("From", "To"):
        yield OddMessage(name=f"without {name}", octets=_without(name), fate=Fate.NOT_ACCEPTED)
    for name, value in {
        "date of RFC 850": "Thursday, 05-Nov-26 10:14:55 CET",
        "date of nonsense": "yesterday",
        "date empty": "",
        "date with comment": "Thu, 05 Nov 2026 10:14:55 +0100 (ora solare)",
        "date of two digits": "5 Nov 26 10:14 +0100",
    }.items():
        yield _one(name, f"Date: {value}")
    for name, value in {
        "message-id without brackets": "1@client.alfa.example",
        "message-id without domain": "<4711>",
        "message-id with comment": "<1@client.alfa.example> (mio)",
        "message-id very long": f"<{'x' * 200}@client.alfa.example>",
        "message-id of two": "<1@client.alfa.example> <2@client.alfa.example>",
        "message-id folded": "\r\n <1@client.alfa.example>",
        "message-id empty": "",
    }.items():
        yield _one(name, f"Message-ID: {value}")
    yield _one("field names in capitals", "SUBJECT: Prova", f"FROM: {SENDER}", f"TO: {RECIPIENT}")
    yield _one("field names in small letters", "subject: prova", f"from: {SENDER}", f"to: {RECIPIENT}")
    yield _one("field folded by tabs", "X-Lungo: uno\r\n\tdue\r\n\ttre")
    yield _one("field of 900 octets", f"X-Lungo: {'x' * 900}")
    yield _one("field of a thousand folded words", "X-Lungo:" + "\r\n parola" * 1000)
    yield _one("five hundred fields", *(f"X-Campo-{number}: {number}" for number in range(500)))
    yield _one("field without value", "X-Vuoto:")
    yield _one("field without space", "X-Stretto:valore")
    yield _one("marks of PEC by the author", "X-Ricevuta: avvenuta-consegna", "X-Trasporto: posta-certificata")
    yield _one("reference by the author", "X-Riferimento-Message-ID: <altro@altrove.example>")
    yield _one("marker of receipts unknown", "X-TipoRicevuta: enorme")
    yield _one("marker of receipts in capitals", "X-TipoRicevuta: SINTETICA")
    yield _one("Return-Path by the author", "Return-Path: <altri@ditta.example>")
    yield _one("Sender is the author", f"Sender: {SENDER}")
    yield _one("Auto-Submitted", "Auto-Submitted: auto-generated")
    yield _one("list fields", "List-Id: <lista.ditta.example>", "Precedence: bulk")
    yield _one("raw eight bits in a field", "X-Nota: citt\udce0")


def _subjects() -> Iterator[OddMessage]:
    for name, value in {
        "empty": "",
        "of spaces": "   ",
        "beyond Latin-1": "=?utf-8?b?zpHOuM6uzr3OsSDinJM=?=",
        "in Latin-1": "=?iso-8859-1?Q?Citt=E0?=",
        "in two charsets": "=?iso-8859-15?Q?10_=A4?= =?windows-1252?Q?=93x=94?=",
        "of an unknown charset": "=?x-ignoto?Q?prova?=",
        "with a broken encoded word": "=?utf-8?b?%%%?=",
        "with a cut encoded word": "=?utf-8?q?prova",
        "with a character cut in two words": "=?utf-8?b?w6g=?= =?utf-8?b?w6==?=",
        "raw UTF-8": "Città ✓",
        "raw Latin-1": "Citt\udce0",
        "with markup": "<b>&amp;\"']]>",
        "of a PEC message": "POSTA CERTIFICATA: POSTA CERTIFICATA: Prova",
        "with line ends inside": "=?utf-8?q?Prova=0D=0ABcc:_x=40ditta.example?=",
        "with NUL inside": "=?utf-8?q?Pro=00va?=",
        "written from right to left": "=?utf-8?b?16nXnNeV150g4oCuYWJj?=",
        "folded": "uno\r\n due\r\n\ttre",
        "of 800 octets": "lungo " * 130,
    }.items():
        yield _one(f"subject {name}", f"Subject: {value}")
    yield _one("subject twice", "Subject: uno", "Subject: due")


def _recipients() -> Iterator[OddMessage]:
    for name, value in {
        "with display name": f'"Bianchi, Anna" <{RECIPIENT}>',
        "with encoded name": f"=?utf-8?q?Ann=C3=A0?= <{RECIPIENT}>",
        "with comments": f"(a) Anna (b) <{RECIPIENT}> (c)",
        "in other letters": "Anna.Bianchi@PEC.Beta.Example",
        "in a group": f"Tutti: {RECIPIENT};",
        "folded": f"\r\n {RECIPIENT}",
        "twice": f"{RECIPIENT}, {RECIPIENT}",
        "with a comma at the end": f"{RECIPIENT},",
        "with raw eight bits in the name": f"Ann\udce0 <{RECIPIENT}>",
    }.items():
        yield _one(f"recipient {name}", f"To: {value}")
    for name, value in {
        "of an empty group": "undisclosed-recipients:;",
        "of nonsense": "@@@",
        "with an international domain": "anna@città.example",
    }.items():
        yield _one(f"recipient {name}", f"To: {value}", fate=Fate.NOT_ACCEPTED)
    yield _one("recipient in Bcc too", "Bcc: bruno.verdi@pec.beta.example", fate=Fate.NOT_ACCEPTED)
    yield _one("two authors", f"From: {SENDER}, carla.neri@pec.alfa.example", fate=Fate.NOT_ACCEPTED)
    yield _one("another author", "From: carla.neri@pec.alfa.example", fate=Fate.NOT_ACCEPTED)
    yield _one("author with display name", f'From: "Rossi, Mario" <{SENDER}>')


def _bodies() -> Iterator[OddMessage]:
    for name, body in {
        "empty": "",
        "of one line end": "\r\n",
        "of empty lines": "\r\n" * 50,
        "without a last line end": "Buongiorno.",
        "of one dot": ".\r\n",
        "of dot lines": "..\r\n...\r\n. x\r\n.\r\n",
        "with From at the start of a line": "From qui\r\n>From la\r\n",
        "that looks like a header": "Subject: altro\r\nTo: nessuno@x.example\r\n\r\nciao\r\n",
        "that looks like a boundary": "--\r\n------=_pec0000\r\n--S--\r\n",
        "with tabs and trailing spaces": "uno\t\r\ndue   \r\n \r\n",
        "with a line of 990 octets": "x" * 990 + "\r\n",
        "with a form feed": "uno\x0cdue\r\n",
        "with an escape sequence": "\x1b[31mrosso\x1b[0m\r\n",
        "with raw UTF-8": "è così ✓\r\n",
        "with a byte order mark": "\ufeffBuongiorno\r\n",
        "that ends in spaces": "Buongiorno   ",
        "that is a PEC text": "Ricevuta di avvenuta consegna\r\nIdentificativo messaggio: x@y.example\r\n",
    }.items():
        yield _one(f"body {name}", body=body)
    yield _one("body of raw Latin-1", body=b"Citt\xe0\r\n")
    yield _one("body of every octet that SMTP takes", body=bytes(set(range(1, 256)) - {10, 13}) + b"\r\n")


def _charsets() -> Iterator[OddMessage]:
    for charset in (
        "utf-8",
        "UTF8",
        "iso-8859-1",
        "windows-1252",
        "us-ascii",
        "koi8-r",
        "utf-7",
        "utf-16",
        "x-ignoto",
        "",
    ):
        for encoding in ("8bit", "quoted-printable"):
            yield _one(
                f"text in {charset or 'no charset'}, {encoding}",
                "MIME-Version: 1.0",
                f'Content-Type: text/plain; charset="{charset}"',
                f"Content-Transfer-Encoding: {encoding}",
                body="perche'=\r\n cos=C3=AC\r\n",
            )
    for encoding in ("base64", "x-uuencode", "binary", "7BIT", ""):
        yield _one(
            f"encoding {encoding or 'empty'}",
            "MIME-Version: 1.0",
            "Content-Type: text/plain",
            f"Content-Transfer-Encoding: {encoding}",
            body="QnVvbmdpb3Jubw==\r\n",
        )


def _attached(disposition: str, kind: str = "application/octet-stream") -> str:
    return (
        "--P\r\nContent-Type: text/plain\r\n\r\nIn allegato.\r\n"
        f"--P\r\nContent-Type: {kind}\r\nContent-Disposition: {disposition}\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{_BINARY}--P--\r\n"
    )


_MIXED = ("MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="P"')


def _names() -> Iterator[OddMessage]:
    for name, value in {
        "of RFC 2231": "attachment; filename*=utf-8''perizia%20%C3%A8.pdf",
        "of RFC 2231 in pieces": "attachment; filename*0*=utf-8''peri; filename*1*=zia%20; filename*2=x.pdf",
        "as an encoded word": 'attachment; filename="=?utf-8?q?perizia_=C3=A8.pdf?="',
        "in raw UTF-8": 'attachment; filename="perizia è.pdf"',
        "with a path": 'attachment; filename="../../etc/passwd"',
        "with quotes": 'attachment; filename="a\\"b.pdf"',
        "without quotes": "attachment; filename=senza virgolette.pdf",
        "empty": 'attachment; filename=""',
        "of 250 characters": f'attachment; filename="{"x" * 246}.pdf"',
        "of the certification data": 'attachment; filename="daticert.xml"',
        "of the original": 'attachment; filename="postacert.eml"',
        "of a signature": 'attachment; filename="smime.p7s"',
        "given twice": 'attachment; filename="a.pdf"; filename="b.pdf"',
    }.items():
        yield _one(f"attachment name {name}", *_MIXED, body=_attached(value))


def _nested(depth: int) -> str:
    body = "\r\nfine\r\n"
    for level in range(depth):
        body = f'Content-Type: multipart/mixed; boundary="L{level}"\r\n\r\n--L{level}\r\n{body}\r\n--L{level}--\r\n'
    return body


def _structures() -> Iterator[OddMessage]:
    yield _one("multipart without parts", *_MIXED, body="Nessuna parte.\r\n")
    yield _one("multipart that is not closed", *_MIXED, body="--P\r\n\r\nuno\r\n--P\r\n\r\ndue\r\n")
    yield _one("multipart with preamble and epilogue", *_MIXED, body="prima\r\n--P\r\n\r\nuno\r\n--P--\r\ndopo\r\n")
    yield _one("multipart without boundary", "MIME-Version: 1.0", "Content-Type: multipart/mixed", body="--P\r\n")
    yield _one(
        "boundary with spaces",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="a b"',
        body="--a b\r\n\r\nx\r\n--a b--\r\n",
    )
    yield _one("MIME without MIME-Version", 'Content-Type: multipart/mixed; boundary="P"', body=_attached("attachment"))
    yield _one("content type of nonsense", "MIME-Version: 1.0", "Content-Type: ;;;=", body="x\r\n")
    yield _one("HTML alone", "MIME-Version: 1.0", "Content-Type: text/html", body="<p>Buongiorno</p>\r\n")
    yield _one("attachment without text", "MIME-Version: 1.0", "Content-Type: application/pdf", body="%PDF-1.4\r\n")
    yield _one(
        "a certification of somebody's own",
        *_MIXED,
        body=_attached('inline; filename="daticert.xml"', "application/xml"),
    )
    inner = _mail().decode()
    yield _one(
        "a message forwarded whole", *_MIXED, body=f"--P\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--P--\r\n"
    )
    yield _one("a message in base64", *_MIXED, body=_attached('attachment; filename="x.eml"', "message/rfc822"))
    for depth in (5, 30):
        head, _, rest = _nested(depth).partition("\r\n\r\n")
        yield _one(f"parts {depth} deep", "MIME-Version: 1.0", head, body=rest)
    head, _, rest = _nested(60).partition("\r\n\r\n")
    yield _one("parts 60 deep", "MIME-Version: 1.0", head, body=rest, fate=Fate.NOT_ACCEPTED)
    for count, fate in ((200, Fate.ACCEPTED), (1100, Fate.NOT_ACCEPTED)):
        parts = "".join(f"--P\r\n\r\n{number}\r\n" for number in range(count))
        yield _one(f"{count} parts", *_MIXED, body=f"{parts}--P--\r\n", fate=fate)


def _wire() -> Iterator[OddMessage]:
    yield _one("a lone CR", body="uno\rdue\r\n", fate=Fate.SMTP)
    yield _one("a lone LF", body="uno\ndue\r\n", fate=Fate.SMTP)
    yield _one("a NUL", body="uno\0due\r\n", fate=Fate.SMTP)
    yield _one("a lone LF in the header", "X-Rotto: uno\ndue", fate=Fate.SMTP)
    yield _one("a dot between lone line feeds", body="uno\n.\ndue\r\n", fate=Fate.SMTP)
