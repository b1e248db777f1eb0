"""Two stands of the project measured beside each other: this one, and another such as a worktree of the commit before.

A machine that is slow for a while is so for both, when they work at the same time or by short turns. Each stand is a
process of its own that runs a benchmark's script on its own code; it does one sample for each line that it is told.

Not a benchmark itself: the underscore keeps it from `make bench`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
_SAID = "stand says "


class Stand:
    """One of the stands, at work."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def go_on(self) -> None:
        """Let it do one sample more."""
        assert self._process.stdin is not None
        self._process.stdin.write("go on\n")
        self._process.stdin.flush()

    def said(self) -> list[float]:
        """Return the figures of its next sample; the first comes by itself."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(_SAID):
                found: list[float] = json.loads(line.removeprefix(_SAID))
                return found
        raise SystemExit(f"a stand ended: {self._process.args}")


@contextmanager
def stands(other: str, script: str, *arguments: str) -> Iterator[tuple[Stand, Stand]]:
    """Run a script on this stand's code and on another's; each has done its first sample, which was to warm it.

    They end in good order when they are told no more.
    """
    with ExitStack() as open_now:
        both = [open_now.enter_context(_stand(tree, script, arguments)) for tree in (HERE, Path(other).resolve())]
        yield both[0], both[1]


@contextmanager
def _stand(tree: Path, script: str, arguments: Sequence[str]) -> Iterator[Stand]:
    folders = [tree / "src", tree / "bench", HERE / "bench"]  # the last for what an older one has not
    with subprocess.Popen(
        [sys.executable, "-P", script, "--on-command", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))},
    ) as process:
        try:
            stand = Stand(process)
            stand.said()
            yield stand
        finally:
            process.communicate()


def be_stand(samples: Iterable[Sequence[float]]) -> int:
    """Say the figures of each sample, and do the next for each line that comes in."""
    for figures in samples:
        print(f"{_SAID}{json.dumps(list(figures))}", flush=True)
        if not sys.stdin.readline():
            break
    return 0
