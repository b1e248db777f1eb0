"""Messages that clamd is asked about at once: each has its own verdict, and nothing irregular ever makes one clean."""

import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceralacca.net.clamd import Clamd, ClamdSettings
from ceralacca.net.clamd_together import LARGEST
from ceralacca.ports.scanner import NotScanned, NotScannedReason, ScanVerdict
from ceralacca.testing.clock import FixedClock
from ceralacca.testing.fake_clamd import FRESH, FakeClamd, read_stream, reset

MAIL = [b"one", b"two", b"three with a virus", b"four", b"five"]
NAMES = ["", "", "Found", "", ""]

Gathered = list[tuple[bytes, bytes]]
"""Number and octets of each scan."""


def opinion(octets: bytes) -> bytes:
    return b"stream: Found FOUND\0" if b"virus" in octets else b"stream: OK\0"


class Clever(FakeClamd):
    """Finds what says that it is a virus, unless the test says otherwise."""

    def honest(self, peer: socket.socket, number: bytes) -> None:
        self.streams.append(octets := read_stream(peer))
        peer.sendall(number + opinion(octets))

    def gather(self, how_many: int, act: Callable[[socket.socket, Gathered], None]) -> None:
        """Do something once so many scans have been asked for, all before any answer; be honest then."""
        gathered: Gathered = []

        def gather(peer: socket.socket, number: bytes) -> None:
            self.streams.append(octets := read_stream(peer))
            gathered.append((number, octets))
            if len(gathered) == how_many:
                self.behave = self.honest
                act(peer, gathered)

        self.behave = gather


@pytest.fixture
def fake() -> Iterator[Clever]:
    with closing(Clever()) as fake:
        yield fake


def client(fake: FakeClamd, **changed: object) -> Clamd:
    values = {
        "address": fake.address,
        "silent_seconds": 5.0,
        "total_seconds": 10.0,
        "version_seconds": 3600.0,
    } | changed
    return Clamd(ClamdSettings(**values), FixedClock())  # type: ignore[arg-type]


def verdicts(scanner: Clamd, messages: Sequence[bytes]) -> list[ScanVerdict]:
    """Begin with all, and then want all verdicts."""
    return [verdict() for verdict in [scanner.begin(octets) for octets in messages]]


def viruses(scanner: Clamd, messages: Sequence[bytes] = MAIL) -> list[str]:
    return [verdict.virus for verdict in verdicts(scanner, messages)]


def answers(gathered: Gathered) -> bytes:
    return b"".join(number + opinion(octets) for number, octets in gathered)


def lies(gathered: Gathered) -> list[bytes]:
    """Return answers that say of everything that it is clean."""
    return [number + b"stream: OK\0" for number, _ in gathered]


# -- regular ------------------------------------------------------------------------------------------


@pytest.mark.requirement("AP-17", "AP-18", "VI-4")
def test_several_at_once_have_each_their_own_verdict(fake: Clever) -> None:
    fake.gather(5, lambda peer, gathered: peer.sendall(answers(gathered)))
    scanner = client(fake)
    given = verdicts(scanner, MAIL)
    assert [verdict.virus for verdict in given] == NAMES
    assert {verdict.engine for verdict in given} == {FRESH[:-1].decode()}
    assert fake.streams == MAIL
    assert len(fake.peers) == 1


@pytest.mark.requirement("AP-18")
def test_the_session_goes_on_afterwards(fake: Clever) -> None:
    scanner = client(fake)
    for number in range(3):
        assert viruses(scanner, [b"%d %s" % (number, octets) for octets in MAIL]) == NAMES
        assert scanner.scan(b"%d, a virus alone" % number).virus == "Found"
        assert scanner.ready()
    assert len(fake.peers) == 1
    assert fake.commands.count(b"zIDSESSION\0") == 1
    assert fake.commands.count(b"zINSTREAM\0") == 18


def test_nothing_is_asked_before_a_verdict_is_wanted_and_then_all(fake: Clever) -> None:
    scanner = client(fake)
    assert scanner.edition()
    begun = [scanner.begin(octets) for octets in MAIL]
    assert b"zINSTREAM\0" not in fake.commands
    assert begun[2]().virus == "Found"
    assert fake.streams == MAIL
    assert [verdict().virus for verdict in begun] == NAMES
    assert fake.streams == MAIL


