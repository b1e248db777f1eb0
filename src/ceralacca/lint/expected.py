"""Outer headers that are known by their octets: what nearly all messages have in them, and nothing else.

A header that is expected breaks no rule of `headers`: each asks for something that is asked for here too, so that none
of them need look. Of any other header nothing is said here, right or wrong; then the rules look, one by one. A test
holds the two together.

Clauses: as `headers`.
"""

import re

from ceralacca.core.model.notification import MessageRow
from ceralacca.lint.headers import (
    LONGEST_LINE,
    MARKERS,
    OWN_ID,
    PREFIXES,
    SECURITY,
    TO_SERVICE_MAILBOX,
    is_bare,
    reference_of,
)
from ceralacca.lint.reading import Reading

_WITH_MORE_FIELDS = SECURITY | {MessageRow.VIRUS_DETECTION, MessageRow.ANOMALY_ENVELOPE}
_REQUESTED = frozenset({"completa", "breve", "sintetica"})
_INHERITED = r"[^\0\r\n]*\r\n(?:[ \t][^\0\r\n]*\r\n)*"
"""The body of a field of the original, octet for octet (GE-24)."""
_PRINTABLE = bytes(range(0x20, 0x7F))
_SUBJECT = re.compile(r" +[!-~][ -~]*")
_ENCODED = re.compile(r" [!-~][ -~]*(?:\r\n +[!-~][ -~]*)*")
_TRACE = re.compile(f"(?:Received:{_INHERITED})*(?:Return-Path:{_INHERITED})?(?:Received:{_INHERITED})*")
_AFTER_SENDER = re.compile(
    r"(?:\r\n)? <[!-;=?A-~]+@[A-Za-z0-9.-]+>\r\n"
    f"(?:To:{_INHERITED})?(?:Cc:{_INHERITED})?Reply-To:{_INHERITED}"
    r"Message-ID: ([!-~]+)\r\n"
)
"""What follows the original sender's address in the From of an envelope."""


def is_expected(reading: Reading) -> bool:
    """Tell whether the header is one that such a message has when there is nothing unusual about it."""
    row = reading.draft.row
    if len(reading.header) > LONGEST_LINE:  # then no line is longer
        return False
    if row is MessageRow.TRANSPORT_ENVELOPE:
        return _is_envelope(reading)
    return row not in _WITH_MORE_FIELDS and _is_receipt(reading)


def _is_receipt(reading: Reading) -> bool:
    draft, header = reading.draft, reading.header.decode("latin-1")
    if draft.reverse_path is None or len(draft.forward_paths) != 1:
        return False
    sender, recipient = draft.reverse_path.text, draft.forward_paths[0].text
    opening = f"X-Ricevuta: {MARKERS[draft.row]}\r\n{_before_subject(reading)}"
    closing = f"\r\nFrom: {sender}\r\nTo: {recipient}\r\nMessage-ID: {draft.message_id}\r\n"
    before, opened, rest = header.partition(opening)
    subject, closed, after = rest.rpartition(closing)
    return (
        bool(opened and closed)
        and not (before or after)
        and _is_subject(subject, reading)
        and _is_printable(reading.header, 7 + subject.count("\r\n"))
        and is_bare(sender)
        and is_bare(recipient)
        and (draft.row in TO_SERVICE_MAILBOX or recipient == reading.xml_text["mittente"])
        and OWN_ID.fullmatch(draft.message_id) is not None
        and draft.message_id != f"<{reading.xml_text['identificativo']}>"
    )


def _is_envelope(reading: Reading) -> bool:
    draft, reverse, sender = reading.draft, reading.draft.reverse_path, reading.xml_text["mittente"]
    requested = reading.certified and reading.certified.requested
    if not sender or '"' in sender or "\\" in sender or requested not in _REQUESTED:
        return False
    opening = f"X-Trasporto: {MARKERS[draft.row]}\r\nX-TipoRicevuta: {requested}\r\n{_before_subject(reading)}"
    middle = f'\r\nFrom: "Per conto di: {sender}"'
    before, _, rest = reading.header.decode("latin-1").partition(opening)
    subject, _, after = rest.partition(middle)
    end = _AFTER_SENDER.fullmatch(after)
    return (
        end is not None
        and end[1] == draft.message_id == f"<{reading.xml_text['identificativo']}>"
        and _TRACE.fullmatch(before) is not None
        and _is_subject(subject, reading)
        and _is_printable(f"{opening}{middle}".encode("latin-1"), 5)
        and OWN_ID.fullmatch(draft.message_id) is not None
        and reverse is not None
        and reverse.text == sender
        and {path.key for path in draft.forward_paths} == {text.lower() for text in reading.xml_texts["destinatari"]}
        and len(draft.forward_paths) > 0
    )


def _before_subject(reading: Reading) -> str:
    prefix = PREFIXES[reading.draft.row]
    return f"X-Riferimento-Message-ID: {reference_of(reading)}\r\nDate: {reading.local.date}\r\nSubject: {prefix}"


def _is_subject(text: str, reading: Reading) -> bool:
    """Tell whether it is what follows the prefix: the subject as it is certified, or encoded words."""
    if "=?" in text:
        return _ENCODED.fullmatch(text) is not None
    subject = reading.xml_text["oggetto"]
    return subject is not None and text == f" {subject}" and _SUBJECT.fullmatch(text) is not None


def _is_printable(octets: bytes, line_ends: int) -> bool:
    """Tell whether there are so many line ends and nothing else that is not printable US-ASCII."""
    return octets.translate(None, _PRINTABLE) == b"\r\n" * line_ends
