"""Templates into pages: one environment, everything escaped, the same few functions in every template.

Instants are written in Italian legal time with their offset, to the second, in both languages: it is the time that
receipts have (TI-3).
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from ceralacca.apps.cli.render import written
from ceralacca.apps.cli.safe_names import visible
from ceralacca.apps.web.mailbox_end import mailbox_end
from ceralacca.apps.web.visit import Visit, set_first
from ceralacca.base.errors import WorldError
from ceralacca.base.instants import ROME
from ceralacca.ports.delegation import Delegation
from ceralacca.ports.safety_alarm import SafetyAlarm
from ceralacca.ports.web_session import SessionStage

_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_UNITS: Final = ("B", "KiB", "MiB", "GiB")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("ceralacca.apps.web", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "instant": instant,
        "size": size,
        "visible": visible,
        "day": day,
        "visible_lines": visible_lines,
        "amount": amount,
    }
    made.globals.update(address=address, icon=icon)
    return made


def instant(value: datetime) -> Markup:
    """Write an instant to the second, in legal time, marked up for programs."""
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(timespec="seconds"), written(value))


def day(value: datetime, now: datetime) -> Markup:
    """Write an instant for a list: the time of today, else the day."""
    local, today = value.astimezone(ROME), now.astimezone(ROME)
    text = f"{local:%H:%M:%S}" if local.date() == today.date() else f"{local:%d/%m/%Y}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(timespec="seconds"), f"{local:%d/%m/%Y %H:%M:%S %z}", text
    )


def visible_lines(text: str) -> str:
    """Return a text of others with its lines, controls and direction marks made visible in each."""
    return "\n".join(visible(line.replace("\t", "    ")) for line in text.split("\n"))


def amount(text: str, language: str) -> str:
    """Write a plain decimal number with the mark of the language; any other text stays."""
    return text.replace(".", ",") if language == "it" and _DECIMAL.fullmatch(text) else text


def size(octets: int) -> str:
    """Write a number of octets for people."""
    value, unit = float(octets), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or value >= 10 else f"{value:.1f} {_UNITS[unit]}"


def address(path: str, **values: object) -> str:
    """Return the address of one of our pages."""
    query = urlencode({name: str(value) for name, value in values.items() if value not in {"", None, 0}})
    return f"{path}?{query}" if query else path


def icon(name: str, label: str = "") -> Markup:
    """Return an icon of the sprite; with a label it is read out, without it is decoration."""
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon icon-sm" {}><use href="/assets/icons.svg#it-{}"></use></svg>').format(
        told, escape(name)
    )


def _alarms(visit: Visit) -> Sequence[SafetyAlarm]:
    """Return what the holder is to be told on this browser; a piece of a page tells nothing."""
    if visit.by_htmx:
        return ()
    return visit.parts.alarms.unseen(visit.open.holder, now=visit.parts.clock.now(), place=visit.place)


def _delegated(visit: Visit) -> Sequence[Delegation]:
    """Return the mailboxes that are delegated to who is signed in: the switch in the header."""
    if visit.by_htmx:
        return ()
    try:
        return visit.parts.delegations.given_to(visit.open.holder, now=visit.parts.clock.now())
    except WorldError:
        return ()  # the page may be the one that says that something is away


def render(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """Fill in a template and answer with it."""
    session = visit.session if visit.session and visit.session.stage is SessionStage.FULL else None
    text = (
        _environment()
        .get_template(template)
        .render(
            t=visit.words,
            law=visit.law,
            language=visit.words.language,
            form_token=visit.form_token,
            session=session,
            mailbox=session.mailbox.text if session else "",
            provider=visit.parts.provider,
            test=visit.parts.test,
            here=visit.request.url.path + (f"?{visit.request.url.query}" if visit.request.url.query else ""),
            now=visit.parts.clock.now(),
            alarms=_alarms(visit) if session and session.is_own else (),
            end=mailbox_end(visit) if session and session.is_own else None,
            delegated_to_me=_delegated(visit) if session and session.is_own else (),
            **values,
        )
    )
    response = HTMLResponse(text, status_code=status)
    response.headers["Vary"] = "Cookie, Accept-Language"
    if visit.session is None:
        set_first(response, visit.token)
    return response
