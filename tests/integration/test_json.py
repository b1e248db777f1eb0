"""The JSON answer obeys its schema whatever the message, and the schema lists every code that there is."""

import json

import jsonschema
import pytest

from ceralacca.apps.cli import json_report
from ceralacca.core.model.notification import ErrorKind, MessageRow, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.core.model.outcome import Mark, SealStep, SealVerdict
from ceralacca.core.model.reason import Reason
from ceralacca.core.story import RecipientOutcome
from ceralacca.formats.part_hash import HashForm
from ceralacca.lint.contradictions import Subject
from ceralacca.lint.form import FormStep
from ceralacca.lint.reason import FormReason
from ceralacca.services.verify_message import Nature
from ceralacca.testing.scenario import BOUNCE, ORDINARY, SUBMITTED

SCHEMA = json.loads(json_report.schema_text())
DEFS = SCHEMA["$defs"]
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
NULL, NONE = [None], [""]

CODES = {
    ("message", "nature"): list(Nature),
    ("message", "kind"): [row.name.lower() for row in MessageRow] + NULL,
    ("message", "issued_receipt"): [*ReceiptKind, *NULL],
    ("seal", "verdict"): list(SealVerdict),
    ("seal", "reason"): NONE + list(Reason),
    ("seal_step", "step"): list(SealStep),
    ("seal_step", "mark"): list(Mark),
    ("seal_step", "reason"): NONE + list(Reason),
    ("form_step", "step"): list(FormStep),
    ("form_step", "mark"): list(Mark),
    ("form_step", "reason"): NONE + list(FormReason),
    ("certification", "kind"): list(NotificationKind),
    ("certification", "error"): list(ErrorKind),
    ("certification", "requested_receipt"): [*ReceiptKind, *NULL],
    ("recipient", "kind"): list(RecipientKind),
}


def objects(schema):
    """Every part of the schema that describes an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            yield schema
        for value in schema.values():
            yield from objects(value)
    if isinstance(schema, list):
        for value in schema:
            yield from objects(value)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_field_is_described_required_and_no_other_is_allowed():
    for one in objects(SCHEMA):
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
        assert [
            name for name, field in one["properties"].items() if not field.get("description") and "const" not in field
        ] == []


@pytest.mark.parametrize(("thing", "field"), CODES)
def test_every_code_is_listed(thing, field):
    assert DEFS[thing]["properties"][field]["enum"] == CODES[thing, field]


def test_the_codes_deeper_down_are_listed_too():
    contradiction = DEFS["message"]["properties"]["contradictions"]["items"]["properties"]
    recipient = DEFS["transaction"]["properties"]["recipients"]["items"]["properties"]
    event = recipient["events"]["items"]["properties"]
    check = SCHEMA["properties"]["hashes"]["items"]["properties"]
    assert contradiction["subject"]["enum"] == list(Subject)
    assert recipient["outcome"]["enum"] == event["outcome"]["enum"] == list(RecipientOutcome)
    assert check["form"]["enum"] == [*HashForm, None]
    assert SCHEMA["properties"]["version"]["const"] == json_report.VERSION


def in_order(schema, value, root=SCHEMA):
    """Whether the fields of every object stand in the order of the schema."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return value is None or in_order(schema["anyOf"][0], value)
    if isinstance(value, list):
        return all(in_order(schema["items"], one) for one in value)
    if isinstance(value, dict) and "properties" in schema:
        return list(value) == list(schema["properties"]) and all(
            in_order(schema["properties"][name], one) for name, one in value.items()
        )
    return True


@pytest.fixture
def every_kind(sample, save, sealing):
    """Messages of every kind, good and bad, in one folder."""
    receipt = (sample / "03-accettazione-completa.eml").read_bytes()
    envelope = (sample / "04-busta-di-trasporto-completa.eml").read_bytes()
    made = {
        "ordinary": ORDINARY,
        "bounce": BOUNCE,
        "altered": receipt.replace(b"Il giorno", b"Il gIorno"),
        "irregular": receipt.replace(b"X-Ricevuta: accettazione", b"X-Ricevuta: avvenuta-consegna"),
        "cut": envelope[:-900],
        "damaged": envelope.replace(b"PD94", b"QUFB"),
        "unsealed": b"X-Ricevuta: accettazione\r\nSubject: ACCETTAZIONE: x\r\n\r\nx\r\n",
        "garbage": b"\x00\x01\xff" * 1000,
        "one-line": b"x",
        "lf": receipt.replace(b"\r\n", b"\n"),
    }
    return [save(octets, f"{name}.eml") for name, octets in made.items()] + sorted(sample.glob("*.eml"))


@pytest.mark.parametrize("judged", [True, False])
def test_every_answer_obeys_the_schema_in_its_order(pec, sample, every_kind, save, tmp_path, judged):
    more = ["--originals", sample / "originals", "--extract", tmp_path / "out", save(b"", "empty.eml")]
    answer = pec.judge(*every_kind, *more) if judged else pec("verify", "--json", *every_kind, *more)
    assert answer.status == 2  # the empty file
    VALIDATOR.validate(answer.json)
    assert in_order(SCHEMA, answer.json)
    natures = {one["nature"] for one in answer.messages}
    assert natures == set(Nature)


def test_the_answer_is_the_same_each_time(pec, sample):
    paths = sorted(sample.glob("*.eml"))
    assert pec.judge(*paths).out == pec.judge(*paths).out


def test_nested_messages_obey_the_schema(pec, save, sealing):
    end = SUBMITTED.index(b"--=_parti--")
    inner = sealing(SUBMITTED.replace(b"=_parti", b"=_dentro"))
    forwarded = (
        SUBMITTED[:end] + b"--=_parti\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n" + SUBMITTED[end:]
    )
    answer = pec.judge(save(sealing(forwarded)))
    assert answer.message["nested"]
    VALIDATOR.validate(answer.json)
    assert in_order(SCHEMA, answer.json)


def test_the_schema_is_printed_on_demand(pec):
    answer = pec("verify", "--json-schema")
    assert (answer.status, answer.json) == (0, SCHEMA)
