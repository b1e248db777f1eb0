"""A client of clamd that fails closed: a verdict only when clamd gave one, whole and in its place (AP-18).

One scan is one command of a session: INSTREAM, the octets, the end mark, one answer with the number of the command. An
answer that comes before the end mark, has another number, is cut, or is followed by anything, is no
verdict; nor is an error, a limit that was passed inside an archive, or an answer given on
signatures that are too old. Equal content is scanned once for each edition of the signatures.
Small messages that are begun before the verdict on the first of them is wanted are scanned in one turn.

Which edition that is, clamd is asked anew every few seconds, in a session too: it answers with the signatures that the
next scan will have, so that new ones are noticed as soon as on a new connection.

Not here: sessions, connections and their time limits (`net.clamd_session`), several commands in one turn
(`net.clamd_together`), starting clamd (`net.clamd_child`), and what becomes of a message without a verdict.

Clauses: AP-17, AP-18, IP-5, VI-3, VI-4.
"""

import hashlib
import re
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Final, NoReturn

from ceralacca.base.clock import Clock, SystemClock
from ceralacca.formats.splice import Octets
from ceralacca.net.clamd_session import OVER_STREAM, Address, Session, Sessions, in_stream, not_scanned
from ceralacca.net.clamd_together import LARGEST, Key, Round
from ceralacca.ports.scanner import NotScanned, NotScannedReason, ScanVerdict

DEMO_MARKER: Final = b"Ceralacca demonstration signatures: this database finds the test file only."
"""Octets that the demonstration database finds, and no other: by them it is recognised."""

_ANSWER: Final = re.compile(r"stream: (?:(OK)|([ -~]{1,200}) (FOUND|ERROR))")
_VERSION: Final = re.compile(r"ClamAV [!-~]{1,40}(?:/(?P<edition>[0-9]{1,10})/(?P<date>[A-Za-z0-9: ]{1,40}))?")
_OVER_LIMITS: Final = "Heuristics.Limits.Exceeded"
_AHEAD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClamdSettings:
    """Where clamd is and how long to wait for it."""

    address: Address
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
    sessions_kept: int = 4
    """How many connections are kept: each is one of those that clamd's MaxQueue counts, in every process that scans."""


class _Rounds(threading.local):
    """The round that the messages of one thread go into."""

    round: Round | None = None


