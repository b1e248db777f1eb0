"""Two sites: what is written is in both, whoever was overtaken writes no more, and what differs is found and mended."""

import os
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put, PutOutcome
from ceralacca.ports.store import Commit
from ceralacca.store.blobs import BlobFolder, blob_of
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.store.engine import Database
from ceralacca.store.maildir import Maildir
from ceralacca.store.site.files import MirroredBlobs, MirroredMail
from ceralacca.store.site.mail import follow_mail, messages
from ceralacca.store.site.repair import compare, repair
from ceralacca.store.site.state import FILE, Fenced, MirrorAway, NotPaired, Site, SiteDuty, SiteState, read_state
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.databases import sqlite_url

pytestmark = pytest.mark.requirement("SL-6")

MARIO = Address("mario.rossi@alfa.test")
LETTER = b"Subject: prova\r\n\r\nBuongiorno.\r\n"
PRIMARY = SiteState(pair="pair", name="roma", epoch=1, duty=SiteDuty.PRIMARY)
STANDBY = replace(PRIMARY, name="milano", duty=SiteDuty.STANDBY)


@pytest.fixture
def site(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, state in ((here, PRIMARY), (there, STANDBY)):
        folder.mkdir()
        state.write(folder)
    return Site(here, there)


@pytest.fixture
def blobs(site):
    return MirroredBlobs(site.folder / "blobs", site)


@pytest.fixture
def mail(site):
    return MirroredMail(site.folder / "mail", site, clock=FixedClock(NOON))


def put(name="pec1/mario/delivery", octets=LETTER, quota=10_000):
    return Put(mailbox=MARIO, name=name, octets=octets, quota=quota)


def box(site, mail, *, there=False):
    home = mail.home(MARIO)
    return (site.in_mirror(home) if there else home) / "Maildir"


def test_a_state_is_read_as_it_was_written(tmp_path):
    state = replace(STANDBY, behind="2026-11-05T10:00:00+00:00")
    state.write(tmp_path)
    assert read_state(tmp_path) == state
    assert read_state(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"pair": 1}', b"\xff"])
def test_what_is_no_state_is_refused(site, octets):
    (site.folder / FILE).write_bytes(octets)
    with pytest.raises(WorldError):
        site.may_write()


# -- the fence ----------------------------------------------------------------------------------------------


def test_a_primary_writes_into_both(site):
    with site.writing() as mirror:
        assert mirror == site.mirror


@pytest.mark.parametrize(
    "other",
    [replace(STANDBY, epoch=2), replace(STANDBY, duty=SiteDuty.PRIMARY), replace(PRIMARY, epoch=2)],
    ids=["later epoch", "primary too", "promoted"],
)
def test_whoever_was_overtaken_writes_no_more(site, blobs, mail, other):
    other.write(site.mirror)
    with pytest.raises(Fenced):
        blobs.put([blob_of(b"one")])
    with pytest.raises(Fenced):
        blobs.put([])  # a step without files is a commit all the same
    with pytest.raises(Fenced):
        mail.put([put()])
    assert not list(site.folder.rglob("*.prova")) + list(site.mirror.glob("blobs/??/*"))


def test_a_standby_writes_nothing(site):
    with pytest.raises(Fenced):
        Site(site.mirror, site.folder).may_write()


def test_a_folder_that_is_not_mounted_takes_nothing(site, blobs, tmp_path):
    site.mirror.rename(tmp_path / "unmounted")
    site.mirror.mkdir()
    with pytest.raises(MirrorAway):
        blobs.put([blob_of(b"one")])
    assert not list(site.mirror.iterdir())
    assert not list(site.folder.glob("blobs/??/*"))


def test_a_mirror_of_another_pair_is_refused(site):
    replace(STANDBY, pair="others").write(site.mirror)
    with pytest.raises(MirrorAway):
        site.look_across()


def test_without_a_pair_nothing_is_written(site):
    (site.folder / FILE).unlink()
    with pytest.raises(NotPaired), site.writing():
        pytest.fail("it may not")


def test_a_site_that_is_alone_writes_here(site, blobs):
    replace(PRIMARY, alone="2026-11-05T10:00:00+00:00", reason="fire").write(site.folder)
    blobs.put([blob_of(b"one")])
    assert len(list(site.folder.glob("blobs/??/*"))) == 1
    assert not list(site.mirror.glob("blobs/??/*"))


@pytest.mark.parametrize(
    ("row", "follows", "waits"),
    [(("pair", 2), False, True), (("others", 1), False, True), (None, False, True), (("pair", 1), True, True),
     (("pair", 1), False, False)],
    ids=["epoch", "pair", "no pair", "standby", "no standby to wait for"],
)  # fmt: skip
def test_a_database_that_is_not_ours_is_refused(site, row, follows, waits):
    site.check_database(("pair", 1), follows=False, waits=True)
    with pytest.raises(Fenced):
        site.check_database(row, follows=follows, waits=waits)


# -- octets -------------------------------------------------------------------------------------------------


def test_octets_are_in_both_before_put_returns(site, blobs):
    blob = blob_of(b"one")
    blobs.put([blob])
    for folder in (site.folder, site.mirror):
        assert BlobFolder(folder / "blobs").read(blob.digest, blob.size) == b"one"


@pytest.mark.parametrize("spoil", [os.unlink, lambda path: path.write_bytes(b"o")], ids=["gone", "cut short"])
def test_what_is_spoilt_here_comes_back_from_there(site, blobs, spoil):
    blob = blob_of(b"one")
    blobs.put([blob])
    spoil(site.folder / "blobs" / blob.digest[:2] / blob.digest[2:])
    assert blobs.read(blob.digest, blob.size) == b"one"
    assert BlobFolder(site.folder / "blobs").read(blob.digest, blob.size) == b"one"


def test_what_is_spoilt_there_as_well_is_not_believed(site, blobs):
    blob = blob_of(b"one")
    blobs.put([blob])
    (site.folder / "blobs" / blob.digest[:2] / blob.digest[2:]).unlink()
    (site.mirror / "blobs" / blob.digest[:2] / blob.digest[2:]).write_bytes(b"two")
    with pytest.raises(WorldError):
        blobs.read(blob.digest, blob.size)


@pytest.mark.requirement("VI-2")
def test_what_is_removed_goes_in_both(site, blobs):
    blob = blob_of(b"one")
    blobs.put([blob])
    blobs.remove(blob.digest)
    assert not list(site.folder.glob("blobs/??/*")) + list(site.mirror.glob("blobs/??/*"))


# -- mailboxes ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("DP-3")
def test_a_delivered_message_is_in_both(site, mail):
    assert mail.put([put()]) == [PutOutcome.STORED]
    assert mail.put([put()]) == [PutOutcome.ALREADY_THERE]
    for there in (False, True):
        (path,) = (box(site, mail, there=there) / "new").iterdir()
        assert path.read_bytes() == LETTER


@pytest.mark.requirement("DP-3", "DP-5")
def test_the_quota_is_judged_here_and_holds_nothing_back_there(site, mail):
    assert mail.put([put("one", quota=40), put("two", quota=40)]) == [PutOutcome.STORED, PutOutcome.OVER_QUOTA]
    next((box(site, mail) / "new").iterdir()).unlink()
    (box(site, mail) / "maildirsize").unlink()
    assert mail.put([put("three", quota=40)]) == [PutOutcome.STORED]
    assert len(list((box(site, mail, there=True) / "new").iterdir())) == 2


@pytest.mark.requirement("DP-3")
def test_after_a_promotion_no_second_copy_is_made(site, mail):
    mail.put([put()])
    follow_mail(site, site.folder / "mail", NOON)
    promoted = Maildir(site.mirror / "mail", clock=FixedClock(NOON + timedelta(hours=1)))
    assert promoted.put([put()]) == [PutOutcome.ALREADY_THERE]


def test_the_mirror_follows_what_holders_do(site, mail):
    mail.put([put("read"), put("moved"), put("deleted")])
    here = box(site, mail)
    read, moved, deleted = sorted((here / "new").iterdir())
    read.rename(here / "cur" / f"{read.name}:2,S")
    (here / ".Archivio").mkdir()
    for part in ("new", "cur", "tmp"):
        (here / ".Archivio" / part).mkdir()
    moved.rename(here / ".Archivio" / "cur" / f"{moved.name}:2,RS")
    deleted.unlink()
    (here / "cur" / "1.M2P3.host,S=5:2,D").write_bytes(b"draft")
    (here / "subscriptions").write_text("V\t2\n\nArchivio\n")
    done = follow_mail(site, site.folder / "mail", NOON)
    there = box(site, mail, there=True)
    assert messages(there) == messages(here)
    assert (done.copied, done.moved, done.removed) == (1, 2, 1)
    assert (there / "subscriptions").read_text() == "V\t2\n\nArchivio\n"
    (kept,) = (there.parent / "removed").iterdir()
    assert kept.read_bytes() == LETTER
    assert follow_mail(site, site.folder / "mail", NOON).changes == 0
    follow_mail(site, site.folder / "mail", NOON + timedelta(days=50 * 365))
    assert not list((there.parent / "removed").iterdir())


@pytest.mark.requirement("DP-3")
def test_a_message_that_only_here_has_is_copied_with_its_record(site, mail):
    Maildir(site.folder / "mail", clock=FixedClock(NOON)).put([put()])  # as while the site was alone
    assert follow_mail(site, site.folder / "mail", NOON).copied == 1
    assert mail.put([put()]) == [PutOutcome.ALREADY_THERE]
    assert len(messages(box(site, mail, there=True))) == 1
    assert len(list((box(site, mail, there=True) / "new").iterdir())) == 1


# -- finding and mending ------------------------------------------------------------------------------------


@pytest.fixture
def stored(site):
    """A database (the rows are the same on every engine), and one message of which the octets are a file."""
    url = sqlite_url(site.folder)
    store = open_store(url, site.folder, StoreSettings(row_limit=4, site=site))
    message = some.inbound()
    store.receive([message], now=NOON)
    database = Database(url)
    yield database, blob_of(message.octets)
    database.close()
    store.close()


def test_equal_sites_do_not_differ(site, stored):
    database, blob = stored
    assert compare(site, database, thorough=True).count == 0
    assert (site.mirror / "blobs" / blob.digest[:2] / blob.digest[2:]).exists()


@pytest.mark.parametrize("folder", ["folder", "mirror"])
@pytest.mark.parametrize("thorough", [False, True])
def test_what_one_site_lacks_is_named_and_mended(site, stored, folder, thorough):
    database, blob = stored
    path = getattr(site, folder) / "blobs" / blob.digest[:2] / blob.digest[2:]
    if thorough:
        octets = bytearray(path.read_bytes())
        octets[3] ^= 1
        path.write_bytes(octets)
        assert compare(site, database).count == 0
    else:
        path.unlink()
    found = compare(site, database, thorough=thorough)
    assert [len(found.lacking_here), len(found.lacking_there)] == ([1, 0] if folder == "folder" else [0, 1])
    repair(site, database, NOON, thorough=thorough)
    assert compare(site, database, thorough=True).count == 0


def test_what_is_in_neither_is_called_lost(site, stored):
    database, blob = stored
    for folder in (site.folder, site.mirror):
        (folder / "blobs" / blob.digest[:2] / blob.digest[2:]).unlink()
    assert len(repair(site, database, NOON).lost) == 1


@pytest.mark.requirement("LO-5", "VI-1")
def test_sealed_days_and_the_virus_storage_are_compared_too(site, stored):
    database, _ = stored
    for name in ("log/2026-11-05.p7m", "virus-storage/2026-11/x.vault", "virus-storage.key"):
        (site.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (site.folder / name).write_bytes(name.encode())
    assert len(compare(site, database).lacking_there) == 3
    repair(site, database, NOON)
    assert (site.mirror / "virus-storage/2026-11/x.vault").read_bytes() == b"virus-storage/2026-11/x.vault"
    assert compare(site, database, thorough=True).count == 0


# -- packs of a provider that had one site -------------------------------------------------------------------


@pytest.mark.requirement("LO-8")
def test_the_other_site_gets_packs_and_nothing_is_added_to_them(site):
    url, letters = sqlite_url(site.folder), [some.letter(f"id-{at}/-/answer", octets=LETTER) for at in (1, 2)]
    with closing(open_store(url, site.folder, StoreSettings(pack_from=1))) as store:
        store.commit([Commit(letters=(letters[0],))])
    (pack,) = (site.folder / "packs").iterdir()
    with closing(Database(url)) as database:
        assert repair(site, database, NOON).lacking_there == [pack.relative_to(site.folder)]
        assert compare(site, database, thorough=True).count == 0
    with closing(open_store(url, site.folder, StoreSettings(pack_from=1, site=site))) as store:
        store.commit([Commit(letters=(replace(letters[1], octets=LETTER * 2),))])
        assert pack.stat().st_size == len(LETTER)
        pack.rename(pack.with_suffix(".away"))
        digest = store.letter(letters[0].key).digest
        assert store.octets(digest) == LETTER
        pack.with_suffix(".away").rename(pack)
        assert store.forget_receipts(before=NOON + timedelta(days=1), of=lambda identifier, holder: True) == 2
    assert [site.in_mirror(pack).read_bytes(), pack.read_bytes()] == [bytes(len(LETTER))] * 2
