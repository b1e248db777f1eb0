"""What doctor, metrics and reports are told of the scanner, its signatures, and what it has missed."""

import json
import os
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.apps import virus_watch
from ceralacca.apps.metrics.parts import parts_of
from ceralacca.apps.settings.reading import read_settings
from ceralacca.core.model.log import LogEvent
from ceralacca.ports.store import Commit
from ceralacca.store.database import open_store
from ceralacca.testing import store_samples as some
from ceralacca.testing.clock import NOON
from ceralacca.testing.databases import sqlite_url
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import VIRUS_MARK, submission

DAY = timedelta(days=1)


@pytest.fixture
def settings(settings_file):
    plain = settings_file.read_text()

    def read(virus):
        settings_file.write_text(f"{plain}[virus]\n{virus}")
        return read_settings(settings_file)

    return read


# -- what ours missed ---------------------------------------------------------------------------------


@pytest.mark.requirement("MV-3")
def test_what_another_provider_finds_in_a_message_of_ours_is_told_once():
    live = LiveCircuit.at()
    live.alfa.scanner.blind = True
    live.submit(submission(body=f"\r\n{VIRUS_MARK.decode()}\r\n"))
    live.carry()
    found = list(virus_watch.missed(live.alfa.store, since=NOON - DAY, until=NOON + DAY))

    assert [(one.identifier, one.provider) for one in found] == [
        (live.sent().original.identifier, live.beta.office.provider.name)
    ]


@pytest.mark.requirement("MV-3")
def test_the_metrics_count_it_once_an_hour(settings, tmp_path):
    store = open_store(sqlite_url(tmp_path), tmp_path)
    part = parts_of(settings(""), store)["missed"]

    def told(now):
        return {sample.name: sample.value for metric in part(now) for sample in metric.samples}

    assert told(NOON) == {"pec_viruses_missed": 0}
    detected = some.log_row(event=LogEvent.VIRUS_DETECTION_RECEIVED)._replace(detail="", error_detail="Eicar")
    store.commit([Commit(log=(detected,))])
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert told(NOON + hour - minute) == {"pec_viruses_missed": 0}, "the log is not read at each scrape"
    assert told(NOON + hour) == {"pec_viruses_missed": 1}
    assert told(NOON + 31 * DAY) == {"pec_viruses_missed": 0}
    store.close()


@pytest.mark.requirement("MV-2", "MV-3")
def test_only_what_was_believed_counts_and_only_of_the_period(tmp_path):
    store = open_store(sqlite_url(tmp_path), tmp_path)
    detected = some.log_row(event=LogEvent.VIRUS_DETECTION_RECEIVED)._replace(detail="", error_detail="Eicar")
    rows = (
        detected,
        detected,  # of another recipient
        detected._replace(identifier="id-2", detail="late"),
        detected._replace(identifier="id-3", detail="not in charge"),
        detected._replace(identifier="id-4", instant=NOON - DAY),
        detected._replace(identifier="id-5", instant=NOON + DAY),
        detected._replace(identifier="id-6", event=LogEvent.VIRUS_FOUND),
    )
    store.commit([Commit(log=rows)])
    found = list(virus_watch.missed(store, since=NOON, until=NOON + DAY))
    store.close()

    assert [one.identifier for one in found] == ["id-1", "id-2"]
    assert found[0].virus == "Eicar"


# -- updates ------------------------------------------------------------------------------------------


@pytest.mark.requirement("VI-3")
def test_updates_of_ours_are_told_as_freshclam_ended(settings):
    chosen = settings('updates = "managed"\n')
    assert virus_watch.updates(chosen).late(NOON)
    clamd = chosen.data.folder / "clamd"
    clamd.mkdir(parents=True)
    told = {"attempted": NOON.isoformat(), "succeeded": NOON.isoformat(), "changed": None, "said": ""}
    (clamd / "update.json").write_text(json.dumps(told))
    state = virus_watch.updates(chosen)

    assert (state.managed, state.succeeded, state.said) == (True, NOON, "")
    assert [state.late(NOON + timedelta(hours=hours)) for hours in (1, 25, 26)] == [False, False, True]


@pytest.mark.requirement("VI-3")
def test_updates_of_the_system_are_told_by_the_newest_file(settings, tmp_path):
    folder = tmp_path / "signatures"
    folder.mkdir()
    chosen = settings(f'database = "{folder}"\n')
    assert virus_watch.updates(chosen).succeeded is None
    for name, hours in (("main.cvd", 0), ("daily.cld", 5)):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (0, (NOON + timedelta(hours=hours)).timestamp()))
    state = virus_watch.updates(chosen)

    assert not state.managed
    assert state.succeeded == datetime.fromtimestamp((NOON + timedelta(hours=5)).timestamp(), UTC)


# -- the engine ---------------------------------------------------------------------------------------


@pytest.mark.requirement("VI-3", "AP-18")
def test_an_engine_that_is_away_has_no_version_and_no_age(settings):
    engine = virus_watch.engine(settings(""))

    assert (engine.version, engine.signed, engine.age(NOON)) == ("", None, None)


@pytest.mark.requirement("VI-3")
def test_the_age_of_signatures_is_never_negative():
    engine = virus_watch.Engine(version="ClamAV 1.4.6", edition="27000", signed=NOON)

    assert [engine.age(NOON + DAY), engine.age(NOON - DAY)] == [DAY, timedelta(0)]


@pytest.mark.system
@pytest.mark.requirement("VI-3")
def test_the_doctor_tells_a_failed_update_and_a_missed_virus(settings):
    from ceralacca.apps.doctor import Level, examine
    from ceralacca.apps.wiring import provider_store

    chosen = settings('updates = "managed"\n')
    clamd = chosen.data.folder / "clamd"
    clamd.mkdir(mode=0o700, parents=True)
    told = {"attempted": NOON.isoformat(), "succeeded": None, "changed": None, "said": "ERROR: Update failed."}
    (clamd / "update.json").write_text(json.dumps(told))
    store = provider_store(chosen)
    row = some.log_row(event=LogEvent.VIRUS_DETECTION_RECEIVED)._replace(detail="", provider="Beta Prova")
    store.commit([Commit(log=(row,))])
    store.close()
    findings = {one.code: one for one in examine(chosen, NOON + timedelta(hours=1))}

    assert findings["signatures-failed"].level is Level.FAILED
    assert findings["virus-missed"].level is Level.WARNING
    assert findings["virus-missed"].facts["count"] == 1
