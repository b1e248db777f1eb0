"""Into the folder that the holder wants, once, whatever becomes of folder and process in between; else the inbox."""

import shutil
from pathlib import Path

import pytest

from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put, PutOutcome
from ceralacca.store import maildir as module
from ceralacca.store.maildir import Maildir
from ceralacca.store.maildir_folders import name_on_disk
from ceralacca.testing.clock import NOON, FixedClock

pytestmark = pytest.mark.requirement("DP-2", "DP-3", "DP-8")

MARIO = Address("mario.rossi@alfa.test")
MESSAGE = b"Subject: prova\r\n\r\nBuongiorno.\r\n"
STORED, AGAIN, FULL = PutOutcome.STORED, PutOutcome.ALREADY_THERE, PutOutcome.OVER_QUOTA
ONE, TWO = ".Clienti.Rossi", ".Citt&AOA-"
WANTED = {ONE: "Clienti/Rossi", TWO: "Città"}
POINTS = [
    "maildir.write.before", "maildir.write.after", "maildir.sync.before", "maildir.sync.after", "maildir.record.before",
    "maildir.record.after", "maildir.rename.before", "maildir.folder.after", "maildir.rename.after",
    "maildir.settle.before", "maildir.settle.after",
]  # fmt: skip


def letter(folder="", name="pec1/mario/delivery", octets=MESSAGE, quota=10_000) -> Put:
    return Put(mailbox=MARIO, name=name, octets=octets, quota=quota, folder=folder)


class Cut(BaseException):
    """The process ends here."""


@pytest.fixture
def store(tmp_path):
    return Maildir(tmp_path / "mail", clock=FixedClock(NOON))


@pytest.fixture
def maildir(store) -> Path:
    return store.make_home(MARIO) / "Maildir"


@pytest.fixture
def folders(maildir) -> list[Path]:
    """Two folders as the server makes them."""
    made = [maildir / name for name in (ONE, TWO)]
    for folder in made:
        for name in ("cur", "new", "tmp"):
            (folder / name).mkdir(parents=True)
    return made


@pytest.fixture
def at(monkeypatch):
    """Do something the first time that a failpoint is passed."""

    def at(point, act):
        left = [act]

        def reach(name):
            if name == point and left:
                left.pop()()

        monkeypatch.setattr(module, "reach", reach)

    return at


def cut():
    raise Cut


def shown(maildir: Path) -> dict[str, list[bytes]]:
    """What a holder sees: by folder on disk, `.` for the inbox."""
    found: dict[str, list[bytes]] = {}
    for path in sorted(maildir.glob("**/*")):
        if path.is_file() and path.parent.name in {"new", "cur"}:
            found.setdefault(str(path.parent.parent.relative_to(maildir)), []).append(path.read_bytes())
    return found


@pytest.mark.parametrize("name", [ONE, TWO])
def test_a_message_goes_where_the_holder_wants_it(store, maildir, folders, name):
    assert store.put([letter(WANTED[name])]) == [STORED]
    assert shown(maildir) == {name: [MESSAGE]}
    assert store.holds(MARIO, "pec1/mario/delivery")
    assert store.put([letter()]) == [AGAIN]


@pytest.mark.parametrize(
    "folder",
    [
        "INBOX",
        "inbox",
        "",
        "Non c'è",
        "..",
        "../x",
        "Clienti.Rossi",
        "/Clienti",
        "Clienti/",
        "a//b",
        "x" * 400,
        "\ud800",
    ],
)
def test_what_is_no_folder_there_means_the_inbox(store, maildir, folders, folder):
    assert store.put([letter(folder)]) == [STORED]
    assert shown(maildir) == {".": [MESSAGE]}


def test_a_name_cannot_lead_out():
    for name in ("..", "a/../b", ".", "/", "./x", "a/."):
        assert name_on_disk(name) == ""
    assert name_on_disk("a\0b") == ".a&AAA-b"


@pytest.mark.parametrize("bad", ["file", "link", "no new", "link for new"])
def test_something_else_in_the_place_of_a_folder_means_the_inbox(store, maildir, tmp_path, bad):
    folder, outside = maildir / ONE, tmp_path / "outside"
    (outside / "new").mkdir(parents=True)
    if bad == "file":
        folder.write_bytes(b"")
    elif bad == "link":
        folder.symlink_to(outside)
    else:
        folder.mkdir()
    if bad == "link for new":
        (folder / "new").symlink_to(outside / "new")
    assert store.put([letter(WANTED[ONE])]) == [STORED]
    assert shown(maildir)["."] == [MESSAGE]
    assert not list(outside.glob("new/*"))


