"""Ordinary mail: the holder says what becomes of it, within what the provider lets holders of the domain choose.

The choice is stored with the mailbox and asked by the incoming point for every message from then on. It may send mail
elsewhere, so whoever makes it shows again to be the holder, as for everything about access.

Clauses: IP-20, MO-2; threats.md 29.
"""

from typing import Final

from starlette.responses import Response

from ceralacca.apps.settings.kinds import read_policy
from ceralacca.apps.web.pages import render
from ceralacca.apps.web.safety_pages import confirmed, record_act
from ceralacca.apps.web.visit import Visit, go_to, holder_only
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.audit import AuditAct
from ceralacca.core.ordinary_mail import why_no_target
from ceralacca.net.imap_mailbox import NotInMailbox
from ceralacca.ports.mailbox import MailboxRecord, OrdinaryMail

_PAGE: Final = "/ordinary-mail"
_STATUS: Final = {"refused": 401, "too_many": 429}


def show(visit: Visit) -> Response:
    """Show what becomes of ordinary mail now, and what may be chosen."""
    return _page(visit)


def choose(visit: Visit) -> Response:
    """Keep the holder's choice."""
    record = _record(visit)
    try:
        way, target = _chosen(visit)
    except InvalidAddress:
        return _page(visit, fault="address")
    if way is record.ordinary_mail and target == record.forward_to:
        return go_to(_PAGE, done="kept")
    if way is None or way not in _allowed(visit, record):  # what the provider alone chooses, nobody redirects here
        return _page(visit, fault="way")
    fault = "pec" if target is not None and _is_pec(visit, target) else confirmed(visit)
    if fault:
        return _page(visit, fault=fault)
    visit.parts.store.set_ordinary_mail(record.address, way, target)
    policy = way.value if target is None else f"{way.value}:{target.text}"
    record_act(visit, AuditAct.MAILBOX_CHANGED, "", {"ordinary-mail": policy})
    return go_to(_PAGE, done="kept")


def _chosen(visit: Visit) -> tuple[OrdinaryMail | None, Address | None]:
    """Return what the form asks for; None for no way with ordinary mail. Raises InvalidAddress."""
    given = visit.field("way")
    if given not in set(OrdinaryMail):
        return None, None
    way = OrdinaryMail(given)
    return way, Address.parse(visit.field("forward_to").strip()) if way is OrdinaryMail.FORWARD else None


def _is_pec(visit: Visit, target: Address) -> bool:
    directory = visit.parts.directory()
    listed = directory is not None and directory.is_pec(target.domain)
    return why_no_target(target, own_domains=visit.parts.store.domains(), is_pec_domain=listed) is not None


def _record(visit: Visit) -> MailboxRecord:
    record = visit.parts.store.mailbox(holder_only(visit))
    if record is None:  # closed in this very moment
        raise NotInMailbox("the mailbox is gone")
    return record


def _allowed(visit: Visit, record: MailboxRecord) -> tuple[OrdinaryMail, ...]:
    return visit.parts.mailboxes.holders_choose_in(record.address.domain)


def _page(visit: Visit, *, fault: str = "") -> Response:
    record = _record(visit)
    allowed = _allowed(visit, record)
    factors_on = visit.parts.factors.factors.is_on(visit.open.holder)
    return render(
        visit,
        "ordinary.html",
        status=_STATUS.get(fault, 400) if fault else 200,
        record=record,
        allowed=allowed,
        ways=[one for one in OrdinaryMail if one in allowed or one is record.ordinary_mail],
        usual=read_policy(visit.parts.mailboxes.ordinary_mail_in(record.address.domain))[0],
        chosen=visit.field("way") if fault else record.ordinary_mail.value,
        forward_to=visit.field("forward_to")[:254] if fault else (record.forward_to.text if record.forward_to else ""),
        fault=fault,
        done=visit.query("done") == "kept",
        asks_password=not factors_on and not visit.confirmed,
        asks_confirmation=factors_on and not visit.confirmed,
    )


ENDPOINTS: Final = ((_PAGE, show, "GET"), (_PAGE, choose, "POST"))
