import hashlib
import os
from pathlib import Path

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Splice
from ceralacca.store import blobs
from ceralacca.store.blobs import BlobFolder, blob_of


@pytest.fixture
def acts(monkeypatch):
    """What is done to the disk, in order: `sync <kind>`, `rename`."""
    done = []
    fsync, rename, volume = os.fsync, Path.rename, blobs._sync_volume

    def spy_fsync(handle):
        target = Path(f"/proc/self/fd/{handle}").readlink()
        done.append("sync folder" if target.is_dir() else "sync file")
        fsync(handle)

    def spy_rename(path, target):
        done.append("rename")
        return rename(path, target)

    def spy_volume(folder):
        done.append("sync volume")
        return volume(folder)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "rename", spy_rename)
    monkeypatch.setattr(blobs, "_sync_volume", spy_volume)
    return done


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.requirement("GE-31")
def test_octets_are_named_by_their_digest_without_being_joined():
    splice = Splice.of(b"one", memoryview(b"two"))

    blob = blob_of(splice)
    assert (blob.digest, blob.size) == (hashlib.sha256(b"onetwo").hexdigest(), 6)
    assert blob.octets is splice


def test_a_blob_lies_under_its_digest(tmp_path):
    folder, blob = BlobFolder(tmp_path / "blobs"), blob_of(b"octets")
    folder.put([blob])

    (path,) = files(tmp_path)
    assert path.parent.name + path.name == blob.digest
    assert path.stat().st_mode & 0o777 == 0o600
    assert bytes(folder.read(blob.digest, blob.size)) == b"octets"


@pytest.mark.requirement("AP-25")
def test_one_blob_is_synced_then_named_then_its_name_is_synced(tmp_path, acts):
    folder = BlobFolder(tmp_path / "blobs")
    folder.put([blob_of(b"warm")])
    acts.clear()
    folder.put([blob_of(b"one")])

    assert acts[-3:] == ["sync file", "rename", "sync folder"]


@pytest.mark.requirement("AP-25")
def test_many_blobs_share_two_syncs(tmp_path, acts):
    folder = BlobFolder(tmp_path / "blobs")
    for _ in range(2):
        several = [blob_of(b"blob %d" % n) for n in range(9)]
        acts.clear()
        folder.put(several)
    fresh = [blob_of(b"fresh %d" % n) for n in range(9)]
    acts.clear()
    folder.put(fresh)

    without_shelves = [act for act in acts if act != "sync folder"]
    assert without_shelves == ["sync volume", *["rename"] * 9, "sync volume"]


def test_a_blob_that_is_there_is_not_written_again_but_its_name_is_synced(tmp_path, acts):
    """Another process may have renamed it just now, and not yet synced the folder."""
    blob = blob_of(b"twice")
    BlobFolder(tmp_path / "blobs").put([blob])
    acts.clear()
    BlobFolder(tmp_path / "blobs").put([blob, blob])

    assert "rename" not in acts
    assert acts[-1] == "sync folder"


def test_what_a_cut_left_behind_does_not_disturb(tmp_path):
    folder, blob = BlobFolder(tmp_path / "blobs"), blob_of(b"octets")
    (tmp_path / "blobs" / "new" / f"{blob.digest}.{os.getpid()}.{id(blob)}").write_bytes(b"oct")
    (tmp_path / "blobs" / blob.digest[:2]).mkdir()
    (tmp_path / "blobs" / blob.digest[:2] / blob.digest[2:]).write_bytes(b"oct")
    folder.put([blob])

    assert bytes(folder.read(blob.digest, blob.size)) == b"octets"
    assert len(files(tmp_path)) == 1


def test_a_large_blob_is_read_through_a_view(tmp_path):
    folder, blob = BlobFolder(tmp_path / "blobs"), blob_of(bytes(1_000_000))
    folder.put([blob])

    view = folder.read(blob.digest, blob.size)
    assert isinstance(view, memoryview)
    assert view.readonly


def test_a_disk_that_refuses_is_the_worlds(tmp_path, monkeypatch):
    folder = BlobFolder(tmp_path / "blobs")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorldError, match="No space left"):
        folder.put([blob_of(b"octets")])
    with pytest.raises(WorldError):
        BlobFolder(tmp_path / "missing" / "blobs")
