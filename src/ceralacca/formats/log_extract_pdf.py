"""The extract of the log for people: what happened to each message, per recipient, to the second, and what that means.

First what the document is and what the law makes of it, then all messages in short, then each with its outcomes,
events and receipts. In Italian or English, from one file of sentences a language. The octets are those that
`trust.pdf_seal` signs; the same extract gives the same ones.

Clauses: LO-8, TI-3, TI-4, SE-8; section 10.4.
"""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from importlib import resources

from ceralacca.base.instants import legal_time
from ceralacca.core.log_consistency import Numbered
from ceralacca.core.log_extract import RECEIPTS, Extract, ExtractedTransaction
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.formats.neutral import one_line
from ceralacca.formats.pdf_page import Cover, Fonts, PdfPages

LANGUAGES = ("it", "en")

Say = Mapping[str, Mapping[str, str]]


def draw_extract(extract: Extract, *, language: str, fonts: Fonts | None) -> bytes:
    """Return the extract as PDF.

    Args:
        extract: what the holder may have.
        language: `it` or `en`.
        fonts: font files to carry inside; without them letters beyond western European ones are shown by number.
    """
    say = sentences(language)
    pages = PdfPages(
        Cover(
            title=f"{say['page']['title']} {extract.reference}",
            language=language,
            author=extract.provider,
            instant=extract.made,
            foot=say["page"]["foot"].format(reference=extract.reference),
            page_word=say["page"]["page"],
            fonts=fonts,
        )
    )
    _opening(pages, extract, say)
    if extract.transactions:
        pages.heading(say["heading"]["summary"])
        _summary(pages, extract, say)
    for number, transaction in enumerate(extract.transactions, start=1):
        _message(pages, transaction, say, number=number, count=len(extract.transactions))
    if extract.ordinary:
        pages.heading(say["heading"]["ordinary"])
        _events(pages, extract.ordinary, say, senders=True)
    return pages.octets()


