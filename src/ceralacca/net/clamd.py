"""A client of clamd that fails closed: a verdict only when clamd gave one, whole and in its place (AP-18).

One scan is one connection: INSTREAM, the octets, the end mark, one answer, end of connection. An
answer that comes before the end mark, is cut, is followed by anything, or by a reset, is no
verdict; nor is an error, a limit that was passed inside an archive, or an answer given on
signatures that are too old. Equal content is scanned once for each edition of the signatures.

Not here: starting clamd (`net.clamd_child`), and what becomes of a message without a verdict.

Clauses: AP-17, AP-18, IP-5, VI-3, VI-4.
"""

import hashlib
import os
import re
import select
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

from ceralacca.base.clock import Clock, SystemClock
from ceralacca.formats.splice import Octets
from ceralacca.ports.scanner import NotScanned, NotScannedReason, ScanVerdict

DEMO_MARKER: Final = b"Ceralacca demonstration signatures: this database finds the test file only."
"""Octets that the demonstration database finds, and no other: by them it is recognised."""

_CHUNK: Final = 1 << 18
_MOST_ANSWER: Final = 1024
_LONGEST_SOCKET_PATH: Final = 100
_END_MARK: Final = bytes(4)
_ANSWER: Final = re.compile(r"stream: (?:(OK)|([ -~]{1,200}) (FOUND|ERROR))")
_VERSION: Final = re.compile(r"ClamAV [!-~]{1,40}(?:/(?P<edition>[0-9]{1,10})/(?P<date>[A-Za-z0-9: ]{1,40}))?")
_OVER_LIMITS: Final = "Heuristics.Limits.Exceeded"
_OVER_STREAM: Final = "INSTREAM size limit exceeded"
_AHEAD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdSettings:
    """Where clamd is and how long to wait for it."""

    address: Path | tuple[str, int]
    """Path of a Unix socket, or host and port."""
    most_octets: int = 100 * 2**20
    """No more than clamd's StreamMaxLength: a larger message is known not to be scannable before it is sent."""
    connect_seconds: float = 2.0
    silent_seconds: float = 60.0
    """How long clamd may be silent, or refuse to read on."""
    total_seconds: float = 180.0
    """For one scan."""
    version_seconds: float = 5.0
    """How long the answer about the signatures' edition is believed."""
    signature_age: timedelta = timedelta(days=3)
    """Older signatures give no verdict (VI-3)."""
    demonstration: bool = False
    """Bear a database without date: the sandbox's, which finds the test file only. Never in production."""
    verdicts_kept: int = 4096


