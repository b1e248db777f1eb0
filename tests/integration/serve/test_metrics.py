"""The metrics of a provider that runs: every name is there, the figures are those of what was done, nobody is named."""

import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ceralacca.apps.metrics.names import NAMES
from ceralacca.core.availability import Function, Loop, Tried
from ceralacca.store.probe_evidence import EvidenceWriter

pytestmark = pytest.mark.system

ANNA, BRUNO = "anna@alfa.example", "bruno@comune.example"


@pytest.fixture(scope="module")
def watched(provider):
    """The provider at work, with metrics and the evidence of a probe."""
    with provider.config.open("a") as config:
        config.write('[metrics]\nport = 0\nevidence = ["evidence"]\n')
    now = datetime.now(UTC)
    writer = EvidenceWriter(provider.folder / "evidence", "roma")
    for minutes, ok in ((20, False), (19, False), (18, True)):
        tried = {Function.IMAP: Tried(ok=ok, seconds=0.5)}
        writer.add(Loop(probe="roma", at=now - timedelta(minutes=minutes), tried=tried), now=now)
    provider.start()
    yield provider
    assert provider.stop() == 0


def scrape(provider):
    port = provider.status().roles["metrics"].facts["port"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        return answer.read().decode()


def samples(text):
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            found[one.name, *sorted(one.labels.values())] = one.value
    return found


def clean_scans(found):
    """Return the scans that found nothing, of whichever process made them: any worker takes any message."""
    return sum(value for (name, *labels), value in found.items() if name == "pec_scans_total" and "clean" in labels)


def test_a_message_shows_in_the_figures(watched, serve):
    before = samples(scrape(watched))
    assert before["pec_acceptance_seconds_count",] == 0
    with watched.submission() as smtp:
        smtp.sendmail(ANNA, [BRUNO], serve.message(message_id="<figura@client.example>"))
    found = serve.until(
        lambda: (now := samples(scrape(watched)))["pec_delivery_seconds_count",] == 1 and now, "a delivery"
    )
    serve.until(lambda: samples(scrape(watched))["pec_acceptance_seconds_count",] == 1, "an acceptance")
    assert 0 <= found["pec_delivery_seconds_sum",] < 60
    assert found["pec_log_rows_total", "acceptance"] == 1
    assert found["pec_tls_total", "TLSv1.3", "submission"] == 1
    assert found["pec_timers", "due"] == 0
    serve.until(lambda: clean_scans(samples(scrape(watched))) >= 1, "a scan")


@pytest.mark.requirement("SL-2", "SL-3")
def test_every_name_is_there_and_every_part_can_be_read(watched, serve):
    def whole():
        text = scrape(watched)
        failed = [key for key, value in samples(text).items() if key[0] == "pec_part_failed" and value]
        return text if not failed else None

    text = serve.until(whole, "every part to be read")
    families = {one.name for one in text_string_to_metric_families(text)}
    missing = {name for name in set(NAMES) - families if not name.startswith("pec_site_")}  # there is one site
    assert missing <= {
        "pec_log_unsealed_rows",
        "pec_log_oldest_unsealed_seconds",
        "pec_log_sealed_timestamp_seconds",
        "pec_log_unstamped_files",
        "pec_log_oldest_unstamped_seconds",
        "pec_log_altered_files",
        "pec_log_checked_timestamp_seconds",
        "pec_scanner_signatures_timestamp_seconds",
        "pec_scanner_updated_timestamp_seconds",
    }  # fmt: skip - no log key here, and demonstration signatures
    found = samples(text)
    assert found["pec_availability_down_minutes",] == 2
    assert found["pec_probe_ok", "imap", "roma"] == 1
    assert found["pec_role_ready", "worker-1"] == 1


def test_nobody_is_named(watched):
    text = scrape(watched)
    for word in (ANNA, BRUNO, "figura@client.example", "comune.example", "Prova"):
        assert word not in text
