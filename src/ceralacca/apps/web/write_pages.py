"""Writing a message: recipients with *PEC or not*, files, drafts that save themselves, and the checks before sending.

The message is handed to the access point as any client does it; what it answers is shown as it is. A Bcc has no field
here, and the page says why (AP-11).

Clauses: AP-2, AP-5 to AP-16, MO-8.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from starlette.responses import Response

from ceralacca.apps.cli.safe_names import safe_name
from ceralacca.apps.mail_client import File, Refused, new_message_id, submit
from ceralacca.apps.web.delegate import note_delegate
from ceralacca.apps.web.drafting import Draft, compose, failures, kept, known, taken_up
from ceralacca.apps.web.judging import judged_message
from ceralacca.apps.web.mailbox_end import why_it_does_not_send
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit, go_to
from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct, AuditOutcome
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.formats.mime.addresses import read_addresses
from ceralacca.formats.readable import read_for_people
from ceralacca.formats.received import read_received
from ceralacca.net.imap_mailbox import ImapMailbox, MailboxRefused, NotInMailbox
from ceralacca.services.read_message import Standing

_QUOTED: Final = 20_000
"""Characters of a message that an answer quotes."""
_REMEMBERED: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the page knows beside the draft."""

    uid: int = 0
    """Of the draft as it was kept last; 0: not kept yet."""
    faults: Sequence[str] = field(default=())
    """Keys of sentences."""
    failures: Sequence[object] = field(default=())
    answer: str = ""
    """What the access point said."""


def show(visit: Visit) -> Response:
    """Show an empty form, a draft that is gone on with, or an answer that is begun."""
    if visit.query("draft"):
        uid = visit.number("draft")
        draft = taken_up(visit.ask(lambda box: box.fetch(_drafts(box), uid)))
        return _form(visit, _with_id(visit, draft), _State(uid=uid))
    draft = _answer(visit) if visit.query("answer") else Draft(message_id=_message_id(visit), to=visit.query("to"))
    return _form(visit, draft, _State())


def take(visit: Visit) -> Response:
    """Do what the button says: send, keep as a draft, or throw away."""
    draft, uid = _given(visit)
    match visit.field("what", "send"):
        case "send":
            return _send(visit, draft, uid)
        case "discard":
            _discard(visit, uid)
            return go_to("/mail")
        case _:
            uid = _keep(visit, draft, uid)
            return _form(visit, draft, _State(uid=uid, faults=("kept",)))


def keep(visit: Visit) -> Response:
    """Keep the draft while it is written, and give back the part of the page that says so."""
    draft, uid = _given(visit)
    if not draft.is_empty:
        uid = _keep(visit, draft, uid)
    return render(visit, "write_state.html", **_values(visit, draft, _State(uid=uid, faults=("kept",))))


def recipients(visit: Visit) -> Response:
    """Say of each recipient whether it is PEC, as it is typed."""
    draft = Draft(to=visit.field("to"), cc=visit.field("cc"), message_id="")
    return render(visit, "write_recipients.html", known=known(draft, visit.parts.directory()))


# -- sending ----------------------------------------------------------------------------------------


def _send(visit: Visit, draft: Draft, uid: int) -> Response:
    mailbox, now = visit.mailbox, visit.parts.clock.now()
    if _was_sent(visit, draft):
        return go_to("/sent", handed=draft.message_id)
    faults = [why] if (why := why_it_does_not_send(visit)) else []
    faults += [name for name, wrong in _wrongs(draft) if wrong]
    octets = b"" if faults else compose(draft, mailbox, now)
    failed = [] if faults else list(failures(draft, octets, mailbox, visit.parts.access))
    if len(octets) > visit.parts.size:
        faults.append("too_large")
    if faults or failed:
        return _form(visit, draft, _State(uid=_keep(visit, draft, uid), faults=faults, failures=failed), status=422)
    note_delegate(visit, AuditAct.DELEGATE_SENDS, draft.message_id)
    try:
        submit(visit.parts.account(visit.open, visit.ticket), octets, recipients=draft.recipients)
    except Refused as refused:
        note_delegate(visit, AuditAct.DELEGATE_SENDS, draft.message_id, AuditOutcome.REFUSED)
        return _form(
            visit, draft, _State(uid=_keep(visit, draft, uid), answer=refused.answer or str(refused)), status=422
        )
    except WorldError:
        note_delegate(visit, AuditAct.DELEGATE_SENDS, draft.message_id, AuditOutcome.FAILED)
        return _form(visit, draft, _State(uid=_keep(visit, draft, uid), faults=("away",)), status=503)
    copied = _keep_copy(visit, octets)
    _discard(visit, uid)
    return go_to("/sent", handed=draft.message_id, nocopy="" if copied else 1)


def _wrongs(draft: Draft) -> Sequence[tuple[str, bool]]:
    return (
        ("no_recipient", not draft.recipients and not draft.wrong),
        ("wrong_recipient", bool(draft.wrong)),
    )


def _was_sent(visit: Visit, draft: Draft) -> bool:
    """Say whether this very message was handed in before: the button pressed twice, the page sent again."""
    rows = visit.parts.store.log_of(draft.message_id)
    return any(row.event is LogEvent.SUBMISSION and row.sender == visit.mailbox for row in rows)


def _keep_copy(visit: Visit, octets: bytes) -> bool:
    def append(box: ImapMailbox) -> None:
        sent = next((one.name for one in box.folders() if one.role == "sent"), "Inviata")
        box.append(sent, octets, flags=r"\Seen", instant=visit.parts.clock.now())

    try:
        visit.ask(append)
    except (MailboxRefused, NotInMailbox, WorldError):  # no room: the message has left all the same
        return False
    return True


# -- drafts -----------------------------------------------------------------------------------------


