"""Lines of text for a terminal or a file: words wrapped under a hanging indent, columns, styles.

Small on purpose: an archive of ten thousand messages is ten thousand reports, and a general layout
engine would take longer to place the words than the verifier to check the seals.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TextIO

_WORDS = re.compile(r" +|[^ ]+")
_CODES = {"bold": "1", "dim": "2", "underline": "4", "red": "31", "green": "32", "yellow": "33"}


class Run(NamedTuple):
    """A piece of text in one style: words such as `bold red`, or none."""

    text: str
    style: str = ""


class Page:
    """Writes lines to a stream, none wider than the page unless a single character is."""

    def __init__(self, stream: TextIO, *, width: int, colour: bool = False) -> None:
        self._stream = stream
        self._width = max(width, 20)
        self._colour = colour

    def line(self, *runs: Run, indent: int = 0, hang: int = 0, wrap: bool = True) -> None:
        """Write one line, or more if it is too long: those that follow begin `hang` columns further in."""
        if wrap and indent + sum(cells(run.text) for run in runs) > self._width:
            hang = min(indent + hang, self._width // 2)
            for part in _wrapped(runs, indent, hang, self._width):
                self._write(part)
        else:
            self._write((Run(" " * indent), *runs))

    def grid(self, rows: Iterable[Sequence[Run]], *, indent: int = 0, gap: int = 1) -> None:
        """Write rows whose columns stand under each other; the last one is wrapped within itself."""
        held = [tuple(row) for row in rows]
        fixed = max((len(row) for row in held), default=1) - 1
        widths = [max(cells(row[column].text) for row in held if len(row) > column) + gap for column in range(fixed)]
        for row in held:
            padded = [Run(run.text.ljust(widths[at] - _wider(run.text)), run.style) for at, run in enumerate(row[:-1])]
            self.line(*padded, row[-1], indent=indent, hang=sum(widths[: len(row) - 1]))

    def gap(self) -> None:
        """Write an empty line."""
        self._stream.write("\n")

    def verbatim(self, text: str) -> None:
        """Write what was laid out by a page like this one."""
        self._stream.write(text)

    def like(self, stream: TextIO) -> "Page":
        """Return a page of the same width and colours that writes to another stream."""
        return Page(stream, width=self._width, colour=self._colour)

    def _write(self, runs: Sequence[Run]) -> None:
        text = "".join(self._coloured(run) if self._colour and run.style else run.text for run in runs)
        self._stream.write(f"{text.rstrip(' ')}\n")

    def _coloured(self, run: Run) -> str:
        body = run.text.rstrip(" ")
        codes = ";".join(_CODES[word] for word in run.style.split())
        return f"\x1b[{codes}m{body}\x1b[0m{run.text[len(body) :]}" if body else run.text


def cells(text: str) -> int:
    """Return how many columns a text takes: wide characters two, combining ones none."""
    return len(text) + (0 if text.isascii() else _wider(text))


def _wider(text: str) -> int:
    """Return how many columns a text takes beyond one for each character."""
    if text.isascii():
        return 0
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return wide - sum(unicodedata.combining(one) > 0 for one in text)


def _wrapped(runs: Sequence[Run], indent: int, hang: int, width: int) -> Iterator[list[Run]]:
    """Break runs into lines between words, and within a word that is longer than a line."""
    line, column, spaces = [Run(" " * indent)], indent, ""
    begun = False
    for run in runs:
        for word in _WORDS.findall(run.text):
            if word[0] == " ":
                spaces += word
                continue
            fits_elsewhere = cells(word) <= width - hang  # else it is cut where it stands
            if begun and fits_elsewhere and column + len(spaces) + cells(word) > width:
                yield line
                line, column, spaces = [Run(" " * hang)], hang, ""
            line.append(Run(spaces))
            column, spaces, begun = column + len(spaces), "", True
            if column >= width:
                yield line
                line, column = [Run(" " * hang)], hang
            rest = word
            while column + cells(rest) > width:
                head = _fitting(rest, width - column)
                line.append(Run(head, run.style))
                yield line
                line, column, rest = [Run(" " * hang)], hang, rest[len(head) :]
            line.append(Run(rest, run.style))
            column += cells(rest)
    yield line


def _fitting(word: str, columns: int) -> str:
    """Return the longest beginning that fits, at least one character."""
    end = min(len(word), max(columns, 1))
    while end > 1 and cells(word[:end]) > columns:
        end -= 1
    return word[:end]