class Clamd:
    """Scans with a clamd; satisfies `ports.scanner.Scanner`. Safe between threads."""

    def __init__(self, settings: ClamdSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._kept: OrderedDict[tuple[bytes, str], ScanVerdict] = OrderedDict()
        self._version = ""
        self._version_until = 0.0

    def edition(self) -> str:
        """Return the edition of the signatures in use, once their age has been judged. Raises NotScanned."""
        return self._current_version()

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan a whole message, or give the verdict that equal octets had under the same signatures.

        Raises NotScanned.
        """
        if len(octets) > self._settings.most_octets:
            raise _not_scanned("the message is larger than the scanner takes", NotScannedReason.TOO_LARGE)
        version = self._current_version()
        key = hashlib.sha256(octets).digest(), version
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
        verdict = _verdict(self._stream(octets), version)
        with self._lock:
            self._kept[key] = verdict
            while len(self._kept) > self._settings.verdicts_kept:
                self._kept.popitem(last=False)
        return verdict

    def ready(self) -> bool:
        """Say whether clamd answers, on signatures that are good enough (AP-18)."""
        try:
            self._current_version()
        except NotScanned:
            return False
        return self.answers()

    def answers(self) -> bool:
        """Say whether clamd is there, whatever its signatures."""
        try:
            return self._ask(b"zPING\0") == "PONG"
        except NotScanned:
            return False

    def reload(self) -> None:
        """Let clamd load its signatures anew, beside its work. Raises NotScanned when it does not say so."""
        if self._ask(b"zRELOAD\0") != "RELOADING":
            raise _not_scanned("clamd does not reload", NotScannedReason.GARBLED)

    def version(self) -> str:
        """Return what clamd says of itself: version, edition and date of its signatures. Raises NotScanned."""
        text = self._ask(b"zVERSION\0")
        if not _VERSION.fullmatch(text):
            raise _not_scanned("clamd does not say its version", NotScannedReason.GARBLED)
        return text

    def signed_at(self) -> datetime | None:
        """Return the date of the signatures, None when they have none. Raises NotScanned."""
        return _signatures_of(self.version())

    def is_demo_database(self) -> bool:
        """Say whether clamd finds the mark of the demonstration database: production does not start on it.

        Raises NotScanned.
        """
        return not _verdict(self._stream(DEMO_MARKER), "").clean

    def _current_version(self) -> str:
        """Return the edition in use, once its age has been judged. Raises NotScanned."""
        with self._lock:
            version = self._version if time.monotonic() < self._version_until else ""
        if not version:
            version = self.version()
            with self._lock:
                self._version, self._version_until = version, time.monotonic() + self._settings.version_seconds
        self._check_age(version)
        return version

    def _check_age(self, version: str) -> None:
        signed = _signatures_of(version)
        if signed is None:
            if not self._settings.demonstration:
                raise _not_scanned("the age of the signatures cannot be told", NotScannedReason.OLD_SIGNATURES)
            return
        age = self._clock.now() - signed
        if age > self._settings.signature_age or age < -_AHEAD:
            raise _not_scanned(f"the signatures are of {signed:%Y-%m-%d}", NotScannedReason.OLD_SIGNATURES)

    def _ask(self, command: bytes) -> str:
        with self._connection() as line:
            line.send(command)
            return line.answer()

    def _stream(self, octets: Octets) -> str:
        """Send all the octets and only then listen (AP-18)."""
        with self._connection() as line:
            view = memoryview(octets)
            try:
                line.send(b"zINSTREAM\0")
                for start in range(0, len(view), _CHUNK):
                    chunk = view[start : start + _CHUNK]
                    line.send(struct.pack("!I", len(chunk)))
                    line.send(chunk)
                line.send(_END_MARK)
            except ConnectionError:
                raise line.early() from None
            return line.answer()

    @contextmanager
    def _connection(self) -> Iterator["_Line"]:
        """Open one connection. What breaks on it becomes NotScanned."""
        try:
            with _connect(self._settings) as opened:
                yield _Line(opened, self._settings)
        except TimeoutError:
            raise _not_scanned("clamd does not answer in time", NotScannedReason.SLOW) from None
        except OSError as error:
            what = f"no word with clamd: {error.strerror or type(error).__name__}"
            raise _not_scanned(what, NotScannedReason.AWAY) from None


class _Line:
    """One connection with its time limits."""

    def __init__(self, opened: socket.socket, settings: ClamdSettings) -> None:
        self._socket = opened
        self._silent = settings.silent_seconds
        self._until = time.monotonic() + settings.total_seconds

    def send(self, octets: Octets) -> None:
        """Send all of it. Raises ConnectionError also when clamd has spoken already: its answer is none."""
        if select.select([self._socket], [], [], 0)[0]:
            raise ConnectionError
        self._limit()
        self._socket.sendall(octets)

    def answer(self) -> str:
        """Return the one answer, ended by NUL and then by an orderly end of the connection."""
        octets = b""
        while len(octets) <= _MOST_ANSWER:
            self._limit()
            more = self._socket.recv(_MOST_ANSWER)
            if not more:
                break
            octets += more
        if len(octets) > _MOST_ANSWER or octets.find(b"\0") != len(octets) - 1:
            raise _not_scanned("clamd's answer is cut or not one", NotScannedReason.GARBLED)
        return octets[:-1].decode("ascii", "replace")

    def early(self) -> NotScanned:
        """Tell what it means that clamd spoke or left before it had heard all."""
        try:
            text = self._socket.recv(_MOST_ANSWER).decode("ascii", "replace")
        except OSError:
            return _not_scanned("clamd broke off", NotScannedReason.AWAY)
        if _OVER_STREAM in text:
            return _not_scanned("the message is larger than clamd's StreamMaxLength", NotScannedReason.TOO_LARGE)
        if not text:
            return _not_scanned("clamd broke off", NotScannedReason.AWAY)
        return _not_scanned("clamd answered before it had heard all", NotScannedReason.GARBLED)

    def _limit(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(min(left, self._silent))


@contextmanager
def _connect(settings: ClamdSettings) -> Iterator[socket.socket]:
    if isinstance(settings.address, tuple):
        with socket.create_connection(settings.address, settings.connect_seconds) as opened:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield opened
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as opened:
        opened.settimeout(settings.connect_seconds)
        with _reachable(settings.address) as path:
            opened.connect(path)
        yield opened


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """Give a name of the socket that is short enough for the system: long ones go by the folder's descriptor."""
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _verdict(answer: str, version: str) -> ScanVerdict:
    """Read clamd's answer to a whole stream. Raises NotScanned for all that is neither OK nor FOUND."""
    found = _ANSWER.fullmatch(answer)
    if _OVER_STREAM in answer:
        raise _not_scanned("the message is larger than clamd's StreamMaxLength", NotScannedReason.TOO_LARGE)
    if found is None:
        raise _not_scanned("clamd's answer is not of its protocol", NotScannedReason.GARBLED)
    if found[3] == "ERROR":
        raise _not_scanned("clamd could not scan the message", NotScannedReason.ENGINE)
    name = found[2] or ""
    if name.startswith(_OVER_LIMITS):  # not a virus, and not its absence
        raise _not_scanned("the message unfolds beyond clamd's limits", NotScannedReason.LIMITS)
    return ScanVerdict(virus=name, engine=version)


@lru_cache(maxsize=4)
def _signatures_of(version: str) -> datetime | None:
    """Read the date of the signatures; clamd writes its local time, so a day of doubt is left to the settings."""
    found = _VERSION.fullmatch(version)
    if found is None or found["date"] is None:
        return None
    try:
        return datetime.strptime(found["date"], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _not_scanned(what: str, reason: NotScannedReason) -> NotScanned:
    return NotScanned(what, reason=reason, remedy=_REMEDIES[reason])


_REMEDIES: Final = {
    NotScannedReason.AWAY: "look whether clamd runs and where its socket is; mail waits meanwhile",
    NotScannedReason.SLOW: "look at the load of clamd; mail waits meanwhile",
    NotScannedReason.TOO_LARGE: "raise clamd's StreamMaxLength above the largest message accepted",
    NotScannedReason.LIMITS: "look at the message by hand; clamd's MaxScanSize, MaxFiles, MaxRecursion are the limits",
    NotScannedReason.ENGINE: "look at clamd's log",
    NotScannedReason.GARBLED: "look whether it is clamd that listens there, and at its log",
    NotScannedReason.OLD_SIGNATURES: "update the signatures with freshclam",
}
