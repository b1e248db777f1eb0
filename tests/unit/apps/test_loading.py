"""Loading without the collector, and what is not loaded before the doors open."""

import gc
import subprocess
import sys
from importlib import import_module

import pytest

from ceralacca.apps.loading import loading

LATE = (
    "aiohttp", "alembic", "asn1crypto", "fontTools", "fpdf", "httpx", "jinja2", "lxml", "psycopg",
    "pyhanko_certvalidator", "ceralacca.apps.offices", "ceralacca.lint", "ceralacca.trust.chain",
)  # fmt: skip
DOOR = "ceralacca.apps.cli.serve ceralacca.apps.serve ceralacca.apps.preparation ceralacca.apps.access"


def test_the_collector_is_off_inside_and_on_again_after():
    before = gc.get_freeze_count()
    kept = [[] for _ in range(1000)]
    try:
        with pytest.raises(ModuleNotFoundError), loading():
            import_module("gc" if gc.isenabled() else "no_module_of_that_name")
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_nothing_heavy_is_loaded_before_the_door_of_holders_opens():
    """A second of a start is nothing but imports: what judges, seals and shows pages comes after."""
    code = f"import sys, importlib\nfor name in {DOOR.split()}: importlib.import_module(name)\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()
    assert "ceralacca.apps.access" in loaded
    assert not set(LATE) & set(loaded)
