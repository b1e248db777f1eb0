from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain, count

import pytest

from ceralacca.ports.store import Commit, JobKind, Postponed, QueueFigures, Store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON

RELAY, DELIVERY, DEADLINE = JobKind.RELAY, JobKind.DELIVERY, JobKind.DEADLINE


def after(minutes):
    return NOON + timedelta(minutes=minutes)


def put(store, *jobs):
    store.commit([Commit(jobs=jobs, instant=NOON)])


def claim(store, *kinds, now=NOON, limit=100):
    return [job.key for job in store.claim(kinds or JobKind, now=now, limit=limit, lease=some.LEASE)]


def test_what_is_due_is_claimed_oldest_first_among_all_kinds(store: Store):
    put(store, some.job("c", due=after(3)), some.job("a", DELIVERY, due=after(1)), some.job("b", due=after(2)))

    assert claim(store, RELAY, DELIVERY, now=after(10)) == ["a", "b", "c"]


def test_what_is_due_together_is_claimed_in_the_order_of_making(store: Store):
    put(store, *(some.job(key, kind) for key, kind in (("d", RELAY), ("b", DELIVERY), ("c", RELAY), ("a", DELIVERY))))

    assert claim(store, RELAY, DELIVERY, limit=3) == ["d", "b", "c"]
    assert claim(store, RELAY, DELIVERY, limit=3) == ["a"]


def test_only_kinds_asked_for_and_only_what_is_due_is_claimed(store: Store):
    put(store, some.job("now"), some.job("later", due=after(1)), some.job("other", DEADLINE))

    assert claim(store, RELAY) == ["now"]
    assert claim(store, RELAY) == []
    assert claim(store, RELAY, now=after(1)) == ["later"]


def test_of_what_is_not_enough_for_all_each_takes_a_share(store: Store):
    put(store, *(some.job(f"{number:02}", (RELAY, DELIVERY)[number % 2]) for number in range(40)))

    taken = []
    while jobs := store.claim((RELAY, DELIVERY), now=NOON, limit=16, lease=some.LEASE, sharing=2):
        taken.append([int(job.key) for job in jobs])
    assert list(map(len, taken)) == [16, 12, 8, 4]
    assert [*chain.from_iterable(taken)] == [*range(40)], "the oldest go first all the same"


@pytest.mark.parametrize(("kinds", "limit"), [((), 10), ((RELAY,), 0)])
def test_asking_for_nothing_gets_nothing(store: Store, kinds, limit):
    put(store, some.job("a"))

    assert store.claim(kinds, now=NOON, limit=limit, lease=some.LEASE) == []


def test_a_claimed_job_says_what_there_is_to_do(store: Store):
    put(store, some.job("a", due=after(-1)))
    (job,) = store.claim([RELAY, RELAY], now=NOON, limit=9, lease=some.LEASE)

    assert (job.key, job.kind, job.due, job.attempts, job.created) == ("a", RELAY, after(-1), 1, NOON)
    assert dict(job.payload) == {"letter": "a", "attempt": 3, "note": None}
    assert job.leased_until == NOON + some.LEASE
    assert store.job(job.id) == job


def test_a_job_whose_holder_died_comes_up_again(store: Store):
    put(store, some.job("a"), some.job("b", due=after(1)))
    assert claim(store, RELAY) == ["a"]

    assert claim(store, RELAY, now=after(4), limit=1) == ["b"]
    (again,) = store.claim([RELAY], now=after(5), limit=1, lease=some.LEASE)
    assert (again.key, again.attempts, again.due) == ("a", 2, NOON)


def test_a_job_that_kills_its_worker_is_still_given_out(store: Store):
    put(store, some.job("a"))
    attempts = [store.claim([RELAY], now=after(5 * n), limit=1, lease=some.LEASE)[0].attempts for n in range(20)]

    assert attempts == list(range(1, 21))


def test_the_next_turn_is_known(store: Store):
    assert store.next_due(JobKind) is None
    assert store.next_due([]) is None
    put(store, some.job("a", due=after(9)), some.job("b", DELIVERY, due=after(7)))

    assert store.next_due([RELAY]) == after(9)
    assert store.next_due([RELAY, DELIVERY]) == after(7)
    assert store.next_due([DEADLINE]) is None
    claim(store, now=after(7))
    assert store.next_due([DELIVERY]) == after(7) + some.LEASE


