"""The folder of the sealed log and that of its witness: two processes seal at once, each waits for its turn (LO-5)."""

import fcntl
import threading

import pytest

from ceralacca.core.log_chain import stamp_name
from ceralacca.store.log_folder import FileLogFolder, FolderWitness


@pytest.mark.requirement("LO-5", "LO-6")
@pytest.mark.parametrize(
    ("write", "name"),
    [
        (lambda folder: FolderWitness(folder)("block-1.p7m", b"octets"), "block-1.p7m"),
        (lambda folder: FileLogFolder(folder).put_stamp("day.jsonl.p7m", b"octets"), stamp_name("day.jsonl.p7m")),
    ],
    ids=["head of a block", "time stamp"],
)
def test_what_another_process_is_writing_is_waited_for(tmp_path, write, name):
    folder = tmp_path / "folder"
    write(folder)
    written = folder / name
    assert written.read_bytes() == b"octets"
    aside = written.with_name(name + ".new")
    aside.write_bytes(b"oct")  # the other process is in the middle of the same file
    with (folder / ".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ours = threading.Thread(target=write, args=(folder,))
        ours.start()
        ours.join(0.1)
        assert ours.is_alive()
        assert aside.read_bytes() == b"oct"
    ours.join()
    assert written.read_bytes() == b"octets"
    assert not aside.exists()
