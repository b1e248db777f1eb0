"""Many letters in one file: each is found at its place, whatever is written, cut off or let go of around it."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.base.errors import WorldError
from ceralacca.formats.splice import Splice
from ceralacca.store import packs as module
from ceralacca.store.blobs import blob_of
from ceralacca.store.packs import Packs


@pytest.fixture
def packs(tmp_path):
    opened = Packs(tmp_path / "packs")
    yield opened
    opened.close()


def names(folder):
    return sorted(path.name for path in (folder / "packs").iterdir())


def read(packs, places, blob):
    return packs.read(places[blob.digest], blob.size, blob.digest)


@pytest.mark.requirement("AP-25", "GE-31")
def test_each_is_found_at_its_place_by_anybody(packs, tmp_path):
    first, second, third = blob_of(b"one"), blob_of(Splice([b"t", b"", b"wo"])), blob_of(b"three")
    places = packs.put([first, second, first])
    places |= packs.put([third])

    other = Packs(tmp_path / "packs")
    assert [read(other, places, blob) for blob in (first, second, third)] == [b"one", b"two", b"three"]
    assert names(tmp_path) == [f"{os.getpid()}-1.pack"]


def test_nothing_makes_no_folder(packs, tmp_path):
    assert packs.put([]) == {}
    assert not (tmp_path / "packs").exists()


def test_a_full_pack_is_followed_by_the_next_and_nobody_writes_into_anothers(tmp_path):
    packs, other = Packs(tmp_path / "packs", full=3), Packs(tmp_path / "packs", full=3)
    blobs = [blob_of(octets) for octets in (b"one", b"two", b"three")]
    places = packs.put(blobs[:1]) | other.put(blobs[1:2]) | packs.put(blobs[2:])

    assert len(names(tmp_path)) == 3
    assert [read(packs, places, blob) for blob in blobs] == [b"one", b"two", b"three"]
    packs.close()
    other.close()


@given(
    groups=st.lists(st.lists(st.lists(st.binary(max_size=40), max_size=5), max_size=6), max_size=4),
    most=st.integers(min_value=1, max_value=50),
)
def test_whatever_the_pieces_and_however_few_octets_the_system_takes(tmp_path_factory, groups, most):
    packs, places, blobs = Packs(tmp_path_factory.mktemp("store") / "packs", full=100), {}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwritev", lambda handle, pieces, at: os.pwrite(handle, b"".join(pieces)[:most], at))
        patch.setattr(module, "_AT_ONCE", 3)
        for group in groups:
            made = [blob_of(Splice(pieces)) for pieces in group]
            places |= packs.put(made)
            blobs += made
    assert [read(packs, places, blob) for blob in blobs] == [bytes(blob.octets) for blob in blobs]
    packs.close()


@pytest.mark.requirement("AP-25")
def test_a_disk_that_refuses_is_told_and_the_next_batch_begins_a_new_pack(packs, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    first, second = blob_of(b"one"), blob_of(b"two")
    places = packs.put([first])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(WorldError, match="No space left"):
            packs.put([second])
    places |= packs.put([second])

    assert [read(packs, places, blob) for blob in (first, second)] == [b"one", b"two"]
    assert len(names(tmp_path)) == 2


def test_what_is_not_whole_is_not_given(packs, tmp_path):
    blob = blob_of(b"octets")
    places = packs.put([blob])
    path = tmp_path / "packs" / names(tmp_path)[0]

    path.write_bytes(b"octetz")
    with pytest.raises(WorldError, match="not whole"):
        read(packs, places, blob)
    path.write_bytes(b"octe")
    with pytest.raises(WorldError, match="not whole"):
        read(packs, places, blob)
    path.unlink()
    with pytest.raises(WorldError, match="missing"):
        read(packs, places, blob)


@pytest.mark.parametrize("knows_holes", [True, False])
def test_what_is_let_go_of_is_gone_and_its_neighbours_stay(packs, tmp_path, monkeypatch, knows_holes):
    if not knows_holes:
        monkeypatch.setattr(module, "_LIBC", object())
    blobs = [blob_of(bytes([at]) * 10_000) for at in b"abc"]
    places = packs.put(blobs)
    size = (tmp_path / "packs" / names(tmp_path)[0]).stat().st_size

    packs.let_go(places[blobs[1].digest], blobs[1].size)
    packs.let_go(places[blobs[1].digest], blobs[1].size)

    with pytest.raises(WorldError, match="not whole"):
        read(packs, places, blobs[1])
    assert [read(packs, places, blob) for blob in (blobs[0], blobs[2])] == [b"a" * 10_000, b"c" * 10_000]
    assert (tmp_path / "packs" / names(tmp_path)[0]).stat().st_size == size
    (tmp_path / "packs" / names(tmp_path)[0]).unlink()
    packs.let_go(places[blobs[1].digest], blobs[1].size)  # nothing is left to let go of
