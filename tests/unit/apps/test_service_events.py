import json
from contextlib import closing
from datetime import timedelta

import pytest

from ceralacca.apps.service_events import record_start, record_stop
from ceralacca.apps.settings.reading import read_settings
from ceralacca.apps.wiring import provider_store
from ceralacca.core.model.audit import AuditAct
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.clock import NOON
from ceralacca.trust.counted_key import key_name

pytestmark = pytest.mark.requirement("LO-2")


@pytest.fixture
def settings(settings_file):
    plain = settings_file.read_text()

    def read(more=""):
        settings_file.write_text(plain + more)
        return read_settings(settings_file)

    return read


@pytest.fixture
def store(settings):
    (settings().data.folder).mkdir(mode=0o700)
    with closing(provider_store(settings())) as store:
        yield store


def trail(store):
    return [entry.event for entry in store.audit.after(0)]


def logged(store):
    from sqlalchemy import text

    with store._database.reading() as connection:
        rows = connection.execute(text("SELECT event, detail FROM log_row ORDER BY seq")).all()
    return [(row.event, row.detail) for row in rows]


def test_the_first_start_says_what_it_runs_with(settings, store):
    record_start(settings(), store, NOON)
    started, read = trail(store)

    assert (started.act, read.act) == (AuditAct.SERVICE_STARTED, AuditAct.CONFIGURATION_READ)
    assert logged(store) == [
        ("service", f"provider started, version {started.detail['version']}"),
        ("configuration", f"read; sha256 {read.detail['sha256']}"),
    ]


def test_a_change_is_told_by_the_names_of_its_keys_never_by_values(settings, store):
    record_start(settings(), store, NOON)
    record_start(settings("[access]\nport = 4650\n[virus]\nmost_octets = 999999999\n"), store, NOON)
    changed = trail(store)[-1]

    assert changed.act is AuditAct.CONFIGURATION_CHANGED
    assert changed.detail["keys"] == "access.port virus.most_octets"
    assert changed.detail["before"] == trail(store)[1].detail["sha256"] != changed.detail["sha256"]
    assert logged(store)[-1][1].startswith("changed: access.port, virus.most_octets; sha256 ")
    assert "4650" not in repr(trail(store)) + repr(logged(store))


def test_the_same_settings_again_are_no_change(settings, store):
    for _ in range(2):
        record_start(settings(), store, NOON)

    assert [event.act for event in trail(store)].count(AuditAct.CONFIGURATION_READ) == 2


def test_another_certificate_is_another_key(settings, store):
    record_start(settings(), store, NOON)
    old, new = Authority.create().anchors()[0], Authority.create(name="altra").anchors()[0]
    for certificate in (old, old, new):
        settings().keys.certificate.write_bytes(pem(certificate))
        record_start(settings(), store, NOON)
    changed = [event for event in trail(store) if event.act is AuditAct.KEY_CHANGED]

    assert [(event.detail["before"], event.about) for event in changed] == [(key_name(old), key_name(new))]
    assert ("key", f"sealing: certificate sha256 {key_name(new)} in the place of {key_name(old)}") in logged(store)


def test_a_stop_is_recorded_once_and_only_after_a_start(settings, store):
    record_stop(settings())
    assert trail(store) == []
    record_start(settings(), store, NOON)
    record_stop(settings())
    record_stop(settings())

    assert [event.act for event in trail(store)].count(AuditAct.SERVICE_STOPPED) == 1
    assert logged(store)[-1] == ("service", "provider stopped")


def test_a_start_after_a_start_says_that_there_was_no_stop(settings, store):
    record_start(settings(), store, NOON)
    record_start(settings(), store, NOON + timedelta(hours=1))

    assert [event.detail.get("before") for event in trail(store) if event.act is AuditAct.SERVICE_STARTED] == [
        None, "ended without a stop",
    ]  # fmt: skip
    assert logged(store)[2][1].endswith("; the one before ended without a stop")


def test_a_role_alone_has_starts_and_stops_of_its_own(settings, store):
    record_start(settings(), store, NOON)
    record_start(settings(), store, NOON, role="relay")
    record_stop(settings(), role="relay")

    assert [event.actor.name for event in trail(store) if event.act is AuditAct.SERVICE_STOPPED] == ["relay"]


def test_what_is_kept_has_no_secret_and_may_be_spoilt(settings, store):
    record_start(settings(), store, NOON)
    kept = settings().data.folder / "settings-in-effect.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text())["values"]["access.recipients"] == "50"
    kept.write_text("{")
    record_start(settings(), store, NOON)

    assert trail(store)[-1].act is AuditAct.CONFIGURATION_READ