def test_equal_messages_are_one_and_known_ones_are_not_asked_about(fake: Clever) -> None:
    scanner = client(fake)
    assert scanner.scan(b"known virus").virus == "Found"
    assert viruses(scanner, [b"one", b"known virus", b"one", b"a virus", memoryview(b"a virus")]) == [
        "", "Found", "", "Found", "Found",
    ]  # fmt: skip
    assert fake.streams == [b"known virus", b"one", b"a virus"]
    assert viruses(scanner, [b"one", b"a virus"]) == ["", "Found"]
    assert len(fake.streams) == 3


@pytest.mark.requirement("AP-18")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(5)), cut=st.integers(1, 80))
def test_answers_may_come_in_any_order_and_in_pieces(fake: Clever, order: list[int], cut: int) -> None:
    def answer(peer: socket.socket, gathered: Gathered) -> None:
        said = answers([gathered[place] for place in order])
        peer.sendall(said[:cut])
        peer.sendall(said[cut:])

    fake.gather(5, answer)
    assert viruses(client(fake)) == NAMES


@pytest.mark.requirement("AP-18")
def test_a_large_message_between_small_ones_goes_alone(fake: Clever) -> None:
    large = b"virus" + bytes(LARGEST)
    fake.gather(2, lambda peer, gathered: peer.sendall(answers(gathered)))
    assert viruses(client(fake), [b"one", large, b"two"]) == ["", "Found", ""]
    assert fake.streams == [b"one", b"two", large]


def test_a_large_message_that_the_store_has_is_asked_about_once_under_the_digest_that_it_has_there(
    fake: Clever,
) -> None:
    large = b"virus" + bytes(LARGEST)
    scanner, digest = client(fake), sha256(large).hexdigest()
    verdicts = [scanner.begin(large, digest=digest)(), scanner.begin(large, digest=digest)(), scanner.scan(large)]
    assert [one.virus for one in verdicts] == ["Found"] * 3
    assert fake.streams == [large]


@pytest.mark.parametrize(("messages", "octets", "rounds"), [(100, 10, [32, 32, 32, 4]), (40, 250_000, [16, 16, 8])])
def test_more_than_may_be_under_way_goes_in_rounds(fake: Clever, messages: int, octets: int, rounds: list[int]) -> None:
    left = list(rounds)

    def answer(peer: socket.socket, gathered: Gathered) -> None:
        peer.sendall(answers(gathered))
        if left:
            fake.gather(left.pop(0), answer)

    fake.gather(left.pop(0), answer)
    mail = [b"%d %s" % (n, b"virus" if n % 7 == 3 else b"") + bytes(octets) for n in range(messages)]
    assert viruses(client(fake), mail) == ["Found" if n % 7 == 3 else "" for n in range(messages)]
    assert not left
    assert fake.streams == mail
    assert len(fake.peers) == 1


@pytest.mark.requirement("AP-18")
def test_clamd_may_answer_while_it_is_sent_to_and_read_on_only_then(tmp_path: Path) -> None:
    mail = [b"%d %s" % (n, b"virus" if n == 9 else b"") + bytes(200_000) for n in range(20)]
    with closing(Clever(tmp_path / "clamd")) as fake:
        assert viruses(client(fake), mail) == ["Found" if n == 9 else "" for n in range(20)]
        assert fake.streams == mail
        assert len(fake.peers) == 1


@pytest.mark.requirement("AP-18")
def test_a_message_alone_is_scanned_as_ever_and_asked_about_once(fake: Clever) -> None:
    fake.gather(1, lambda peer, gathered: peer.sendall(b"5: stream: OK\0"))
    scanner = client(fake)
    with pytest.raises(NotScanned) as caught:
        scanner.begin(b"alone")()
    assert caught.value.reason is NotScannedReason.GARBLED
    assert fake.streams == [b"alone"]


