"""The probe's mailbox through IMAP and POP3: what came in answer to one message, and its tidying up.

Answers are found as integrators find them, by `SEARCH HEADER X-Riferimento-Message-ID`. A probe measures whether they
come; whether a seal holds is `pec verify`.

Clauses: SL-2.
"""

import imaplib
import poplib
import re
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from ceralacca.apps.mail_client import Account

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MARK = re.compile(rb"^x-(?:ricevuta|trasporto):[ \t]*([a-z-]+)", re.IGNORECASE | re.MULTILINE)


class ProbeMailbox:
    """The mailbox, opened. Every method may raise OSError or imaplib.IMAP4.error."""

    def __init__(self, account: Account, *, timeout: float) -> None:
        """Sign in and open the inbox."""
        self._imap = imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls(), timeout=timeout)
        try:
            self._imap.login(account.address.text, account.password)
            self._selected()
        except BaseException:
            self._imap.shutdown()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._imap.logout()
        except (imaplib.IMAP4.error, OSError):
            self._imap.shutdown()

    def answers(self, message_id: str) -> dict[str, str]:
        """Return what came about a message: number in the mailbox, kind (`accettazione`, `posta-certificata`...)."""
        self._imap.noop()
        found = {}
        for uid in self._search("HEADER", "X-Riferimento-Message-ID", f'"{message_id}"'):
            _, data = self._imap.uid("FETCH", uid, "(BODY.PEEK[HEADER.FIELDS (X-RICEVUTA X-TRASPORTO)])")
            head = b"".join(bytes(one[1]) for one in data if isinstance(one, tuple))
            if mark := _MARK.search(head):
                found[uid] = mark[1].decode("ascii").lower()
        return found

    def delete(self, uids: list[str]) -> None:
        """Take messages away."""
        if uids:
            self._imap.uid("STORE", ",".join(uids), "+FLAGS.SILENT", r"(\Deleted)")
            self._imap.expunge()

    def delete_before(self, instant: datetime) -> None:
        """Take away what came before the day of an instant: answers to walks that had given up."""
        day = instant - timedelta(days=1)
        self.delete(self._search("BEFORE", f"{day.day:02d}-{_MONTHS[day.month - 1]}-{day.year}")[:1000])

    def _selected(self) -> None:
        kind, said = self._imap.select("INBOX")
        if kind != "OK":
            raise imaplib.IMAP4.error(f"the inbox does not open: {said!r}")

    def _search(self, *criteria: str) -> list[str]:
        kind, data = self._imap.uid("SEARCH", *criteria)
        if kind != "OK":
            raise imaplib.IMAP4.error("the search is refused")
        return [one.decode("ascii") for one in (data[0] or b"").split()] if data else []


def read_by_pop3(account: Account, port: int, *, timeout: float) -> None:
    """Sign in, list, and read the newest message, if any. Raises OSError, poplib.error_proto."""
    box = poplib.POP3_SSL(account.host, port, context=account.tls(), timeout=timeout)
    try:
        box.user(account.address.text)
        box.pass_(account.password)
        number, _ = box.stat()
        box.uidl()
        if number:
            with suppress(poplib.error_proto):  # another walk has just deleted it
                box.top(number, 5)
        box.quit()
    except BaseException:
        box.close()
        raise
