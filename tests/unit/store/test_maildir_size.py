"""The size of a mailbox by its file: whatever the server and we do to it between two looks, the last word counts."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.store.maildir_size import FILE, add_octets, used_octets

QUOTA = 10**9


@pytest.fixture
def folder(tmp_path):
    for name in ("tmp", "new", "cur"):
        (tmp_path / name).mkdir()
    handle = os.open(tmp_path, os.O_RDONLY)
    yield handle, tmp_path / FILE
    os.close(handle)


def used(handle):
    return used_octets(handle, quota=QUOTA, wanted=0)


def test_lines_that_are_added_are_counted_with_those_before(folder):
    handle, file = folder
    assert used(handle) == 0
    for number in range(1, 400):
        add_octets(handle, 100, messages=1)
        assert used(handle) == 100 * number
    assert len(file.read_bytes().splitlines()) == 401


@pytest.mark.parametrize(
    "change", [b"QS\n700 7\n", b"QS\n100 1\n100 1\n5 1\n", b"QS\n100 1\n", b"QS\n999 1\n100 1\n100 1\n"]
)
def test_a_file_that_was_written_anew_is_read_anew(folder, change):
    handle, file = folder
    opening = b"%dS\n" % QUOTA
    file.write_bytes(opening + b"100 1\n100 1\n100 1\n")
    assert used(handle) == 300
    changed = change.replace(b"QS\n", opening)
    file.write_bytes(changed)
    assert used(handle) == sum(int(line.split()[0]) for line in changed.splitlines()[1:])


@pytest.mark.parametrize("strange", [b"12 x\n", b"no line end", b"\n", b"1 2 3\n"])
def test_a_file_with_something_strange_after_what_was_read_is_counted_anew(folder, strange):
    handle, file = folder
    file.write_bytes(b"%dS\n4000 40\n" % QUOTA)
    assert used(handle) == 4000
    with file.open("ab") as more:
        more.write(strange)
    assert used(handle) == 0, "there is no message in its folders"


@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(-50, 999), min_size=1, max_size=8)), max_size=12))
def test_many_files_that_grow_and_begin_alike(steps):
    with TemporaryDirectory() as root:
        said = {}
        for box, more in steps:
            folder = Path(root) / str(box)
            folder.mkdir(exist_ok=True)
            said.setdefault(box, []).extend(more)
            (folder / FILE).write_bytes(b"%dS\n" % QUOTA + b"".join(b"%d 1\n" % one for one in said[box]))
            handle = os.open(folder, os.O_RDONLY)
            assert used_octets(handle, quota=QUOTA, wanted=0) == max(sum(said[box]), 0)
            os.close(handle)
