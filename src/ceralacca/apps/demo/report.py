"""What the demonstration says on the screen: first how to use it, then the story, or the table of scenarios.

Everything fits 80 columns but paths, which are given on lines of their own, so that they can be copied.
"""

from collections.abc import Mapping

from ceralacca.apps.cli.page import Page, Run
from ceralacca.apps.cli.render import Renderer, written
from ceralacca.apps.cli.words import Words
from ceralacca.apps.demo.cast import ALFA, ANNA, FULL, MARIO
from ceralacca.apps.demo.nation import Nation
from ceralacca.apps.demo.once import Outcome
from ceralacca.apps.demo.scenarios import SCENARIOS
from ceralacca.apps.demo.story import Step, Told

_WIDE = 8
_SERVER = "localhost"
"""Rather than 127.0.0.1: not every client looks for an address in a certificate."""


class Screen:
    """Writes to one page in one language."""

    def __init__(self, page: Page, words: Words, *, signs: bool = True) -> None:
        self._page, self._words, self._renderer = page, words, Renderer(page, words, signs=signs)
        self._good, self._bad = ("✔", "✘") if signs else ("+", "X")

    def _say(self, key: str, /, **values: object) -> str:
        return self._words("demo", key, **values)

    def _title(self, key: str, /, **values: object) -> None:
        self._page.gap()
        self._page.line(Run(self._say(key, **values), "bold underline"))

    # -- before --------------------------------------------------------------------------------------

    def warn(self) -> None:
        """Say loudly what this is."""
        self._page.line(Run(self._say("test"), "bold"))
        self._page.line(Run(self._say("virus"), "bold yellow"))

    def starting(self, nation: Nation) -> None:
        """Say where it lies."""
        self._page.line(Run(self._say("made" if nation.is_new else "found")))
        self._page.line(Run(str(nation.folder)), indent=2, wrap=False)
        self._page.line(Run(self._say("starting")))

    def up(self, seconds: float) -> None:
        """Say that everything answers."""
        self._page.line(Run(self._say("up", seconds=f"{seconds:.1f}"), "green"))

    def how_to_use(self, nation: Nation) -> None:
        """Say everything that a mail client must be told."""
        self._title("mailboxes")
        rows = [
            (
                Run(holder.address.text),
                Run(nation.passwords[holder.address], "bold"),
                Run(provider.key.capitalize() + (f" ({self._say('full')})" if holder.address == FULL else "")),
            )
            for provider in nation.running
            for holder in provider.holders
        ]
        self._page.grid(rows, indent=2, gap=2)
        self._title("web")
        for provider in nation.running:
            address = f"https://{_SERVER}:{nation.ports.provider(provider.key).web}/"
            self._page.line(Run(f"{provider.key.capitalize()}  "), Run(address, "bold"), indent=2, wrap=False)
        self._page.line(Run(self._say("web_trust")), indent=2)
        self._title("client")
        ports = [nation.ports.provider(provider.key) for provider in nation.running]
        head = [Run(""), *(Run(provider.key.capitalize(), "bold") for provider in nation.running)]
        table = [
            ("server", [_SERVER] * len(ports)),
            ("imap", [str(one.imap) for one in ports]),
            ("pop3", [str(one.pop3) for one in ports]),
            ("smtp", [str(one.submissions) for one in ports]),
            ("starttls", [str(one.starttls) for one in ports]),
        ]
        self._page.grid([head, *([Run(self._say(key)), *map(Run, values)] for key, values in table)], indent=2, gap=2)
        self._page.line(Run(self._say("login")), indent=2)
        self._page.line(Run(self._say("trust")), indent=2)
        self._page.line(Run(str(nation.trusted), "bold"), indent=4, wrap=False)

    # -- the story -----------------------------------------------------------------------------------

    def story(self) -> None:
        """Begin the story."""
        self._title("story", sender=MARIO, recipient=ANNA)

    def submitted(self, answer: str) -> None:
        """Tell that the access point has answered."""
        self._page.line(Run(f"{'0.00':>{_WIDE}} s  "), Run(self._say("submitted", provider=ALFA.name)), hang=12)
        self._page.line(Run(answer, "dim"), indent=12)

    def step(self, step: Step) -> None:
        """Tell one message, where it lies, and what it is worth."""
        report = step.checked.report
        row, seal = report.row, report.seal
        issuer = seal.provider if seal and seal.provider else "-"
        self._page.line(
            Run(f"{step.after:>{_WIDE}.2f} s  "),
            Run(self._words("row", str(row.facts.number) if row else "1"), "bold"),
            hang=12,
        )
        self._page.line(Run(self._say("from_to", issuer=issuer, place=step.checked.sighting.place)), indent=12)
        if seal and seal.signing_time:
            self._page.line(Run(self._say("sealed", instant=written(seal.signing_time))), indent=12)
        good = not step.checked.faults
        verdict = self._words("verdict", seal.verdict) if seal else "-"
        mark = f"{self._good if good else self._bad} pec verify: {verdict}"
        self._page.line(Run(mark, "green" if good else "bold red"), indent=12)
        self._page.line(Run(self._renderer.proves(report)), indent=12)
        for fault in step.checked.faults:
            self._page.line(Run(fault, "bold red"), indent=12)

    def told(self, nation: Nation, told: Told) -> None:
        """End the story: how to judge it again."""
        self._page.gap()
        delivered = told.steps[-1].after
        self._page.line(Run(self._say("ended", seconds=f"{delivered:.2f}")))
        for line in (
            f"pec verify --trust {nation.pec_anchors} \\",
            f"  --crl {nation.crls} \\",
            f"  --directory {nation.directory_file} \\",
            f"  {nation.folder / 'story'}",
        ):
            self._page.line(Run(line), indent=2, wrap=False)

    def next_steps(self, nation: Nation) -> None:
        """Say what to try now, and how to end."""
        self._title("next")
        self._page.line(Run(self._say("try_client")), indent=2, hang=2)
        self._page.line(Run(self._say("try_send")), indent=2, hang=2)
        for line in (
            f"pec send --demo {nation.folder} \\",
            f"  --from {MARIO} --to {ANNA} \\",
            "  --subject Prova --text Buongiorno",
        ):
            self._page.line(Run(line), indent=4, wrap=False)
        self._page.line(Run(self._say("try_provider")), indent=2, hang=2)
        self._page.line(Run(f"pec queue list --config {nation.settings_path(ALFA)}"), indent=4, wrap=False)
        self._page.gap()
        self._page.line(Run(self._say("stays"), "bold"))

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._page.line(Run(self._say("stopping")))

    def stopped(self, nation: Nation, *, kept: bool) -> None:
        """Say that everything has ended."""
        self._page.line(Run(self._say("kept" if kept else "removed")))
        if kept:
            self._page.line(Run(str(nation.folder)), indent=2, wrap=False)

    # -- every scenario --------------------------------------------------------------------------------

    def table_head(self) -> None:
        """Begin the table."""
        self._title("scenarios", count=len(SCENARIOS))

    def outcome(self, outcome: Outcome) -> None:
        """Write one line of the table, and under it what is wrong."""
        came = " ".join(str(row) if count == 1 else f"{row}x{count}" for row, count in outcome.rows.items()) or "-"
        mark = (self._good, "green") if outcome.holds else (self._bad, "bold red")
        scenario = outcome.scenario
        self._page.line(
            Run(mark[0], mark[1]),
            Run(f" {scenario.id:<5}", "bold"),
            Run(self._words("scenario", scenario.id)),
            hang=8,
        )
        self._page.line(Run(self._say("expected", rows=scenario.expects, came=came), "dim"), indent=8, hang=2)
        for fault in outcome.faults:
            self._page.line(Run(fault, "bold red"), indent=8, hang=2)

    def summary(self, outcomes: list[Outcome], checked: int, seconds: float) -> None:
        """Say how it all went."""
        good = sum(one.holds for one in outcomes)
        style = "bold green" if good == len(outcomes) else "bold red"
        self._page.gap()
        self._page.line(Run(self._say("summary", good=good, total=len(outcomes), seconds=f"{seconds:.0f}"), style))
        self._page.line(Run(self._say("checked", count=checked)))


def as_values(outcomes: list[Outcome], words: Words) -> list[Mapping[str, object]]:
    """Return the table for JSON."""
    return [
        {
            "scenario": one.scenario.id,
            "what": words("scenario", one.scenario.id),
            "expected": one.scenario.expects,
            "rows": {str(row): count for row, count in one.rows.items()},
            "holds": one.holds,
            "faults": list(one.faults),
            "seconds": round(one.seconds, 2),
        }
        for one in outcomes
    ]
