"""Whoever gives way does so among processes and among sessions, and never in the name of others."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this kernel does not share processors among sessions"
)
GIVE_WAY = "import os; from ceralacca.apps.giving_way import give_way; give_way(); print(os.nice(0))"


def said(*command: str) -> list[str]:
    """Run a command in a session of its own."""
    done = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=True)
    return done.stdout.split()


def test_a_process_and_its_session_give_way():
    program = f"{GIVE_WAY}; print(open('/proc/self/autogroup').read())"
    niceness, _, _, session = said(sys.executable, "-c", program)
    assert (niceness, session) == ("10", "10")


def test_the_session_of_somebody_else_is_left_as_it_is():
    script = (
        'before=$(cat /proc/self/autogroup); "$0" -c "$1"; test "$before" = "$(cat /proc/self/autogroup)" && echo same'
    )
    assert said("/bin/sh", "-c", script, sys.executable, GIVE_WAY) == ["10", "same"]
