"""The real clamd behind our client: what it finds, how large, and what happens when it dies."""

import base64
import io
import os
import select
import signal
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ceralacca.base.errors import UserError
from ceralacca.net.clamd import DEMO_MARKER, Clamd
from ceralacca.net.clamd_child import ClamdChild, demo_signatures, eicar
from ceralacca.ports.scanner import NotScanned, NotScannedReason

pytestmark = pytest.mark.system

EICAR = "Ceralacca.Demo.Eicar.UNOFFICIAL"


def zipped(octets: bytes, depth: int) -> bytes:
    for _ in range(depth):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.bin", octets)
        octets = held.getvalue()
    return octets


def mail(attachment: bytes) -> bytes:
    return (
        b"From: a@alfa.example\r\nTo: b@beta.example\r\nSubject: prova\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\nContent-Type: text/plain\r\n\r\ntesto\r\n'
        b"--=_b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        b'Content-Disposition: attachment; filename="a.zip"\r\n\r\n'
        + base64.encodebytes(attachment).replace(b"\n", b"\r\n")
        + b"--=_b--\r\n"
    )


def envelope(message: bytes) -> bytes:
    """A message that carries another, as a transport envelope does."""
    return (
        b'From: x@y.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="=_o"\r\n\r\n'
        b'--=_o\r\nContent-Type: message/rfc822; name="postacert.eml"\r\n\r\n' + message + b"\r\n--=_o--\r\n"
    )


@pytest.mark.requirement("AP-17", "VI-4")
@pytest.mark.parametrize(
    "octets",
    [
        eicar(),
        mail(eicar()),
        mail(zipped(eicar(), 1)),
        mail(zipped(eicar(), 3)),
        envelope(mail(eicar())),
        envelope(mail(zipped(eicar(), 2))),
    ],
    ids=["plain", "base64", "zip", "nested-zip", "envelope", "envelope-zip"],
)
def test_the_test_file_is_found_wherever_it_hides(clamd: ClamdChild, octets: bytes) -> None:
    assert Clamd(clamd.settings).scan(octets).virus == EICAR


@pytest.mark.requirement("VI-4")
def test_clean_messages_are_clean(clamd: ClamdChild) -> None:
    scanner = Clamd(clamd.settings)
    for octets in (b"", b"hello", mail(b"harmless"), mail(zipped(b"harmless", 3))):
        verdict = scanner.scan(octets)
        assert verdict.clean
        assert verdict.engine.startswith("ClamAV ")


@pytest.mark.slow
@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize("megabytes", [25, 35])
def test_large_messages_are_scanned_to_their_end(clamd: ClamdChild, megabytes: int) -> None:
    noise = os.urandom(1 << 18) * 4 * megabytes
    scanner = Clamd(clamd.settings)
    assert scanner.scan(noise).clean
    assert scanner.scan(memoryview(noise + eicar())).virus == EICAR


@pytest.mark.requirement("AP-18")
def test_an_archive_beyond_the_limits_is_not_scanned(clamd: ClamdChild) -> None:
    with pytest.raises(NotScanned) as caught:
        Clamd(clamd.settings).scan(mail(zipped(b"harmless", 80)))
    assert caught.value.reason is NotScannedReason.LIMITS
    assert caught.value.is_of_content


@pytest.mark.requirement("AP-18")
def test_over_the_stream_limit_clamd_gives_no_verdict(tmp_path: Path) -> None:
    small = ClamdChild(tmp_path / "clamd", most_octets=1 << 20)
    small.start()
    try:
        generous = Clamd(type(small.settings)(address=small.socket, demonstration=True))
        assert generous.scan(bytes(1 << 18)).clean
        with pytest.raises(NotScanned) as caught:
            generous.scan(bytes(9 << 20))
        assert caught.value.reason in (NotScannedReason.TOO_LARGE, NotScannedReason.AWAY)
        assert generous.scan(bytes(1 << 19)).clean
    finally:
        small.stop()


@pytest.mark.requirement("VI-3")
def test_the_demonstrations_database_is_recognised_and_refused_by_default(clamd: ClamdChild) -> None:
    production = Clamd(type(clamd.settings)(address=clamd.socket))
    assert production.is_demo_database()
    assert not production.ready()
    with pytest.raises(NotScanned) as caught:
        production.scan(b"x")
    assert caught.value.reason is NotScannedReason.OLD_SIGNATURES
    assert Clamd(clamd.settings).ready()


