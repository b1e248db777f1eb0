"""Rules for the certification data that we emit: valid, complete, and about the right instant.

The tables of 4.12 and 8.2 are written here a second time on purpose.

Clauses: XM-1 to XM-3, ER-1, TI-2, TI-5, TN-2, TN-4, PC-1, GE-23, SE-8.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.certified import DECLARATION, LARGEST, Texts, has_plain_markup
from ceralacca.lint.reading import Reading, Shape
from ceralacca.lint.rule import CERTIFIED_ROWS, Family

FAMILY = Family()
MARKUP = Family()
"""Asked of certification data alone that are not known to be plain and valid."""

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LF = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_BARE = re.compile(r'(?:[^\s<>"]+|"(?:[^"\\]|\\.)*")@[^\s<>@]+')

_CONTENTS = {
    # tipo: the optional elements that it has, and the values of errore that we emit (8.2, 4.12)
    "accettazione": (set(), {"nessuno"}),
    "non-accettazione": ({"errore-esteso"}, {"altro", "virus"}),
    "posta-certificata": ({"ricevuta"}, {"nessuno"}),
    "presa-in-carico": ({"ricezione"}, {"nessuno"}),
    "avvenuta-consegna": ({"ricevuta", "consegna"}, {"nessuno"}),
    "errore-consegna": ({"consegna", "errore-esteso"}, {"no-dest", "no-dominio", "virus", "altro"}),
    "preavviso-errore-consegna": ({"consegna", "errore-esteso"}, {"altro"}),
    "rilevazione-virus": ({"consegna", "errore-esteso"}, {"virus"}),
}
_KINDS = {
    MessageRow.NON_ACCEPTANCE: ("non-accettazione", {"altro"}),
    MessageRow.NON_ACCEPTANCE_VIRUS: ("non-accettazione", {"virus"}),
    MessageRow.ACCEPTANCE: ("accettazione", {"nessuno"}),
    MessageRow.TRANSPORT_ENVELOPE: ("posta-certificata", {"nessuno"}),
    MessageRow.DELIVERY_TIMEOUT: ("preavviso-errore-consegna", {"altro"}),
    MessageRow.TAKING_IN_CHARGE: ("presa-in-carico", {"nessuno"}),
    MessageRow.VIRUS_DETECTION: ("rilevazione-virus", {"virus"}),
    MessageRow.NON_DELIVERY_VIRUS: ("errore-consegna", {"virus"}),
    MessageRow.DELIVERY: ("avvenuta-consegna", {"nessuno"}),
    MessageRow.NON_DELIVERY: ("errore-consegna", {"no-dest", "no-dominio", "altro"}),
}
_OPTIONAL = ("ricevuta", "consegna", "ricezione", "errore-esteso")


@lru_cache(maxsize=1024)
def _is_bare(address: str) -> bool:
    return _BARE.fullmatch(address) is not None


@MARKUP.rule("xml-octets", "XM-2", "GE-11", rows=CERTIFIED_ROWS)
def xml_octets(reading: Reading) -> Iterator[str]:
    """UTF-8 with the declaration, no BOM, no DOCTYPE, no processing instruction, no namespace."""
    xml = reading.xml
    if xml is None:
        yield f"there are no certification data {reading.xml_defect}".rstrip()
        return
    if reading.certified is not None and reading.certified.plain:
        return
    if not xml.startswith(DECLARATION):
        yield "the XML declaration is not the one of XM-2"
    if not has_plain_markup(xml):
        yield "a DOCTYPE, comment, CDATA section, processing instruction or namespace"
    if len(xml) > LARGEST:
        yield "more than 1 MiB"


@MARKUP.rule("xml-valid", "XM-1", rows=CERTIFIED_ROWS)
def xml_valid(reading: Reading) -> Iterator[str]:
    """Well-formed and valid against the DTD."""
    if reading.xml is None:
        return
    if reading.certified is None:
        yield reading.xml_defect
    elif not reading.certified.markup.valid:
        yield "not valid against the DTD"


@FAMILY.shape_rule("xml-kind", "XM-1", "ER-1", rows=CERTIFIED_ROWS)
def xml_kind(shape: Shape) -> Iterator[str]:
    """`tipo` and `errore` are those of the row, and both are written out."""
    if shape.markup is None:
        return
    kind, errors = _KINDS[shape.row]
    if shape.markup.kind != kind:
        yield f"tipo is not {kind}"
    if shape.markup.error not in errors:
        yield "errore is not one that this row may have, or is not written out"


@FAMILY.shape_rule("xml-contents", "XM-1", "ER-1", "BT-4", "PC-1", rows=CERTIFIED_ROWS)
def xml_contents(shape: Shape) -> Iterator[str]:
    """The optional elements of the kind are there, the others are not (second table of 8.2)."""
    if shape.markup is None:
        return
    expected = _CONTENTS.get(shape.markup.kind or "", (set(), set()))[0]
    for name in _OPTIONAL:
        there = name in shape.markup.names
        if there is not (name in expected):
            yield f"{name} is {'there' if there else 'missing'}"
        elif name in {"consegna", "ricezione", "errore-esteso"} and name in shape.blank:
            yield f"{name} is empty"


@FAMILY.rule("xml-recipients", "XM-1", "TN-4", "PC-4", "XM-7", rows=CERTIFIED_ROWS)
def xml_recipients(reading: Reading) -> Iterator[str]:
    """Every recipient has its type written out; those delivered to or taken in charge are among them."""
    if reading.certified is None:
        return
    recipients, named = reading.xml_texts["destinatari"], reading.answered_for
    if (
        None not in reading.certified.markup.recipient_kinds
        and reading.draft.row is not MessageRow.DELIVERY_TIMEOUT
        and (not named or set(named).issubset(recipients))  # written alike, as nearly always
    ):
        return
    names = [text.lower() for text in recipients]
    kinds = dict(zip(names, reading.certified.markup.recipient_kinds, strict=True))
    if None in kinds.values():
        yield "destinatari without tipo"
    for text in named:
        if text.lower() not in kinds:
            yield "consegna or ricezione names nobody of destinatari"
        elif reading.draft.row is MessageRow.DELIVERY_TIMEOUT and kinds[text.lower()] != "certificato":
            yield "a notice about a recipient that is not certified"


@FAMILY.rule("xml-instant", "GE-23", "TI-2", "TI-3", "TI-5", rows=CERTIFIED_ROWS)
def xml_instant(reading: Reading) -> Iterator[str]:
    """`data` is the instant of the step in Italian legal time."""
    if reading.certified is None:
        return
    local = reading.local
    shown = (reading.xml_text["giorno"], reading.xml_text["ora"], reading.certified.markup.zone)
    if shown != (local.day, local.time, local.zone):
        yield "data is not the instant of the draft in legal time"


@FAMILY.rule("xml-values", "XM-3", "SE-8", "AM-14", rows=CERTIFIED_ROWS)
def xml_values(reading: Reading) -> Iterator[str]:
    """No value holds a control character; addresses are bare; identifiers have the brackets that they must."""
    if reading.certified is None:
        return
    every = reading.certified.texts
    for name, texts in () if reading.certified.printable else every.items():
        pattern = _CONTROL_BUT_LF if name == "errore-esteso" else _CONTROL
        if any(map(pattern.search, texts)):
            yield f"{name} holds a control character"
    if not all(map(_is_bare, (*every["mittente"], *every["destinatari"], *reading.answered_for))):
        yield from _not_bare(every)
    if not (reading.xml_text["gestore-emittente"] or "").strip():
        yield "gestore-emittente is empty"
    if "<" in (identifier := reading.xml_text["identificativo"] or "<") or "@" not in identifier:
        yield "identificativo is not an identifier without brackets"


def _not_bare(every: Texts) -> Iterator[str]:
    for name in ("mittente", "destinatari", "consegna", "ricezione"):
        if not all(map(_is_bare, every[name])):
            yield f"{name} is not a bare address"


@FAMILY.rule("xml-error-code", "TN-2", "AD-1", rows={MessageRow.DELIVERY_TIMEOUT})
def xml_error_code(reading: Reading) -> Iterator[str]:
    """The timeout notices are told apart by the code that begins `errore-esteso`."""
    if not (reading.xml_text["errore-esteso"] or "").startswith(("4.4.1 - ", "5.4.1 - ")):
        yield "errore-esteso begins with neither 4.4.1 nor 5.4.1"
