import pytest

TOOL = "trace"

REGISTER = """
[[requirement]]
id = "AP-1"
norm = "PEC"
section = "3.1"
level = "must"
source = "R 3.1"
summary = "one"
status = "done"
claimed_by = "messages"

[[requirement]]
id = "AP-2"
norm = "PEC"
section = "3.1"
level = "should"
source = "R 3.1"
summary = "two"
status = "planned"
"""


@pytest.fixture
def tree(tmp_path):
    for folder in ("spec", "src", "tests"):
        (tmp_path / folder).mkdir()
    (tmp_path / "spec" / "pec.toml").write_text(REGISTER)
    (tmp_path / "src" / "a.py").write_text("x = 1  # AP-1\n")
    (tmp_path / "tests" / "test_a.py").write_text(
        "import pytest\n@pytest.mark.requirement('AP-1')\ndef test_it():\n    assert True\n"
    )
    return tmp_path


def test_a_whole_tree_has_no_problem(tool, tree):
    result = tool.trace(tree)
    assert tool.problems(result) == []
    assert result.tests["AP-1"] == ["tests/test_a.py::test_it"]
    assert tool.count_line(result.register) == "1 of 2 done, 1 of 1 MUST"


def test_an_unknown_clause_in_code_or_test_is_a_problem(tool, tree):
    (tree / "src" / "b.py").write_text("# AP-99\n")
    (tree / "tests" / "test_b.py").write_text("import pytest\npytestmark = [pytest.mark.requirement('AP-98')]\n")
    assert {line.split(": ")[1] for line in tool.problems(tool.trace(tree))} == {
        "AP-99 is not in the register",
        "AP-98 is not in the register",
    }


@pytest.mark.parametrize(("gone", "problem"), [("src/a.py", "no code cites"), ("tests/test_a.py", "no test is marked")])
def test_done_without_code_or_test_is_a_problem(tool, tree, gone, problem):
    (tree / gone).unlink()
    assert [line for line in tool.problems(tool.trace(tree)) if problem in line]


def test_a_must_that_nobody_claims_is_a_problem(tool, tree):
    (tree / "spec" / "pec.toml").write_text(REGISTER.replace('claimed_by = "messages"\n', ""))
    assert tool.problems(tool.trace(tree)) == ["AP-1 is a must that no part of the product claims"]


def test_an_id_within_a_longer_word_is_no_citation(tool, tree):
    register = tool.read_register(tree / "spec")
    assert list(tool.citations(register, "XAP-1 AP-1x AP-10-2")) == []


def test_the_page_goes_both_ways(tool, tree):
    text = tool.page(tool.trace(tree))
    assert "| AP-1 | must | done | one | `src/a.py` | `test_a.py::test_it` |" in text
    assert "| `src/a.py` | AP-1 |" in text
