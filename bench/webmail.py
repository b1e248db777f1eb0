"""How long a holder waits for a page: a mailbox of 100,000 messages, and 50 holders at work at once.

Subject: whole answers of the role `web` over HTTPS, from a live provider with its own Dovecot and scanner: the newest
page of the inbox, one from its middle, a search by sender or subject, a certified message opened (its seal is
verified), the list of sent messages. Limit: half a second, by the median. Told beside it: the first search, after which
the headers are learnt while nobody waits; what a later one takes of processor time; the search in the text of 100,000
messages. Then 50 holders with a mailbox of 200 each go through the same pages at once, each looking at a
page for a second before asking for the next.

    python bench/webmail.py [--quick]      --quick: 10,000 messages, 10 holders
"""

import re
import ssl
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime

import httpx

from _live import HOST, Live
from _processor import processor
from _senders import message
from ceralacca.apps.demo.cast import ALFA, CARLA, MARIO
from ceralacca.apps.mailbox_access import mail_owner
from ceralacca.apps.wiring import mail_store, provider_store
from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.store.credentials import hash_password
from ceralacca.testing.processes import family
from measure import Comparison, Spread, Table

LIMIT = 0.5
QUICK = "--quick" in sys.argv
MANY, HOLDERS = (10_000, 10) if QUICK else (100_000, 50)
EACH, CERTIFIED, ROUNDS, LOOKS = 200, 12, 9, 1.0
_PASSWORD = "una-parola-lunga-per-la-prova"
_BATCH = 10_000
_OPENED = re.compile(r'href="(/mail/message\?[^"]+)"')


def main() -> int:
    table = Table("webmail")
    with Live(ALFA, whole=True) as live:
        fill(live, CARLA, MANY)
        certify(live)
        with signed_in(live, CARLA, live.nation.passwords[CARLA]) as http:
            tell_searches(live, http)
            taken = pages(http, MANY, ROUNDS)
        for name, found in taken.items():
            table.add(Comparison.within(f"{name}, {MANY:,} messages: limit {LIMIT} s", found, LIMIT))
        together = at_once(live)
    for name, found in together.items():
        table.add(Comparison.within(f"{name}, {HOLDERS} holders at once: limit {LIMIT} s", found, LIMIT))
    return 0 if table.finish() else 1


def tell_searches(live: Live, http: httpx.Client) -> None:
    """Say what cannot have a limit: searches that come once, and what the usual one costs."""

    def tell(what: str, path: str) -> None:
        used, start = processor_seconds(live), time.perf_counter()
        ask(http, path)
        seconds, now = time.perf_counter() - start, processor_seconds(live)
        spent = ", ".join(f"{name} {now[name] - used[name]:.2f} s" for name in used)
        print(f"  {what}: {seconds:.2f} s; processor: {spent}", file=sys.stderr)

    tell("the first search, no header read before", f"/mail?q=Pratica+{MANY // 3}")
    time.sleep(0.0 if QUICK else 10.0)  # the headers are being learnt
    tell("a search later", f"/mail?q=Pratica+{MANY // 4}")
    tell("a search for what all messages have", "/mail?q=Pratica")
    tell(f"a search in the text of {MANY:,} messages", f"/mail?q=parola{MANY // 3}&text=1")


def processor_seconds(live: Live) -> dict[str, float]:
    """Return the processor time so far of the web role and of the mailboxes' processes that are there now."""
    pids, used = live.pids(ALFA), dict.fromkeys(("web", "mailboxes"), 0.0)
    for name in used:
        for pid in family(pids[name]):
            with suppress(OSError):  # it has ended
                used[name] += processor(pid)
    return used


# -- mailboxes --------------------------------------------------------------------------------------


def fill(live: Live, mailbox: Address, number: int) -> None:
    """Put messages into a mailbox as the delivery point does."""
    settings = live.nation.settings(ALFA)
    maildir = mail_store(settings, mail_owner(settings))
    for start in range(0, number, _BATCH):
        maildir.put([letter(mailbox, one) for one in range(start, min(start + _BATCH, number))])


