"""Crash campaigns run in a process of their own, without threads, which forks the children that are killed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "crash.py"


@pytest.fixture
def campaign():
    """Run `tools/crash.py` with some words; return its exit code and what each errand came to."""

    def run(*words):
        command = [sys.executable, TOOL, "--json", "--jobs", "1", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert results, done.stderr
        return done.returncode, results

    return run