def test_an_operator_sees_what_waits(store: Store):
    put(store, *(some.job(f"r{n}", due=after(n)) for n in range(4)), some.job("d", DELIVERY))
    claim(store, RELAY, limit=1)
    held = next(job for job in store.jobs() if job.key == "r1")
    store.hold(held.id)

    figures = store.queue()
    assert set(figures) == set(JobKind)
    assert figures[RELAY] == QueueFigures(waiting=2, leased=1, oldest_due=after(2), held=1)
    assert figures[DELIVERY] == QueueFigures(waiting=1, leased=0, oldest_due=NOON)
    assert figures[DEADLINE] == QueueFigures(waiting=0, leased=0, oldest_due=None)
    assert [job.key for job in store.jobs(kind=RELAY)] == ["r1", "r2", "r3", "r0"]
    assert [job.key for job in store.jobs(limit=2)] == ["d", "r1"]


def test_a_held_job_is_not_claimed_until_released(store: Store):
    put(store, some.job("a"), some.job("b"))
    job = store.jobs()[0]

    assert store.hold(job.id)
    assert store.jobs()[0].held
    assert claim(store) == ["b"]
    assert store.release(job.id, now=after(1))
    assert claim(store, now=after(1)) == ["a"]


def test_a_held_job_is_nobodys_next(store: Store):
    put(store, some.job("a"))
    store.hold(store.jobs()[0].id)

    assert store.next_due(JobKind) is None


def test_a_waiting_job_can_be_brought_forward(store: Store):
    put(store, some.job("a", due=after(60)))
    (job,) = store.jobs()

    assert store.release(job.id, now=after(1))
    (brought,) = store.jobs()
    assert brought.due == after(1)
    assert claim(store, now=after(1)) == ["a"]


def test_a_job_that_somebody_is_at_is_not_taken_away(store: Store):
    put(store, some.job("a"))
    (job,) = store.claim([RELAY], now=NOON, limit=1, lease=some.LEASE)

    assert not store.release(job.id, now=after(1))
    assert store.release(job.id, now=after(5))


def test_a_job_held_while_somebody_is_at_it_stays_held_when_put_off(store: Store):
    put(store, some.job("a"))
    (job,) = store.claim([RELAY], now=NOON, limit=1, lease=some.LEASE)
    assert store.hold(job.id)
    store.commit([], [Postponed(job=job.id, due=NOON, note="later")])

    assert store.jobs()[0].held
    assert claim(store) == []


def test_no_such_job(store: Store):
    assert not store.hold(77)
    assert not store.release(77, now=NOON)


def test_many_workers_never_get_the_same_job(store: Store):
    put(store, *(some.job(f"r{n}", RELAY if n % 2 else DELIVERY) for n in range(60)))

    def work():
        mine = []
        while jobs := store.claim([RELAY, DELIVERY], now=NOON, limit=5, lease=some.LEASE):
            mine += [job.key for job in jobs]
            store.commit([Commit(done=job.id) for job in jobs])
        return mine

    with ThreadPoolExecutor(4) as pool:
        done = [key for worker in [pool.submit(work) for _ in range(4)] for key in worker.result()]
    assert sorted(done) == sorted(f"r{n}" for n in range(60))
    assert store.jobs() == []


def test_workers_that_do_the_same_step_at_once_do_it_once(store: Store):
    """Two arrivals of one envelope, four workers: one taking in charge, one log row (IP-21)."""
    numbers = count()

    def work():
        outcomes = []
        for n in range(8):
            octets = f"taking {n} as signed by {next(numbers)}".encode()
            commit = Commit(letters=(some.letter(f"id-{n}/-/taking", octets=octets),), log=(some.log_row(f"id-{n}"),))
            outcomes += store.commit([commit])
        return outcomes

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for worker in [pool.submit(work) for _ in range(4)] for outcome in worker.result()]
    assert outcomes.count("done") == 8
    assert outcomes.count("repeated") == 24
    assert [len(store.log_of(f"id-{n}")) for n in range(8)] == [1] * 8
