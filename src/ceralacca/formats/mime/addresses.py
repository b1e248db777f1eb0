"""Lists of addresses as From, To, Cc and Reply-To carry them (RFC 5322, 3.4), read in one pass.

Groups, comments, quoted names, folding and source routes are understood; an address is taken only when it is one by
the strict grammar of `Address.parse`, so that no recipient hides in a comment, a group or a quoted local part.
Anything else is noted and kept as text. Reads only: fields of generated messages are written by `compose`.

Clauses: AP-6, AP-7, AP-9, SE-8, AM-15.
"""

import re
from dataclasses import dataclass

from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.formats.kept import kept
from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.lexical import comment, quoted_string
from ceralacca.formats.mime.words import decode_words, neutral

_ATOM = re.compile(r"[^ \t\r\n\"(<>,;:@.\[]++")
_SPACE = re.compile(r"[ \t\r\n]++")
_LITERAL = re.compile(r"\[[^\[\]\r\n]*+(?:\]|\Z)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One mailbox of a list."""

    display: str
    """Display name, decoded, without control characters; empty when there is none."""
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressList:
    """What one field says, with groups opened."""

    mailboxes: tuple[Mailbox, ...]
    """In order; the same address may come twice."""
    defects: tuple[Defect, ...]
    empty_group: bool
    """Whether there is a group without members, such as `undisclosed-recipients:;` (AP-7)."""
    rejected: tuple[str, ...] = ()
    """Elements that are no address, as text without control characters."""


@kept(entries=256, most_octets=512)
def read_addresses(body: bytes) -> AddressList:
    """Read the body of a field; never raises. Time is linear in its length, and short lists are remembered."""
    reading = _Reading(body.decode("latin-1"))
    reading.run()
    return AddressList(
        mailboxes=tuple(reading.mailboxes),
        defects=tuple(dict.fromkeys(reading.defects)),
        empty_group=reading.empty_group,
        rejected=tuple(reading.rejected),
    )


class _Reading:
    """One pass over a list: the words of the element at hand, and what has been found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.phrase: list[str] = []
        """Words before `<`, or of the bare address; white space as a single blank."""
        self.angle: list[str] | None = None
        """Words since `<`; stays after `>` until the element ends."""
        self.in_angle = False
        self.group_size: int | None = None
        """Members of the group at hand; None outside of one."""
        self.after_group = False
        """Whether the last thing was the end of a group: then a comma follows with nothing before it."""
        self.mailboxes: list[Mailbox] = []
        self.rejected: list[str] = []
        self.defects: list[Defect] = []
        self.empty_group = False

    def run(self) -> None:
        while self.position < len(self.text):
            self._step(self.text[self.position])
        if self.in_angle:
            self.defects.append(Defect.ADDRESS_SYNTAX)
        self._end_element(separator="")
        if self.group_size is not None:
            self.defects.append(Defect.ADDRESS_SYNTAX)
            self._end_group()

    def _step(self, mark: str) -> None:
        if mark in " \t\r\n":
            self._take(_SPACE, " ")
        elif mark == '"':
            self._quoted()
        elif mark == "(":
            self.position, closed = comment(self.text, self.position)
            if not closed:
                self.defects.append(Defect.UNCLOSED_COMMENT)
            self._add(" ")
        elif mark == "[":
            self._take(_LITERAL)
        elif mark in "<>,;:@.":
            self.position += 1
            self._special(mark)
        else:
            self._take(_ATOM)

    def _take(self, pattern: re.Pattern[str], word: str = "") -> None:
        found = pattern.match(self.text, self.position)
        self.position = found.end() if found else self.position + 1
        self._add(word or (found[0] if found else ""))

    def _quoted(self) -> None:
        quoted = quoted_string(self.text, self.position)
        if not quoted.closed:
            self.defects.append(Defect.UNCLOSED_QUOTE)
        self._add(self.text[self.position : quoted.end])
        self.position = quoted.end

    def _add(self, word: str) -> None:
        if self.angle is None:
            self.phrase.append(word)
        elif self.in_angle:
            self.angle.append(word)
        elif word != " ":  # something between `>` and the next comma
            self.defects.append(Defect.ADDRESS_SYNTAX)

    def _special(self, mark: str) -> None:
        if mark == "<":
            if self.angle is not None:
                self.defects.append(Defect.ADDRESS_SYNTAX)
                self._end_element(separator="")
            self.angle, self.in_angle = [], True
        elif mark == ">":
            if not self.in_angle:
                self.defects.append(Defect.ADDRESS_SYNTAX)
            self.in_angle = False
        elif self.in_angle or mark in "@.":
            self._add(mark)
        elif mark == ":":
            self._begin_group()
        else:
            self._separate(mark)

    def _begin_group(self) -> None:
        if self.angle is not None or self.group_size is not None:
            self.defects.append(Defect.ADDRESS_SYNTAX)
            self._end_element(separator="")
        self.phrase, self.angle = [], None
        if self.group_size is None:
            self.group_size = 0

    def _separate(self, mark: str) -> None:
        self._end_element(separator=mark)
        if mark == ";" and self.group_size is None:
            self.defects.append(Defect.ADDRESS_SYNTAX)  # some programs separate so
        elif mark == ";":
            self._end_group()

    def _end_group(self) -> None:
        self.empty_group = self.empty_group or self.group_size == 0
        self.group_size = None
        self.after_group = True

    def _end_element(self, *, separator: str) -> None:
        phrase, angle = self.phrase, self.angle
        self.phrase, self.angle, self.in_angle = [], None, False
        if angle is not None:
            self._mailbox(_display(phrase), self._without_route(angle))
        elif any(word != " " for word in phrase):
            self._mailbox("", phrase)
        elif separator == "," and not self.after_group:
            self.defects.append(Defect.EMPTY_ELEMENT)
        self.after_group = False

    def _without_route(self, words: list[str]) -> list[str]:
        """Leave out a source route `@one,@two:` (RFC 5322, 4.4)."""
        if ":" not in words:
            return words
        self.defects.append(Defect.SOURCE_ROUTE)
        return words[len(words) - words[::-1].index(":") :]

    def _mailbox(self, display: str, words: list[str]) -> None:
        if self.group_size is not None:
            self.group_size += 1
        address = _address(_joined(words))
        if address is None:
            self.defects.append(Defect.BAD_ADDRESS)
            self.rejected.append(neutral("".join(words).strip()))
        else:
            self.mailboxes.append(Mailbox(display=display, address=address))


def _address(text: str) -> Address | None:
    if "@" not in text:
        return None
    try:
        return Address.parse(text)
    except InvalidAddress:
        return None


def _joined(words: list[str]) -> str:
    """Join the words of an address; white space may stand around `@` and dots, but not between two words."""
    text: list[str] = []
    gap = False
    for word in words:
        if word == " ":
            gap = True
            continue
        if gap and text and word not in "@." and text[-1] not in "@.":
            return ""  # two words: no address
        text.append(word)
        gap = False
    return "".join(text)


def _display(words: list[str]) -> str:
    """Join the words of a display name, quotes taken off, encoded words decoded."""
    plain = "".join(quoted_string(word, 0).content if word.startswith('"') else word for word in words)
    return decode_words(" ".join(plain.split(" ")).strip(" ").encode("latin-1"))
