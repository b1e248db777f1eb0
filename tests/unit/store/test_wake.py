import select
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.ports.store import Commit, JobKind
from ceralacca.store.database import open_store
from ceralacca.store.wake import Wake
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url


@pytest.fixture
def ends(tmp_path):
    """Make ends of one folder, and close them."""
    made = []

    def make(*kinds):
        made.append(Wake(tmp_path / "run", kinds or JobKind))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_whoever_waits_is_woken_once(ends):
    waiting, making = ends(), ends()
    assert not waiting.wait(0)
    making.notify([JobKind.RELAY, JobKind.DELIVERY])

    assert waiting.wait(5)
    assert not waiting.wait(0)


def test_only_what_concerns_wakes(ends):
    relay, worker, making = ends(JobKind.RELAY), ends(JobKind.DELIVERY, JobKind.ARRIVAL), ends()
    relay.wait(0)
    worker.wait(0)
    making.notify([JobKind.ARRIVAL])

    assert worker.wait(5)
    assert not relay.wait(0)


def test_who_is_not_concerned_is_not_even_told(ends):
    relay, making = ends(JobKind.RELAY, JobKind.WEBHOOK), ends()
    relay.wait(0)
    making.notify([JobKind.ARRIVAL])
    assert not select.select([relay._ear], [], [], 0)[0]

    making.notify([JobKind.ARRIVAL, JobKind.WEBHOOK])
    assert select.select([relay._ear], [], [], 0)[0]


def test_nobody_waits(ends):
    ends().notify(JobKind)
    ends().notify([])


def test_hints_for_one_who_never_looks_cost_nothing(ends):
    waiting, making = ends(), ends()
    waiting.wait(0)
    for _ in range(5000):
        making.notify([JobKind.RELAY])

    assert waiting.wait(5)


def test_the_socket_of_the_dead_is_swept(ends, tmp_path):
    dead = ends()
    dead.wait(0)
    dead._ear.close()
    assert list((tmp_path / "run").iterdir())
    ends().notify([JobKind.RELAY])

    assert not list((tmp_path / "run").iterdir())


def test_closing_leaves_nothing(tmp_path):
    end = Wake(tmp_path / "run")
    end.wait(0)
    end.close()

    assert not list((tmp_path / "run").iterdir())
    end.notify([JobKind.RELAY])


def test_the_folder_may_be_deep(tmp_path):
    deep = tmp_path
    for _ in range(12):
        deep /= "a folder with a long name"
    deep.mkdir(parents=True)
    end = Wake(deep / "run")
    end.wait(0)
    end.notify([JobKind.RELAY])

    assert end.wait(5)
    end.close()


def test_a_folder_that_cannot_be_made(tmp_path):
    with pytest.raises(WorldError):
        Wake(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.receive([some.inbound("a")], now=NOON),
        lambda store: store.commit([Commit(jobs=(some.job("a", JobKind.SUBMISSION),))]),
    ],
    ids=["receive", "commit"],
)
def test_a_store_tells_that_it_has_jobs(ends, tmp_path: Path, act):
    waiting, other = ends(JobKind.SUBMISSION), ends(JobKind.RELAY)
    waiting.wait(0)
    other.wait(0)
    store = open_store(sqlite_url(tmp_path), tmp_path)
    act(store)
    store.close()

    assert waiting.wait(5)
    assert not other.wait(0)


def test_a_step_that_stored_nothing_wakes_nobody(ends, tmp_path):
    store = open_store(sqlite_url(tmp_path), tmp_path)
    commit = Commit(letters=(some.letter(),), jobs=(some.job("a"),))
    store.commit([commit])
    waiting = ends()
    waiting.wait(0)
    store.commit([commit])
    store.close()

    assert not waiting.wait(0)


@pytest.mark.parametrize(("wait", "woken"), [(0, True), (1, True), (43_200, False)])
def test_a_timer_wakes_nobody_when_it_is_set(ends, tmp_path, wait, woken):
    waiting = ends()
    waiting.wait(0)
    store = open_store(sqlite_url(tmp_path), tmp_path)
    timer = replace(some.job("a", JobKind.DEADLINE), due=NOON + timedelta(seconds=wait))
    store.commit([Commit(jobs=(timer,), instant=NOON)])
    store.close()

    assert waiting.wait(0) is woken