# -- no verdict, of one or of all ---------------------------------------------------------------------


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"stream: Can't allocate memory ERROR\0", NotScannedReason.ENGINE),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", NotScannedReason.LIMITS),
    ],
)
def test_what_clamd_could_not_scan_has_no_verdict_and_the_others_have(
    fake: Clever, said: bytes, reason: NotScannedReason
) -> None:
    def answer(peer: socket.socket, gathered: Gathered) -> None:
        peer.sendall(gathered[1][0] + said + answers([gathered[0], *gathered[2:]]))

    fake.gather(5, answer)
    scanner = client(fake)
    begun = [scanner.begin(octets) for octets in MAIL]
    with pytest.raises(NotScanned) as caught:
        begun[1]()
    assert caught.value.reason is reason
    assert caught.value.remedy
    assert [verdict().virus for verdict in [begun[0], *begun[2:]]] == ["", "Found", "", ""]
    assert fake.streams == MAIL
    assert len(fake.peers) == 1


@pytest.mark.requirement("AP-18")
def test_what_is_begun_in_vain_is_told_by_the_verdict_alone(fake: Clever, tmp_path: Path) -> None:
    def reason(verdict: Callable[[], ScanVerdict]) -> NotScannedReason:
        with pytest.raises(NotScanned) as caught:
            verdict()
        assert caught.value.remedy
        return caught.value.reason

    away = Clamd(ClamdSettings(address=tmp_path / "none.sock"))
    assert [reason(verdict) for verdict in (away.begin(b"1"), away.begin(b"2"))] == [NotScannedReason.AWAY] * 2
    assert reason(client(fake, most_octets=10).begin(b"x" * 11)) is NotScannedReason.TOO_LARGE
    fake.version = b"ClamAV 1.4.6/27800/Mon Nov  2 11:00:00 2026\0"
    assert reason(client(fake).begin(b"x")) is NotScannedReason.OLD_SIGNATURES
    assert not fake.streams


@pytest.mark.requirement("AP-18")
def test_when_clamd_has_gone_each_is_told_so(fake: Clever) -> None:
    scanner = client(fake)
    begun = [scanner.begin(octets) for octets in MAIL]
    fake.close()
    for verdict in begun:
        with pytest.raises(NotScanned) as caught:
            verdict()
        assert caught.value.reason is NotScannedReason.AWAY


# -- irregular ----------------------------------------------------------------------------------------

Lie = Callable[[list[bytes]], bytes]

IRREGULAR: dict[str, Lie] = {
    "a repeated number": lambda said: b"".join([said[0], *said]),
    "a repeated number and one that is missing": lambda said: b"".join([*said[:4], said[3]]),
    "an unknown number": lambda said: b"".join([*said[:4], b"77: stream: OK\0"]),
    "a number that is not asked yet": lambda said: b"".join([*said, b"7: stream: OK\0"]),
    "the number before": lambda said: b"1: stream: OK\0" + b"".join(said),
    "a number with a nought": lambda said: b"".join([b"0", *said]),
    "a number with a sign": lambda said: b"".join([b"+", *said]),
    "no number": lambda said: b"".join([*said[:4], b"stream: OK\0"]),
    "garbage among them": lambda said: b"".join([*said[:3], b"\xff\xfe\0", *said[3:]]),
    "an empty one among them": lambda said: b"".join([*said[:3], b"\0", *said[3:]]),
    "no answer's form": lambda said: b"".join(said).replace(b"OK", b"OK!", 1),
    "another command's form": lambda said: b"".join(said).replace(b"stream: OK", b"PONG", 1),
    "over the stream's limit": lambda said: b"".join([*said[:4], b"6: INSTREAM size limit exceeded. ERROR\0"]),
    "something behind the last": lambda said: b"".join([*said, b"x"]),
    "the notice of an idle session": lambda said: b"".join([*said[:4], b"COMMAND READ TIMED OUT\n", said[4]]),
    "garbage without end": lambda said: b"".join(said[:4]) + b"x" * 5000,
    "a newline for the NUL": lambda said: b"".join(said).replace(b"\0", b"\n"),
}  # fmt: skip


@pytest.mark.requirement("AP-17", "AP-18")
@pytest.mark.parametrize("lie", IRREGULAR.values(), ids=IRREGULAR.keys())
def test_after_anything_irregular_nothing_is_believed_and_each_is_scanned_alone(fake: Clever, lie: Lie) -> None:
    def answer(peer: socket.socket, gathered: Gathered) -> None:
        peer.sendall(lie(lies(gathered)))

    fake.gather(5, answer)
    scanner = client(fake, silent_seconds=0.5)
    assert scanner.edition()
    assert viruses(scanner) == NAMES
    assert fake.streams == MAIL * 2
    assert len(fake.peers) == 2