def test_a_mailbox_over_quota_is_so_in_every_folder(store, maildir, folders):
    small = len(MESSAGE) + 1
    assert store.put([letter(WANTED[ONE], quota=small)]) == [STORED]
    assert store.put([letter(WANTED[ONE], "other", quota=small)]) == [FULL]
    assert shown(maildir) == {ONE: [MESSAGE]}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("then", [WANTED[TWO], "", "Non c'è"])
def test_a_rule_changed_between_two_tries_makes_no_second_copy(store, maildir, folders, at, point, then):
    at(point, cut)
    with pytest.raises(Cut):
        store.put([letter(WANTED[ONE])])
    before = shown(maildir)
    assert store.put([letter(then)]) in ([STORED], [AGAIN])
    after = shown(maildir)
    assert [*after.values()] == [[MESSAGE]]
    assert not before or after == before
    if point in POINTS[POINTS.index("maildir.record.after") :]:
        assert [*after] == [ONE]
    assert not list(store.home(MARIO).glob("arriving/*"))


@pytest.mark.parametrize("point", POINTS)
def test_a_redo_finds_what_the_holder_moved_or_deleted(store, maildir, folders, at, point):
    at(point, cut)
    with pytest.raises(Cut):
        store.put([letter(WANTED[ONE])])
    before = [*maildir.glob(f"{ONE}/new/*")]
    for path in before:
        path.unlink()
    assert store.put([letter(WANTED[TWO])]) == [AGAIN if before else STORED]
    assert sum(map(len, shown(maildir).values())) == 1 - len(before)


@pytest.mark.parametrize("point", ["maildir.write.before", "maildir.rename.before", "maildir.folder.after"])
@pytest.mark.parametrize("act", ["delete", "rename", "delete and make again"])
def test_a_folder_that_goes_in_this_moment_takes_no_message_along(store, maildir, folders, at, point, act):
    def go():
        (maildir / ONE).rename(maildir / ".Altrove")
        if act != "rename":
            shutil.rmtree(maildir / ".Altrove")
        if act == "delete and make again":
            (maildir / ONE / "new").mkdir(parents=True)

    at(point, go)
    assert store.put([letter(WANTED[ONE])]) == [STORED]
    assert [*shown(maildir).values()] == [[MESSAGE]]
    assert shown(maildir).keys() <= {".", ONE}
    assert not list(store.home(MARIO).glob("arriving/*"))


def test_what_the_server_took_into_its_hands_meanwhile_is_left_there(store, maildir, folders, at):
    def seen_elsewhere():
        (maildir / ONE).rename(maildir / ".Altrove")
        for path in (maildir / ".Altrove").glob("new/*"):
            path.rename(path.parent.parent / "cur" / f"{path.name}:2,S")

    at("maildir.folder.after", seen_elsewhere)
    assert store.put([letter(WANTED[ONE])]) == [STORED]
    assert shown(maildir) == {".Altrove": [MESSAGE]}


@pytest.mark.parametrize("gone", ["with the message", "without the message"])
def test_a_folder_deleted_between_two_tries_loses_nothing(store, maildir, folders, at, gone):
    at("maildir.folder.after", cut)
    with pytest.raises(Cut):
        store.put([letter(WANTED[ONE])])
    if gone == "without the message":
        for path in (maildir / ONE).glob("new/*"):
            path.rename(maildir / TWO / "cur" / f"{path.name}:2,S")
    shutil.rmtree(maildir / ONE)
    assert store.put([letter(WANTED[ONE])]) in ([STORED], [AGAIN])
    assert [*shown(maildir).values()] == [[MESSAGE]]


def test_recipients_of_the_same_octets_share_one_file_in_any_folder(store, maildir, folders):
    store.put([letter(WANTED[ONE]), Put(mailbox=Address("b@alfa.test"), name="b", octets=MESSAGE, quota=9999)])
    (path,) = maildir.glob(f"{ONE}/new/*")
    assert path.stat().st_nlink == 2