@pytest.mark.requirement("VI-3")
def test_another_database_is_not_taken_for_the_demonstrations(tmp_path: Path) -> None:
    database = tmp_path / "clamd" / "signatures"
    database.mkdir(parents=True)
    (database / "own.ndb").write_bytes(demo_signatures().split(b"\n")[0] + b"\n")
    child = ClamdChild(tmp_path / "clamd", database=database)
    child.start()
    try:
        assert not Clamd(child.settings).is_demo_database()
        assert not child.settings.demonstration
    finally:
        child.stop()


@pytest.mark.requirement("AP-18")
def test_killed_in_the_middle_of_a_stream_it_gives_no_verdict(own_clamd: ClamdChild) -> None:
    scanner = Clamd(own_clamd.settings)
    assert scanner.ready()
    pid = own_clamd.pid
    assert pid
    killer = threading.Thread(target=os.kill, args=(pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(NotScanned):
        _scan_on(scanner)
    killer.join()
    assert not own_clamd.alive()
    assert not scanner.ready()
    own_clamd.start()
    assert scanner.ready()
    assert scanner.scan(b"x").clean


@pytest.mark.requirement("AP-18")
def test_a_session_that_clamd_ends_for_its_idleness_is_replaced(tmp_path: Path) -> None:
    class Hasty(ClamdChild):
        def _prepare(self):
            user = super()._prepare()
            conf = self.socket.with_name("clamd.conf")
            conf.write_text(conf.read_text().replace("\nReadTimeout 120\n", "\nReadTimeout 1\n"))
            return user

    child = Hasty(tmp_path / "clamd")
    child.start()
    try:
        scanner = Clamd(child.settings)
        assert scanner.scan(b"before").clean
        (session,) = scanner._sessions._kept
        assert select.select([session._socket], [], [], 20)[0]
        assert scanner.scan(eicar()).virus == EICAR
        (other,) = scanner._sessions._kept
        assert other is not session
        assert select.select([other._socket], [], [], 20)[0]
        begun = [scanner.begin(octets) for octets in (b"one", b"two" + eicar(), b"three")]
        assert [verdict().virus for verdict in begun] == ["", EICAR, ""]
        (last,) = scanner._sessions._kept
        assert last._number == 3, "all at once on a new one"
    finally:
        child.stop()


@pytest.mark.requirement("AP-18")
def test_between_two_scans_clamd_may_be_started_again(own_clamd: ClamdChild) -> None:
    scanner = Clamd(own_clamd.settings)
    assert scanner.scan(b"before").clean
    own_clamd.stop()
    with pytest.raises(NotScanned) as caught:
        scanner.scan(b"meanwhile")
    assert caught.value.reason is NotScannedReason.AWAY
    own_clamd.start()
    assert scanner.scan(b"before the end").clean
    own_clamd.stop()
    own_clamd.start()
    assert scanner.scan(eicar()).virus == EICAR


def test_one_session_has_verdicts_of_every_kind_one_after_the_other(clamd: ClamdChild) -> None:
    scanner = Clamd(clamd.settings)
    for number in range(3):
        assert scanner.scan(b"%d" % number).clean
        assert scanner.scan(b"%d" % number + eicar()).virus == EICAR
        assert scanner.scan(os.urandom(1 << 19)).clean
        assert scanner.ready()
        assert scanner.version()
    (session,) = scanner._sessions._kept
    assert session._number == 16, "one edition, nine scans, six questions"


@pytest.mark.requirement("AP-17", "AP-18")
@pytest.mark.parametrize("octets", [100, 10_000, 150_000])
def test_each_of_many_messages_at_once_has_its_own_verdict(clamd: ClamdChild, octets: int) -> None:
    scanner, infected = Clamd(clamd.settings), {5, 31, 50}
    mail = [os.urandom(octets) + (eicar() if number in infected else b"") for number in range(64)]
    begun = [scanner.begin(message) for message in mail]
    found = [verdict().virus for verdict in begun]
    assert found == [EICAR if number in infected else "" for number in range(64)]
    (session,) = scanner._sessions._kept
    assert session._number == 65, "one edition, and each message once"
    assert scanner.ready()
    assert scanner._sessions._kept == [session]


@pytest.mark.requirement("AP-18")
def test_an_archive_beyond_the_limits_is_not_scanned_and_those_beside_it_are(clamd: ClamdChild) -> None:
    scanner = Clamd(clamd.settings)
    begun = [scanner.begin(octets) for octets in (mail(b"1"), mail(zipped(b"harmless", 80)), mail(eicar()), mail(b"2"))]
    with pytest.raises(NotScanned) as caught:
        begun[1]()
    assert caught.value.reason is NotScannedReason.LIMITS
    assert [verdict().virus for verdict in (begun[0], *begun[2:])] == ["", EICAR, ""]


@pytest.mark.requirement("AP-18")
def test_a_session_sees_signatures_that_are_loaded_meanwhile(tmp_path: Path) -> None:
    database = tmp_path / "clamd" / "signatures"
    database.mkdir(parents=True)
    (database / "own.ndb").write_bytes(demo_signatures())
    child = ClamdChild(tmp_path / "clamd", database=database)
    child.start()
    try:
        scanner, new = Clamd(child.settings), b"a virus that is known since today"
        assert scanner._stream(new).clean
        (session,) = scanner._sessions._kept
        (database / "own.ndb").write_bytes(demo_signatures() + b"Own.Virus:0:*:" + new.hex().encode() + b"\n")
        scanner.reload()
        pause = threading.Event()
        for _ in range(200):
            if not scanner._stream(new).clean:
                break
            pause.wait(0.05)
        assert scanner._stream(new).virus == "Own.Virus.UNOFFICIAL"
        assert scanner._sessions._kept == [session]
    finally:
        child.stop()


@pytest.mark.requirement("AP-18")
def test_each_of_many_threads_has_the_verdict_of_its_own_message(clamd: ClamdChild) -> None:
    scanner, wrong = Clamd(clamd.settings), []

    def work(thread: int) -> None:
        for number in range(20):
            infected = (thread + number) % 3 == 0
            octets = f"{thread} {number} ".encode() + os.urandom(thread * 5000) + (eicar() if infected else b"")
            if scanner.scan(octets).clean == infected:
                wrong.append((thread, number))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert not wrong
    assert len(scanner._sessions._kept) <= 4


def test_it_runs_without_privileges_in_a_folder_of_its_own(own_clamd: ClamdChild) -> None:
    assert own_clamd.pid
    user = Path(f"/proc/{own_clamd.pid}").stat().st_uid
    assert user != 0
    assert own_clamd.socket.parent.stat().st_mode & 0o077 == 0
    assert own_clamd.socket.stat().st_mode & 0o077 == 0
    assert len(str(own_clamd.socket)) > 108


def test_one_that_outlived_its_supervisor_is_ended_before_the_next_starts(own_clamd: ClamdChild) -> None:
    first = own_clamd.pid
    assert first
    process, own_clamd._process = own_clamd._process, None
    successor = ClamdChild(own_clamd.socket.parent)
    reaper = threading.Thread(target=process.wait)  # type: ignore[union-attr]
    reaper.start()  # as init does for a real orphan
    successor.start()
    try:
        reaper.join()
        assert successor.pid
        assert successor.pid != first
        assert Clamd(successor.settings).scan(eicar()).virus == EICAR
    finally:
        successor.stop()
    successor.stop()
    assert not successor.alive()


def test_a_process_number_that_is_somebody_elses_is_let_alone(tmp_path: Path) -> None:
    folder = tmp_path / "clamd"
    folder.mkdir()
    (folder / "clamd.pid").write_text(str(os.getpid()))
    child = ClamdChild(folder)
    child.start()
    child.stop()


def test_without_clamd_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        ClamdChild(tmp_path, program=tmp_path / "clamd")
    assert "apt-get install clamav-daemon" in caught.value.remedy


def test_nothing_that_we_ship_is_found_by_a_scanner(clamd: ClamdChild) -> None:
    scanner = Clamd(clamd.settings)
    for module in ("clamd.py", "clamd_child.py", "clamd_session.py", "clamd_together.py"):
        source = Path(Clamd.__init__.__code__.co_filename).with_name(module).read_bytes()
        assert eicar() not in source
        assert scanner.scan(source.replace(DEMO_MARKER, b"")).clean


def _scan_on(scanner: Clamd) -> None:
    """Scan without end: a scan that ends before the kill has a true verdict, the next one has none."""
    while True:
        assert scanner.scan(os.urandom(1 << 20) * 8).clean
