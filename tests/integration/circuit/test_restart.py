"""A whole provider that ends under load, killed or in good order, and starts again: judged by the mailboxes alone.

While a client goes on submitting, every process of both providers ends and is started anew. Afterwards the
mailboxes are read through IMAP: what was answered `250` has one acceptance and one outcome for each recipient, and
nothing lies anywhere twice. What the client got no answer to may be accepted or not, but never by halves.
"""

import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, CARLA, MARIO
from ceralacca.apps.demo.checks import Checker
from ceralacca.apps.demo.messages import letter
from ceralacca.apps.demo.watch import Lookout, Sighting
from ceralacca.apps.mail_client import Mailbox, submit
from ceralacca.base.errors import PecError, WorldError
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.received import read_received
from ceralacca.ports.store import JobKind
from ceralacca.testing.processes import alive, family

pytestmark = [pytest.mark.system, pytest.mark.slow]
_BETWEEN = 12
"""Messages answered before the next thing happens."""
_RECIPIENTS = (ANNA, CARLA)


class Client(threading.Thread):
    """Submits message after message, whatever happens; remembers what was answered."""

    def __init__(self, account):
        super().__init__(daemon=True)
        self._account = account
        self.answered: set[str] = set()
        self.without_answer: set[str] = set()
        self.ending = threading.Event()

    def run(self):
        while not self.ending.is_set():
            octets = letter(to=_RECIPIENTS)
            name = read_received(octets).head.first("Message-ID").body.strip().decode()
            try:
                submit(self._account, octets, recipients=_RECIPIENTS)
            except PecError:
                self.without_answer.add(name)
                self.ending.wait(0.1)
            else:
                self.answered.add(name)

    def until(self, number):
        end = time.monotonic() + 60
        while len(self.answered) < number:
            assert time.monotonic() < end, f"only {len(self.answered)} messages were answered"
            time.sleep(0.01)


def end(running, provider, sign):
    """End a provider: by SIGKILL every one of its processes, by SIGTERM its supervisor, which must obey."""
    if sign is signal.SIGTERM:
        assert running.stop_provider(provider) == 0
        return
    whole = family(running.pid_of(provider))
    assert len(whole) > 8
    for pid in whole:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.stop_provider(provider)
    until = time.monotonic() + 30
    while any(map(alive, whole)):
        assert time.monotonic() < until, "somebody is left"
        time.sleep(0.02)


def come_to_rest(lookout):
    """Wait until nothing is on its way; what waits for its next try is tried at once, as an operator would."""
    until = time.monotonic() + 90
    while True:
        for store in lookout.stores.values():
            for job in store.jobs(limit=10_000):
                if job.kind is not JobKind.DEADLINE and job.due > (now := datetime.now(UTC)):
                    store.release(job.id, now=now)
        try:
            return lookout.quiet(within=3)
        except WorldError:
            if time.monotonic() > until:
                raise


def sightings(running, address):
    """Return everything that lies in a mailbox."""
    with Mailbox(running.account(address)) as box:
        return [Sighting(place=address, octets=octets) for octets in box.fresh()]


def reference_of(one):
    """Return whose message this is about; None for what others have left here, such as ordinary mail."""
    head = read_received(one.octets).head
    field = head.first("X-Riferimento-Message-ID")
    kinds = [kind.body.strip() for name in ("X-Ricevuta", "X-Trasporto") if (kind := head.first(name))]
    assert field or kinds in ([], [b"errore"])
    return field and field.body.strip().decode()


@pytest.mark.scenario("T-18")
@pytest.mark.requirement("AP-25", "IP-21", "DP-3", "DP-4", "AD-2", "MO-13")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM], ids=lambda one: one.name)
def test_both_providers_end_under_load_and_nothing_is_lost_or_doubled(running, sign):
    client = Client(running.account(MARIO))
    client.start()
    try:
        client.until(_BETWEEN)
        end(running, BETA, sign)
        client.until(2 * _BETWEEN)  # the sender's provider goes on without the other
        end(running, ALFA, sign)
        running.start_provider(ALFA)
        running.start_provider(BETA)
        running.wait_for(ALFA)
        running.wait_for(BETA)
        client.until(3 * _BETWEEN)
    finally:
        client.ending.set()
        client.join(60)
    assert client.without_answer  # it did hit the client
    with Lookout(running) as lookout:
        come_to_rest(lookout)
        checker = Checker(running.nation, lookout.stores)
    of_client = client.answered | client.without_answer
    counts = {}
    for place in (MARIO, *_RECIPIENTS):
        for one in sightings(running, place):
            reference = reference_of(one)
            if reference in of_client:
                checked = checker.check(one)
                assert checked.faults == ()
                concerned = checked.report.certification.delivery_recipient
                counts.setdefault(reference, Counter())[checked.row, concerned, place] += 1
    once = Counter({(MessageRow.ACCEPTANCE, None, MARIO): 1})
    for recipient in _RECIPIENTS:
        once[MessageRow.TRANSPORT_ENVELOPE, None, recipient] = 1
        once[MessageRow.DELIVERY, recipient, MARIO] = 1
    assert {name: found for name, found in counts.items() if found != once} == {}
    assert client.answered <= set(counts)
