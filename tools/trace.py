"""From clause to code to test and back: reads the register, the code and the tests, and finds what does not meet.

    python tools/trace.py --check             fail on what does not hold
    python tools/trace.py --table             print the table and the count
    python tools/trace.py --write PAGE.md     write the page of the docs

A clause counts as cited where its ID stands in a file under `src/`; a range such as "AP-5 to AP-16" cites its two ends
only. It counts as tested where a test carries `@pytest.mark.requirement("ID")`. The scenarios of
`spec/scenarios.toml` are traced to tests alone, by `@pytest.mark.scenario("T-01")`.
"""

import argparse
import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parent.parent
STATUSES = ("done", "partial", "planned", "not-ours")
PAGE = ROOT / "docs" / "reference" / "conformance.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One entry of the register."""

    id: str
    norm: str
    section: str
    level: str
    source: str
    summary: str
    status: str
    claimed_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One conformance scenario."""

    id: str
    summary: str
    expects: str
    later: str
    """What of it only the live provider can show."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The register with where each clause is cited and tested."""

    register: dict[str, Requirement]
    scenarios: dict[str, Scenario]
    code: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    tests: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unknown: list[str] = field(default_factory=list)


def read_register(folder: Path) -> dict[str, Requirement]:
    """Read every `spec/*.toml`; a doubled ID or an unknown key stops here."""
    register: dict[str, Requirement] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text("utf-8")).get("requirement", []):
            requirement = Requirement(**entry)
            if requirement.id in register:
                raise SystemExit(f"{path.name}: {requirement.id} stands twice")
            register[requirement.id] = requirement
    return register


def read_scenarios(folder: Path) -> dict[str, Scenario]:
    """Read `spec/scenarios.toml`; none when there is no such file."""
    path = folder / "scenarios.toml"
    entries = tomllib.loads(path.read_text("utf-8"))["scenario"] if path.exists() else []
    return {entry["id"]: Scenario(**entry) for entry in entries}


def citations(register: dict[str, Requirement], text: str) -> Iterator[str]:
    """Yield every clause ID in a text that belongs to a family of the register, known or not."""
    families = "|".join(sorted({key.rpartition("-")[0] for key in register}))
    yield from re.findall(rf"(?<![\w-])(?:{families})-\d+(?![\w-])", text)


