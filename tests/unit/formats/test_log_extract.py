"""The extract as JSON and as PDF: as the schema says, and read back by another program; both languages."""

import json
import subprocess
from datetime import timedelta

import jsonschema
import pytest

from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.core.log_extract import KeptAs, KeptReceipt, Selection, seen_by, with_receipts
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import NotificationKind, RecipientKind
from ceralacca.core.story import RecipientOutcome
from ceralacca.formats.log_extract_json import schema, write_extract
from ceralacca.formats.log_extract_pdf import LANGUAGES, draw_extract, sentences
from ceralacca.testing.logs import busy_day, drawn
from ceralacca.testing.paper_cast import ANNA, BRUNO, CARLA, MARIO, NOBODY
from ceralacca.testing.scenario import INSTANT

HASH = "5e" * 32


@pytest.fixture(scope="module")
def marios():
    found = drawn(busy_day().alfa, Selection(mailbox=MARIO, since=INSTANT, until=INSTANT + timedelta(days=2)))
    first = found.transactions[0]
    named = [row.message_id for _, row in first.events if row.message_id and row.event is not LogEvent.SUBMISSION]
    kept = {
        named[0]: KeptReceipt(message_id=named[0], kept=KeptAs.BYTES, sha256=HASH, size=4711),
        named[-1]: KeptReceipt(message_id=named[-1], kept=KeptAs.HASH, sha256=HASH, size=12),
    }
    return with_receipts(found, {first.identifier: kept})


def text_of(octets: bytes, path) -> str:
    (path / "e.pdf").write_bytes(octets)
    told = subprocess.run(["pdftotext", path / "e.pdf", "-"], capture_output=True, text=True, check=True).stdout
    return " ".join(told.split())


@pytest.mark.requirement("LO-8")
@pytest.mark.parametrize("mailbox", [MARIO, CARLA, ANNA, BRUNO, NOBODY])
def test_the_json_is_as_its_schema_says(mailbox, marios):
    checker = jsonschema.Draft202012Validator(json.loads(schema()))
    for provider in busy_day().providers:
        checker.validate(json.loads(write_extract(drawn(provider, Selection(mailbox=mailbox)))))
    checker.validate(json.loads(write_extract(marios)))


def test_the_schema_names_every_code():
    definitions = json.loads(schema())["$defs"]
    assert definitions["recipient"]["properties"]["outcome"]["enum"] == [one.value for one in RecipientOutcome]
    assert definitions["receipt"]["properties"]["kept"]["enum"] == [one.value for one in KeptAs]
    seen = {
        row.event.value
        for provider in busy_day().providers
        for mailbox in (MARIO, ANNA, CARLA, BRUNO)
        for row in provider.store.log
        if seen_by(mailbox, row)
    }
    assert seen <= set(definitions["event"]["properties"]["event"]["enum"])


@pytest.mark.requirement("LO-8", "TI-3")
def test_the_json_has_both_clocks_and_is_the_same_each_time(marios):
    assert write_extract(marios) == write_extract(marios)
    first = json.loads(write_extract(marios))["transactions"][0]["events"][0]
    assert first["instant"] == {"utc": "2026-11-05T09:15:02Z", "legal": "05/11/2026 10:15:02 (+0100)"}


@pytest.mark.requirement("LO-8", "TI-4")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("it", ["d.P.R. 11 febbraio 2005, n. 68, art. 11", "consegnato", "non consegnato", "Pagina 1 di", "(escluso)"]),
        ("en", ["art. 11", "delivered", "not delivered", "Page 1 of", "can be held against third parties"]),
    ],
)
def test_the_pages_tell_what_happened_to_whom_and_when(marios, language, words, tmp_path):
    octets = draw_extract(marios, language=language, fonts=find_fonts())
    assert octets == draw_extract(marios, language=language, fonts=find_fonts())
    told = text_of(octets, tmp_path)
    first = marios.transactions[0]
    for one in (*words, "Perizia sulla città", "05/11/2026 10:15:02 (+0100)", "07/11/2026 10:15:02 (+0100)"):
        assert one in told
    for address in (one.address.text for one in first.recipients):
        assert address in told
    solid = told.replace(" ", "")
    assert first.identifier in solid
    assert HASH in solid
    assert sentences(language)["kept"]["log"] in told


@pytest.mark.requirement("LO-8")
def test_the_pages_of_a_recipient_name_no_other_recipient(tmp_path):
    told = text_of(
        draw_extract(drawn(busy_day().beta, Selection(mailbox=BRUNO)), language="it", fonts=find_fonts()), tmp_path
    ).replace(" ", "")
    assert MARIO.text in told
    assert ANNA.text not in told
    assert CARLA.text not in told


def test_nothing_found_is_said(tmp_path):
    nothing = drawn(busy_day().alfa, Selection(mailbox=NOBODY))
    told = text_of(draw_extract(nothing, language="en", fonts=find_fonts()), tmp_path)
    assert sentences("en")["page"]["none"] in told


def test_both_languages_have_every_code_and_the_same_sentences():
    italian, english = map(sentences, LANGUAGES)
    assert {(section, key) for section in italian for key in italian[section]} == {
        (section, key) for section in english for key in english[section]
    }
    events = json.loads(schema())["$defs"]["event"]["properties"]["event"]["enum"]
    for section, codes in {
        "outcome": RecipientOutcome,
        "kept": KeptAs,
        "kind": RecipientKind,
        "tipo": NotificationKind,
        "event": events,
    }.items():
        assert set(italian[section]) == {str(code) for code in codes}, section
