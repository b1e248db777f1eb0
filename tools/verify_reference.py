"""Writes the tables of codes into docs/reference/pec-verify.md from what the program itself says.

python tools/verify_reference.py           write them
python tools/verify_reference.py --check   fail when the page is not up to date
"""

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from ceralacca.core.model.outcome import Mark, SealStep, SealVerdict
from ceralacca.core.model.reason import Reason
from ceralacca.core.story import RecipientOutcome
from ceralacca.lint.contradictions import Subject
from ceralacca.lint.form import FormStep
from ceralacca.lint.reason import FormReason
from ceralacca.services.verify_message import Nature

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "pec-verify.md"
LANGUAGE = ROOT / "src" / "ceralacca" / "apps" / "cli" / "language" / "en.toml"
BEGIN, END = "<!-- codes -->\n", "<!-- end of codes -->\n"

Sentences = dict[str, dict[str, str]]


def tables(said: Sentences) -> str:
    """Return the section with every code and its sentence."""
    verdicts = (
        (code, said["verdict"][code], f"{said['verdict_meaning'][code]} {said['verdict_remedy'].get(code, '')}".strip())
        for code in SealVerdict
    )
    return "\n".join(
        (
            "### Verdict on the seal\n",
            _table(("code", "on the screen", "meaning, and what to do"), verdicts),
            "### What a message is\n",
            _of(said, "nature", Nature),
            "### Steps of the seal\n",
            _of(said, "step", SealStep),
            "### Steps of the form\n",
            _of(said, "form_step", FormStep),
            "### How a step ended\n",
            _of(said, "mark", Mark),
            "### Reasons of the seal\n",
            _of(said, "reason", Reason),
            "### Reasons of the form\n",
            _of(said, "reason", FormReason),
            "### Contradictions\n",
            _of(said, "contradiction", Subject),
            "### Deviations of the certification data that are borne\n",
            _of(said, "deviation", said["deviation"]),
            "### Outcome for a recipient\n",
            _of(said, "outcome", RecipientOutcome),
        )
    )


def page(text: str, said: Sentences) -> str:
    """Return the page with its section of codes made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(said)}\n{END}{after}"


def sentences() -> Sentences:
    """Read what the program says in English."""
    return tomllib.loads(LANGUAGE.read_text("utf-8"))


def _of(said: Sentences, section: str, codes: Iterable[str]) -> str:
    return _table(("code", "meaning"), ((code, said[section][code]) for code in codes))


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *((f"`{code}`", *rest) for code, *rest in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Write the page, or say that it is out of date."""
    text = PAGE.read_text("utf-8")
    wanted = page(text, sentences())
    if "--check" in sys.argv[1:]:
        if text != wanted:
            print(f"{PAGE}: run python tools/verify_reference.py", file=sys.stderr)
        return int(text != wanted)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
