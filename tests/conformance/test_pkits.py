"""NIST Public Key Interoperability Test Suite 1.0.1 through our verifier.

The suite signs one message with the end certificate of each path; its settings are the default ones (any policy
acceptable, none demanded). `pkits.csv` says for each message what the suite expects and, where it expects refusal, the
reason code that we give. The certificates carry no mail address and stand in no directory: what is judged here are
the steps up to the certificate's validity.
"""

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import cryptography_vectors
import pytest

from ceralacca.core.model.outcome import Mark, SealReport, SealStep, StepOutcome
from ceralacca.core.model.reason import Reason
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.verifier import JudgedAt, verify_seal

SUITE = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
AT = JudgedAt.now(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))  # certificates of the suite last from 2010 to 2030
SEAL_STEPS = list(SealStep)[: list(SealStep).index(SealStep.ADDRESS)]

with Path(__file__).with_name("pkits.csv").open(encoding="utf-8") as _file:
    TABLE = list(csv.DictReader(_file))


@cache
def store() -> TrustStore:
    anchor = (SUITE / "certs" / "TrustAnchorRootCertificate.crt").read_bytes()
    crls = [path.read_bytes() for path in sorted((SUITE / "crls").glob("*.crl"))]
    assert len(crls) == 173
    return TrustStore(anchors=[anchor], crls=crls)


def seal_steps(report: SealReport) -> list[StepOutcome]:
    return [step for step in report.steps if step.step in SEAL_STEPS]


def reason(report: SealReport) -> str:
    """Reason of the first step that failed, or else of the first unknown one."""
    for mark in (Mark.FAILED, Mark.UNKNOWN):
        for step in seal_steps(report):
            if step.mark is mark:
                return step.reason
    return ""


def verify(row: dict[str, str]) -> SealReport:
    octets = (SUITE / "smime" / f"Signed{row['message']}.eml").read_bytes()
    return verify_seal(octets, trust=store(), directory=None, at=AT)


def test_the_table_names_every_message_once_and_only_those():
    there = sorted(path.stem.removeprefix("Signed") for path in (SUITE / "smime").glob("*.eml"))
    assert len(there) == 224
    assert sorted(row["message"] for row in TABLE) == there
    assert len({row["test"] for row in TABLE}) == len(TABLE)


def test_the_names_of_the_suite_agree_with_what_the_table_expects():
    for row in TABLE:
        if row["message"].startswith(("Valid", "Invalid")):
            assert row["expected"] == ("valid" if row["message"].startswith("Valid") else "invalid")
        assert bool(row["reason"]) == (row["expected"] == "invalid" or bool(row["not-applicable"]))
        assert not row["reason"] or Reason(row["reason"])


@pytest.mark.requirement("IP-7", "IP-8", "IP-9", "CE-9", "CE-10")
@pytest.mark.parametrize("row", TABLE, ids=[f"{row['test']}-{row['message']}" for row in TABLE])
def test_each_message_gets_the_expected_verdict(row):
    report = verify(row)
    accepted = all(step.mark in {Mark.PASSED, Mark.TOLERATED} for step in seal_steps(report))
    if row["not-applicable"]:  # sound, and of a kind we do not know: never accepted, and the reason says so
        assert not accepted
    else:
        assert accepted == (row["expected"] == "valid"), report.steps
    assert reason(report) == row["reason"], report.steps
    assert not report.good  # no address, no directory: never a claim
