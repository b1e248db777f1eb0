"""Looks at files of messages through the confined process, a few at a time, and waits for nobody long (ADR 11)."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ceralacca.apps.preview.confine import MOST_ANSWER, UNCONFINED
from ceralacca.base.errors import UserError, WorldError
from ceralacca.formats.splice import Octets

MOST_OCTETS: Final = 30 * 2**20
"""Of a file that is looked at."""
_SECONDS: Final = 20.0
_PATIENCE: Final = 10.0
_AT_ONCE: Final = 2
_HEAD: Final = 1024


class FileKind(StrEnum):
    """What a file is by its first octets; its name and declared type are its sender's word."""

    PICTURE = "picture"
    PDF = "pdf"
    XML = "xml"
    OTHER = "other"


class CannotShow(UserError):
    """The file can only be downloaded; `reason` is a code: `too-large`, `damaged`, `password`, `no-invoice`, `off`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"this file cannot be shown: {reason}", remedy="download it")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A picture or page, drawn anew."""

    octets: bytes
    media_type: str
    width: int
    height: int
    pages: int = 1
    page: int = 0
    """Counted from 0."""
    text: str = ""
    """Of the page."""


class Looker:
    """Asks the confined process. Safe between threads; every method may raise CannotShow and WorldError."""

    def __init__(self, *, at_once: int = _AT_ONCE, patience: float = _PATIENCE) -> None:
        """Let `at_once` files be looked at together; the next waits `patience` seconds for its turn."""
        self._turns = threading.BoundedSemaphore(at_once)
        self._patience = patience

    def picture(self, octets: Octets) -> Drawn:
        """Draw a picture anew."""
        return _as_drawn(*self._ask("picture", octets))

    def page(self, octets: Octets, number: int) -> Drawn:
        """Draw a page of a PDF, counted from 0; the last one when there are not so many."""
        return _as_drawn(*self._ask("page", octets, number))

    def invoice(self, octets: Octets) -> dict[str, Any]:
        """Read a FatturaPA: the fields of `formats.invoice.Invoice`."""
        return self._ask("invoice", octets)[0]

    def _ask(self, what: str, octets: Octets, number: int = 0) -> tuple[dict[str, Any], bytes]:
        if len(octets) > MOST_OCTETS:
            raise CannotShow("too-large")
        if not self._turns.acquire(timeout=self._patience):
            raise WorldError("too many files are being looked at", remedy="try again in a moment")
        try:
            return _answer(what, octets, number)
        finally:
            self._turns.release()


def kind_of(octets: Octets) -> FileKind:
    """Say what a file is."""
    head = bytes(octets[:_HEAD])
    if head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")):
        return FileKind.PICTURE
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return FileKind.PICTURE
    if b"%PDF-" in head:
        return FileKind.PDF
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        return FileKind.XML
    return FileKind.OTHER


def _answer(what: str, octets: Octets, number: int) -> tuple[dict[str, Any], bytes]:
    with _memory("file") as given, _memory("answer") as taken:
        view = memoryview(octets)
        while view:
            view = view[os.write(given, view) :]
        os.lseek(given, 0, os.SEEK_SET)
        command = [sys.executable, "-I", "-m", "ceralacca.apps.preview.child", what, str(number)]
        try:
            status = subprocess.run(  # noqa: S603 our own module
                command,
                stdin=given,
                stdout=taken,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                timeout=_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            raise CannotShow("too-large") from None
        except OSError as error:
            raise WorldError(f"no process for a preview: {error.strerror}", remedy="try again in a moment") from error
        if status == UNCONFINED:
            raise CannotShow("off")
        if status != 0:  # it died of the file
            raise CannotShow("damaged" if status > 0 else "too-large")
        return _read(taken)


def _read(taken: int) -> tuple[dict[str, Any], bytes]:
    line, _, drawn = os.pread(taken, MOST_ANSWER, 0).partition(b"\n")
    try:
        facts = json.loads(line)
    except ValueError:
        raise CannotShow("damaged") from None
    if not isinstance(facts, dict):
        raise CannotShow("damaged")
    if "refused" in facts:
        raise CannotShow(str(facts["refused"]))
    return facts, drawn


def _as_drawn(facts: dict[str, Any], octets: bytes) -> Drawn:
    """Believe the answer no more than it needs: a process that a file has taken over may have written it."""
    try:
        media_type = str(facts["media_type"])
        if media_type not in {"image/png", "image/jpeg"}:
            raise CannotShow("damaged")
        return Drawn(
            octets=octets,
            media_type=media_type,
            width=int(facts["width"]),
            height=int(facts["height"]),
            pages=int(facts.get("pages", 1)),
            page=int(facts.get("page", 0)),
            text=str(facts.get("text", "")),
        )
    except (KeyError, TypeError, ValueError):
        raise CannotShow("damaged") from None


@contextmanager
def _memory(name: str) -> Iterator[int]:
    handle = os.memfd_create(name)
    try:
        yield handle
    finally:
        os.close(handle)
