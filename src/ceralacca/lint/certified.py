"""The certification data of a draft, read as a stranger would.

Of thousands of documents nearly all differ in their texts alone. The *shape* of a document is what is left when
every text that a closing tag follows is one `x`: lxml parses a shape once and our DTD judges it once, for neither
well-formedness nor validity depends on which characters the texts hold, as long as XML may hold them. Whatever is
out of the way (a text of two lines, a reference by number, a shape that is not valid) is read by lxml as a whole.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from importlib.resources import files
from itertools import accumulate
from operator import itemgetter
from typing import NamedTuple

from lxml import etree

from ceralacca.formats.kept import kept

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
"""How the file must begin (XM-2)."""
LARGEST = 1 << 20
"""What we emit must be readable by a reader as strict as ours (XM-4)."""
_LARGEST_SHAPE = 4096
_TEXT = re.compile(r">([^<>\n]++)</")
_BETWEEN_TAGS = re.compile(rb">[^<>]+<")
_OTHER_REFERENCE = re.compile("&(?!(?:amp|lt|gt);)")
_PARENTS = frozenset({"postacert", "intestazione", "dati", "data"})


class Markup(NamedTuple):
    """What all documents of one shape say; an attribute that is not written out is None."""

    kind: str | None
    """`tipo`"""
    error: str | None
    """`errore`"""
    names: frozenset[str]
    """Of the elements that have texts: all but those that only hold others."""
    recipient_kinds: tuple[str | None, ...]
    """`tipo` of each of `destinatari`."""
    requested: str | None
    """`tipo` of the first `ricevuta`."""
    zone: str | None
    """`zona` of the first `data`."""
    valid: bool
    """Whether the DTD allows it (XM-1)."""


class Texts(dict[str, list[str]]):
    """The texts of elements by their name, in order; of a name that is not there, none."""

    def __missing__(self, _name: str) -> list[str]:
        return []


class Certified(NamedTuple):
    """What well-formed certification data say."""

    markup: Markup
    texts: Texts
    blank: frozenset[str]
    """Names of elements of which one has nothing but white space for text."""
    printable: bool
    """Whether every character of the texts is printable."""
    plain: bool
    """Whether it has the declaration of XM-2, no markup but elements and attributes, and is not too large."""

    @property
    def kind(self) -> str | None:
        """`tipo`."""
        return self.markup.kind

    @property
    def error(self) -> str | None:
        """`errore`."""
        return self.markup.error

    @property
    def requested(self) -> str | None:
        """`tipo` of the first `ricevuta`."""
        return self.markup.requested


def read_certified(octets: bytes) -> Certified:
    """Read the file. Raises XMLSyntaxError or ValueError when it is not well-formed."""
    return _read_by_shape(octets) or _read_whole(octets)


class _Shape(NamedTuple):
    """What all documents of one shape have in common."""

    common: Certified
    """Read with `x` for every text, and valid; has no texts but those that never change."""
    names: tuple[str, ...]
    """Of the elements whose texts change."""
    cut: Callable[[list[str]], Iterable[list[str]]]
    """Cuts the texts of a document into those of each name."""


def _read_by_shape(octets: bytes) -> Certified | None:
    """Read a document that differs from a known shape in its texts alone; None for any other."""
    if len(octets) > LARGEST:
        return None
    try:
        pieces = _TEXT.split(octets.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    texts = pieces[1::2]
    joined = " ".join(texts)
    if not joined.isprintable():  # every printable character is one that XML may hold
        return None
    if "&" in joined:
        if _OTHER_REFERENCE.search(joined):
            return None
        texts = [_resolved(text) if "&" in text else text for text in texts]
    shape = _shape(">x</".join(pieces[::2]))
    if shape is None or not shape.common.plain:  # with another declaration its octets may be other characters
        return None
    markup, fixed, blank, printable, plain = shape.common
    every = Texts(fixed)
    every.update(zip(shape.names, shape.cut(texts), strict=True))
    if "  " in joined or joined[:1] == " ":  # a text begins with white space: it may be nothing else
        blank = _blank(every)
    return Certified(markup, every, blank, printable, plain)


def _blank(texts: dict[str, list[str]]) -> frozenset[str]:
    return frozenset([name for name, found in texts.items() if not all(map(str.strip, found))])


def has_plain_markup(octets: bytes) -> bool:
    """Tell whether there are a declaration, elements and attributes, and nothing else that XML could have."""
    without_texts = _BETWEEN_TAGS.sub(b"><", octets)  # a subject may be about namespaces
    return b"<!" not in octets and octets.count(b"<?") == 1 and b"xmlns" not in without_texts


def _resolved(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@kept(entries=128, most_octets=_LARGEST_SHAPE)
def _shape(document: str) -> _Shape | None:
    """Read a shape; None for one that is not valid, or in which it is not plain where each text belongs."""
    octets = document.encode("utf-8")
    if not has_plain_markup(octets):
        return None
    try:
        common = _read_whole(octets)
    except (etree.XMLSyntaxError, ValueError):
        return None
    changing = {name: len(texts) for name, texts in common.texts.items() if set(texts) == {"x"}}
    fixed = Texts({name: texts for name, texts in common.texts.items() if "x" not in texts})
    if not common.markup.valid or len(changing) + len(fixed) != len(common.texts):
        return None
    if sum(changing.values()) != octets.count(b">x</"):  # an x that is not all of its element: a > stands before it
        return None
    # Valid: the elements of one name stand together, so that the order of names is that of texts.
    after = tuple(accumulate(changing.values()))
    cut = itemgetter(*map(slice, (0, *after), after))  # a valid one has more than one name: it cuts into a tuple
    return _Shape(common._replace(texts=fixed), tuple(changing), cut)


def _read_whole(octets: bytes) -> Certified:
    tree = _tree(octets)
    texts = Texts()
    kinds: list[str | None] = []
    first: dict[str, etree._Element] = {}
    for element in tree.iter(etree.Element):
        name = str(element.tag)
        first.setdefault(name, element)
        if name not in _PARENTS:
            texts.setdefault(name, []).append(element.text or "")
        if name == "destinatari":
            kinds.append(element.get("tipo"))
    requested, date = first.get("ricevuta"), first.get("data")
    markup = Markup(
        kind=tree.get("tipo"),
        error=tree.get("errore"),
        names=frozenset(texts),
        recipient_kinds=tuple(kinds),
        requested=None if requested is None else requested.get("tipo"),
        zone=None if date is None else date.get("zona"),
        valid=_is_valid(tree),
    )
    printable = all(text.isprintable() for each in texts.values() for text in each)
    return Certified(
        markup=markup,
        texts=texts,
        blank=_blank(texts),
        printable=printable,
        plain=octets.startswith(DECLARATION) and has_plain_markup(octets) and len(octets) <= LARGEST,
    )


_SPARE_PARSERS: deque[etree.XMLParser] = deque()
"""As many as threads have needed at once: to make one takes longer than to read with it."""


def _tree(document: bytes) -> etree._Element:
    """Parse with a parser that is nobody else's meanwhile: lxml parsers are not shared between threads."""
    try:
        parser = _SPARE_PARSERS.pop()
    except IndexError:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    tree = etree.fromstring(document, parser)
    _SPARE_PARSERS.append(parser)  # one that met an error is let go
    return tree


_SPARE_DTDS: deque[etree.DTD] = deque()
"""Our copy of the DTD, as many times as threads have needed it at once: one that validates is nobody else's."""


def _is_valid(tree: etree._Element) -> bool:
    try:
        dtd = _SPARE_DTDS.pop()
    except IndexError:
        with files("ceralacca.formats").joinpath("postacert.dtd").open("rb") as source:
            dtd = etree.DTD(source)  # XM-5: our own, never the one that a document names
    valid = bool(dtd.validate(tree))
    _SPARE_DTDS.append(dtd)
    return valid
