"""Where benchmarks keep their data, and for how long: until all of them are done.

ext4 gives the number of a deleted file to nobody for minutes, and looks at every number so kept whenever a file is
made (`recently_deleted` in its `ialloc.c`). A provider that is measured after the files of another were deleted pays
for them, with several times the system time of its own. So nothing is deleted before the end.

Not a benchmark itself: the underscore keeps it from `make bench`.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = os.environ.get("TMPDIR", "/var/tmp")  # on a disk: /tmp may be memory
_ALL = os.environ.get("BENCH_FOLDER")
"""What `make bench` deletes when the last benchmark has ended; for one alone, its own end."""


def data_folder(prefix: str) -> Path:
    """Make a folder for the data of one sample or of one provider."""
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=_ALL or FOLDER))
    if _ALL is None:
        atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
