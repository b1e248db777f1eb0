"""The queue before a database file: one at a time, between threads and between processes, whatever ends them."""

import subprocess
import sys
import threading

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.store.turn import Turn

HOLDER = """
import sys
from ceralacca.store.turn import Turn
with Turn(sys.argv[1]).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_threads_have_it_one_by_one(tmp_path):
    turn, inside, most = Turn(str(tmp_path / "store.db")), [], []

    def act():
        for _ in range(50):
            with turn.held():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 200
    turn.close()


def test_a_process_that_is_killed_lets_go(tmp_path):
    database, turn = str(tmp_path / "store.db"), Turn(str(tmp_path / "store.db"))
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        had = threading.Event()

        def act():
            with turn.held():
                had.set()

        waiting = threading.Thread(target=act)
        waiting.start()
        assert not had.is_set()
        holder.kill()
        waiting.join()
    assert had.is_set()
    turn.close()


@pytest.mark.parametrize("database", [None, "", ":memory:"])
def test_a_database_without_a_file_has_one_process(database):
    with Turn(database).held():
        pass


def test_a_queue_that_cannot_be_had_is_trouble_of_the_world(tmp_path):
    with pytest.raises(WorldError, match="queue of the database"), Turn(str(tmp_path / "away" / "store.db")).held():
        pass
