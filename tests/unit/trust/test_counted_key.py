import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.testing.clock import NOON
from ceralacca.trust.counted_key import CountedKey, KeyUses, key_name

pytestmark = pytest.mark.requirement("SE-4")


class Key:
    """Signs by turning octets round, as long as its token is there."""

    certificate, intermediates, checks_itself, away = b"certificate", (b"issuer",), False, False

    def sign(self, octets):
        if self.away:
            raise WorldError("the token is away")
        return octets[::-1]


class Clock:
    instant = NOON

    def now(self):
        self.instant += timedelta(seconds=1)
        return self.instant


@pytest.fixture
def key(tmp_path):
    counted = CountedKey(Key(), tmp_path / "counts", Clock())
    yield counted
    counted.close()


def test_it_signs_as_the_key_does_and_counts(key):
    assert key.uses() is None
    assert [key.sign(b"abc"), key.sign(b"de")] == [b"cba", b"ed"]
    assert (key.certificate, key.intermediates, key.name) == (b"certificate", (b"issuer",), key_name(b"certificate"))
    assert key.uses() == KeyUses(
        signatures=2, failures=0, first=NOON + timedelta(seconds=1), last=NOON + timedelta(seconds=2)
    )


def test_a_refusal_is_counted_apart(key):
    key._key.away = True
    with pytest.raises(WorldError):
        key.sign(b"abc")
    assert (key.uses().signatures, key.uses().failures) == (0, 1)


def test_what_was_settled_is_gone_and_what_came_since_stays(key):
    key.sign(b"a")
    uses = key.uses()
    key.sign(b"b")
    key.settle(uses)
    assert key.uses().signatures == 1
    key.settle(key.uses())
    assert key.uses() is None


def test_threads_lose_no_count(key):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: key.sign(b"a"), range(400)))
    assert key.uses().signatures == 400


def test_what_a_killed_process_has_counted_is_found_by_the_next(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from ceralacca.base.clock import SystemClock
from ceralacca.trust.counted_key import CountedKey
class Key:
    certificate, intermediates, checks_itself = b"certificate", (), False
    sign = staticmethod(lambda octets: octets)
key = CountedKey(Key(), Path(sys.argv[1]), SystemClock())
for _ in range(7): key.sign(b"a")
os.kill(os.getpid(), signal.SIGKILL)
"""
    place = tmp_path / "counts"
    assert subprocess.run([sys.executable, "-c", code, place], check=False).returncode == -9
    key = CountedKey(Key(), place, Clock())
    assert key.uses().signatures == 7
    key.close()


def test_nobody_else_reads_the_counts_and_a_link_is_not_followed(tmp_path, key):
    assert (tmp_path / "counts").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "counts")
    with pytest.raises(WorldError):
        CountedKey(Key(), tmp_path / "link", Clock())
