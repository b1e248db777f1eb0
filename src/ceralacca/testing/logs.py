"""Logs of live providers, played in memory: what tests of search, extract, report and figures read.

One busy day has every kind of transaction: delivered, refused, unknown, silent, infected, ordinary mail, and a message
between two mailboxes of one provider.
"""

from datetime import timedelta
from functools import cache

from structlog.testing import capture_logs

from ceralacca.core.log_extract import Extract, Selection, extract
from ceralacca.core.model.address import Address
from ceralacca.testing.memory_world import LiveCircuit, LiveProvider, OnTheWire
from ceralacca.testing.paper_cast import (
    ANNA,
    BRUNO,
    CARLA,
    MARIO,
    NOBODY,
    ORDINARY_RECIPIENT,
    OUT_OF_REACH,
    VIRUS_MARK,
    submission,
)
from ceralacca.testing.scenario import INSTANT, ORDINARY

INFECTED = f"\r\n{VIRUS_MARK.decode()}\r\n"
"""A body with a virus."""
ALFA_DOMAINS = frozenset({"gestore-alfa.example", "pec.alfa.example", "comune.alfa.example"})
BETA_DOMAINS = frozenset({"gestore-beta.example", "pec.beta.example"})
MANY = (ANNA, CARLA, BRUNO, NOBODY, ORDINARY_RECIPIENT, OUT_OF_REACH)
"""The recipients of the first message of the busy day."""


def played(*messages: bytes, hours: int = 30, blind: bool = False) -> LiveCircuit:
    """Submit messages and let so many hours pass; `blind`: Alfa's scanner finds nothing."""
    live = LiveCircuit.at()
    live.alfa.scanner.blind = blind
    for message in messages:
        live.submit(message)
    pass_hours(live, hours)
    return live


def pass_hours(live: LiveCircuit, hours: int) -> None:
    """Let hours pass, with everything done that is due in each."""
    for _ in range(hours):
        live.carry()
        live.clock.advance(timedelta(hours=1))
    live.carry()


@cache
def busy_day() -> LiveCircuit:
    """Play the busy day, once, without a word; nobody changes it."""
    with capture_logs():
        return _busy_day()


def _busy_day() -> LiveCircuit:
    live = LiveCircuit.at()
    live.submit(submission(to=MANY[:2], cc=MANY[2:], fields="Subject: Perizia sulla =?utf-8?q?citt=C3=A0?=\r\n"))
    live.submit(submission(sender=ANNA, to=[MARIO, CARLA], fields="Subject: Risposta\r\n"))
    live.submit(submission(sender=CARLA, to=[BRUNO], fields="Bcc: anna@x.example\r\nSubject: Segreto\r\n"))
    receive_ordinary(live, ANNA, BRUNO)
    pass_hours(live, 26)
    live.alfa.scanner.blind = True
    live.submit(submission(to=[ANNA, BRUNO], body=INFECTED, fields="Subject: Infetto\r\n"))
    live.carry()
    return live


def receive_ordinary(live: LiveCircuit, *recipients: Address) -> None:
    """Let ordinary mail arrive at the provider of these recipients."""
    live.wire.hand_over(
        OnTheWire(
            key="ordinary",
            octets=ORDINARY,
            reverse_path=ORDINARY_RECIPIENT,
            forward_paths=recipients,
            received=live.clock.now(),
        )
    )
    live.carry()


def drawn(provider: LiveProvider, selection: Selection, *, purpose: str = "richiesta del titolare") -> Extract:
    """Draw an extract from a provider's log in memory."""
    return extract(
        selection,
        enumerate(provider.store.log, start=1),
        reference="20261108-4711",
        provider=provider.office.provider.name,
        made=INSTANT + timedelta(days=3),
        purpose=purpose,
    )