def marked_tests(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (clause ID, test name) for each `requirement` mark of a test file, class and module marks included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        for mark, name in _marks_of(node, path.stem):
            for clause in _clauses_of(mark):
                yield clause, name


def _marks_of(node: ast.AST, module: str) -> Iterator[tuple[ast.expr, str]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield from ((decorator, node.name) for decorator in node.decorator_list)
    elif _is_mark_list(node):
        marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
        yield from ((mark, module) for mark in marks)


def _is_mark_list(node: ast.AST) -> TypeGuard[ast.Assign | ast.keyword]:
    if isinstance(node, ast.Assign):
        return any(getattr(name, "id", "") == "pytestmark" for name in node.targets)
    return isinstance(node, ast.keyword) and node.arg == "marks"


def _clauses_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("mark.requirement", "mark.scenario")):
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def trace(root: Path) -> Trace:
    """Read register, code and tests below `root`."""
    result = Trace(read_register(root / "spec"), read_scenarios(root / "spec"))
    for path in sorted((root / "src").rglob("*")):
        if path.suffix in {".py", ".dtd", ".toml", ".sql"}:
            for clause in sorted(set(citations(result.register, path.read_text("utf-8")))):
                _note(result, result.code, clause, str(path.relative_to(root)))
    for path in sorted((root / "tests").rglob("*.py")):
        for clause, name in marked_tests(path):
            _note(result, result.tests, clause, f"{path.relative_to(root)}::{name}")
    return result


def _note(result: Trace, kind: dict[str, list[str]], clause: str, place: str) -> None:
    if clause in result.register or (kind is result.tests and clause in result.scenarios):
        kind[clause].append(place)
    else:
        result.unknown.append(f"{place}: {clause} is not in the register")


def problems(result: Trace) -> list[str]:
    """Return what must not be: unknown IDs, done without code or test, a must that nobody claims."""
    found = list(result.unknown)
    for requirement in result.register.values():
        if requirement.status not in STATUSES:
            found.append(f"{requirement.id}: status {requirement.status!r} is none of {', '.join(STATUSES)}")
        if requirement.status == "done" and not result.code[requirement.id]:
            found.append(f"{requirement.id} is done, but no code cites it")
        if requirement.status == "done" and not result.tests[requirement.id]:
            found.append(f"{requirement.id} is done, but no test is marked with it")
        if requirement.level == "must" and not requirement.claimed_by:
            found.append(f"{requirement.id} is a must that no part of the product claims")
    found += [
        f"scenario {one.id} has no test, and nothing of it waits for later"
        for one in result.scenarios.values()
        if not one.later and not result.tests[one.id]
    ]
    return found


def count_line(register: dict[str, Requirement]) -> str:
    """Return `N of 278 done, M of 209 MUST`."""
    done = [entry for entry in register.values() if entry.status == "done"]
    musts = [entry for entry in register.values() if entry.level == "must"]
    done_musts = [entry for entry in done if entry.level == "must"]
    return f"{len(done)} of {len(register)} done, {len(done_musts)} of {len(musts)} MUST"


def table(result: Trace) -> str:
    """Return the table for a terminal."""
    rows = [f"{'clause':8} {'level':7} {'status':9} {'code':>4} {'tests':>5}  summary"]
    rows.extend(
        f"{entry.id:8} {entry.level.upper():7} {entry.status:9} {len(result.code[entry.id]):4} "
        f"{len(set(result.tests[entry.id])):5}  {entry.summary}"
        for entry in result.register.values()
    )
    return "\n".join([*rows, "", count_line(result.register)])


def page(result: Trace) -> str:
    """Return the page of the docs: clause, code, tests, and from each file back to its clauses."""
    lines = ["# Conformance", "", "Written by `make conformance` from `spec/*.toml`, the code and the tests.", ""]
    lines += [count_line(result.register), ""]
    lines += ["| clause | level | status | what it asks | code | tests |", "| --- | --- | --- | --- | --- | --- |"]
    for entry in result.register.values():
        code = "<br>".join(f"`{place.removeprefix('src/ceralacca/')}`" for place in result.code[entry.id])
        tests = "<br>".join(f"`{place.removeprefix('tests/')}`" for place in sorted(set(result.tests[entry.id])))
        lines.append(f"| {entry.id} | {entry.level} | {entry.status} | {entry.summary} | {code} | {tests} |")
    lines += [
        "",
        "## Scenarios",
        "",
        "| scenario | what happens | expected | tests | later |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in result.scenarios.values():
        tests = "<br>".join(f"`{place.removeprefix('tests/')}`" for place in sorted(set(result.tests[one.id])))
        lines.append(f"| {one.id} | {one.summary} | {one.expects} | {tests} | {one.later} |")
    lines += ["", "## From code to clauses", "", "| module | clauses |", "| --- | --- |"]
    backward = defaultdict(list)
    for clause, places in result.code.items():
        for place in places:
            backward[place].append(clause)
    order = list(result.register)
    for place in sorted(backward):
        lines.append(f"| `{place}` | {', '.join(sorted(backward[place], key=order.index))} |")
    return "\n".join([*lines, ""])


def main() -> int:
    """Run from the command line; the exit status is 1 when a check fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail on what does not meet")
    parser.add_argument("--table", action="store_true", help="print the table")
    parser.add_argument("--write", metavar="PAGE", type=Path, help="write the page of the docs")
    options = parser.parse_args()
    result = trace(ROOT)
    found = problems(result)
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(page(result), "utf-8")
    if options.check and (not PAGE.exists() or PAGE.read_text("utf-8") != page(result)):
        found.append(f"{PAGE.relative_to(ROOT)} is stale: run make conformance")
    if options.table:
        print(table(result))
    for problem in found:
        print(f"trace: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
