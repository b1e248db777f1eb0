"""A file of a message looked at: pictures and pages of a PDF drawn anew, e-invoices as tables, signed files opened.

Nothing of the file itself reaches the browser: what is shown was made by the confined process (ADR 11), and stands
inside the page as pixels or escaped text. Of a signature only what was checked is said. The file as it came, and what
is inside its signatures, can always be downloaded.

Clauses: GE-8; threats.md 18, 21, 27.
"""

from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

from starlette.responses import Response

from ceralacca.apps.cli.safe_names import safe_name
from ceralacca.apps.preview.looker import CannotShow, Drawn, FileKind, kind_of
from ceralacca.apps.web.message_pages import download, file_of, name_of_file
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.visit import Visit
from ceralacca.formats.cms import MalformedCms
from ceralacca.formats.message_summary import Attachment
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.trust.signed_document import SignedDocument, open_document

_SIGNED: Final = (".p7m",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What the page shows of a file."""

    signed: SignedDocument | None = None
    kind: FileKind = FileKind.OTHER
    drawn: Drawn | None = None
    invoice: dict[str, Any] | None = None
    fault: str = ""
    """Why there is nothing to see: a reason of `CannotShow`, `other`, or `signature`."""

    @property
    def address(self) -> str:
        """The drawing as a `data:` address, which the page's policy allows to pictures alone."""
        assert self.drawn is not None, "asked for drawings only"
        return f"data:{self.drawn.media_type};base64,{b64encode(self.drawn.octets).decode('ascii')}"


def show(visit: Visit) -> Response:
    """Show a file of a message."""
    one = file_of(visit)
    content = one.content()
    shown = _opened(visit, one, content)
    return render(
        visit,
        "look.html",
        folder=visit.query("folder", "INBOX"),
        uid=visit.number("uid"),
        n=visit.number("n"),
        name=name_of_file(one),
        octets=len(content),
        shown=shown,
        inner=_inner_name(one, shown.signed.layers) if shown.signed else "",
    )


def inside(visit: Visit) -> Response:
    """Give what is inside the signatures of a file as a download."""
    one = file_of(visit)
    try:
        signed = _open(visit, one.content())
    except MalformedCms:
        raise NotInMailbox("the file has no signatures that could be opened") from None
    return download(signed.content, _inner_name(one, signed.layers))


def _opened(visit: Visit, one: Attachment, content: bytes) -> _Shown:
    kind = kind_of(content)
    if kind is not FileKind.OTHER:
        return _looked_at(visit, _Shown(kind=kind), content)
    try:
        signed = _open(visit, content)
    except MalformedCms:
        claims = (one.name or "").lower().endswith(_SIGNED)
        return _Shown(fault="signature" if claims else "other")
    shown = _Shown(signed=signed, kind=kind_of(signed.content))
    return _looked_at(visit, shown, signed.content)


def _looked_at(visit: Visit, shown: _Shown, content: bytes) -> _Shown:
    looker = visit.parts.looker
    try:
        match shown.kind:
            case FileKind.PICTURE:
                return replace(shown, drawn=looker.picture(content))
            case FileKind.PDF:
                return replace(shown, drawn=looker.page(content, max(visit.number("page", 1), 1) - 1))
            case FileKind.XML:
                return replace(shown, invoice=looker.invoice(content))
            case FileKind.OTHER:
                return replace(shown, fault="other")
    except CannotShow as error:
        return replace(shown, fault=error.reason)


def _open(visit: Visit, content: bytes) -> SignedDocument:
    return open_document(content, trust=visit.parts.signers, present=visit.parts.clock.now())


def _inner_name(one: Attachment, layers: int) -> str:
    name = PurePath(safe_name(one.name, fallback="documento.bin"))
    for _ in range(layers):
        if name.suffix.lower() in _SIGNED:
            name = name.with_suffix("")
    return str(name)


ENDPOINTS: Final = (("/mail/look", show, "GET"), ("/mail/look/inside", inside, "GET"))