@pytest.mark.requirement("AP-17", "AP-18")
@pytest.mark.parametrize("heard", [4, 5, 20, 69])
@pytest.mark.parametrize("leave", [lambda peer: peer.shutdown(socket.SHUT_RDWR), reset], ids=["end", "reset"])
def test_answers_that_are_cut_are_none(fake: Clever, heard: int, leave: Callable[[socket.socket], None]) -> None:
    def answer(peer: socket.socket, gathered: Gathered) -> None:
        peer.sendall(b"".join(lies(gathered))[:heard])
        leave(peer)
        peer.close()

    fake.gather(5, answer)
    assert viruses(client(fake)) == NAMES
    assert fake.streams == MAIL * 2


@pytest.mark.requirement("AP-18")
def test_silence_ends_the_session_and_each_is_scanned_alone(fake: Clever) -> None:
    fake.gather(5, lambda peer, gathered: peer.sendall(b"".join(lies(gathered)[:4])))
    scanner = client(fake, silent_seconds=0.3)
    assert viruses(scanner) == NAMES
    assert fake.streams == MAIL * 2


@pytest.mark.requirement("AP-18")
def test_one_octet_at_a_time_does_not_outwit_the_total_limit(fake: Clever) -> None:
    def drip(peer: socket.socket, gathered: Gathered) -> None:
        peer.sendall(lies(gathered)[0])
        with suppress(OSError):
            while not fake.release.wait(0.01):
                peer.sendall(b"1")

    fake.gather(5, drip)
    assert viruses(client(fake, total_seconds=0.5)) == NAMES
    assert fake.streams == MAIL * 2


@pytest.mark.requirement("AP-18")
def test_a_clamd_that_stays_silent_gives_no_verdict(fake: Clever) -> None:
    fake.behave = lambda peer, number: fake.release.wait(5) and None
    scanner = client(fake, silent_seconds=0.1)
    for verdict in [scanner.begin(octets) for octets in MAIL]:
        with pytest.raises(NotScanned) as caught:
            verdict()
        assert caught.value.reason is NotScannedReason.SLOW


@pytest.mark.requirement("AP-17", "AP-18")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 86), octet=st.integers(0, 255))
def test_no_mangled_octet_makes_a_virus_clean(fake: Clever, place: int, octet: int) -> None:
    def answer(peer: socket.socket, gathered: Gathered) -> None:
        said = bytearray(answers(gathered))
        said[place % len(said)] = octet
        peer.sendall(said)

    fake.gather(5, answer)
    scanner = client(fake, silent_seconds=0.2)
    for octets, verdict in zip(MAIL, [scanner.begin(octets) for octets in MAIL], strict=True):
        with suppress(NotScanned):
            assert verdict().clean == (b"virus" not in octets)


@pytest.mark.requirement("AP-18")
def test_an_answer_to_what_was_not_sent_whole_is_a_lie(tmp_path: Path) -> None:
    """The socket does not hold all that is sent: the lie arrives in the middle."""
    mail = [b"%d %s" % (n, b"virus" if n == 14 else b"") + bytes(200_000) for n in range(15)]
    with closing(Clever(tmp_path / "clamd")) as fake:

        def early(peer: socket.socket, number: bytes) -> None:
            peer.sendall(b"15: stream: OK\0")
            fake.behave = fake.honest
            fake.honest(peer, number)

        scanner = client(fake)
        fake.version, fake.behave = b"", early
        scanner._version, scanner._version_until = FRESH[:-1].decode(), float("inf")
        assert viruses(scanner, mail) == [""] * 14 + ["Found"]
        assert len(fake.peers) == 2


# -- kept sessions ------------------------------------------------------------------------------------


