"""What arrivals between two providers cost the workers: processor time and calls, without listeners and network.

Subject: the recipient's worker at envelopes of 10 KB (taken in charge, delivered, both receipts sealed), and the
sender's at each of the two receipts (heard, delivered). What arrives was made by the other side: two whole providers,
worked off here in one thread over their real stores, mailboxes and keys, with the relay's steps between them
handing on in memory. Bound: the RSA 2048 signatures that each makes and verifies. The scanner is a stand-in, as in B1.
Where B1c is far from its bound, look here: calls do not depend on what else the machine does.

    python bench/arrivals.py [--quick] [--batch JOBS] [--profile FILE]      FILE-KIND: for `python -m pstats`
"""

import cProfile
import gc
import logging
import pstats
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import structlog
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from _live import Live
from _senders import message
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, MARIO, Provider
from ceralacca.apps.offices import relay_office, signer, worker_office
from ceralacca.apps.settings import Settings
from ceralacca.apps.wiring import CLOCK, provider_store
from ceralacca.apps.worker import KINDS
from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets
from ceralacca.ports.letters import Point
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.store import JobKind
from ceralacca.services.steps import LEASE, perform
from ceralacca.testing.keys import private_key
from measure import Comparison, Spread, Table, option
from steps import receive, seals

OCTETS = 10_000
BATCH = int(option("--batch") or 64)
PROFILE = option("--profile") or ""
SEALS = {"envelope": 2, "taking in charge": 0, "delivery receipt": 0}
"""Signatures made for each arrival of a kind; one of it is verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What one side has handed to the other."""

    octets: bytes
    reverse_path: Address | None
    recipients: tuple[Address, ...]


class Side:
    """One provider, worked off here."""

    def __init__(self, settings: Settings) -> None:
        self.out: list[Mail] = []
        self.service = settings.provider.service_mailbox
        self.store = provider_store(settings, reads_are_durable=False)
        self._worker = worker_office(settings, self.store, signer(settings))
        self._relay = relay_office(settings, self.store, self)

    def send(
        self, _domain: str, *, reverse_path: Address | None, recipients: Sequence[Address], octets: Octets, **_: bool
    ) -> Mapping[Address, RcptOutcome]:
        """Be the way out: keep what is sent, and say that all is well."""
        self.out.append(Mail(octets=bytes(octets), reverse_path=reverse_path, recipients=tuple(recipients)))
        accepted = RcptOutcome(result=RcptResult.ACCEPTED, code=250, text="kept", host="mx.example", tls="TLSv1.3")
        return dict.fromkeys(recipients, accepted)

    def take(self, point: Point, mails: Sequence[Mail]) -> None:
        """Store what came as a listener does."""
        receive(self.store, point, [(mail.octets, mail.reverse_path, mail.recipients) for mail in mails])

    def work(self) -> float:
        """Do the workers' jobs, as a worker does; return the seconds of processor time."""
        before = time.process_time()
        while jobs := self.store.claim(KINDS, now=CLOCK.now(), limit=BATCH, lease=LEASE):
            perform(jobs, self._worker, claimer="bench")
        return time.process_time() - before

    def relay(self) -> list[Mail]:
        """Do the relay's jobs; return what goes out."""
        self.out = []
        while jobs := self.store.claim((JobKind.RELAY,), now=CLOCK.now(), limit=64, lease=LEASE):
            perform(jobs, self._relay)
        return self.out


def main() -> int:
    gc.set_threshold(20_000, 20, 50)  # as a role has it
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    number = 64 if "--quick" in sys.argv else 256
    table, found, bound = Table("arrivals"), [], [(seals() / 3, verifications())]
    with Live(ALFA, BETA) as live:
        sides = [side(live, provider) for provider in (ALFA, BETA)]
        try:
            run(*sides, 16, Side.work)
            for _ in range(5):
                found.append(run(*sides, number, Side.work))
                bound.append((seals() / 3, verifications()))
            calls = run(*sides, number, profiled())
        finally:
            for each in sides:
                each.store.close()
    for kind, signs in SEALS.items():
        each = [one[kind] for one in found]
        bounds = [(a * signs + b + c * signs + d) / 2 for (a, b), (c, d) in pairwise(bound)]
        table.add(Comparison.of_seconds(f"{kind}, processor time, {BATCH} a batch", each, bounds))
        told = Spread.of([1000 * one for one in each])
        print(f"  {kind}: {told:.2f} ms, {calls[kind]:,.0f} calls", file=sys.stderr)
    return 0 if table.finish() else 1


def side(live: Live, provider: Provider) -> Side:
    """Stop a provider, which has fetched directory and revocation lists, and take its work over."""
    live.stop(provider)
    return Side(live.nation.settings(provider))


def run(alfa: Side, beta: Side, number: int, work: Callable[[Side], float]) -> dict[str, float]:
    """Let so many transactions go from one side to the other and back; return what `work` says of each kind for one."""
    written = [message(MARIO, ANNA, OCTETS)[:-3] for _ in range(number)]
    alfa.take(Point.ACCESS, [Mail(octets=each, reverse_path=MARIO, recipients=(ANNA,)) for each in written])
    alfa.work()
    beta.take(Point.INCOMING, alfa.relay())
    found = {"envelope": work(beta) / number}
    receipts = beta.relay()
    takings = [mail for mail in receipts if mail.recipients == (alfa.service,)]
    deliveries = [mail for mail in receipts if mail.recipients == (MARIO,)]
    assert len(takings) == len(deliveries) == number, "each envelope has its two receipts"
    for kind, mails in (("taking in charge", takings), ("delivery receipt", deliveries)):
        alfa.take(Point.INCOMING, mails)
        found[kind] = work(alfa) / number
    return found


def profiled() -> Callable[[Side], float]:
    """Return the act of working with a count of the functions called; the kinds come in their order."""
    kinds = iter(SEALS)

    def work(side: Side) -> float:
        profile = cProfile.Profile()
        profile.enable()
        side.work()
        profile.disable()
        kind = next(kinds)
        if PROFILE:
            profile.dump_stats(f"{PROFILE}-{kind.replace(' ', '-')}")
        return float(pstats.Stats(profile).total_calls)

    return work


def verifications() -> float:
    """Return the processor time of verifying one signature, in seconds."""
    key, times = private_key("bench"), 500
    public, signature = key.public_key(), key.sign(b"x" * 64, PKCS1v15(), SHA256())
    before = time.process_time()
    for _ in range(times):
        public.verify(signature, b"x" * 64, PKCS1v15(), SHA256())
    return (time.process_time() - before) / times


if __name__ == "__main__":
    sys.exit(main())
