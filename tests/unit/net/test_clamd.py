"""The clamd client against servers that lie, break off, dawdle or talk nonsense: never a verdict that was not given."""

import gc
import select
import socket
from concurrent.futures import ThreadPoolExecutor
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
from ceralacca.testing.fake_clamd import FRESH, FakeClamd, read_stream, reset, say

DEMO = b"ClamAV 1.4.6\0"


def client(fake: FakeClamd, **changed: object) -> Clamd:
    values = {
        "address": fake.address,
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
        (b"stream: OK\n", NotScannedReason.GARBLED),
        (b"stream: O\0", NotScannedReason.GARBLED),
        (b"OK\0", NotScannedReason.GARBLED),
        (b"stream: OK\0stream: OK\0", NotScannedReason.GARBLED),
        (b"stream: OK\x002: stream: OK\0", NotScannedReason.GARBLED),
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
    def early(peer: socket.socket, number: bytes) -> None:
        peer.sendall(number + b"stream: OK\0")
        read_stream(peer)  # more than the sockets can hold: the client is still sending when the lie arrives

    fake.behave = early
    assert refused(client(fake), bytes(30 << 20)) is NotScannedReason.GARBLED


@pytest.mark.requirement("AP-18")
def test_half_an_answer_and_then_a_reset_is_no_verdict(fake: FakeClamd) -> None:
    def lie(peer: socket.socket, number: bytes) -> None:
        read_stream(peer)
        peer.sendall(number + b"stream: OK")
        reset(peer)
        peer.close()

    fake.behave = lie
    assert refused(client(fake)) is NotScannedReason.AWAY


@pytest.mark.requirement("AP-18")
def test_one_octet_at_a_time_does_not_outwit_the_total_limit(fake: FakeClamd) -> None:
    def drip(peer: socket.socket, number: bytes) -> None:
        read_stream(peer)
        while not fake.release.wait(0.01):
            peer.sendall(b"1")

    fake.behave = drip
    assert refused(client(fake, silent_seconds=1.0, total_seconds=0.2)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_silence_is_no_verdict(fake: FakeClamd) -> None:
    fake.behave = lambda peer, number: fake.release.wait(5) and None
    assert refused(client(fake)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_a_server_that_does_not_read_on_is_left(fake: FakeClamd) -> None:
    fake.behave = lambda peer, number: fake.release.wait(5) and None
    assert refused(client(fake), b"x" * (30 << 20)) is NotScannedReason.SLOW


@pytest.mark.requirement("AP-18")
def test_a_reset_in_the_middle_is_no_verdict(fake: FakeClamd) -> None:
    def die(peer: socket.socket, number: bytes) -> None:
        peer.recv(100_000)
        reset(peer)
        peer.close()

    fake.behave = die
    assert refused(client(fake), b"x" * (8 << 20)) is NotScannedReason.AWAY


@pytest.mark.requirement("AP-18")
def test_clamds_own_limit_is_told_apart_from_a_breakdown(fake: FakeClamd) -> None:
    def over(peer: socket.socket, number: bytes) -> None:
        peer.recv(100_000)
        peer.sendall(number + b"INSTREAM size limit exceeded. ERROR\0")
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
    scanner = Clamd(ClamdSettings(address=fake.address, version_seconds=3600.0), clock)
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
    assert scanner.edition()
    if answer != b"stream: OK\0":
        with suppress(NotScanned):
            assert not scanner.scan(answer).clean


# -- sessions that are kept ---------------------------------------------------------------------------


def one_session(fake: FakeClamd, **changed: object) -> Clamd:
    """Return a client that has been answered twice, over the only connection that there is."""
    scanner = client(fake, version_seconds=3600.0, **changed)
    assert scanner.scan(b"before").clean
    assert len(fake.peers) == 1
    return scanner


def wait_until_heard(scanner: Clamd) -> None:
    """Wait until what the server did has reached the kept session."""
    (session,) = scanner._sessions._kept
    assert select.select([session._socket], [], [], 5)[0]


def test_what_is_asked_goes_over_one_connection(fake: FakeClamd) -> None:
    scanner = client(fake)
    for number in range(5):
        assert scanner.scan(b"%d" % number).clean
        assert scanner.ready()
    assert len(fake.peers) == 1
    assert fake.commands.count(b"zIDSESSION\0") == 1
    assert fake.streams == [b"0", b"1", b"2", b"3", b"4"]


def test_new_signatures_are_loaded_on_a_connection_of_its_own(fake: FakeClamd) -> None:
    scanner = one_session(fake)
    scanner.reload()
    assert len(fake.peers) == 2
    assert scanner.scan(b"after").clean
    assert len(fake.peers) == 2


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize("last_words", [b"", b"COMMAND READ TIMED OUT\n", b"3: stream: OK\0"])
def test_a_session_that_ended_while_idle_is_replaced(fake: FakeClamd, last_words: bytes) -> None:
    scanner = one_session(fake)
    fake.peers[0].sendall(last_words)
    fake.peers[0].shutdown(socket.SHUT_RDWR)
    wait_until_heard(scanner)
    fake.answer = b"stream: Some.Virus FOUND\0"
    assert scanner.scan(b"after").virus == "Some.Virus"
    assert len(fake.peers) == 2
    assert fake.streams == [b"before", b"after"]


@pytest.mark.requirement("AP-18")
def test_an_answer_that_is_there_before_the_question_is_none(fake: FakeClamd) -> None:
    scanner = one_session(fake)
    fake.peers[0].sendall(b"3: stream: OK\0")
    wait_until_heard(scanner)
    fake.answer = b"stream: Some.Virus FOUND\0"
    assert scanner.scan(b"after").virus == "Some.Virus"
    assert len(fake.peers) == 2


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize("last_words", [b"", b"COMMAND READ TIMED OUT\n"])
def test_a_kept_session_that_ends_without_an_answer_is_replaced_once(fake: FakeClamd, last_words: bytes) -> None:
    def leave(peer: socket.socket, number: bytes) -> None:
        fake.streams.append(read_stream(peer))
        peer.sendall(last_words)
        peer.shutdown(socket.SHUT_RDWR)

    scanner = one_session(fake)
    fake.first(leave)
    fake.answer = b"stream: Some.Virus FOUND\0"
    assert scanner.scan(b"after").virus == "Some.Virus"
    assert fake.streams == [b"before", b"after", b"after"]

    fake.behave = leave
    assert refused(scanner, b"more") is NotScannedReason.GARBLED
    assert len(fake.peers) == 3
    assert fake.streams[3:] == [b"more", b"more"]


@pytest.mark.requirement("AP-18")
def test_a_kept_session_that_breaks_in_the_middle_of_a_message_is_replaced_once(fake: FakeClamd) -> None:
    def die(peer: socket.socket, _: bytes) -> None:
        peer.recv(100_000)
        reset(peer)
        peer.close()

    scanner, octets = one_session(fake), bytes(range(256)) * (8 << 12)
    fake.first(die)
    assert scanner.scan(octets).clean
    assert fake.streams == [b"before", octets]
    fake.behave = die
    assert refused(scanner, octets[1:]) is NotScannedReason.AWAY
    assert len(fake.peers) == 3


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize(
    "answer",
    [
        b"1: stream: OK\0",
        b"2: stream: OK\0",
        b"4: stream: OK\0",
        b"33: stream: OK\0",
        b"03: stream: OK\0",
        b"3 stream: OK\0",
        b": stream: OK\0",
        b"stream: OK\0",
        b"3: stream: OK\x004: stream: OK\0",
        b"3: stream: OK\x00COMMAND READ TIMED OUT\n",
        b"3: stream: O",
        b"3: stream: Can't open file or directory ERROR\0",
        b"3: Error processing command. ERROR\0",
        b"3: COMMAND UNAVAILABLE\0",
    ],
)
def test_after_any_other_answer_the_session_is_left_and_nothing_asked_again(fake: FakeClamd, answer: bytes) -> None:
    def lie(peer: socket.socket, _: bytes) -> None:
        fake.streams.append(read_stream(peer))
        say(peer, answer)

    scanner = one_session(fake)
    fake.first(lie)
    assert refused(scanner, b"after") in (NotScannedReason.GARBLED, NotScannedReason.ENGINE)
    assert fake.streams == [b"before", b"after"]
    fake.answer = b"stream: Some.Virus FOUND\0"
    assert scanner.scan(b"after").virus == "Some.Virus"
    assert len(fake.peers) == 2


@pytest.mark.requirement("AP-18")
def test_a_kept_session_that_is_silent_is_not_asked_elsewhere(fake: FakeClamd) -> None:
    scanner = one_session(fake)
    fake.behave = lambda peer, number: fake.release.wait(5) and None
    assert refused(scanner, b"after") is NotScannedReason.SLOW
    assert len(fake.peers) == 1


@pytest.mark.requirement("AP-18")
def test_each_of_many_threads_has_the_verdict_of_its_own_message(fake: FakeClamd) -> None:
    def find_what_it_says(peer: socket.socket, number: bytes) -> None:
        octets = read_stream(peer)
        peer.sendall(number + b"stream: " + octets[:20].rstrip(b".") + b" FOUND\0")

    fake.behave = find_what_it_says
    scanner, wrong = client(fake, silent_seconds=20.0, total_seconds=20.0, sessions_kept=3), []

    def work(thread: int) -> None:
        for message in range(30):
            name = f"Virus-{thread}-{message}"
            if scanner.scan(f"{name:.<{3000 * thread + 20}}".encode()).virus != name:
                wrong.append(name)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert not wrong
    assert len(scanner._sessions._kept) <= 3
    assert fake.commands.count(b"zINSTREAM\0") == 240


def test_sessions_end_with_their_client(fake: FakeClamd) -> None:
    scanner = one_session(fake)
    del scanner
    gc.collect()
    fake.threads[1].join(5)
    assert fake.commands[-1] == b"zEND\0"


def test_a_forked_process_opens_sessions_of_its_own(fake: FakeClamd) -> None:
    scanner = one_session(fake)
    scanner._sessions._process = 0
    assert scanner.scan(b"in the child").clean
    assert len(fake.peers) == 2
