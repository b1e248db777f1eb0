"""How long a holder's client waits for the receipts of one message among 100,000 (SEARCH HEADER, GE-9).

Subject: `UID SEARCH HEADER X-Riferimento-Message-ID` over IMAPS on a live provider's Dovecot, in an inbox whose
messages our delivery point put there: the first search, which must open every file once, and those after it, answered
from the index. Limits in seconds: a minute for the first, one for the others; and what a search costs each message
must not grow with the mailbox: 100 times as many messages take at most 150 times as long.

    python bench/search.py [--quick]      --quick: 10,000 messages instead of 100,000
"""

import imaplib
import ssl
import sys
import time

from _live import HOST, Live
from ceralacca.apps.demo.cast import ALFA, CARLA, COUNCIL
from ceralacca.apps.mailbox_access import mail_owner
from ceralacca.apps.wiring import mail_store
from ceralacca.core.model.address import Address
from ceralacca.ports.mail_store import Put
from measure import Comparison, Spread, Table

FIRST, NEXT, GROWTH = 60.0, 1.0, 1.5
MANY = 10_000 if "--quick" in sys.argv else 100_000
FEW = MANY // 100
_BATCH = 10_000


def main() -> int:
    table = Table("search")
    with Live(ALFA, whole=True) as live:
        few = searches(live, COUNCIL, FEW)
        many = searches(live, CARLA, MANY)
    table.add(Comparison.within(f"the first search, {MANY:,} messages: limit {FIRST:.0f} s", many[:1], FIRST))
    table.add(Comparison.within(f"a search, {MANY:,} messages: limit {NEXT:.0f} s", many[1:], NEXT))
    table.add(growth(few[1:], many[1:]))
    print(f"  first {many[0]:.2f} s, then {Spread.of(many[1:]):.3f} s; few {Spread.of(few[1:]):.4f} s", file=sys.stderr)
    return 0 if table.finish() else 1


def growth(few: list[float], many: list[float]) -> Comparison:
    """Compare what a search costs for each message in a small and in a large mailbox."""
    small = Spread.of(few).median / FEW
    return Comparison.within(
        f"cost for each message, {FEW:,} to {MANY:,}", [one / MANY for one in many], GROWTH * small
    )


def searches(live: Live, mailbox: Address, number: int) -> list[float]:
    """Fill a mailbox and search in it seven times; return the seconds of each."""
    settings = live.nation.settings(ALFA)
    maildir = mail_store(settings, mail_owner(settings))
    for start in range(0, number, _BATCH):
        maildir.put([receipt(mailbox, one) for one in range(start, min(start + _BATCH, number))])
    context = ssl.create_default_context(cafile=str(live.nation.trusted))
    taken = []
    with imaplib.IMAP4_SSL(HOST, live.nation.ports.provider("alfa").imap, ssl_context=context) as client:
        client.login(mailbox.text, live.nation.passwords[mailbox])
        client.select("INBOX", readonly=True)
        for wanted in (number - 1, 0, number // 2, number // 3, number // 4, number // 5, number // 6):
            start = time.perf_counter()
            _, found = client.uid("SEARCH", "HEADER", "X-Riferimento-Message-ID", f"<{wanted}@client.example>")
            taken.append(time.perf_counter() - start)
            if len(found[0].split()) != 1:
                raise SystemExit(f"{found[0]!r} was found instead of one message")
    return taken


def receipt(mailbox: Address, number: int) -> Put:
    """Return a message with the fields of a receipt."""
    octets = (
        f"X-Ricevuta: avvenuta-consegna\r\nX-Riferimento-Message-ID: <{number}@client.example>\r\n"
        f"Subject: CONSEGNA: {number}\r\nMessage-ID: <{number}@gestore-alfa.example>\r\n\r\n{'x' * 70}\r\n"
    )
    return Put(mailbox=mailbox, name=f"{number}/delivery", octets=octets.encode(), quota=2**40)


if __name__ == "__main__":
    sys.exit(main())
