"""The extract of the log for a holder: looked up, put together, written, signed and stamped (LO-8).

    extract = draw(log, selection, shelf=shelf, own_domains=..., reference=..., provider=..., made=now, purpose=why)
    files = finish(extract, hand)

`draw` reads, `finish` makes the files; that an extract is drawn is recorded by whoever hands it out, before it leaves.
Both the command line and the web pages call these. The mailbox may be closed: the log outlives it.

Clauses: LO-5, LO-6, LO-8, LO-9, MO-6.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

import structlog

from ceralacca.base.clock import Clock, SystemClock
from ceralacca.base.errors import PeerError, UserError, WorldError
from ceralacca.core.log_consistency import Numbered
from ceralacca.core.log_extract import Extract, KeptReceipt, Selection, extract, with_receipts
from ceralacca.formats.log_extract_json import write_extract
from ceralacca.formats.log_extract_pdf import draw_extract
from ceralacca.formats.pdf_page import Fonts
from ceralacca.ports.log_seal import Stamper
from ceralacca.ports.log_search import LogEntry, LogQuery, LogSearch
from ceralacca.ports.receipts import ReceiptShelf

_LOG = structlog.get_logger("ceralacca.services")

AROUND: timedelta = timedelta(hours=48)
"""So far beyond the period rows are read, that a message at its edge is told whole: 24 hours settle it (TI-8)."""
MOST_ROWS = 200_000
"""Rows that one extract may be drawn from; more are asked for in several periods."""


class TooManyRows(UserError):
    """The period has more rows than one extract may have."""


class NoSuchMessage(UserError):
    """The log has no such message of the mailbox."""


class SealsDocuments(Protocol):
    """The provider's signature on documents that are not mail, with the key of the log (LO-6)."""

    def pdf(self, octets: bytes, instant: datetime, /) -> bytes:
        """Return the document with the signature inside (PAdES). Raises WorldError."""
        ...

    def file(self, octets: bytes, instant: datetime, /) -> bytes:
        """Return a `.p7m` with the octets inside (CAdES-B). Raises WorldError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What finishing an extract needs."""

    seals: SealsDocuments
    languages: Sequence[str] = ("it",)
    """Of the documents for people: `it`, `en`."""
    fonts: Fonts | None = None
    stamper: Stamper | None = None
    """None: nothing is stamped."""
    clock: Clock = field(default_factory=SystemClock)
    """Tells the stamper what time it is: the pages of a long extract take a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractFile:
    """One file of a finished extract."""

    name: str
    media_type: str
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The files of an extract."""

    extract: Extract
    files: tuple[ExtractFile, ...]
    stamped: bool
    """Whether a time stamp stands beside each."""


def draw(
    log: LogSearch,
    selection: Selection,
    *,
    shelf: ReceiptShelf | None,
    own_domains: frozenset[str],
    reference: str,
    provider: str,
    made: datetime,
    purpose: str,
) -> Extract:
    """Look up what a holder may have and put it together.

    Raises UserError for a mailbox that is not ours, for a message that is none of this mailbox's, and for a period
    with too many rows; WorldError.
    """
    if selection.mailbox.domain not in own_domains:
        raise UserError(
            f"{selection.mailbox} is not a mailbox of this provider",
            remedy="the log of messages is given to the holders of this provider's mailboxes alone (LO-8)",
        )
    rows = _rows(log, selection)
    drawn = extract(selection, rows, reference=reference, provider=provider, made=made, purpose=purpose)
    if selection.identifier is not None and not drawn.transactions:
        raise NoSuchMessage(
            f"the log has no message {selection.identifier} of {selection.mailbox}",
            remedy="give the identifier of a receipt (identificativo), or the Message-ID of what was sent",
        )
    if shelf is None:
        return with_receipts(drawn, {})
    kept: dict[str, dict[str, KeptReceipt]] = {
        one.identifier: {
            receipt.message_id: receipt.summary for receipt in shelf.receipts(one.identifier, selection.mailbox)
        }
        for one in drawn.transactions
        if one.as_sender
    }
    return with_receipts(drawn, kept)


def _rows(log: LogSearch, selection: Selection) -> Iterator[Numbered]:
    for number, entry in enumerate(_entries(log, selection), start=1):
        if number > MOST_ROWS:
            raise TooManyRows(
                f"more than {MOST_ROWS} rows of the log in this period", remedy="ask for shorter periods, one by one"
            )
        yield entry.seq, entry.row


def _entries(log: LogSearch, selection: Selection) -> Iterator[LogEntry]:
    if selection.identifier is not None:
        named = list(log.stream_log(LogQuery(identifier=selection.identifier.strip("<>"), newest_first=False)))
        yield from named or log.stream_log(LogQuery(client_message_id=selection.identifier, newest_first=False))
        return
    yield from log.stream_log(
        LogQuery(
            mailbox=selection.mailbox,
            since=selection.since and selection.since - AROUND,
            until=selection.until and selection.until + AROUND,
            newest_first=False,
        )
    )


def finish(drawn: Extract, hand: Hand) -> Finished:
    """Write, sign and stamp an extract: a PDF in each language for people, JSON for programs.

    Without an answer of the time-stamping authority the files go out unstamped, and say so by lacking the stamp.
    Raises WorldError when they cannot be signed.
    """
    made, stem = drawn.made, _stem(drawn)
    signed = [
        ExtractFile(
            name=f"{stem}-{language}.pdf",
            media_type="application/pdf",
            octets=hand.seals.pdf(draw_extract(drawn, language=language, fonts=hand.fonts), made),
        )
        for language in hand.languages
    ]
    signed.append(
        ExtractFile(
            name=f"{stem}.json.p7m",
            media_type="application/pkcs7-mime; smime-type=signed-data",
            octets=hand.seals.file(write_extract(drawn), made),
        )
    )
    stamps = list(_stamps(signed, hand))
    return Finished(extract=drawn, files=(*signed, *stamps), stamped=len(stamps) == len(signed))


def _stem(drawn: Extract) -> str:
    """Return the names' beginning: safe in any file system, and without the holder's address in it."""
    return f"extract-{drawn.reference}"


def _stamps(signed: Iterable[ExtractFile], hand: Hand) -> Iterator[ExtractFile]:
    if hand.stamper is None:
        return
    for one in signed:
        try:
            reply, _ = hand.stamper(sha256(one.octets).digest(), hand.clock.now())
        except (WorldError, PeerError) as error:
            _LOG.warning("extract.unstamped", error=type(error).__name__, reason=str(error))
            return
        yield ExtractFile(name=f"{one.name}.tsr", media_type="application/timestamp-reply", octets=reply)