def letter(mailbox: Address, number: int) -> Put:
    """Return a message like no other."""
    octets = (
        f'From: "Mittente {number}" <persona{number % 997}@comune.example>\r\nTo: {mailbox}\r\n'
        f"Subject: Pratica {number}\r\nDate: Mon, 23 Nov 2026 12:00:00 +0100\r\n"
        f"Message-ID: <{number}@comune.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\nparola{number}\r\n" + ("testo della pratica\r\n" * 60)
    )
    return Put(mailbox=mailbox, name=f"{number}/bench", octets=octets.encode(), quota=2**40)


def certify(live: Live) -> None:
    """Let certified messages arrive, the newest of the mailbox."""
    inbox = live.inbox(ALFA, CARLA)
    before = len(list(inbox.iterdir()))

    senders = live.senders(ALFA, MARIO, connections=2)
    senders.connect()
    senders.send_all([message(MARIO, CARLA, 10_000) for _ in range(CERTIFIED)], CARLA)
    senders.close()
    until = time.monotonic() + 120
    while len(list(inbox.iterdir())) < before + CERTIFIED:
        if time.monotonic() > until:
            raise SystemExit("the certified messages do not arrive")
        time.sleep(0.2)


# -- pages ------------------------------------------------------------------------------------------


@contextmanager
def signed_in(live: Live, address: Address, password: str) -> Iterator[httpx.Client]:
    """Give a browser's place of a holder who is signed in."""
    trust = ssl.create_default_context(cafile=str(live.nation.trusted))
    base = f"https://{HOST}:{live.nation.ports.provider(ALFA.key).web}"
    with httpx.Client(base_url=base, verify=trust, trust_env=False, timeout=120) as http:
        token = http.get("/sign-in").text.partition('name="form_token" value="')[2].partition('"')[0]
        answer = http.post("/sign-in", data={"address": address.text, "password": password, "form_token": token})
        if answer.status_code != 303:
            raise SystemExit(f"{address} is not let in: {answer.status_code}")
        yield http


def pages(http: httpx.Client, number: int, rounds: int, *, looks: float = 0.0) -> dict[str, list[float]]:
    """Go through the pages so many times, looking at each for a while; return the seconds that each took."""
    newest = ask(http, "/mail")
    opened = _OPENED.search(newest)
    if opened is None:
        raise SystemExit("the inbox shows no message")
    certified = opened[1].replace("&amp;", "&")
    taken: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds):
        for name, path in (
            ("newest page", "/mail"),
            ("page in the middle", f"/mail?page={max(number // 50 - turn, 1)}"),
            ("search", f"/mail?q=Pratica+{number // 2 + turn}"),
            ("message opened", certified),
            ("sent messages", "/sent"),
        ):
            start = time.perf_counter()
            ask(http, path)
            taken[name].append(time.perf_counter() - start)
            if looks:
                time.sleep(looks)
    return taken


def ask(http: httpx.Client, path: str) -> str:
    answer = http.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path} is answered {answer.status_code}")
    return answer.text


def at_once(live: Live) -> dict[str, list[float]]:
    """Let many holders work at once; return the seconds of all their pages."""
    holders = [Address(f"titolare{number}@{CARLA.domain}") for number in range(HOLDERS)]
    with closing(provider_store(live.nation.settings(ALFA))) as store:
        kept, now = hash_password(_PASSWORD), datetime.now(UTC)
        for holder in holders:
            store.put_mailbox(MailboxRecord(address=holder, quota=2**30, password_hash=kept), now=now)
    for holder in holders:
        fill(live, holder, EACH)

    def work(holder: Address) -> dict[str, list[float]]:
        with signed_in(live, holder, _PASSWORD) as http:
            return pages(http, EACH, 2, looks=LOOKS)

    taken: dict[str, list[float]] = defaultdict(list)
    with ThreadPoolExecutor(HOLDERS) as threads:
        for one in threads.map(work, holders):
            for name, found in one.items():
                taken[name] += found
    for name, found in taken.items():
        print(f"  {HOLDERS} holders, {name}: {Spread.of(found):.3f} s", file=sys.stderr)
    return taken


if __name__ == "__main__":
    sys.exit(main())
