"""The pages about `pec verify` say what the program does: every code, every option, every example."""

import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest
import typer

from ceralacca.apps.cli import app, json_report

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "pec-verify.md").read_text("utf-8")
HOW_TO = (ROOT / "docs" / "how-to" / "verify-a-receipt.md").read_text("utf-8")
EXAMPLES = re.findall(r"^\$ (pec .*)$", HOW_TO, re.MULTILINE)


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("verify_reference", ROOT / "tools" / "verify_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_codes_are_up_to_date(tool):
    assert tool.page(REFERENCE, tool.sentences()) == REFERENCE, "run python tools/verify_reference.py"


def test_every_option_stands_in_the_reference():
    command = typer.main.get_command(app).commands["verify"]
    options = {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    assert {name for name in options if f"`{name}`" not in REFERENCE} == {"--help"} & options


def test_every_field_of_the_answer_stands_in_the_reference():
    fields = json.loads(json_report.schema_text())["properties"]
    assert [name for name in fields if f"| `{name}` |" not in REFERENCE] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_how_to_work(pec, sample, tmp_path, monkeypatch, example):
    line, _, _ = example.partition(" > ")
    words = shlex.split(line)[1:]
    if words[0] == "sample":
        monkeypatch.chdir(tmp_path)
    else:
        monkeypatch.chdir(sample)
        words = [str(name) for word in words for name in (sorted(sample.glob(word)) if "*" in word else [word])]
    answer = pec(*words)
    assert (answer.status, answer.err) == (0, "")


def test_there_are_examples():
    assert len(EXAMPLES) == 5
