"""A provider's log made for a try: rows of invented transactions, sealed day by day, stamped by the sandbox.

For tests, for the campaign of edits and for benches; the sealing is the provider's own, only the clock and the
time-stamping authority are at hand. The same seed makes the same rows.

Clauses: LO-4 to LO-7.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random  # noqa: TID251 seeded by the caller: rows for tries
from typing import Final

from ceralacca.apps.authority.sandbox import INTERMEDIATE, ROOT, Sandbox
from ceralacca.apps.authority.time_stamps import answer
from ceralacca.base.errors import WorldError
from ceralacca.core.log_chain import Ledger
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.core.model.notification import RecipientKind
from ceralacca.ports.log_seal import Witness
from ceralacca.ports.store import Commit
from ceralacca.services.seal_log import LogSeal, Sealed
from ceralacca.store.database import DatabaseStore, open_store
from ceralacca.store.engine import Database
from ceralacca.store.log_folder import FileLogFolder, FolderWitness
from ceralacca.store.log_seal import DatabaseLogSeal
from ceralacca.testing.clock import FixedClock
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.key_files import read_certificates
from ceralacca.trust.log_seal import LogSealKey
from ceralacca.trust.software_key import SoftwareKey
from ceralacca.trust.time_stamp import make_request, read_reply, token_of, verify_token

_KINDS: Final = ("accettazione", "posta-certificata", "presa-in-carico", "avvenuta-consegna")
_EVENTS: Final = (
    LogEvent.SUBMISSION,
    LogEvent.ACCEPTANCE,
    LogEvent.ENVELOPE_SENT,
    LogEvent.RELAYED,
    LogEvent.TAKING_IN_CHARGE_RECEIVED,
    LogEvent.DELIVERY,
)
_WORDS: Final = ("Fattura", "però", "conferma", "n. 12/b", "gara", '"urgente"', "Città", "€ 1.200", "riga\tdoppia")


@dataclass(slots=True)
class SandboxStamper:
    """The sandbox's time stamps without a network; a `ports.log_seal.Stamper`."""

    sandbox: Sandbox
    away: bool = False
    """Nobody answers."""

    def __call__(self, digest: bytes, now: datetime, /) -> tuple[bytes, datetime]:
        """Return a stamp and its instant. Raises WorldError when nobody answers."""
        if self.away:
            raise WorldError("the time-stamping authority does not answer")
        request = make_request(digest, lambda octets: self.sandbox.new_serial().to_bytes(16, "big")[:octets])
        reply = answer(request.octets, self.sandbox.stamper(), instant=now, serial=self.sandbox.new_serial())
        return reply, read_reply(reply, request, trust=self.trust(), present=now).instant

    def check(self, reply: bytes, digest: bytes, now: datetime, /) -> datetime:
        """Return the instant of a stamp that is kept."""
        return verify_token(token_of(reply), digest, trust=self.trust(), present=now).instant

    def trust(self) -> TrustStore:
        """Return what the sandbox's certificates are judged by."""
        return TrustStore(anchors=self.sandbox.anchors, crls=(self.sandbox.crl(ROOT), self.sandbox.crl(INTERMEDIATE)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperLog:
    """A store with rows, and what seals it."""

    folder: Path
    """`log/` has the sealed files, `witness/` the heads of blocks, `log-keys/` the key."""
    store: DatabaseStore
    seal: LogSeal
    stamper: SandboxStamper

    @property
    def files(self) -> Path:
        """Where the sealed files are."""
        return self.folder / "log"

    @property
    def witness(self) -> Path:
        """Where the heads of the blocks are."""
        return self.folder / "witness"

    def write(self, rows: Sequence[LogRow]) -> None:
        """Put rows into the log, in one commit."""
        self.store.commit([Commit(log=tuple(rows))])

    def sealed(self, now: datetime, *, close: bool = False) -> Sealed:
        """Seal what is due."""
        return self.seal.do_what_is_due(now, close=close)


@contextmanager
def paper_log(
    folder: Path,
    sandbox: Sandbox,
    *,
    url: str | None = None,
    ledger: Ledger = Ledger.MESSAGES,
    witness: Witness | None = None,
    node: str = "alfa",
) -> Iterator[PaperLog]:
    """Open a log in a folder, with a key of its own; the database is SQLite in the folder, or the one of `url`."""
    url = url or f"sqlite:///{folder / 'store.db'}"
    keys = folder / "log-keys"
    if not (keys / "certificate.pem").exists():
        sandbox.certify_log("Gestore Alfa", into=keys)
    signer = SoftwareKey.load(keys / "key.pem", keys / "certificate.pem")
    messages = read_certificates(sandbox.public / "directory-manager.pem")[0]
    store, database, stamper = open_store(url, folder), Database(url, connections=1), SandboxStamper(sandbox)
    seal = LogSeal(
        ledger=ledger,
        node=node,
        store=DatabaseLogSeal(database),
        key=LogSealKey(signer, messages=messages),
        folder=FileLogFolder(folder / "log"),
        stamper=stamper,
        witness=witness or FolderWitness(folder / "witness"),
    )
    try:
        yield PaperLog(folder=folder, store=store, seal=seal, stamper=stamper)
    finally:
        store.close()
        database.close()


def invented_rows(random: Random, count: int, *, since: datetime, every: timedelta) -> Iterator[LogRow]:
    """Give rows of invented transactions, some with what makes JSON difficult."""
    for number in range(count):
        event = _EVENTS[number % len(_EVENTS)]
        transaction = number // len(_EVENTS)
        people = [Address(f"utente{random.randrange(9000)}@pec{random.randrange(40)}.example") for _ in range(3)]
        recipients = people[1 : random.choice((2, 3))]
        row = LogRow(
            instant=since + number * every,
            event=event,
            identifier=f"pec{random.getrandbits(128):032x}{since:%Y%m%d%H%M%S}@alfa.example",
            client_message_id=f"<{transaction}.{random.getrandbits(40):010x}@client.example>",
            sender=people[0],
            recipients=tuple(Recipient(address=one, kind=RecipientKind.CERTIFIED) for one in recipients),
            subject=" ".join(random.choices(_WORDS, k=random.randrange(1, 7))),
            kind=random.choice(_KINDS),
            concerned=tuple(recipients),
            message_id=f"<{random.getrandbits(80):020x}@alfa.example>",
            provider="Gestore Beta S.p.A.",
            peer=f"mx{random.randrange(9)}.beta.example [192.0.2.{random.randrange(1, 255)}]",
            tls=random.choice(("TLSv1.3", "TLSv1.2", "")),
            detail="completa" if event is LogEvent.DELIVERY else random.choice(("", "", "in coda")),
        )
        yield row._replace(subject=None) if number % 17 == 0 else row


def seal_days(log: PaperLog, clock: FixedClock, *, days: int, rows: int, seed: int, rounds: int = 4) -> None:
    """Write and seal invented rows for days from the clock's instant on, moving it: the sandbox should have the same.

    Each day's rows are sealed in as many rounds, each at its time.
    """
    random = Random(seed)  # noqa: S311 invented rows
    start = clock.now()
    for day in range(days):
        begin = start + timedelta(days=day)
        for part in range(rounds):
            count = rows * (part + 1) // rounds - rows * part // rounds
            since = begin + part * timedelta(hours=24) / rounds
            made = list(invented_rows(random, count, since=since, every=timedelta(seconds=1)))
            for first in range(0, len(made), 5000):
                log.write(made[first : first + 5000])
            clock.advance(since + timedelta(hours=24) / rounds - clock.now() - timedelta(minutes=1))
            log.sealed(clock.now())
    clock.advance(timedelta(minutes=2))
    log.sealed(clock.now())
