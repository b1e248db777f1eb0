"""A month goes with a certificate, after everything in it was sealed, and what was cut off is done again."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.log import LogEvent
from ceralacca.core.retention import LegalHold, Month, SealedFile
from ceralacca.ports.log_search import LogQuery
from ceralacca.services.keep_log import LogKeeper, Obstacle
from ceralacca.testing import store_samples as some
from ceralacca.testing.memory_retention import MemoryRetention
from ceralacca.testing.memory_store import MemoryStore

pytestmark = pytest.mark.requirement("LO-5")
NOW = datetime(2026, 11, 28, 10, 0, 0, 250_000, tzinfo=UTC)
APRIL = Month(2024, 4)
FILE = SealedFile(name="PEC-n-2024-04-01.jsonl.p7m", digest="ab" * 32, stamped=APRIL.start + timedelta(days=1))


class Key:
    """Seals by writing down."""

    def seal(self, record, instant):
        return b"sealed " + record

    def frame(self, octets, digest, instant):
        raise NotImplementedError


class Provider:
    def __init__(self, *, key=Key()):  # noqa: B008 holds nothing
        months = [APRIL, APRIL.later(1), Month(2026, 11)]
        self.store = MemoryStore(log=[
            some.log_row(f"id-{month}-{number}")._replace(instant=month.start + timedelta(hours=number))
            for month in months
            for number in range(3)
        ])  # fmt: skip
        self.retention = MemoryRetention(store=self.store, files={FILE: range(1, 7)})
        self.published, self.told, self.fails = {}, [], []
        self.keeper = LogKeeper(
            node="n", retention=self.retention, key=key, publish=self.publish, tell=self.told.append
        )

    def publish(self, name, octets):
        if self.fails:
            raise self.fails.pop()
        self.published[name] = octets

    @property
    def left(self):
        return [entry.row.identifier for entry in self.store.stream_log(LogQuery(newest_first=False))]

    def hold(self, identifier):
        hold = LegalHold(number=0, identifier=identifier, reason="claim", set_at=NOW, set_by="lucia")
        return self.retention.set_hold(hold)


@pytest.fixture
def provider():
    return Provider()


def test_months_whose_term_has_ended_go_and_the_others_stay(provider):
    done = provider.keeper.do_what_is_due(NOW)

    assert [str(purge.month) for purge in done] == ["2024-04"]
    assert len(provider.left) == 7
    assert provider.keeper.do_what_is_due(NOW) == []
    later = provider.keeper.do_what_is_due(NOW + timedelta(days=5))
    assert [str(purge.month) for purge in later] == ["2024-05"]


def test_the_certificate_says_what_went_and_under_which_seals_it_stood(provider):
    held = provider.hold("id-2024-04-1")
    (purge,) = provider.keeper.do_what_is_due(NOW)
    record = json.loads(purge.record)

    assert record["month"] == "2024-04"
    assert (record["rows_deleted"], record["rows_held"], record["holds"]) == (2, 1, [held.number])
    assert (record["first_place"], record["last_place"]) == (1, 3)
    assert record["first_row_at"] == "2024-04-01T00:00:00.000000Z"
    assert record["files"] == [{"name": FILE.name, "sha256": FILE.digest, "stamped": "2024-04-02T00:00:00.000000Z"}]
    assert provider.published == {"PEC-n-purged-2024-04-20261128T100000Z.json.p7m": b"sealed " + purge.record}
    (said,) = provider.store.search_log(LogQuery(events=frozenset({LogEvent.PURGE})))
    assert "2024-04: 2 rows deleted, 1 held; certificate " in said.row.detail
    assert [one.month for one in provider.told] == [APRIL]


def test_what_is_held_goes_when_the_hold_is_lifted_by_a_certificate_of_its_own(provider):
    held = provider.hold("id-2024-04-1")
    provider.keeper.do_what_is_due(NOW)
    assert "id-2024-04-1" in provider.left
    assert [due.obstacle for due in provider.keeper.due(NOW)] == [Obstacle.ALL_HELD]
    assert provider.keeper.do_what_is_due(NOW) == []

    provider.retention.lift_hold(held.number, now=NOW, by="lucia", reason="settled")
    (purge,) = provider.keeper.do_what_is_due(NOW + timedelta(hours=1))
    assert (purge.rows, purge.held) == (1, 0)
    assert "id-2024-04-1" not in provider.left
    assert len(provider.published) == 2


def test_nothing_goes_that_was_never_sealed(provider):
    provider.retention.files = {FILE: range(1, 3)}
    assert [due.obstacle for due in provider.keeper.due(NOW)] == [Obstacle.UNSEALED]
    assert provider.keeper.do_what_is_due(NOW) == []
    assert len(provider.left) == 9


def test_nothing_goes_without_a_key_to_certify_it():
    provider = Provider(key=None)
    assert [due.obstacle for due in provider.keeper.due(NOW)] == [Obstacle.NO_KEY]
    assert provider.keeper.do_what_is_due(NOW) == []


def test_a_purge_that_was_cut_off_is_finished_under_its_certificate(provider):
    provider.fails = [WorldError("the disk is full")]
    with pytest.raises(WorldError):
        provider.keeper.do_what_is_due(NOW)
    assert len(provider.left) == 10  # the row that tells of it is there, nothing has gone
    provider.hold("id-2024-04-0")

    (purge,) = provider.keeper.do_what_is_due(NOW + timedelta(days=1))
    assert purge.at == NOW.replace(microsecond=0)
    assert "id-2024-04-0" in provider.left  # a hold that came between keeps, whatever was certified
    assert len(provider.retention.purges()) == 1
    assert all(one.done for one in provider.retention.purges())
