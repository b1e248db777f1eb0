"""Where a scenario is played: submit or let a stranger send, wait until nothing is on its way, compare.

What came is compared as a whole: a message too many is as wrong as one too few. Every message that
anybody of the nation issued is checked, in every scenario.
"""

import smtplib
import ssl
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ceralacca.apps.demo.cast import BETA, MARIO, POST_HOST, Provider
from ceralacca.apps.demo.checks import Checked, Checker
from ceralacca.apps.demo.messages import letter
from ceralacca.apps.demo.ports import HOST
from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.demo.watch import Lookout
from ceralacca.apps.mail_client import submit
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.received import Received, read_received

Told = Mapping[Address, Sequence[int]]
"""By place, the rows of table 1.1 that came there, in ascending order; 0 is ordinary mail."""


class Unexpected(Exception):
    """A scenario did not go as it must; the text says in what."""


@dataclass(slots=True, kw_only=True)
class Came:
    """What came of one act."""

    messages: list[Checked]

    def told(self) -> dict[Address, list[int]]:
        """Return who was told what."""
        found: dict[Address, list[int]] = {}
        for one in self.messages:
            found.setdefault(one.sighting.place, []).append(number_of(one))
        return {place: sorted(rows) for place, rows in found.items()}

    def all(self, row: MessageRow) -> list[Received]:
        """Return the messages of a row."""
        return [read_received(one.sighting.octets) for one in self.messages if one.row is row]

    def the(self, row: MessageRow) -> Received:
        """Return the one message of a row. Raises Unexpected."""
        found = self.all(row)
        expect(len(found) == 1, f"{len(found)} messages of row {row.facts.number} instead of one")
        return found[0]

    def facts(self, row: MessageRow) -> CertificationData:
        """Return the certification data of the one message of a row. Raises Unexpected."""
        return facts_of(self.the(row))


@dataclass(slots=True)
class Stage:
    """One nation, ready to play."""

    running: RunningNation
    lookout: Lookout
    checker: Checker
    rows: Counter[int] = field(default_factory=Counter)
    """How many messages of each row the present scenario brought."""
    faults: list[str] = field(default_factory=list)
    """What the checks found in the present scenario."""
    checked: list[Checked] = field(default_factory=list)
    """Everything checked since the start."""

    def play(
        self,
        octets: bytes | Sequence[bytes],
        expected: Told,
        *,
        sender: Address = MARIO,
        recipients: Collection[Address] | None = None,
    ) -> Came:
        """Submit, one message or several, and compare what came with what must come. Raises Unexpected, Refused."""
        for one in [octets] if isinstance(octets, bytes) else octets:
            to = _recipients_of(one) if recipients is None else tuple(recipients)
            submit(self.running.account(sender), one, recipients=to)
        return self.settle(expected)

    def send(self, octets: bytes, *, to: Collection[Address], by: Address | None, at: Provider = BETA) -> None:
        """Send to the incoming point of a provider as any server of the Internet might."""
        port = self.running.nation.ports.provider(at.key).incoming
        with smtplib.SMTP(HOST, port, local_hostname=POST_HOST, timeout=60) as smtp:
            smtp.starttls(context=ssl.create_default_context(cafile=str(self.running.nation.trusted)))
            smtp.sendmail(by.text if by else "", [one.text for one in to], octets)

    def settle(self, expected: Told) -> Came:
        """Wait until nothing is on its way, check what came, and compare. Raises Unexpected."""
        came = Came(messages=[self.checker.check(one) for one in self.lookout.rest()])
        for one in came.messages:
            self.rows[number_of(one)] += 1
            self.checked.append(one)
            self.faults += [f"row {number_of(one)}: {fault}" for fault in one.faults]
        told, wanted = came.told(), {place: sorted(rows) for place, rows in expected.items()}
        expect(told == wanted, f"came {_written(told)}; expected {_written(wanted)}")
        return came

    def letter(self, **options: object) -> bytes:
        """Write a message of Mario's to Anna, or as the options say."""
        return letter(**options)  # type: ignore[arg-type]


def expect(holds: bool, what: str) -> None:
    """Raise Unexpected unless it holds."""
    if not holds:
        raise Unexpected(what)


def facts_of(received: Received) -> CertificationData:
    """Return the certification data. Raises Unexpected when there are none."""
    facts = received.facts
    if facts is None:
        raise Unexpected("no certification data")
    return facts


def number_of(one: Checked) -> int:
    """Return the row of a message, 0 for what is none of ours."""
    return one.row.facts.number if one.row else 0


def _recipients_of(octets: bytes) -> tuple[Address, ...]:
    outer = read_received(octets).outer
    return tuple(dict.fromkeys((*outer.to, *outer.cc)))


def _written(told: Told) -> str:
    return ", ".join(f"{place}: {' '.join(map(str, rows))}" for place, rows in sorted(told.items(), key=str)) or "-"
