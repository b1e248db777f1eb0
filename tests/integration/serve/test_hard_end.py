"""A supervisor that is killed leaves nobody behind, and what starts next finds everything; on PostgreSQL as well."""

import os
import signal
from contextlib import suppress

import pytest

from ceralacca.testing.databases import postgresql_programs, private_postgresql
from ceralacca.testing.processes import alive, family

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(scope="module")
def database():
    if postgresql_programs() is None:
        pytest.skip("the Debian package postgresql is missing")
    with private_postgresql() as cluster:
        yield cluster.new_database()


def test_nobody_is_left_and_nothing_is_lost(provider, serve, database):
    provider.start()
    with provider.submission() as smtp:
        smtp.sendmail(serve.ANNA, [serve.BRUNO], serve.message())
    whole = family(provider.process.pid)
    assert len(whole) > 12  # supervisor, seven roles, clamd, Dovecot and its own
    os.kill(provider.process.pid, signal.SIGKILL)
    provider.process.communicate()
    provider.process = None
    provider.start()  # at once: it waits until the last of the others is gone
    serve.until(lambda: not any(map(alive, whole)), "the end of every process")
    serve.until(lambda: len(provider.letters(serve.ANNA)) == 2, "both receipts")
    assert len(provider.letters(serve.BRUNO)) == 1
    assert provider.stop() == 0


def test_all_of_its_processes_killed_at_once(provider, serve, database):
    provider.start()
    with provider.submission() as smtp:
        smtp.sendmail(serve.ANNA, [serve.BRUNO], serve.message(message_id="<due@client.example>"))
    for pid in family(provider.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    provider.process.communicate()
    provider.process = None
    provider.start()
    serve.until(lambda: len(provider.letters(serve.ANNA)) == 4, "the receipts of both messages")
    assert len(provider.letters(serve.BRUNO)) == 2
    assert provider.stop() == 0
