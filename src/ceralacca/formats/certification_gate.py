"""What stands between the octets of a received daticert.xml and the XML parser (XM-4, GE-11).

The parser is never shown a DOCTYPE, a comment, a processing instruction, a CDATA section, an
entity reference, a name outside the vocabulary of the DTD or a text of white space alone: this
module reads the document token by token in linear time, refuses what is dangerous and drops what
section 11 tells us to bear. It does not check nesting nor contents: that is the parser's and the
DTD's work in `formats.certification_xml`.

Why so strict: a reader that takes an element's first text and one that takes all of it must not
see different addresses, so a value split by a comment or a CDATA section is refused; and the
parser interns every name and every blank text it meets and keeps them while its thread lives, so
that hostile names would fill the memory of a long-lived process little by little.

Clauses: XM-4, GE-11, TO-9.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ceralacca.base.errors import PeerError
from ceralacca.formats.splice import Octets

SIZE_LIMIT = 1024 * 1024
"""Octets of a certification file that we read at most (XM-4)."""

_ISSUER = "The issuing provider must send valid certification data; keep the message as it is."
_WORDS = {
    "too-large": "the certification data pass 1 MiB",
    "not-utf-8": "the certification data are not UTF-8 text",
    "not-xml": "the certification data are not a well-formed XML document",
    "entity": "the certification data refer to an entity that is not one of the five predefined",
    "split-text": "a value in the certification data is split by a comment, an instruction or a CDATA section",
    "not-valid": "the certification data do not follow the DTD of PEC",
    "bad-instant": "the certification data hold a date, time or zone that is none",
    "bad-address": "the certification data hold an address that is empty or has control characters",
    "bad-identifier": "the certification data have an empty identifier",
}


class MalformedCertification(PeerError):
    """The octets are not certification data that can be read.

    `reason` is a stable code: `too-large`, `not-utf-8`, `not-xml`, `entity`, `split-text`,
    `not-valid`, `bad-instant`, `bad-address` or `bad-identifier`. Nothing of the content is said.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(_WORDS[reason], remedy=_ISSUER)
        self.reason = reason


_TEXT_ELEMENTS = frozenset(
    {
        *("mittente", "destinatari", "risposte", "oggetto", "gestore-emittente", "giorno", "ora"),
        *("identificativo", "msgid", "consegna", "ricezione", "errore-esteso"),
    }
)
_ELEMENTS = _TEXT_ELEMENTS | {"postacert", "intestazione", "dati", "data", "ricevuta"}
_ATTRIBUTES = frozenset({"tipo", "errore", "zona"})