def one_session(fake: Clever) -> Clamd:
    """Return a client that has been answered, over the only connection that there is."""
    scanner = client(fake)
    assert scanner.scan(b"before").clean
    assert len(fake.peers) == 1
    return scanner


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize("last_words", [b"", b"COMMAND READ TIMED OUT\n", b"3: stream: OK\0"])
def test_a_session_that_ended_while_idle_is_replaced_once(fake: Clever, last_words: bytes) -> None:
    scanner = one_session(fake)
    fake.peers[0].sendall(last_words)
    fake.peers[0].shutdown(socket.SHUT_RDWR)
    fake.threads[1].join(5)
    fake.gather(5, lambda peer, gathered: peer.sendall(answers(gathered)))
    assert viruses(scanner) == NAMES
    assert fake.streams == [b"before", *MAIL]
    assert len(fake.peers) == 2


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize("last_words", [b"", b"COMMAND READ TIMED OUT\n"])
def test_a_kept_session_that_ends_without_an_answer_is_replaced_once(fake: Clever, last_words: bytes) -> None:
    def leave(peer: socket.socket, _: Gathered) -> None:
        peer.sendall(last_words)
        peer.shutdown(socket.SHUT_RDWR)

    def leave_twice(peer: socket.socket, gathered: Gathered) -> None:
        leave(peer, gathered)
        fake.gather(5, leave)

    scanner = one_session(fake)
    fake.gather(5, leave)
    assert viruses(scanner) == NAMES
    assert fake.streams == [b"before", *MAIL, *MAIL]
    assert len(fake.peers) == 2

    fake.streams.clear()
    fake.gather(5, leave_twice)
    mail = [b"more " + octets for octets in MAIL]
    assert viruses(scanner, mail) == NAMES
    assert fake.streams == mail * 3, "on the kept session, on a new one, each alone"


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize("heard", [4, 14, 30])
def test_after_a_word_of_answer_a_kept_session_that_ends_is_not_replaced_for_all(fake: Clever, heard: int) -> None:
    behind: list[bytes] = []

    def leave(peer: socket.socket, gathered: Gathered) -> None:
        peer.sendall(b"".join(lies(gathered))[:heard])
        peer.shutdown(socket.SHUT_RDWR)
        fake.behave = alone

    def alone(peer: socket.socket, number: bytes) -> None:
        octets = read_stream(peer)
        with suppress(BlockingIOError):
            behind.append(peer.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        peer.sendall(number + opinion(octets))

    scanner = one_session(fake)
    fake.gather(5, leave)
    assert viruses(scanner) == NAMES
    assert fake.commands.count(b"zINSTREAM\0") == 11
    assert not behind


# -- threads and processes ----------------------------------------------------------------------------


@pytest.mark.requirement("AP-18")
def test_threads_have_rounds_of_their_own(fake: Clever) -> None:
    def find_what_it_says(peer: socket.socket, number: bytes) -> None:
        name = read_stream(peer).rstrip(b".")
        peer.sendall(number + b"stream: " + name + b" FOUND\0")

    fake.behave = find_what_it_says
    scanner, wrong = client(fake, silent_seconds=20.0, total_seconds=20.0), []

    def work(thread: int) -> None:
        for batch in range(20):
            names = [f"Virus-{thread}-{batch}-{message}" for message in range(9)]
            mail = [f"{name:.<{3000 * thread + 20}}".encode() for name in names]
            if viruses(scanner, mail) != names:
                wrong.append((thread, batch))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert not wrong
    assert fake.commands.count(b"zINSTREAM\0") == 4 * 20 * 9


def test_a_verdict_may_be_wanted_by_another_thread(fake: Clever) -> None:
    scanner = client(fake)
    begun = [scanner.begin(octets) for octets in MAIL]
    with ThreadPoolExecutor(2) as threads:
        assert [verdict.virus for verdict in threads.map(lambda verdict: verdict(), begun)] == NAMES
    assert fake.streams == MAIL


def test_what_was_begun_and_is_wanted_no_more_harms_nobody(fake: Clever) -> None:
    scanner = client(fake)
    scanner.begin(b"a virus")
    assert viruses(scanner) == NAMES
    assert fake.streams == [b"a virus", *MAIL]


def test_a_forked_process_asks_over_a_session_of_its_own(fake: Clever) -> None:
    scanner = one_session(fake)
    begun = [scanner.begin(octets) for octets in MAIL]
    scanner._sessions._process = 0
    assert [verdict().virus for verdict in begun] == NAMES
    assert len(fake.peers) == 2
