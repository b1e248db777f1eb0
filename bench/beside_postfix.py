"""How many transactions a second, over those of a provider put together from Postfix and forked openssl (B1b).

Subject: as in `transaction.py`, one live provider with two workers, 10 KB, one recipient, to the last delivery
receipt. Peer, before and after every sample: Postfix with a content filter that forks `openssl cms` for three seals
and one verification and gives three messages back, to the last of them in its Maildir (`_filter.py`); ten
connections and ten filters at once, no TLS, no log, no timers, no scan. Both queues are durable, both share the two
cores with their clients. Floor: 8 times the peer.

    python bench/beside_postfix.py [--quick]
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _filter import HOST
from _folders import data_folder
from _live import Live
from _peers import need_postfix, postfix, smtp_source
from ceralacca.apps.demo.cast import ALFA, CARLA, MARIO
from ceralacca.base.clock import SystemClock
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.postfix import Postfix, free_port
from measure import Table, compare
from transaction import OCTETS, transactions

FLOOR, CONNECTIONS, LONGEST = 8.0, 10, 120.0
SENDER, RECIPIENT = "mario@peer.example", "carla@peer.example"


def main() -> int:
    quick = "--quick" in sys.argv
    need_postfix()
    table = Table("beside_postfix")
    with forking_provider() as peer, Live(ALFA) as live:
        senders = live.senders(ALFA, MARIO)
        senders.connect()
        number = 60 if quick else 1200
        table.add(
            compare(
                f"one provider, 10 KB, {number} at a time, over Postfix and forked openssl",
                subject=lambda: transactions(live, senders, CARLA, 60),
                subject_rate=lambda: transactions(live, senders, CARLA, number),
                bound_rate=lambda: forked(peer, 30 if quick else 100),
                goal=FLOOR,
                samples=5,
            )
        )
        senders.close()
    return 0 if table.finish() else 1


@contextmanager
def forking_provider() -> Iterator[Postfix]:
    """Run Postfix and its filter."""
    back = free_port()
    folder = data_folder("pec-filter-")
    write_keys(folder)
    command = [sys.executable, str(Path(__file__).with_name("_filter.py")), str(folder), str(back), str(CONNECTIONS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        settings = {
            "content_filter": f"smtp:[{HOST}]:{port}",
            "smtp_destination_concurrency_limit": str(CONNECTIONS),
            "smtp_destination_recipient_limit": "1",
            "smtp_connection_cache_on_demand": "yes",
        }
        services = [f"{HOST}:{back} inet n - n - 100 smtpd -o content_filter="]
        try:
            with postfix(settings, services, domain="peer.example", names=["mario", "carla"]) as server:
                forked(server, 1)  # that the filter works is seen before it is measured
                yield server
        finally:
            process.terminate()


def write_keys(folder: Path) -> None:
    """Write key and certificates of a provider for openssl."""
    authority = Authority.create(SystemClock().now())
    identity = authority.provider("Gestore Pari", "posta-certificata@peer.example")
    (folder / "key.pem").write_bytes(identity.pkcs8())
    (folder / "certificate.pem").write_bytes(identity.certificate_pem())
    issuers = (authority.root, authority.intermediate)
    (folder / "authority.pem").write_bytes(b"".join(pem(one.certificate) for one in issuers))


def forked(server: Postfix, number: int) -> float:
    """Send so many messages to the peer; return how many transactions a second were done, to the last Maildir."""
    wanted = sum(map(server.number_received, (SENDER, RECIPIENT))) + 3 * number
    start = time.perf_counter()
    smtp_source(
        server.port, number=number, connections=min(CONNECTIONS, number), octets=OCTETS, sender=SENDER, to=RECIPIENT
    )
    while sum(map(server.number_received, (SENDER, RECIPIENT))) < wanted:
        if time.perf_counter() - start > LONGEST:
            raise SystemExit(f"the peer is not done after {LONGEST:.0f} s: {server.log()[-800:]}")
        time.sleep(0.005)
    done = number / (time.perf_counter() - start)
    print(f"    peer: {done:,.0f} done/s", file=sys.stderr)
    return done


if __name__ == "__main__":
    sys.exit(main())