_DECLARATION = re.compile(
    r"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.[0-9]"|'1\.[0-9]')
        (?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*["'](?P<encoding>[A-Za-z0-9._-]{1,40})["'])?
        (?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*["'](?:yes|no)["'])?[ \t\r\n]*\?>""",
    re.VERBOSE,
)
# Each alternative begins with what the others cannot, and its runs are possessive: giving one back helps nobody, so
# time is linear. Groups are not possessive: Python before 3.11.5 gets those wrong (python/cpython#106052).
_DOCTYPE = re.compile(
    r"""<!DOCTYPE(?:[^"'<>\[\]]|"[^"]*+"|'[^']*+')*
        (?:\[(?:[^"'<\]]|<!--(?>.*?-->)|<\?(?>.*?\?>)|<![A-Z](?:[^"'<>]|"[^"]*+"|'[^']*+')*>)*\][ \t\r\n]*+)?>""",
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(
    r"""(?P<text>[^<&]++)
      | &(?:(?P<reference>[A-Za-z_:][^;&<\s]{0,99};)|(?P<number>\#(?:[0-9]{1,10}|x[0-9A-Fa-f]{1,8});))
      | <!--(?P<comment>(?>.*?-->))
      | <!\[CDATA\[(?P<cdata>(?>.*?\]\]>))
      | <\?(?P<instruction>(?>.*?\?>))
      | </(?P<end>[^\s<>/&"']++)[ \t\r\n]*+>
      | <(?P<start>[^\s<>/&"'!?=]++)
         (?P<attributes>(?:[ \t\r\n]++[^\s<>/&"'=]++[ \t\r\n]*+=[ \t\r\n]*+(?:"[^"<&]*+"|'[^'<&]*+'))*)
         [ \t\r\n]*+(?P<empty>/?)>""",
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s<>/&"'=]++)[ \t\r\n]*+=[ \t\r\n]*+(?:"[^"]*+"|'[^']*+')""")
_TARGET = re.compile(r"[A-Za-z_:][A-Za-z0-9_:.-]{0,99}(?=[ \t\r\n?])")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_PREDEFINED = frozenset({"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"})


@dataclass(slots=True)
class _Gate:
    """The state of one pass over the tokens."""

    deviations: set[str] = field(default_factory=set)
    inside: bool = False
    """Whether the innermost open element is one that holds text."""
    texts: int = 0
    sections: int = 0
    """How many texts and CDATA sections the open element has so far."""

    def tokens(self, text: str, start: int) -> Iterator[str]:
        """Yield what the parser may see of the document from `start` on."""
        at = start
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise MalformedCertification("not-xml" if text[at] == "<" else "entity")
            yield self.take(token)
            at = token.end()

    def take(self, token: re.Match[str]) -> str:
        """Return what the parser may see of one token."""
        match token.lastgroup:
            case "text" | "number":
                return self._text(token[0])
            case "reference":
                return self._reference(token[0])
            case "cdata":
                return self._section(token["cdata"][:-3])
            case "comment":
                return self._aside("comment", well_formed="--" not in token["comment"][:-3])
            case "instruction":
                return self._instruction(token["instruction"])
            case _:
                return self._tag(token)

    def _reference(self, text: str) -> str:
        if text not in _PREDEFINED:
            raise MalformedCertification("entity")  # XM-4
        return self._text(text)

    def _instruction(self, text: str) -> str:
        target = _TARGET.match(text)
        name = target[0].lower() if target else "xml"
        return self._aside("stylesheet" if name == "xml-stylesheet" else "instruction", well_formed=name != "xml")

    def _text(self, text: str) -> str:
        if not text.strip(" \t\r\n"):
            return text if self.inside and self.texts else ""
        self.texts += 1
        return self._unless_split(text)

    def _section(self, text: str) -> str:
        self.deviations.add("cdata")
        self.sections += 1
        return self._unless_split(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))

    def _unless_split(self, text: str) -> str:
        if self.sections and self.sections + self.texts > 1:
            raise MalformedCertification("split-text")
        return text

    def _aside(self, deviation: str, *, well_formed: bool) -> str:
        if not well_formed:
            raise MalformedCertification("not-xml")
        if self.inside:
            raise MalformedCertification("split-text")
        self.deviations.add(deviation)
        return ""

    def _tag(self, token: re.Match[str]) -> str:
        name = token["start"] or token["end"]
        attributes = set(_ATTRIBUTE.findall(token["attributes"] or ""))
        if name not in _ELEMENTS or not attributes <= _ATTRIBUTES:
            raise MalformedCertification("not-valid")
        self.inside = token["start"] is not None and not token["empty"] and name in _TEXT_ELEMENTS
        self.texts = self.sections = 0
        return token[0]


def pass_gate(data: Octets) -> tuple[bytes, frozenset[str]]:
    """Return the document as the parser may see it, in UTF-8, and the deviations that were borne.

    Deviations: `byte-order-mark`, `no-declaration`, `doctype`, `stylesheet`, `instruction`,
    `comment`, `cdata`. Raises MalformedCertification.
    """
    if len(data) > SIZE_LIMIT:
        raise MalformedCertification("too-large")
    gate = _Gate()
    text = _decoded(bytes(data), gate.deviations)
    start = _after_declaration(text, gate.deviations)
    head, start = _prolog(text, start, gate)
    return "".join([*head, *gate.tokens(text, start)]).encode("utf-8"), frozenset(gate.deviations)


def _decoded(data: bytes, deviations: set[str]) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        deviations.add("byte-order-mark")
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedCertification("not-utf-8") from None
    if _FORBIDDEN.search(text):
        raise MalformedCertification("not-xml")
    return text


def _after_declaration(text: str, deviations: set[str]) -> int:
    """Return where the declaration ends; one that names another encoding is refused (GE-11)."""
    if not text.startswith(("<?xml ", "<?xml\t", "<?xml\r", "<?xml\n")):
        deviations.add("no-declaration")
        return 0
    declaration = _DECLARATION.match(text)
    if declaration is None:
        raise MalformedCertification("not-xml")
    if (declaration["encoding"] or "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise MalformedCertification("not-utf-8")
    return declaration.end()


def _prolog(text: str, start: int, gate: _Gate) -> tuple[list[str], int]:
    """Pass what precedes the document element; a DOCTYPE, with all it may hold, is dropped unread (XM-4)."""
    head: list[str] = []
    at = start
    while (token := _TOKEN.match(text, at)) and token.lastgroup in ("text", "comment", "instruction"):
        head.append(gate.take(token))
        at = token.end()
    if text.startswith("<!DOCTYPE", at):
        doctype = _DOCTYPE.match(text, at)
        if doctype is None:
            raise MalformedCertification("not-xml")
        gate.deviations.add("doctype")  # TO-9
        at = doctype.end()
    return head, at
