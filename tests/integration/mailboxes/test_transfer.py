"""Mailboxes taken away as a ZIP and brought from elsewhere, between real Dovecots; read back by mutt and by Python."""

import mailbox as python_mailbox
import shutil
import subprocess
import zipfile
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO

import pytest

from ceralacca.apps.errands.exporting import export_mailbox
from ceralacca.apps.errands.importing import import_mailbox
from ceralacca.net.imap_mailbox import MailboxRefused, MailServer, SignedOut
from ceralacca.net.imap_transfer import OtherMailbox, TransferMailbox

from .conftest import PASSWORD

pytestmark = [pytest.mark.system, pytest.mark.slow]

ARRIVED = datetime(2026, 3, 31, 10, 20, 30, tzinfo=UTC)
LARGE = 10 * 2**20


def message(number, *, text="testo", message_id=True):
    head = f"From: a@b.example\r\nTo: c@d.example\r\nSubject: Numero {number} però\r\n".encode()
    named = f"Message-ID: <{number}@b.example>\r\n".encode() if message_id else b""
    return head + named + f"\r\n{text} {number}\r\nFrom qui in poi\r\n>From citato\r\n.\r\n".encode()


def server(world):
    return MailServer(host="127.0.0.1", port=world.port, name="localhost", tls=world.context)


@pytest.fixture
def open_box(world):
    made = []

    def open_box(address, kind=TransferMailbox):
        made.append(kind(server(world), str(address), PASSWORD.encode()))
        return made[-1]

    yield open_box
    for one in made:
        one.close()


def fill(box):
    """Make folders with odd names; return every message by folder."""
    made = {"INBOX": [message(n) for n in range(5)], "Progetti/Année 2026/Ü&co": [message(10), message(11)]}
    made["Inviata"] = []
    made["A:b?c"] = [message(20, message_id=False)]
    for name, octets in made.items():
        if not box.has(name):
            box.create(name)
        for number, one in enumerate(octets):
            flags = frozenset({rb"\Seen", rb"\Flagged"}) if number % 2 else frozenset()
            box.add(name, one, flags=flags, instant=ARRIVED)
    return made


def digests(octets):
    return sorted(sha256(one).hexdigest() for one in octets)


def all_of(box, folder):
    return [box.fetch(folder, one.uid) for one in box.contents(folder)[1]]


def exported(box, way, path):
    progress = []
    with path.open("wb") as out:
        count = export_mailbox(box, out, way, lambda done, total: progress.append((done, total)))
    assert progress[-1] == (count, count)
    assert subprocess.run(["unzip", "-tqq", path], check=False).returncode == 0 if shutil.which("unzip") else True
    return count


def test_a_mailbox_leaves_as_maildirs_octet_for_octet(world, mailbox, open_box, tmp_path):
    box = open_box(mailbox)
    made = fill(box)
    assert exported(box, "maildir", tmp_path / "x.zip") == 8
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        names = archive.namelist()
        assert not any(name.startswith("/") or ".." in name or "?" in name for name in names)
        archive.extractall(tmp_path / "out")
    for name, folder in {"INBOX": "INBOX", "Progetti/Année 2026/Ü&co": None, "A:b?c": "A_b_c"}.items():
        opened = python_mailbox.Maildir(tmp_path / "out" / (folder or name), create=False)
        read = dict(opened.items())
        assert digests(opened.get_bytes(key) for key in read) == digests(made[name])
        assert sum("F" in one.get_flags() for one in read.values()) == len(made[name]) // 2
        assert all(key.startswith(str(int(ARRIVED.timestamp()))) for key in read)
    assert (tmp_path / "out" / "Inviata" / "cur").is_dir()
    assert counted(tmp_path / "out" / "INBOX", tmp_path) == 5


def test_a_mailbox_leaves_as_mbox_files(world, mailbox, open_box, tmp_path):
    box = open_box(mailbox)
    made = fill(box)
    assert exported(box, "mbox", tmp_path / "x.zip") == 8
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert {"INBOX", "Inviata", "Progetti.sbd/Année 2026.sbd/Ü&co", "A_b_c"} <= set(archive.namelist())
        archive.extractall(tmp_path / "out")
    with closing(python_mailbox.mbox(tmp_path / "out" / "INBOX", create=False)) as opened:
        read = list(opened)
    texts = [one.get_payload() for one in read]
    assert len(texts) == 5
    assert texts[0].startswith("testo 0\n>From qui in poi\n>>From citato\n")
    assert ["F" in one.get_flags() for one in read] == [False, True, False, True, False]
    assert [one["Message-ID"] for one in read] == [f"<{n}@b.example>" for n in range(len(made["INBOX"]))]
    assert counted(tmp_path / "out" / "INBOX", tmp_path) == 5


