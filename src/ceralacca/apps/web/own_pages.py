"""The holder's own: the whole mailbox to take away, mail of another provider to bring in, and how far both are.

Long work is an errand (`apps/errands`): the page says how far it is, renews itself while something moves, and hands
out what was made for a day. Only who signed in as the mailbox itself comes here: a delegate takes nothing away.

Clauses: LO-8, SE-3; users.md 1.
"""

from collections.abc import Callable
from typing import Final

from starlette.responses import FileResponse, Response

from ceralacca.apps.errands.desk import NotNow
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import record_act
from ceralacca.apps.web.visit import Visit, go_to
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.net.public_address import NotPublic
from ceralacca.ports.errand import Errand, UnderWay

_PAGE: Final = "/own"
_SHOWN: Final = 20


def show(visit: Visit) -> Response:
    """Show the page, or how far the errands are."""
    return _page(visit, done=visit.query("done"))


def export(visit: Visit) -> Response:
    """Ask for the whole mailbox."""
    whose = own_mailbox(visit)
    way = visit.field("way")
    return asked(visit, lambda: visit.parts.desk.export(whose, visit.ticket, way), AuditAct.MAILBOX_EXPORTED, _page)


def bring(visit: Visit) -> Response:
    """Ask for the mail of another provider."""
    whose = own_mailbox(visit)
    host, user = visit.field("host").strip()[:300], visit.field("user").strip()[:320]

    def ask() -> Errand:
        password = visit.field("password")
        return visit.parts.desk.bring(whose, visit.ticket, host=host, user=user, password=password)

    return asked(visit, ask, AuditAct.MAILBOX_IMPORTED, _page)


def asked(
    visit: Visit,
    ask: Callable[[], Errand],
    act: AuditAct | None,
    page: Callable[..., Response],
) -> Response:
    """Hand in an errand, leave it in the audit trail, and show the page of errands, or what is wrong with it."""
    try:
        errand = ask()
    except NotNow as error:
        return page(visit, fault=error.reason, status=400)
    except NotPublic:
        return page(visit, fault="host", status=400)
    except UnderWay:
        return page(visit, fault="under_way", status=409)
    if act is not None:
        told = {name: value for name, value in errand.asked.items() if name in {"way", "host"}}
        record_act(visit, act, errand.number[:8], told)
    return go_to(_PAGE, done=errand.kind.value)


def file(visit: Visit) -> Response:
    """Give what was made; a download that was cut off goes on where it was."""
    errand = _errand(visit)
    path = visit.parts.desk.file(errand)
    if path is None:
        raise NotInMailbox("the file is not there any more", remedy="ask for it again")
    return FileResponse(path, media_type="application/zip", filename=errand.file)


def drop(visit: Visit) -> Response:
    """Remove what was made."""
    visit.parts.desk.drop(_errand(visit))
    return go_to(_PAGE, done="dropped")


def own_mailbox(visit: Visit) -> Address:
    """Return the mailbox of who signed in. Raises NotInMailbox for one that is only delegated."""
    session = visit.open
    if session.holder != session.mailbox:
        raise NotInMailbox("only the holder of the mailbox comes here")
    return session.holder


def _errand(visit: Visit) -> Errand:
    number = (visit.query("number") or visit.field("number"))[:64]
    errand = visit.parts.desk.errands.find(number, own_mailbox(visit))
    if errand is None:
        raise NotInMailbox("there is no such errand")
    return errand


def _page(visit: Visit, *, done: str = "", fault: str = "", status: int = 200) -> Response:
    desk = visit.parts.desk
    errands = desk.errands.of_mailbox(own_mailbox(visit))[:_SHOWN]
    return render(
        visit,
        "own_errands.html" if visit.by_htmx else "own.html",
        status=status,
        errands=[(one, desk.file(one) is not None) for one in errands],
        moving=any(one.open for one in errands),
        done=done if done in {"export", "import", "extract", "dropped"} else "",
        fault=fault,
        host=visit.field("host"),
        user=visit.field("user"),
    )


ENDPOINTS: Final = (
    (_PAGE, show, "GET"),
    ("/own/export", export, "POST"),
    ("/own/import", bring, "POST"),
    ("/own/file", file, "GET"),
    ("/own/drop", drop, "POST"),
)
