"""Syncs in the background: by the kernel where it can, by threads where not; nobody is told before all have ended."""

import errno
import os
from contextlib import ExitStack

import pytest

from ceralacca.store import syncing
from ceralacca.store.syncing import Syncs, UnderWay

pytestmark = pytest.mark.requirement("AP-25", "DP-3")


@pytest.fixture
def opened(tmp_path):
    """Open so many new files, and the folder that they are in."""
    with ExitStack() as open_now:

        def several(number):
            for name in range(number):
                (tmp_path / f"{name}").write_bytes(b"octets")
            places = [*tmp_path.iterdir(), tmp_path]
            handles = [os.open(place, os.O_RDONLY) for place in places]
            for handle in handles:
                open_now.callback(os.close, handle)
            return handles

        yield several


@pytest.fixture
def synced(monkeypatch):
    """Collect what threads sync."""
    handles, fsync = [], os.fsync

    def spy(handle):
        handles.append(handle)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", spy)
    return handles


class Kernel:
    """Takes so many requests and ends them with these results, one at a time."""

    def __init__(self, *results, interruptions=0):
        self.results, self.requests, self.interruptions = list(results), [], interruptions

    def submit(self, *requests):
        self.requests = list(requests)[: len(self.results)]
        return len(self.requests)

    def process_events(self, most, least, timeout):
        assert 0 < least <= most
        assert timeout < 0  # no wait is cut short
        if self.interruptions:
            self.interruptions -= 1
            raise SystemError(errno.EINTR, "Interrupted system call")
        self.requests.pop(0)._callback(self.results.pop(0) & 2**64 - 1)
        return 1


class Request:
    def set_callback(self, callback):
        self._callback = callback


@pytest.fixture
def asked(monkeypatch):
    """Ask a kernel for syncs of so many files."""

    class Operation:
        fsync = staticmethod(lambda handle: Request())

    monkeypatch.setattr(syncing, "Operation", Operation)

    def ask(kernel, number):
        under_way = UnderWay(kernel, threads=None)
        return under_way, under_way.ask(range(number))

    return ask


def can_ask():
    return syncing._Kernel().context is not None


@pytest.mark.skipif(not can_ask(), reason="the kernel takes no requests of this process")
def test_the_kernel_syncs_files_and_folders(opened, synced):
    Syncs().begin(opened(20)).wait()
    assert synced == []


@pytest.mark.skipif(not can_ask(), reason="the kernel takes no requests of this process")
def test_several_may_be_under_way_and_are_waited_for_in_any_order(opened):
    syncs = Syncs()
    under_way = [syncs.begin(opened(count)) for count in (1, 3, 2)]
    for one in [*reversed(under_way), *under_way]:
        one.wait()


def test_what_the_kernel_does_not_take_is_synced_by_threads(by_threads, opened, synced):
    handles = opened(5)
    Syncs().begin(handles).wait()
    assert sorted(synced) == sorted(handles)


@pytest.mark.parametrize("can", [True, False])
def test_the_octets_of_a_file_alone_are_synced_by_either(opened, monkeypatch, can):
    monkeypatch.setattr(syncing, "_CAN_ASK", can)
    handles, fdatasync = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: handles.append(handle) or fdatasync(handle))
    file, _ = opened(1)
    Syncs().begin_data(file).wait()
    assert handles == ([] if can and can_ask() else [file])


def test_more_are_synced_than_the_kernel_takes_at_a_time(opened):
    Syncs().begin(opened(600)).wait()


def test_what_the_kernel_leaves_is_left(asked):
    under_way, left = asked(Kernel(0, 0), 5)
    assert list(left) == [2, 3, 4]
    under_way.wait()


@pytest.mark.parametrize("can", [True, False])
def test_what_cannot_be_synced_is_told(opened, monkeypatch, can):
    monkeypatch.setattr(syncing, "_CAN_ASK", can)
    reading, writing = os.pipe()
    under_way = Syncs().begin([*opened(2), reading])
    for _ in range(2):
        with pytest.raises(OSError, match="Invalid argument"):
            under_way.wait()
    os.close(reading)
    os.close(writing)


def test_a_sync_that_failed_is_told_when_all_have_ended(asked):
    kernel = Kernel(-errno.EIO, 0, 0)
    under_way, left = asked(kernel, 3)
    assert list(left) == []
    with pytest.raises(OSError, match="Input/output error") as told:
        under_way.wait()
    assert told.value.errno == errno.EIO
    assert kernel.results == []


def test_a_wait_that_is_interrupted_goes_on(asked):
    kernel = Kernel(0, 0, interruptions=2)
    under_way, _ = asked(kernel, 2)
    under_way.wait()
    assert kernel.results == []


def test_a_volume_is_synced(opened):
    Syncs().begin_volume(opened(1)[0]).wait()


def test_a_volume_that_cannot_be_synced_is_told():
    with pytest.raises(OSError, match="Bad file descriptor"):
        Syncs().begin_volume(-1).wait()
