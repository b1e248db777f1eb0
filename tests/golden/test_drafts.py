"""Do these octets stay these octets? Every row of table 1.1, unsigned; `make golden` rewrites them."""

from pathlib import Path

import pytest

from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.lint.sealable import findings_in
from ceralacca.testing.scenario import Scenario, all_drafts

FOLDER = Path(__file__).parent / "drafts"
DRAFTS = all_drafts()


def whole(draft):
    return bytes(draft.header) + b"MIME-Version: 1.0\r\n" + bytes(draft.entity)


@pytest.mark.parametrize("name", list(DRAFTS))
def test_draft_is_its_golden_file(name):
    assert whole(DRAFTS[name]) == (FOLDER / f"{name}.eml").read_bytes()


def test_no_golden_file_is_left_over():
    assert {path.name.removesuffix(".eml") for path in FOLDER.glob("*.eml")} == set(DRAFTS)


def test_every_row_and_every_receipt_kind_has_one():
    assert {draft.row for draft in DRAFTS.values()} == set(MessageRow)
    assert {name.rpartition("-")[2] for name in DRAFTS if name.startswith("10-")} == {str(k) for k in ReceiptKind}


def test_the_same_scenario_gives_the_same_octets():
    assert {name: whole(draft) for name, draft in all_drafts().items()} == {n: whole(d) for n, d in DRAFTS.items()}


@pytest.mark.parametrize("scenario", [Scenario(), Scenario(with_html=True, spread=True)], ids=["plain", "html"])
def test_lint_finds_nothing(scenario):
    assert {name: found for name, draft in all_drafts(scenario).items() if (found := findings_in(draft))} == {}
