"""Names of letters, jobs and stored messages: the same step makes the same ones, so doing it again is harmless.

Everything is derived from what the step is about, nothing from when or how often it runs. Identifiers
of other providers are bounded and told apart by provider: nobody else's message can take the place of ours.

Clauses: invariants 1 to 5 of ARCHITECTURE.md; IP-21, DP-3, AP-20, AM-29, GE-29.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256

from ceralacca.base.identifiers import new_identifier
from ceralacca.base.instants import to_the_second
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.ports.letters import StoredInbound

_LONGEST = 320
_ANSWERS = frozenset({MessageRow.NON_ACCEPTANCE, MessageRow.NON_ACCEPTANCE_VIRUS, MessageRow.ACCEPTANCE})
_KINDS = {row: "answer" if row in _ANSWERS else row.name.lower().replace("_", "-") for row in MessageRow}


class Timer(StrEnum):
    """The two timers of a certified recipient (TI-6)."""

    TWELVE = "12"
    TWENTY_FOUR = "24"


def bounded(text: str) -> str:
    """Return a text that fits into an index: itself, or its digest when it is long."""
    return text if len(text) <= _LONGEST else f"sha256:{sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def digest_of(*words: str) -> str:
    """Return 32 hexadecimal digits of words; no two different lists of words share them."""
    text = "".join([f"{len(word)}:{word}" for word in words])
    try:
        return sha256(text.encode("ascii")).hexdigest()[:32]  # as nearly always: as many octets as characters
    except UnicodeEncodeError:
        pass
    octets = [word.encode("utf-8", "surrogatepass") for word in words]
    return sha256(b"".join([b"%d:%b" % (len(each), each) for each in octets])).hexdigest()[:32]


def identifier_of(inbound: StoredInbound, *, domain: str) -> str:
    """Return the PEC msgid of a submission (AP-20, AM-29): always the same one, so that it is answered once (AP-26).

    Its random part comes from the random part of the key under which the listener received it (GE-29).
    """
    seed = sha256(f"pec msgid\0{inbound.key}\0{inbound.digest}\0{domain}".encode()).digest()
    return new_identifier(inbound.received, lambda octets: seed[:octets], domain=domain)


def letter_key(identifier: str, recipient: Address | None, row: MessageRow, *, peer: str = "") -> str:
    """Return the key of a letter that we generate; `peer` is whatever tells transactions of other providers apart.

    Rows 1, 2 and 3 share one: a submission has one answer (AP-26).
    """
    return f"{bounded(identifier)}/{recipient.key if recipient else '-'}/{_KINDS[row]}{'@' if peer else ''}{peer}"


def transaction_of(provider: str, recipients: Iterable[Address]) -> str:
    """Return what tells SMTP transactions of one envelope apart: from whom, and for whom (IP-21)."""
    return _kept_digest((provider, *sorted([recipient.key for recipient in recipients])))


@lru_cache(maxsize=256)
def _kept_digest(words: tuple[str, ...]) -> str:
    return digest_of(*words)  # each answer about an envelope has the one of its provider


def deadline_key(identifier: str, recipient: Address, timer: Timer) -> str:
    """Return the key of a timer's job (TI-10)."""
    return f"deadline:{identifier}:{recipient.key}:{timer}"


def mailbox_name(instant: datetime, *words: str) -> str:
    """Return the name of a message in a mailbox: safe in any file system, sorted by time, the same on every redo.

    `instant` is one that the message itself or the store fixes.
    """
    return f"{int(to_the_second(instant).timestamp())}.pec-{digest_of(*words)}"
