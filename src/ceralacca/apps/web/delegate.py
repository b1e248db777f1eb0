"""What a delegate may ask of the pages: the one place that says so, and the record of what he did.

A page that stands in no table here is the holder's alone, so that a new page is closed to delegates until somebody
opens it. What a page then does in the mailbox is limited once more by the connection
(`net.imap_mailbox.MailboxUse`), and what it sends by the judge of sign-ins.

Clauses: SE-3, AP-2.
"""

from enum import StrEnum
from typing import Final

from ceralacca.apps.web.entering import record_of
from ceralacca.apps.web.visit import DelegationEnded, Visit
from ceralacca.core.model.audit import AuditAct, AuditOutcome

ANYBODY: Final = frozenset({
    ("GET", "/"),
    ("GET", "/sign-in"),
    ("POST", "/sign-out"),
    ("POST", "/language"),
    ("GET", "/help"),
    ("POST", "/delegations/leave"),
})  # fmt: skip
"""Whatever mailbox is open, and also when the delegation has just ended: nothing of the mailbox is shown."""
READERS: Final = frozenset({
    ("GET", "/mail"),
    ("GET", "/find"),
    ("GET", "/mail/message"),
    ("GET", "/mail/body"),
    ("GET", "/mail/file"),
    ("GET", "/mail/source"),
    ("GET", "/mail/look"),
    ("GET", "/mail/look/inside"),
    ("GET", "/sent"),
    ("GET", "/sent/one"),
    ("GET", "/sent/proof"),
    ("GET", "/sent/receipt"),
    ("GET", "/sent/pages"),
})  # fmt: skip
"""Every delegate."""
WRITERS: Final = frozenset({
    ("POST", "/mail/act"),
    ("GET", "/write"),
    ("POST", "/write"),
    ("POST", "/write/draft"),
    ("POST", "/write/recipients"),
})  # fmt: skip
"""Delegates who may also send."""


class Barred(StrEnum):
    """Why a delegate gets no page."""

    HOLDER = "holder"
    """Only the holder has it."""
    READER = "reader"
    """It takes the right to send."""


class NotForDelegates(Exception):
    """The page is not one for this delegate; `why` says what is missing."""

    def __init__(self, why: Barred) -> None:
        super().__init__(why.value)
        self.why = why


def admit(visit: Visit, method: str, path: str) -> None:
    """See that whoever asks may ask it, before anything is done. Raises NotForDelegates, DelegationEnded.

    `path` is that of the route. Whether somebody is signed in at all is asked by the page (`Visit.open`).
    """
    session, asked = visit.session, (method, path)
    if session is None or session.is_own or asked in ANYBODY:
        return
    if not session.opens_mail:
        raise DelegationEnded
    if asked in WRITERS and not session.may_write:
        raise NotForDelegates(Barred.READER)
    if asked not in READERS | WRITERS:
        raise NotForDelegates(Barred.HOLDER)


def note_delegate(visit: Visit, act: AuditAct, about: str, outcome: AuditOutcome = AuditOutcome.DONE) -> None:
    """Record in the trail of the mailbox what a delegate does there; of its holder nothing. Raises WorldError."""
    session = visit.open
    if not session.is_own:
        detail = {"delegation": session.delegation_key}
        record_of(visit, session.mailbox, act, detail, about=about, by=session.holder, outcome=outcome)