def _given(visit: Visit) -> tuple[Draft, int]:
    """Read the form: what was typed, the files of the draft that are kept, and those that were chosen now."""
    uid, files = visit.number("draft"), []
    if uid and visit.fields("file"):
        before = taken_up(visit.ask(lambda box: box.fetch(_drafts(box), uid))).files
        wanted = {int(one) for one in visit.fields("file") if one.isdecimal() and len(one) < 6}
        files = [one for number, one in enumerate(before) if number in wanted]
    for chosen in visit.files("new_file"):
        name = safe_name(chosen.filename, fallback="allegato.bin")
        files.append(File(name=name, content=chosen.file.read(), media_type=_media_type(chosen.content_type)))
    draft = Draft(
        to=visit.field("to"),
        cc=visit.field("cc"),
        subject=visit.field("subject")[:900],
        text=visit.field("text"),
        receipt=ReceiptKind.requested_by(visit.field("receipt")),
        answers=_identifier(visit.field("answers")),
        message_id=_identifier(visit.field("message_id")),
        files=tuple(files),
    )
    return _with_id(visit, draft), uid


def _media_type(given: str | None) -> str:
    kind = (given or "").partition(";")[0].strip().lower()
    plain = kind.isascii() and kind.count("/") == 1 and all(sign.isalnum() or sign in "/.+-" for sign in kind)
    return kind if plain else ""


def _identifier(text: str) -> str:
    """Return a Message-ID, or nothing for what is none."""
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) < 900
    return text if plain and text.startswith("<") and text.endswith(">") else ""


def _with_id(visit: Visit, draft: Draft) -> Draft:
    own = f"@{visit.mailbox.domain}>"
    return draft if draft.message_id.lower().endswith(own) else replace(draft, message_id=_message_id(visit))


def _message_id(visit: Visit) -> str:
    return new_message_id(visit.parts.entropy(16), visit.mailbox)


def _keep(visit: Visit, draft: Draft, uid: int) -> int:
    """Put the draft among the drafts in place of the one before; return its number."""
    octets, now = kept(draft, visit.mailbox, visit.parts.clock.now()), visit.parts.clock.now()

    def replaced(box: ImapMailbox) -> int:
        folder = _drafts(box)
        fresh = box.append(folder, octets, flags=r"\Draft \Seen", instant=now)
        if uid:
            box.delete(folder, [uid])
        return fresh

    return visit.ask(replaced)


def _discard(visit: Visit, uid: int) -> None:
    if uid:
        visit.ask(lambda box: box.delete(_drafts(box), [uid]))


def _drafts(box: ImapMailbox) -> str:
    return next((one.name for one in box.folders() if one.role == "drafts"), "Bozze")


# -- answers ----------------------------------------------------------------------------------------


def _answer(visit: Visit) -> Draft:
    """Begin an answer: to who wrote, by the seal where there is one, with the text quoted."""
    folder, uid = visit.query("folder", "INBOX"), visit.number("answer")
    listed, validity = visit.ask(lambda box: box.one(folder, uid))
    octets = visit.ask(lambda box: box.fetch(folder, listed.uid))
    judged, _ = judged_message(visit, folder, validity, uid, octets)
    received = read_received(octets)
    original = received.original if received.signed or received.row else None
    seen = read_for_people(original if original is not None else octets)
    writer = judged.sender if judged.standing is Standing.CERTIFIED else ""
    to = [Address(writer)] if writer else _addresses(seen.sender)
    others = [one for one in (*_addresses(seen.to), *_addresses(seen.cc)) if one not in {*to, visit.mailbox}]
    quoted = "\n".join(f"> {line}" for line in (seen.text or "")[:_QUOTED].rstrip("\n").split("\n"))
    subject = seen.subject if seen.subject.lower().startswith("re:") else f"Re: {seen.subject}"
    return Draft(
        to=", ".join(one.text for one in to),
        cc=", ".join(one.text for one in dict.fromkeys(others)) if visit.query("all") else "",
        subject=subject,
        text=f"\n\n{visit.words('write', 'wrote', who=to[0] if to else '')}\n{quoted}" if seen.text else "",
        answers=_identifier(seen.message_id),
        message_id=_message_id(visit),
    )


def _addresses(field_text: str) -> list[Address]:
    return [one.address for one in read_addresses(field_text.encode("utf-8", "replace")).mailboxes]


# -- the page ---------------------------------------------------------------------------------------


def _form(visit: Visit, draft: Draft, state: _State, *, status: int = 200) -> Response:
    return render(
        visit,
        "write.html",
        status=status,
        remembered=_remembered(visit),
        barred=why_it_does_not_send(visit),
        **_values(visit, draft, state),
    )


def _values(visit: Visit, draft: Draft, state: _State) -> dict[str, Any]:
    recipients_known = known(draft, visit.parts.directory())
    octets = len(kept(draft, visit.mailbox, visit.parts.clock.now()))
    return {
        "draft": draft,
        "state": state,
        "known": recipients_known,
        "receipts": tuple(ReceiptKind),
        "octets": octets,
        "times": octets * max(1, len(draft.recipients)),
        "limit": visit.parts.access.limit_octets,
        "most_recipients": visit.parts.access.recipients,
    }


def _remembered(visit: Visit) -> list[str]:
    """Return whom this mailbox has written to of late: the address book that keeps itself."""
    found: dict[str, None] = {}
    for sent in visit.parts.own.sent(visit.mailbox, limit=_REMEMBERED):
        for one in sent.original.recipients:
            found[one.address.text] = None
    return list(found)[:_REMEMBERED]


ENDPOINTS: Final = (
    ("/write", show, "GET"),
    ("/write", take, "POST"),
    ("/write/draft", keep, "POST"),
    ("/write/recipients", recipients, "POST"),
)
