"""Where benchmarks keep their data, and for how long: until all of them are done.

ext4 gives the number of a deleted file to nobody for minutes, and looks at every number so kept whenever a file is
made (`recently_deleted` in its `ialloc.c`). A provider that is measured after the files of another were deleted pays
for them, with several times the system time of its own. So nothing is deleted before the end; and since somebody may
have deleted something just before (the benchmark that ran last, a test), folders are asked to lie far from each other.

Not a benchmark itself: the underscore keeps it from `make bench`.
"""

import array
import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

FOLDER = os.environ.get("TMPDIR", "/var/tmp")  # on a disk: /tmp may be memory
_ALL = os.environ.get("BENCH_FOLDER")
"""What `make bench` deletes when the last benchmark has ended; for one alone, its own end."""


_GET_FLAGS, _SET_FLAGS, _TOP = 0x80086601, 0x40086602, 0x00020000  # FS_IOC_*FLAGS, FS_TOPDIR_FL (linux/fs.h)


def data_folder(prefix: str) -> Path:
    """Make a folder for the data of one sample or of one provider."""
    parent = Path(_ALL or Path(FOLDER) / f"pec-bench-{os.getuid()}")
    parent.mkdir(mode=0o711, exist_ok=True)
    _spread(parent)
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    if _ALL is None:
        atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _spread(parent: Path) -> None:
    """Have the folders in this one lie in different places of the disk, where its file system knows of that (ext4)."""
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    flags = array.array("l", [0])
    with suppress(OSError):
        fcntl.ioctl(handle, _GET_FLAGS, flags)
        flags[0] |= _TOP
        fcntl.ioctl(handle, _SET_FLAGS, flags)
    os.close(handle)
