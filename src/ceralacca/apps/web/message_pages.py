"""One message: first what it says, and outside its frame what it is worth.

The message's own HTML is shown in a frame that has neither scripts nor an origin, from an address of its own with a
policy of its own; nothing that it draws can pass for the trust line. Files are always downloads under safe names, of
a type that a browser does not open; a few kinds can be looked at (`look_pages`).

Clauses: IP-11, GE-8, TO-20; threats.md 27 to 31.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from ceralacca.apps.cli.safe_names import safe_name
from ceralacca.apps.web.folder_pages import folder_of
from ceralacca.apps.web.headers import DOWNLOAD_POLICY, MAIL_POLICY
from ceralacca.apps.web.judging import judged_message
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit
from ceralacca.base.errors import UnreadableMessage
from ceralacca.formats.html_mail import Picture, harmless
from ceralacca.formats.message_summary import Attachment
from ceralacca.formats.readable import Readable, read_for_people
from ceralacca.formats.received import Received, read_received
from ceralacca.formats.splice import Octets
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.services.read_message import Standing

_SUFFIXES: Final = (".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".xml", ".p7m")
_TYPES: Final = frozenset({
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/xml",
    "text/xml",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A message that was fetched: the whole, and what of it a person reads first."""

    folder: str
    uid: int
    octets: bytes
    validity: int
    seen: bool
    received: Received | None
    readable: Readable
    inside: bool
    """What is read is the original inside an envelope, not the message itself."""


def show(visit: Visit) -> Response:
    """Show a message, and mark it as read; a delegate who may only read leaves it as it is."""
    opened = _open(visit)
    judged, report = judged_message(visit, opened.folder, opened.validity, opened.uid, opened.octets)
    if not opened.seen and visit.open.may_write:
        visit.ask(lambda box: box.mark(opened.folder, [opened.uid], flag=r"\Seen", on=True))
    folders = visit.ask(lambda box: box.folders())
    is_receipt = judged.standing is Standing.RECEIPT
    return render(
        visit,
        "message.html",
        folders=folders,
        folder=folder_of(folders, opened.folder),
        uid=opened.uid,
        judged=judged,
        report=report,
        readable=opened.readable,
        inside=opened.inside,
        said=opened.received.plain_text() if is_receipt and opened.received else None,
        octets=len(opened.octets),
        may_be_shown=may_be_shown,
    )


def body(visit: Visit) -> Response:
    """Give the HTML of a message, made harmless, for its frame."""
    readable = _open(visit).readable
    if readable.html is None:
        raise NotInMailbox("the message has no HTML")
    pictures: dict[str, Picture] = {name: (one.media_type, one.content) for name, one in readable.inline.items()}
    page = harmless(readable.html, pictures=pictures, title=readable.subject)
    headers = {
        "Content-Security-Policy": MAIL_POLICY,
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
    }
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def file(visit: Visit) -> Response:
    """Give one file of a message as a download."""
    one = file_of(visit)
    return download(one.content(), name_of_file(one))


def may_be_shown(one: Attachment) -> bool:
    """Say whether a look at a file is offered, by name and declared type; what it is, its octets say."""
    return one.media_type in _TYPES or (one.name or "").lower().endswith(_SUFFIXES)


def source(visit: Visit) -> Response:
    """Give the message as it is stored: what is kept as proof, and what `pec verify` reads."""
    folder, uid = visit.query("folder", "INBOX"), visit.number("uid")
    octets = visit.ask(lambda box: box.fetch(folder, uid))
    return download(octets, safe_name(_name_of(octets), fallback="messaggio.eml"), "message/rfc822")


def download(octets: Octets, name: str, media_type: str = "application/octet-stream") -> Response:
    """Answer with a file that a browser stores and does not open."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": DOWNLOAD_POLICY,
    }
    return Response(bytes(octets), media_type=media_type, headers=headers)


def _open(visit: Visit) -> _Opened:
    folder, uid = visit.query("folder", "INBOX"), visit.number("uid")
    listed, validity = visit.ask(lambda box: box.one(folder, uid))
    octets = visit.ask(lambda box: box.fetch(folder, uid))
    try:
        received = read_received(octets)
    except UnreadableMessage:
        received = None
    original = received.original if received is not None and (received.signed or received.row) else None
    try:
        readable = read_for_people(original if original is not None else octets)
    except UnreadableMessage:
        original, readable = None, read_for_people(b"Subject: \r\n\r\n" + octets)
    return _Opened(
        folder=folder,
        uid=uid,
        octets=octets,
        validity=validity,
        seen=listed.seen,
        received=received,
        readable=readable,
        inside=original is not None,
    )


def file_of(visit: Visit) -> Attachment:
    """Return the file of a message that is asked for. Raises NotInMailbox."""
    files, number = _open(visit).readable.files, visit.number("n")
    if number >= len(files):
        raise NotInMailbox("the message has no such file")
    return files[number]


def name_of_file(one: Attachment) -> str:
    """Return the name that a file is shown and stored under: never a path or a trap."""
    return safe_name(one.name, fallback="messaggio.eml" if one.media_type == "message/rfc822" else "allegato.bin")


def _name_of(octets: bytes) -> str:
    try:
        subject = read_for_people(octets).subject
    except UnreadableMessage:
        subject = ""
    return f"{subject[:80] or 'messaggio'}.eml"


ENDPOINTS: Final = (
    ("/mail/message", show, "GET"),
    ("/mail/body", body, "GET"),
    ("/mail/file", file, "GET"),
    ("/mail/source", source, "GET"),
)
