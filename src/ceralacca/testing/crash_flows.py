"""What a crash campaign plays: eight flows and hours of silence, each cut into what is ready and what is killed.

A flow is made ready up to a point (`ready`), is then killed somewhere in `killed`, and afterwards everybody
does everything until nothing is left to do. `Mail` is what clients outside send, and what is asked of the
ledger of their replies later.

Plays: F1 to F8, F11, F13, F14.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ceralacca.core.model.address import Address
from ceralacca.ports.store import JobKind
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    COUNCIL,
    MARIO,
    NOBODY,
    VIRUS_MARK,
    submission,
)

STRANGER = Address("info@ditta.example")
UNSEEN = b"for the eyes of the second scanner only"
"""With these octets the sender's scanner finds nothing (F7)."""

EVERYTHING: Final = tuple(JobKind)
_SUBMIT, _ARRIVE = JobKind.SUBMISSION, JobKind.ARRIVAL
_DELIVER, _RELAY, _TIME = JobKind.DELIVERY, JobKind.RELAY, JobKind.DEADLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message that a client outside sends."""

    name: str
    """Stands in its Message-ID."""
    octets: bytes
    sender: Address | None
    recipients: tuple[Address, ...]
    ordinary: bool = False
    """For the incoming point of Beta, from outside PEC; else a submission of a holder of Alfa's."""

    @property
    def infected(self) -> bool:
        """Whether some scanner finds something."""
        return VIRUS_MARK in self.octets


Write = Callable[[str], Mail]


def _certified(*to: Address, fields: str = "Subject: Prova\r\n", mark: bytes = b"") -> Write:
    def write(name: str) -> Mail:
        body = f"\r\nBuongiorno da {name}.\r\n" + "Una riga di testo come un'altra.\r\n" * 4 + mark.decode() + "\r\n"
        octets = submission(to=to, fields=fields, body=body).replace(b"<4711@", f"<{name}@".encode())
        return Mail(name=name, octets=octets, sender=MARIO, recipients=to)

    return write


def _ordinary(sender: Address | None, *to: Address, mark: bytes = b"") -> Write:
    def write(name: str) -> Mail:
        head = f"Date: Thu, 05 Nov 2026 10:00:00 +0100\r\nMessage-ID: <{name}@ditta.example>\r\nFrom: {STRANGER}\r\n"
        head += f"To: {', '.join(map(str, to))}\r\nSubject: {name}\r\n\r\nUn saluto.\r\n"
        return Mail(name=name, octets=head.encode() + mark, sender=sender, recipients=to, ordinary=True)

    return write


TO_ANNA, TO_BOTH = _certified(ANNA), _certified(ANNA, BRUNO)
TO_ALL = _certified(ANNA, CARLA, STRANGER)
AT_HOME = _certified(CARLA, COUNCIL)
TO_NOBODY = _certified(ANNA, NOBODY)
REFUSED = _certified(ANNA, fields=f"Subject: Prova\r\nBcc: {BRUNO}\r\n")
INFECTED = _certified(ANNA, mark=VIRUS_MARK)
UNSEEN_INFECTED = _certified(ANNA, BRUNO, mark=VIRUS_MARK + b" " + UNSEEN)
STRANGE, BOUNCE = _ordinary(STRANGER, ANNA, BRUNO), _ordinary(None, ANNA)
STRANGE_INFECTED = _ordinary(STRANGER, ANNA, mark=VIRUS_MARK + b"\r\n")

STREAM: Final = (
    TO_ANNA, TO_BOTH, TO_ALL, AT_HOME, TO_NOBODY, REFUSED, INFECTED, UNSEEN_INFECTED, STRANGE, BOUNCE, STRANGE_INFECTED,
)  # fmt: skip
"""What a campaign under load draws from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What one child is to do before it ends of itself."""

    sends: tuple[Write, ...] = ()
    alfa: tuple[JobKind, ...] = ()
    """Kinds of jobs that Alfa does."""
    beta: tuple[JobKind, ...] = ()
    lost_replies: int = 0
    """So many transactions of the relay succeed without that it learns of it (IP-21)."""
    beta_is_up: bool = True
    hours: float = 0
    """How far into the future it waits for jobs that are due later."""
    stream: bool = False
    """Goes on until it is told to come to an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One flow of a campaign."""

    name: str
    killed: Stage
    ready: tuple[Stage, ...] = ()
    after: Stage = field(default_factory=lambda: Stage(alfa=EVERYTHING, beta=EVERYTHING, hours=40))


_ACCEPTED = Stage(sends=(TO_BOTH,), alfa=(_SUBMIT, _DELIVER))
_SENT = Stage(alfa=(_RELAY,), lost_replies=1, hours=1)
_TAKEN = Stage(beta=(_ARRIVE, _DELIVER))
_SILENCE = Stage(alfa=EVERYTHING, beta_is_up=False, hours=40)

FLOWS: Final = {
    flow.name: flow
    for flow in (
        Flow(name="accept", killed=Stage(sends=(TO_ALL,), alfa=(_SUBMIT, _DELIVER))),
        Flow(name="refuse", killed=Stage(sends=(REFUSED,), alfa=EVERYTHING)),
        Flow(
            name="deliver",
            ready=(Stage(sends=(AT_HOME,), alfa=(_SUBMIT, _ARRIVE)),),
            killed=Stage(alfa=EVERYTHING),
        ),
        Flow(name="relay-out", ready=(_ACCEPTED,), killed=_SENT),
        Flow(name="arrive", ready=(_ACCEPTED, _SENT), killed=_TAKEN),
        Flow(name="receipt-in", ready=(_ACCEPTED, _SENT, _TAKEN), killed=Stage(alfa=EVERYTHING, beta=(_RELAY,))),
        Flow(name="virus", killed=Stage(sends=(INFECTED, UNSEEN_INFECTED), alfa=EVERYTHING, beta=EVERYTHING)),
        Flow(name="anomaly", killed=Stage(sends=(STRANGE, BOUNCE, STRANGE_INFECTED), beta=EVERYTHING)),
        Flow(
            name="silence",
            ready=(Stage(sends=(TO_ANNA,), alfa=(_SUBMIT, _DELIVER)),),
            killed=Stage(alfa=(_TIME, _DELIVER), beta_is_up=False, hours=40),
            after=_SILENCE,
        ),
    )
}
"""The eight flows, and the timers of a recipient's provider that stays silent."""
