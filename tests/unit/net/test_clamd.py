"""The clamd client against servers that lie, break off, dawdle or talk nonsense: never a verdict that was not given."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceralacca.base.errors import WorldError
from ceralacca.net.clamd import Clamd, ClamdSettings
from ceralacca.ports.scanner import NotScanned, NotScannedReason, Scanner
from ceralacca.testing.clock import NOON, FixedClock

FRESH = b"ClamAV 1.4.6/27800/Thu Nov  5 08:00:00 2026\0"
DEMO = b"ClamAV 1.4.6\0"


def read_stream(peer: socket.socket) -> bytes:
    """Read what follows zINSTREAM up to the end mark."""
    file = peer.makefile("rb")
    octets = b""
    while size := struct.unpack("!I", file.read(4))[0]:
        octets += file.read(size)
    return octets


def reset(peer: socket.socket) -> None:
    """Make the close a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class FakeClamd:
    """A socket server that does to each scan what the test says."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.version = FRESH
        self.streams: list[bytes] = []
        self.release = threading.Event()
        self.behave: Callable[[socket.socket], None] = self.honest
        self.answer = b"stream: OK\0"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def honest(self, peer: socket.socket) -> None:
        self.streams.append(read_stream(peer))
        peer.sendall(self.answer)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                try:
                    self._one(peer)
                except (OSError, struct.error):
                    continue

    def _one(self, peer: socket.socket) -> None:
        command = b""
        while not command.endswith(b"\0"):
            command += peer.recv(1) or b"\0"
        if command == b"zVERSION\0":
            peer.sendall(self.version)
        elif command == b"zPING\0":
            peer.sendall(b"PONG\0")
        elif command == b"zINSTREAM\0":
            self.behave(peer)

    def close(self) -> None:
        self.release.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def fake() -> Iterator[FakeClamd]:
    fake = FakeClamd()
    yield fake
    fake.close()


def client(fake: FakeClamd, **changed: object) -> Clamd:
    values = {
        "address": fake.listener.getsockname(),
        "silent_seconds": 0.2,
        "total_seconds": 1.0,
        "version_seconds": 0.0,
    } | changed
    return Clamd(ClamdSettings(**values), FixedClock())  # type: ignore[arg-type]


def refused(scanner: Scanner, octets: bytes = b"message") -> NotScannedReason:
    with pytest.raises(NotScanned) as caught:
        scanner.scan(octets)
    assert isinstance(caught.value, WorldError)
    assert caught.value.remedy
    return caught.value.reason


@pytest.mark.requirement("AP-18", "VI-4")
def test_a_verdict_is_what_clamd_said_of_exactly_these_octets(fake: FakeClamd) -> None:
    octets = bytes(range(256)) * 3000
    verdict = client(fake).scan(memoryview(octets))
    assert verdict.clean
    assert verdict.engine == FRESH[:-1].decode()
    assert fake.streams == [octets]


@pytest.mark.requirement("AP-17", "VI-4")
def test_a_find_has_its_name(fake: FakeClamd) -> None:
    fake.answer = b"stream: Win.Test.EICAR_HDB-1 FOUND\0"
    verdict = client(fake).scan(b"x")
    assert not verdict.clean
    assert verdict.virus == "Win.Test.EICAR_HDB-1"


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", NotScannedReason.GARBLED),
        (b"stream: OK", NotScannedReason.GARBLED),
        (b"stream: O\0", NotScannedReason.GARBLED),
        (b"OK\0", NotScannedReason.GARBLED),
        (b"stream: OK\0stream: OK\0", NotScannedReason.GARBLED),
        (b"stream: OK\0\0", NotScannedReason.GARBLED),
        (b"stream: FOUND\0", NotScannedReason.GARBLED),
        (b"stream:  FOUND\0", NotScannedReason.GARBLED),
        (b"stream: \xff FOUND\0", NotScannedReason.GARBLED),
        (b"stream: a\r\nb FOUND\0", NotScannedReason.GARBLED),
        (b"stream: " + b"a" * 300 + b" FOUND\0", NotScannedReason.GARBLED),
        (b"<html>" + b"a" * 5000, NotScannedReason.GARBLED),
        (b"220 mx.example ESMTP\r\n", NotScannedReason.GARBLED),
        (b"UNKNOWN COMMAND\0", NotScannedReason.GARBLED),
        (b"stream: Can't allocate memory ERROR\0", NotScannedReason.ENGINE),
        (b"INSTREAM size limit exceeded. ERROR\0", NotScannedReason.TOO_LARGE),
        (b"stream: Heuristics.Limits.Exceeded FOUND\0", NotScannedReason.LIMITS),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", NotScannedReason.LIMITS),
    ],
)
def test_whatever_is_not_a_verdict_is_none(fake: FakeClamd, answer: bytes, reason: NotScannedReason) -> None:
    fake.answer = answer
    assert refused(client(fake)) is reason


@pytest.mark.requirement("AP-18")
def test_ok_before_the_message_is_whole_is_a_lie(fake: FakeClamd) -> None:
    def early(peer: socket.socket) -> None:
        peer.sendall(b"stream: OK\0")
        read_stream(peer)  # more than the sockets can hold: the client is still sending when the lie arrives

    fake.behave = early
    assert refused(client(fake), bytes(30 << 20)) is NotScannedReason.GARBLED


@pytest.mark.requirement("AP-18")
def test_ok_and_then_a_reset_is_no_verdict(fake: FakeClamd) -> None:
    def lie(peer: socket.socket) -> None:
        read_stream(peer)
        peer.sendall(b"stream: OK\0")
        reset(peer)

    fake.behave = lie
    assert refused(client(fake)) is NotScannedReason.AWAY


@pytest.mark.requirement("AP-18")
def test_ok_and_then_no_end_is_no_verdict(fake: FakeClamd) -> None:
    def open_end(peer: socket.socket) -> None:
        read_stream(peer)
        peer.sendall(b"stream: OK\0")
        fake.release.wait(5)

    fake.behave = open_end
    assert refused(client(fake)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_one_octet_at_a_time_does_not_outwit_the_total_limit(fake: FakeClamd) -> None:
    def drip(peer: socket.socket) -> None:
        read_stream(peer)
        while not fake.release.wait(0.01):
            peer.sendall(b"s")

    fake.behave = drip
    assert refused(client(fake, silent_seconds=1.0, total_seconds=0.2)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_silence_is_no_verdict(fake: FakeClamd) -> None:
    fake.behave = lambda peer: fake.release.wait(5) and None
    assert refused(client(fake)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_a_server_that_does_not_read_on_is_left(fake: FakeClamd) -> None:
    fake.behave = lambda peer: fake.release.wait(5) and None
    assert refused(client(fake), b"x" * (30 << 20)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_a_reset_in_the_middle_is_no_verdict(fake: FakeClamd) -> None:
    def die(peer: socket.socket) -> None:
        peer.recv(100_000)
        reset(peer)

    fake.behave = die
    assert refused(client(fake), b"x" * (8 << 20)) is NotScannedReason.AWAY


@pytest.mark.requirement("AP-18")
def test_clamds_own_limit_is_told_apart_from_a_breakdown(fake: FakeClamd) -> None:
    def over(peer: socket.socket) -> None:
        peer.recv(100_000)
        peer.sendall(b"INSTREAM size limit exceeded. ERROR\0")
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(1 << 20):
            pass

    fake.behave = over
    assert refused(client(fake), b"x" * (8 << 20)) is NotScannedReason.TOO_LARGE


@pytest.mark.requirement("AP-18")
def test_a_message_over_our_limit_is_not_sent_at_all(fake: FakeClamd) -> None:
    assert refused(client(fake, most_octets=10), b"x" * 11) is NotScannedReason.TOO_LARGE
    assert client(fake, most_octets=10).scan(b"x" * 10).clean
    assert len(fake.streams) == 1


@pytest.mark.requirement("AP-18")
def test_nobody_there_is_not_ready(tmp_path: Path) -> None:
    away = Clamd(ClamdSettings(address=tmp_path / "none.sock"))
    assert not away.ready()
    assert refused(away) is NotScannedReason.AWAY


@pytest.mark.requirement("AP-18", "VI-3")
@pytest.mark.parametrize(
    ("version", "ready"),
    [
        (FRESH, True),
        (b"ClamAV 1.4.6/27800/Mon Nov  2 13:00:00 2026\0", True),
        (b"ClamAV 1.4.6/27800/Mon Nov  2 11:00:00 2026\0", False),
        (b"ClamAV 1.4.6/27800/Sat Nov  7 08:00:00 2026\0", False),
        (b"ClamAV 1.4.6/27800/Xyz Nov 77 08:00:00 2026\0", False),
        (DEMO, False),
        (b"ClamAV\0", False),
        (b"nonsense\0", False),
        (b"", False),
    ],
)
def test_old_or_ageless_signatures_give_no_verdict(fake: FakeClamd, version: bytes, ready: bool) -> None:
    fake.version = version
    scanner = client(fake)
    assert scanner.ready() is ready
    if ready:
        assert scanner.scan(b"x").clean
    else:
        assert refused(scanner) in (NotScannedReason.OLD_SIGNATURES, NotScannedReason.GARBLED)
        assert not fake.streams


@pytest.mark.requirement("AP-18")
def test_a_database_without_date_is_borne_only_when_the_settings_say_so(fake: FakeClamd) -> None:
    fake.version = DEMO
    assert client(fake, demonstration=True).ready()
    assert client(fake, demonstration=True).signed_at() is None
    fake.version = FRESH
    assert client(fake).signed_at() == datetime(2026, 11, 5, 8, tzinfo=UTC)


def test_equal_content_is_scanned_once_for_each_edition(fake: FakeClamd) -> None:
    scanner = client(fake)
    assert scanner.scan(b"one") is scanner.scan(bytes(bytearray(b"one")))
    scanner.scan(b"two")
    assert fake.streams == [b"one", b"two"]
    fake.version = b"ClamAV 1.4.6/27801/Thu Nov  5 09:00:00 2026\0"
    fake.answer = b"stream: New.Virus FOUND\0"
    assert scanner.scan(b"one").virus == "New.Virus"
    assert len(fake.streams) == 3


def test_few_verdicts_are_kept_and_no_failure(fake: FakeClamd) -> None:
    scanner = client(fake, verdicts_kept=2)
    fake.answer = b"stream: x ERROR\0"
    refused(scanner, b"one")
    fake.answer = b"stream: OK\0"
    for octets in (b"one", b"two", b"three", b"one"):
        assert scanner.scan(octets).clean
    assert fake.streams == [b"one", b"one", b"two", b"three", b"one"]


@pytest.mark.requirement("AP-18")
def test_a_known_verdict_does_not_outlive_the_age_of_the_signatures(fake: FakeClamd) -> None:
    clock = FixedClock(NOON)
    scanner = Clamd(ClamdSettings(address=fake.listener.getsockname(), version_seconds=3600.0), clock)
    assert scanner.scan(b"x").clean
    clock.advance(timedelta(days=4))
    assert refused(scanner, b"x") is NotScannedReason.OLD_SIGNATURES
    assert not scanner.ready()


@pytest.mark.requirement("AP-18")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answer=st.binary(max_size=60) | st.sampled_from([b"stream: OK\0"[:n] for n in range(11)]))
def test_no_octets_but_the_answer_itself_are_clean(fake: FakeClamd, answer: bytes) -> None:
    fake.answer = answer
    scanner = client(fake, version_seconds=60.0)
    if answer != b"stream: OK\0":
        with suppress(NotScanned):
            assert not scanner.scan(answer).clean
