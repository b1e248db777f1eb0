"""The memory of a whole provider: idle, and while one message of 30 MB goes from a sender to the receipt.

Every process of a provider is counted, supervisor, two workers and Dovecot's included; only clamd is left out.
Idle, after a first message: own pages, those that processes still share with the one they were forked from once; each
page of a mapped file once, whoever maps it. Under the message: the most that all processes together had above idle,
of own pages (`RssAnon`), and of own and mapped ones (every process counts what it maps, so that a page that
three map is counted three times), looked at every few milliseconds.
Limits: 400 MiB idle, three times the message above idle.

    python bench/memory.py [--quick]
"""

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from _live import Live
from _senders import message
from big_message import OCTETS, memory_row, transact
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, MARIO, Provider
from ceralacca.testing.processes import family
from measure import Table

IDLE_LIMIT, TIMES = 400.0, 3
LIMIT = TIMES * OCTETS / 2**20
_LOOK = 0.005


def main() -> int:
    samples = 3 if "--quick" in sys.argv else 5
    table = Table("memory")
    octets = message(MARIO, ANNA, OCTETS * 74 // 76)
    with Live(ALFA, BETA, whole=True) as live:
        providers = (ALFA, BETA)
        senders = live.senders(ALFA, MARIO, connections=1)
        senders.connect()
        transact(live, senders, message(MARIO, ANNA, 10_000))  # warm
        for one in providers:
            table.add(memory_row(f"{one.key}, MiB idle", [idle(processes(live, one)) for _ in range(5)], IDLE_LIMIT))
        before = {one.key: resident(processes(live, one)) for one in providers}
        peaks = []
        for _ in range(samples):
            watches = {one.key: Watch(live, one) for one in providers}
            transact(live, senders, octets)
            peaks.append({key: watch.end() for key, watch in watches.items()})
        senders.close()
    for key, start in before.items():
        for what, at in (("own", 0), ("own and mapped", 1)):
            above = [each[key][at] - start[at] for each in peaks]
            table.add(memory_row(f"{key}, one message of 30 MB, MiB {what} above idle", above, LIMIT))
    return 0 if table.finish() else 1


def processes(live: Live, provider: Provider) -> set[int]:
    """Return every process of a provider but clamd."""
    found = set()
    for pid in family(live.pids(provider)["supervisor"]):
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() != "clamd":
                found.add(pid)
    return found


def resident(pids: set[int]) -> tuple[float, float]:
    """Return the MiB that processes have: own pages, and own with mapped ones."""
    own = mapped = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                own += int(line.split()[1]) if line.startswith("RssAnon:") else 0
                mapped += int(line.split()[1]) if line.startswith(("RssFile:", "RssShmem:")) else 0
    return own / 1024, (own + mapped) / 1024


def idle(pids: set[int]) -> float:
    """Return the MiB of own pages, those that forked processes still share once, and of mapped ones each once."""
    own, mapped = 0, {}
    for pid in pids:
        place = ""
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                own += int(line.split()[1]) if line.startswith("Pss_Anon:") else 0
            for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
                words = line.split()
                if not words[0].endswith(":"):
                    place = " ".join((words[2], *words[4:])) if words[4] != "0" else ""
                elif words[0] == "Rss:" and place:
                    mapped.setdefault(place, []).append(int(words[1]))
                elif words[0] == "Anonymous:" and place:  # a page that was written to is the process's own
                    mapped[place][-1] -= int(words[1])
    return (own + sum(map(max, mapped.values()))) / 1024


class Watch:
    """The most that a provider's processes have together, from now on."""

    def __init__(self, live: Live, provider: Provider) -> None:
        """Look from now on."""
        self._pids = processes(live, provider)
        self._own = self._all = 0.0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ending.is_set():
            own, everything = resident(self._pids)
            self._own, self._all = max(self._own, own), max(self._all, everything)
            time.sleep(_LOOK)

    def end(self) -> tuple[float, float]:
        """Return the most of own pages, and of own and mapped ones."""
        self._ending.set()
        self._thread.join()
        return self._own, self._all


if __name__ == "__main__":
    sys.exit(main())