def counted(path, home):
    """Let mutt open a mailbox and copy every message that it sees; return how many."""
    for name in ("new", "cur", "tmp"):
        (home / "copy" / name).mkdir(parents=True)
    (home / "muttrc").write_text(f"""
set folder="{home}" mbox_type=Maildir
set move=no
set confirmappend=no confirmcreate=no delete=no wait_key=no
push "T.*<enter>;C{home}/copy<enter><quit>"
""")
    subprocess.run(
        ["script", "-qec", f"mutt -R -F {home}/muttrc -f {path}", "/dev/null"],
        env={"HOME": str(home), "TERM": "xterm", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return len(list((home / "copy").glob("*/*")))


@dataclass
class Marks:
    kept: dict = field(default_factory=dict)

    def get(self, folder):
        return self.kept.get(folder, (0, 0))

    def put(self, folder, validity, uid):
        self.kept[folder] = (validity, uid)


def bring(other, ours, marks, *, most=LARGE, progress=lambda _done, _total: None):
    return import_mailbox(other, ours, marks, top="anna@altrove.example", most_octets=most, progress=progress)


def test_mail_from_elsewhere_comes_once_with_folders_flags_and_arrivals(world, mailbox, open_box):
    there = world.open_mailbox("anna@altrove.test")
    made = fill(open_box(there))
    ours, marks = open_box(mailbox), Marks()
    told = bring(open_box(there, OtherMailbox), ours, marks)
    assert (told.added, told.present, told.too_large, told.unreadable) == (8, 0, 0, 0)
    top = "Importati/anna@altrove_example"
    names = {"INBOX": "INBOX", "Progetti/Année 2026/Ü&co": "Progetti/Année 2026/Ü&co", "A:b?c": "A:b?c"}
    for name, folder in names.items():
        assert digests(all_of(ours, f"{top}/{folder}")) == digests(made[name])
    stored = ours.contents(f"{top}/INBOX")[1]
    assert [rb"\Flagged" in one.flags for one in stored] == [False, True, False, True, False]
    assert {one.arrived for one in stored} == {ARRIVED}
    again = bring(open_box(there, OtherMailbox), ours, marks)
    assert (again.added, again.present) == (0, 8)
    open_box(there).add("INBOX", message(99), flags=frozenset(), instant=ARRIVED)
    assert bring(open_box(there, OtherMailbox), ours, marks).added == 1
    assert len(all_of(ours, f"{top}/INBOX")) == 6


class CutOff(Exception):
    pass


@pytest.mark.parametrize("lost", [False, True], ids=["marks kept", "marks lost"])
def test_what_was_cut_off_goes_on_and_nothing_comes_twice(world, mailbox, open_box, lost):
    there = world.open_mailbox("lunga@altrove.test")
    box = open_box(there)
    if not box.contents("INBOX")[1]:
        for number in range(20):
            box.add("INBOX", message(number), flags=frozenset(), instant=ARRIVED)
    ours, marks = open_box(mailbox), Marks()
    real = ours.add

    def cut(folder, octets, **more):
        number = real(folder, octets, **more)
        if b"testo 7" in octets:
            raise CutOff  # appended, and not remembered
        return number

    ours.add = cut
    with pytest.raises(CutOff):
        bring(open_box(there, OtherMailbox), ours, marks)
    ours.add = real
    told = bring(open_box(there, OtherMailbox), ours, Marks() if lost else marks)
    assert (told.added, told.present) == (12, 8)
    folder = "Importati/anna@altrove_example/INBOX"
    assert digests(all_of(ours, folder)) == digests(message(number) for number in range(20))


def test_no_room_and_too_large_are_told_and_the_rest_comes_later(world, open_box):
    there = world.open_mailbox("piena@altrove.test")
    box = open_box(there)
    for number in range(6):
        box.add("INBOX", message(number, text="x" * 60_000), flags=frozenset(), instant=ARRIVED)
    box.add("INBOX", message(7, text="x" * 300_000), flags=frozenset(), instant=ARRIVED)
    small = world.open_mailbox("piccola@alfa.test", quota=200_000)
    ours, marks = open_box(small), Marks()
    with pytest.raises(MailboxRefused) as refused:
        bring(open_box(there, OtherMailbox), ours, marks, most=200_000)
    assert refused.value.code == "OVERQUOTA"
    assert len(all_of(ours, "Importati/anna@altrove_example/INBOX")) == 3
    big = world.open_mailbox("grande@alfa.test")
    told = bring(open_box(there, OtherMailbox), open_box(big), Marks(), most=200_000)
    assert (told.added, told.too_large) == (6, 1)


def test_a_wrong_password_elsewhere_is_told(world, mailbox):
    with pytest.raises(SignedOut):
        OtherMailbox(server(world), str(mailbox), b"sbagliata")


def test_an_archive_may_be_written_to_anything_that_takes_octets(mailbox, open_box):
    out = BytesIO()
    assert export_mailbox(open_box(mailbox), out, "maildir", lambda *_: None) == 0
    assert zipfile.ZipFile(out).testzip() is None
