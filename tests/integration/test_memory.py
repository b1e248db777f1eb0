"""Verifying a 30 MB message peaks below four times its size, whatever is done with it."""

import subprocess
import sys

import pytest

from ceralacca.testing.clock import NOON

SIZE = 30 * 2**20
PROGRAM = """
import re, sys
from datetime import datetime
from ceralacca.apps.cli import run
from ceralacca.testing.clock import FixedClock

def peak():
    # of this program image alone; ru_maxrss would begin with what the parent had
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024

*arguments, small, large = sys.argv[2:]
clock = FixedClock(datetime.fromisoformat(sys.argv[1]))
run([*arguments, small], clock=clock)
before = peak()
status = run([*arguments, large], clock=clock)
print(status, peak() - before, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory, world, sealing):
    """An envelope around 30 MB of base64."""
    line = b"QUJD" * 19 + b"\r\n"
    body = line * (SIZE // len(line))
    submitted = world.scenario.submitted
    start = submitted.index(b"JVBERi0x")
    octets = sealing(submitted[:start] + body + submitted[start:])
    path = tmp_path_factory.mktemp("large") / "large.eml"
    path.write_bytes(octets)
    return path


def lf(path, folder):
    other = folder / "lf.eml"
    other.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    return other


@pytest.mark.slow
@pytest.mark.parametrize("how", ["text", "json", "extract", "lf", "lf-extract"])
def test_thirty_megabytes_peak_below_four_times_their_size(sample, large, tmp_path, how):
    path = lf(large, tmp_path) if how.startswith("lf") else large
    judged_by = ["--trust", sample / "pki", "--directory", sample / "igpec.ldif.p7m"]
    extract = ["--extract", tmp_path / "out"] if "extract" in how else []
    arguments = ["verify", *judged_by, *(["--json"] if how == "json" else []), *extract]
    small = sample / "04-busta-di-trasporto-completa.eml"
    line = [sys.executable, "-c", PROGRAM, NOON.isoformat(), *arguments, small, path]
    done = subprocess.run(line, capture_output=True, check=False, text=True)
    status, peak = map(int, done.stderr.split())
    assert status == 0, done.stderr
    assert peak < 4 * path.stat().st_size
