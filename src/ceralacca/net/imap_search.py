"""What is searched for in a folder, as the arguments of SEARCH (RFC 3501, 6.4.4): nothing typed leaves its quotes."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from ceralacca.net.imap_names import quoted

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

KINDS: Final = {
    "certified": b"HEADER X-TRASPORTO posta-certificata",
    "anomaly": b"HEADER X-TRASPORTO errore",
    "acceptance": b"HEADER X-RICEVUTA accettazione NOT HEADER X-RICEVUTA non-accettazione",
    "delivery": b"HEADER X-RICEVUTA avvenuta-consegna",
    "notice": b"OR HEADER X-RICEVUTA non-accettazione HEADER X-RICEVUTA errore-consegna",
}
"""Kinds of message by their marks, as arguments of SEARCH; the last takes warnings of lateness too (2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is searched for; everything that is given must hold."""

    text: str = ""
    """In subject or sender."""
    sender: str = ""
    subject: str = ""
    identifier: str = ""
    """A Message-ID or an `identificativo`: of the message itself, of the one it is about, or named in its text."""
    kind: str = ""
    """A key of `KINDS`: what its header says it is, which proves nothing (GE-8) and narrows a list."""
    everywhere: bool = False
    """Also in the text of the message, which takes longer."""
    since: date | None = None
    before: date | None = None
    """The first day that does not count any more."""
    unseen: bool = False

    @property
    def nothing(self) -> bool:
        """Whether every message is meant."""
        return self == Wanted(everywhere=self.everywhere)

    @property
    def headers(self) -> tuple[str, ...]:
        """Texts each of which must stand in From or in Subject."""
        return tuple(filter(None, ("" if self.everywhere else self.text, self.sender, self.subject)))

    def criteria(self) -> bytes:
        """Return it as the arguments of SEARCH."""
        parts = []
        if self.text:
            wanted = quoted(self.text)
            parts.append(b"TEXT " + wanted if self.everywhere else b"OR SUBJECT %b FROM %b" % (wanted, wanted))
        if self.sender:
            parts.append(b"FROM " + quoted(self.sender))
        if self.subject:
            parts.append(b"SUBJECT " + quoted(self.subject))
        if self.identifier:
            wanted = quoted(self.identifier)
            fields = b"OR HEADER MESSAGE-ID %b HEADER X-RIFERIMENTO-MESSAGE-ID %b" % (wanted, wanted)
            parts.append(b"OR BODY %b %b" % (wanted, fields))
        if self.kind:
            parts.append(KINDS[self.kind])
        if self.since:
            parts.append(b"SINCE " + _day(self.since))
        if self.before:
            parts.append(b"BEFORE " + _day(self.before))
        if self.unseen:
            parts.append(b"UNSEEN")
        return b" ".join(parts) or b"ALL"


def _day(day: date) -> bytes:
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04d}".encode()