class Clamd:
    """Scans with a clamd; satisfies `ports.scanner.Scanner`. Safe between threads."""

    def __init__(self, settings: ClamdSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, ScanVerdict] = OrderedDict()
        self._rounds = _Rounds()
        self._sessions = Sessions(
            settings.address,
            connect_seconds=settings.connect_seconds,
            silent_seconds=settings.silent_seconds,
            most_kept=settings.sessions_kept,
        )
        weakref.finalize(self, self._sessions.close)
        self._version = ""
        self._version_until = 0.0

    def edition(self) -> str:
        """Return the edition of the signatures in use, once their age has been judged. Raises NotScanned."""
        return self._current_version()

    def scan(self, octets: Octets) -> ScanVerdict:
        """Scan a whole message, or give the verdict that equal octets had under the same signatures.

        Raises NotScanned.
        """
        return self._whole(octets, "")

    def begin(self, octets: Octets, *, digest: str = "") -> Callable[[], ScanVerdict]:
        """Begin to scan a whole message; what is returned gives the verdict as `scan` does, and is called once.

        It is asked about in one turn with all small messages that the thread begins before the first verdict on one of
        them is wanted. What gets no verdict so is scanned alone. Only what is returned raises NotScanned. Of a large
        message that is from the store the `digest` is believed, since it takes as long to reckon as much else.
        """
        if len(octets) > min(LARGEST, self._settings.most_octets):
            return partial(self._whole, octets, digest)
        try:
            version = self._current_version()
        except NotScanned as error:
            return partial(_refuse, error)
        key = hashlib.sha256(octets).digest(), version
        if (known := self._known(key)) is not None:
            return lambda: known
        asked = self._round_with(key, octets)

        def verdict() -> ScanVerdict:
            answer = asked.answer(key)
            return self._alone(octets, key[0]) if answer is None else self._keep(key, _verdict(answer, version))

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
        if self._sessions.ask_alone(b"zRELOAD\0", until=self._until()) != "RELOADING":
            raise not_scanned("clamd does not reload", NotScannedReason.GARBLED)

    def version(self) -> str:
        """Return what clamd says of itself: version, edition and date of its signatures. Raises NotScanned."""
        text = self._ask(b"zVERSION\0")
        if not _VERSION.fullmatch(text):
            raise not_scanned("clamd does not say its version", NotScannedReason.GARBLED)
        return text

    def signed_at(self) -> datetime | None:
        """Return the date of the signatures, None when they have none. Raises NotScanned."""
        return _signatures_of(self.version())

    def is_demo_database(self) -> bool:
        """Say whether clamd finds the mark of the demonstration database: production does not start on it.

        Raises NotScanned.
        """
        return not self._stream(DEMO_MARKER).clean

    def _whole(self, octets: Octets, digest: str) -> ScanVerdict:
        """Scan a message as `scan` does, whose digest may be known."""
        if len(octets) > self._settings.most_octets:
            raise not_scanned("the message is larger than the scanner takes", NotScannedReason.TOO_LARGE)
        return self._alone(octets, bytes.fromhex(digest) or hashlib.sha256(octets).digest())

    def _alone(self, octets: Octets, digest: bytes) -> ScanVerdict:
        """Scan a message of that digest in a turn of its own, unless its verdict is known. Raises NotScanned."""
        version = self._current_version()
        key = digest, version
        return self._known(key) or self._keep(key, self._stream(octets, version))

    def _known(self, key: Key) -> ScanVerdict | None:
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return known

    def _keep(self, key: Key, verdict: ScanVerdict) -> ScanVerdict:
        with self._lock:
            self._kept[key] = verdict
            while len(self._kept) > self._settings.verdicts_kept:
                self._kept.popitem(last=False)
        return verdict

    def _round_with(self, key: Key, octets: Octets) -> Round:
        """Return the round that has taken a message in: the thread's, or a new one when that is full or over."""
        present = self._rounds.round
        if present is None or not present.takes(key, octets):
            present = self._rounds.round = Round(self._sessions, _ANSWER.fullmatch, self._settings.total_seconds)
            present.takes(key, octets)
        return present

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
                raise not_scanned("the age of the signatures cannot be told", NotScannedReason.OLD_SIGNATURES)
            return
        age = self._clock.now() - signed
        if age > self._settings.signature_age or age < -_AHEAD:
            raise not_scanned(f"the signatures are of {signed:%Y-%m-%d}", NotScannedReason.OLD_SIGNATURES)

    def _ask(self, command: bytes) -> str:
        until = self._until()

        def words(session: Session) -> str:
            session.ask(command, until=until)
            return session.answer()

        return self._sessions.speak(words)

    def _stream(self, octets: Octets, version: str = "") -> ScanVerdict:
        """Send all the octets and only then listen (AP-18)."""
        stream, until = in_stream(octets), self._until()

        def words(session: Session) -> ScanVerdict:
            session.ask(*stream, until=until)
            return _verdict(session.answer(), version)

        return self._sessions.speak(words)

    def _until(self) -> float:
        return time.monotonic() + self._settings.total_seconds


def _verdict(answer: str, version: str) -> ScanVerdict:
    """Read clamd's answer to a whole stream. Raises NotScanned for all that is neither OK nor FOUND."""
    found = _ANSWER.fullmatch(answer)
    if OVER_STREAM in answer:
        raise not_scanned("the message is larger than clamd's StreamMaxLength", NotScannedReason.TOO_LARGE)
    if found is None:
        raise not_scanned("clamd's answer is not of its protocol", NotScannedReason.GARBLED)
    if found[3] == "ERROR":
        raise not_scanned("clamd could not scan the message", NotScannedReason.ENGINE)
    name = found[2] or ""
    if name.startswith(_OVER_LIMITS):  # not a virus, and not its absence
        raise not_scanned("the message unfolds beyond clamd's limits", NotScannedReason.LIMITS)
    return ScanVerdict(virus=name, engine=version)


def _refuse(error: NotScanned) -> NoReturn:
    raise error


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