@cache
def sentences(language: str) -> Say:
    """Return the sentences of a language by section and key."""
    text = (resources.files(__package__) / "texts" / f"log_extract.{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def _opening(pages: PdfPages, extract: Extract, say: Say) -> None:
    selection, facts, value = extract.selection, say["facts"], say["value"]
    since = value["from"].format(since=_when(selection.since)) if selection.since else value["from_start"]
    until = value["to"].format(until=_when(selection.until)) if selection.until else value["to_now"]
    content = value["content"].format(transactions=len(extract.transactions), rows=extract.rows)
    pages.title(say["page"]["title"], say["page"]["under"].format(mailbox=selection.mailbox))
    told = [
        (facts["provider"], extract.provider),
        (facts["mailbox"], selection.mailbox.text),
        (facts["message"], selection.identifier or ""),
        (facts["period"], f"{since} {until}"),
        (facts["made"], _when(extract.made)),
        (facts["purpose"], one_line(extract.purpose)),
        (facts["content"], content),
        (facts["reference"], extract.reference),
    ]
    pages.facts((name, text) for name, text in told if text)
    pages.heading(say["heading"]["what"])
    for sentence in say["explain"].values():
        pages.paragraph(sentence, size=8.8)
    if not extract.transactions and not extract.ordinary:
        pages.paragraph(say["page"]["none"], bold=True)


def _summary(pages: PdfPages, extract: Extract, say: Say) -> None:
    column = say["column"]
    rows = [
        (
            str(number),
            _when(one.events[0][1].instant),
            ", ".join(_roles(one, say)),
            f"{_subject(one, say)}\n{_correspondents(one)}",
            _outcomes(one, say),
        )
        for number, one in enumerate(extract.transactions, start=1)
    ]
    heads = [column[name] for name in ("number", "instant", "role", "subject", "outcome")]
    pages.table(heads, rows, widths=(8, 46, 17, 59, 44))


def _message(pages: PdfPages, one: ExtractedTransaction, say: Say, *, number: int, count: int) -> None:
    heading, label, column = say["heading"], say["label"], say["column"]
    pages.heading(heading["message"].format(number=number, count=count, subject=_subject(one, say)))
    pages.facts(
        [
            (label["identifier"], one_line(one.identifier)),
            (label["msgid"], one_line(one.client_message_id or "")),
            (label["sender"], one.sender.text if one.sender else ""),
            (label["subject"], _subject(one, say)),
        ]
    )
    pages.heading(heading["recipients"], level=2)
    results = [
        (
            each.address.text,
            say["kind"][each.kind.value],
            "\n".join(filter(None, (say["outcome"][each.outcome.value], one_line(each.detail)))),
            _when(each.instant) if each.instant else "",
        )
        for each in one.recipients
    ]
    pages.table(
        [column[name] for name in ("recipient", "kind", "outcome", "instant")], results, widths=(38, 13, 40, 24)
    )
    pages.heading(heading["events"], level=2)
    _events(pages, one.events, say)
    if one.receipts:
        pages.heading(heading["receipts"], level=2)
        about = {row.message_id: row for _, row in reversed(one.events) if row.event in RECEIPTS}
        kept = [
            (
                _receipt(about[each.message_id], say),
                say["kept"][each.kept.value].format(sha256=each.sha256, size=each.size),
            )
            for each in one.receipts
        ]
        pages.table([column["receipt"], column["kept"]], kept, widths=(84, 90), size=7.4)


def _receipt(row: LogRow, say: Say) -> str:
    """Return which receipt it is: its kind, for whom, and the identifier."""
    concerned = ", ".join(address.text for address in row.concerned)
    words = (say["tipo"].get(row.kind, one_line(row.kind)), say["label"]["concerned"].format(concerned=concerned))
    return " ".join(words[: 2 if concerned else 1]) + f"\n{one_line(row.message_id)}"


def _events(pages: PdfPages, events: Iterable[Numbered], say: Say, *, senders: bool = False) -> None:
    column = say["column"]
    rows = [
        (_when(row.instant), _happened(row, say), _details(numbered, say, senders=senders))
        for numbered in events
        for row in (numbered[1],)
    ]
    pages.table([column[name] for name in ("instant", "event", "details")], rows, widths=(44, 47, 83), size=7.4)


def _happened(row: LogRow, say: Say) -> str:
    """Return the sentence of an event; what goes into a mailbox without a receipt of its own is a receipt."""
    if row.event in {LogEvent.DELIVERY, LogEvent.DELIVERY_FAILURE} and row.sender and not row.kind:
        return say["into_mailbox"][row.event.value]
    return say["event"][row.event.value]


def _details(numbered: Numbered, say: Say, *, senders: bool) -> str:
    """Return what a row says beside its event: every value that the holder may have, each named."""
    number, row = numbered
    label = say["label"]
    concerned = ", ".join(address.text for address in row.concerned)
    values = (
        say["tipo"].get(row.kind, one_line(row.kind)),
        f"{label['sender']}: {row.sender}" if senders and row.sender else "",
        label["concerned"].format(concerned=concerned) if concerned else "",
        label["error"].format(error=one_line(row.error)) if row.error else "",
        one_line(row.error_detail),
        one_line(row.detail),
        label["message_id"].format(message_id=one_line(row.message_id)) if row.message_id else "",
        label["provider"].format(provider=one_line(row.provider)) if row.provider else "",
        label["peer"].format(peer=one_line(row.peer)) if row.peer else "",
        label["tls"].format(tls=row.tls) if row.tls else "",
        label["row"].format(number=number),
    )
    return "; ".join(value for value in values if value)


def _subject(one: ExtractedTransaction, say: Say) -> str:
    return one_line(one.subject or "") or say["value"]["no_subject"]


def _roles(one: ExtractedTransaction, say: Say) -> Iterable[str]:
    return (say["role"][role] for role, has in (("sender", one.as_sender), ("recipient", one.as_recipient)) if has)


def _correspondents(one: ExtractedTransaction) -> str:
    if not one.as_sender:
        return one.sender.text if one.sender else ""
    return ", ".join(each.address.text for each in one.recipients)


def _outcomes(one: ExtractedTransaction, say: Say) -> str:
    """Return each outcome once, with the number of recipients when there are several."""
    counted = Counter(each.outcome for each in one.recipients)
    if len(one.recipients) <= 1:
        return "".join(say["outcome"][outcome.value] for outcome in counted)
    several = say["summary"]["several"]
    return "\n".join(
        several.format(outcome=say["outcome"][outcome.value], count=count) for outcome, count in counted.items()
    )


def _when(instant: datetime | None) -> str:
    """Write an instant as receipts do: legal time to the second, with its offset (TI-4)."""
    if instant is None:
        return ""
    legal = legal_time(instant)
    return f"{legal.day} {legal.time} ({legal.zone})"
