"""One certified message, told while it travels: who sends what to whom, when, and what each proves.

Mario, at Alfa, writes to Anna, at Beta. Four messages come of it: the acceptance for Mario, the envelope for
Anna, the taking in charge between the providers, the delivery receipt for Mario. Each is shown as it
arrives, judged as `pec verify` does, and kept in a folder for whoever wants to judge it again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from ceralacca.apps.demo.cast import ALFA, ANNA, MARIO
from ceralacca.apps.demo.checks import Checked, Checker
from ceralacca.apps.demo.messages import present
from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.demo.stage import number_of
from ceralacca.apps.demo.watch import Lookout, Sighting
from ceralacca.apps.mail_client import Writing, new_message_id, submit, write
from ceralacca.base.clock import SystemClock
from ceralacca.base.errors import WorldError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.notification import MessageRow

EXPECTED: Final = frozenset(
    {MessageRow.ACCEPTANCE, MessageRow.TRANSPORT_ENVELOPE, MessageRow.TAKING_IN_CHARGE, MessageRow.DELIVERY}
)
_PLACES: Final = (MARIO, ANNA, ALFA.service_mailbox)
_SECONDS: Final = 60.0
_CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message of the story as it arrived."""

    seen: datetime
    """When it was seen in its mailbox."""
    after: float
    """Seconds since the submission."""
    checked: Checked
    file: Path
    """Where it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The whole story."""

    subject: str
    answer: str
    """What the access point answered to the submission."""
    steps: tuple[Step, ...]


def tell_story(
    running: RunningNation,
    lookout: Lookout,
    checker: Checker,
    *,
    subject: str,
    text: str,
    submitted: Callable[[str], None] = lambda _: None,
    step: Callable[[Step], None] = lambda _: None,
) -> Told:
    """Play it, and call back at each step. Raises WorldError when a message of it does not come."""
    folder = running.nation.folder / "story"
    folder.mkdir(mode=0o700, exist_ok=True)
    writing = Writing(sender=MARIO, to=(ANNA,), subject=subject, text=text)
    octets = write(writing, message_id=new_message_id(system_entropy(12), MARIO), instant=present())
    begun = time.monotonic()
    answer = submit(running.account(MARIO), octets, recipients=writing.recipients)
    submitted(answer)
    steps: list[Step] = []

    def tell(sighting: Sighting) -> None:
        checked = checker.check(sighting)
        if checked.row not in EXPECTED:
            return
        file = folder / _name(checked)
        file.write_bytes(sighting.octets)
        steps.append(Step(seen=_CLOCK.now(), after=time.monotonic() - begun, checked=checked, file=file))
        step(steps[-1])

    lookout.until(lambda _: {one.checked.row for one in steps} == EXPECTED, within=_SECONDS, places=_PLACES, tell=tell)
    missing = EXPECTED - {one.checked.row for one in steps}
    if missing:
        rows = ", ".join(str(row.facts.number) for row in missing)
        raise WorldError(f"messages of row {rows} did not come", remedy=f"read {running.nation.folder}/*/pec.log")
    return Told(subject=subject, answer=answer, steps=tuple(steps))


def _name(checked: Checked) -> str:
    """Name the file by the day and the row, so that later stories lie beside earlier ones."""
    stamp = present().strftime("%Y%m%d-%H%M%S")
    names = {3: "accettazione", 4: "busta", 6: "presa-in-carico", 10: "avvenuta-consegna"}
    number = number_of(checked)
    return f"{stamp}-{number:02d}-{names[number]}.eml"
