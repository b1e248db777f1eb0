"""Commits of a site wait for the other one's PostgreSQL, whatever they are; a wait that is cut answers nobody."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.ports.store import JobKind
from ceralacca.store.database import StoreSettings, open_store
from ceralacca.store.engine import Database
from ceralacca.store.site import acts
from ceralacca.store.site.database import is_waited_for, keep_row
from ceralacca.store.site.state import Fenced, Site, SiteDuty
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import PostgresCluster, postgresql_programs, private_postgresql

pytestmark = [pytest.mark.system, pytest.mark.requirement("SL-6", "AP-25")]

LEASE = timedelta(minutes=10)
WITHIN = 60.0
_PAUSE = threading.Event()


@contextmanager
def opened(url):
    with closing(Database(url, connections=1)) as database:
        yield database


def until(condition):
    for _ in range(int(WITHIN / 0.02)):
        if condition():
            return
        _PAUSE.wait(0.02)
    pytest.fail("it never came to it")


@pytest.fixture
def clusters():
    if postgresql_programs() is None:
        pytest.skip("the Debian package postgresql is missing")
    with private_postgresql() as primary:
        primary.wait_for_standby()
        with PostgresCluster(primary.programs, follows=primary) as standby:
            yield primary, standby


@pytest.fixture
def paired(clusters, tmp_path):
    """A site and its database, paired."""
    site = Site(tmp_path / "here", tmp_path / "there")
    for folder in (site.folder, site.mirror):
        folder.mkdir()
    url = clusters[0].new_database()
    with opened(url) as database:
        until(lambda: is_waited_for(database))
        acts.pair(site, database, name="roma", now=NOON, entropy=system_entropy)
    return site, url


@pytest.fixture
def store(paired):
    site, url = paired
    with closing(open_store(url, site.folder, StoreSettings(site=site))) as store:
        yield store


def waiting(url):
    """Return the server processes that wait for the standby."""
    with psycopg.connect(url, autocommit=True) as server:
        return [row[0] for row in server.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")]


def test_even_a_claim_waits_for_the_other_site(store, paired, clusters):
    store.receive([some.inbound()], now=NOON)
    clusters[1].kill()
    with ThreadPoolExecutor(1) as thread:
        claim = thread.submit(store.claim, [JobKind.SUBMISSION], now=NOON, limit=1, lease=LEASE)
        until(lambda: waiting(paired[1]))
        assert not claim.done()
        clusters[1].start()
        assert len(claim.result(WITHIN)) == 1


def test_a_wait_that_is_cancelled_answers_nobody(store, paired, clusters):
    store.domains()
    clusters[1].kill()
    with ThreadPoolExecutor(1) as thread:
        received = thread.submit(store.receive, [some.inbound()], now=NOON)
        until(lambda: waiting(paired[1]))
        with psycopg.connect(paired[1], autocommit=True) as server:
            for pid in waiting(paired[1]):
                server.execute("SELECT pg_cancel_backend(%s)", [pid])
        with pytest.raises(WorldError):
            received.result(WITHIN)
        clusters[1].start()


def test_a_site_alone_waits_for_nobody(store, paired, clusters):
    clusters[1].kill()
    with opened(paired[1]) as database:
        acts.go_alone(paired[0], database, reason="the other site burns", now=NOON)
        store.receive([some.inbound()], now=NOON)
        with pytest.raises(UserError):
            acts.bring_together(paired[0], database, now=NOON)
        clusters[1].start()
        until(lambda: is_waited_for(database))
        acts.bring_together(paired[0], database, now=NOON)
    assert paired[0].other().behind == ""
    assert paired[0].state().alone == ""


def test_what_was_accepted_alone_is_not_lost_unseen(paired, clusters):
    site, url = paired
    with opened(url) as database:
        acts.go_alone(site, database, reason="a test", now=NOON)
    clusters[0].kill()
    other = Site(site.mirror, site.folder)
    with opened(clusters[1].url_here(url)) as database:
        until(lambda: _is_there(database))
        for loss in (False, True):

            def promote(loss=loss):
                return acts.promote(other, database, name="milano", reason="test", now=NOON, accept_loss=loss)

            if loss:
                until(lambda: _done(promote))
            else:
                with pytest.raises(UserError, match=r"alone|hears"):
                    promote()
    assert (other.state().epoch, other.state().duty) == (2, SiteDuty.PRIMARY)


def _is_there(database):
    with suppress(WorldError), database.reading():  # the standby has received it, and replays it in a moment
        return True
    return False


def _done(act):
    with suppress(UserError):  # it still hears the one that was killed
        act()
        return True
    return False


def test_a_database_of_a_later_epoch_is_not_ours(store, paired):
    site, url = paired
    with opened(url) as database:
        keep_row(database, replace(site.state(), epoch=2), NOON)
    fresh = Database(url, connections=1, site=site)
    with closing(fresh), pytest.raises(Fenced), fresh.reading():
        pytest.fail("it may not connect")
