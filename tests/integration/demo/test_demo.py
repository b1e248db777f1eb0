"""`pec demo` as a person starts it: the screen, the story, Ctrl-C, the second start; and `--once`, whole."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from ceralacca.apps.demo.scenarios import SCENARIOS

pytestmark = [pytest.mark.system, pytest.mark.slow]
_BASE = 20000 + os.getpid() % 97 * 80
_NEEDED = ("/usr/sbin/clamd", "/usr/sbin/dovecot")
_COMMAND = [sys.executable, "-c", "from ceralacca.apps.cli import main; main()", "demo"]


@pytest.fixture(autouse=True)
def system():
    missing = [program for program in _NEEDED if not Path(program).exists()]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="pec-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def start(folder, base):
    """Run the demo until it says that it stays up; return its screen so far and the process."""
    process = subprocess.Popen(
        [*_COMMAND, "--data", str(folder), "--port-base", str(base), "--lang", "en"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    guard = threading.Timer(120, process.kill)
    guard.start()
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if line.startswith("The nation stays up"):
                return "".join(lines), process
    finally:
        guard.cancel()
    raise AssertionError("".join(lines))


def stop(process):
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=90)
    return rest


def children_left(folder):
    """Return the command lines that still name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(words)
    return found


def test_the_story_is_told_twice_over_the_same_nation_and_nobody_is_left_behind(folder):
    screens = []
    for _ in range(2):
        screen, process = start(folder / "nation", _BASE)
        assert "Ended. Everything is kept in" in stop(process)
        assert process.returncode == 0
        assert children_left(folder) == []
        screens.append(screen)
    first, second = screens
    for screen in screens:
        assert screen.startswith("TEST:")
        assert "EICAR test file and NOTHING else" in screen
        assert screen.count("pec verify: VALID") == 4
        assert str(folder / "nation" / "authority" / "public" / "tls-root.pem") in screen
    assert "A new nation was made" in first
    assert "The nation of last time was found" in second

    def passwords(screen):
        return [line for line in screen.splitlines() if "@pec.alfa.example  " in line]

    assert passwords(first) == passwords(second) != []
    assert len(list((folder / "nation" / "story").glob("*.eml"))) == 8


@pytest.mark.scenario("T-20")
@pytest.mark.requirement("GE-1", "GE-2", "GE-5", "XM-1", "XM-5")
def test_once_plays_every_scenario_and_every_message_is_good(folder):
    done = subprocess.run(
        [*_COMMAND, "--once", "--json", "--data", str(folder / "nation"), "--port-base", str(_BASE + 40)],
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    answer = json.loads(done.stdout)
    assert [one["scenario"] for one in answer["scenarios"]] == [one.id for one in SCENARIOS]
    assert all(one["holds"] for one in answer["scenarios"])
    assert answer["messages"] > 100
    assert children_left(folder) == []
