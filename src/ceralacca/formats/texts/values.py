"""What fills the braces of the Italian texts: values taken from the certification data only.

Because text and XML are made from the same value, they cannot disagree (GE-23). Every value is
neutralised here, once, before either layout sees it (SE-8).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from ceralacca.base.instants import legal_time
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.notification import ReceiptKind, RecipientKind
from ceralacca.formats.neutral import one_line, some_lines
from ceralacca.formats.texts.templates import DELIVERY_TITLES

_KIND_WORDS = {
    RecipientKind.CERTIFIED: '("posta certificata")',
    RecipientKind.EXTERNAL: '("posta ordinaria")',
}  # AC-1


class Values(NamedTuple):
    """The fillings of one text."""

    single: Mapping[str, str]
    """Placeholder to its value; only `errore` may have several lines."""
    lists: Mapping[str, Sequence[str]]
    """Placeholder that stands alone in its line to its items."""


def certified_values(template: str, facts: CertificationData, receipt: ReceiptKind | None) -> Values:
    """Take the values that a template of certified messages asks for out of certification data.

    `receipt` is the kind of delivery receipt that is issued; absent, it is the kind requested.
    """
    original, recipient, error = facts.original.once(_said), facts.delivery_recipient, facts.error_detail
    legal = legal_time(facts.instant)  # TI-3, TI-4
    title = receipt or facts.requested_receipt
    single = {
        "data": legal.day,
        "ora": legal.time,
        "zona": legal.zone,
        "oggetto": original.subject,
        "mittente": original.sender,
        "destinatario": one_line(recipient.text) if recipient else "",
        "errore": some_lines(error) if error else "",
        "identificativo": original.identifier,
        "titolo": DELIVERY_TITLES[title] if title else "",
    }
    return Values(single, {name: _LISTS[name](facts) for name in _lists_in(template)})


@lru_cache(maxsize=64)
def _lists_in(template: str) -> tuple[str, ...]:
    return tuple(name for name in _LISTS if f"{{{name}}}" in template.split("\n"))


class _Said(NamedTuple):
    """What every text about an original says of it."""

    subject: str
    sender: str
    identifier: str
    recipients: Sequence[str]
    with_kinds: Sequence[str]
    """The recipients with their kind (AC-1)."""


def _said(original: OriginalData) -> _Said:
    recipients = _lines(one.address for one in original.recipients)
    kinds = [_KIND_WORDS[one.kind] for one in original.recipients]
    return _Said(
        subject=one_line(original.subject or ""),
        sender=one_line(original.sender.text),
        identifier=one_line(original.identifier),
        recipients=recipients,
        with_kinds=[f"{text} {kind}" for text, kind in zip(recipients, kinds, strict=True)],
    )


_LISTS: Mapping[str, Callable[[CertificationData], Sequence[str]]] = {
    "destinatari": lambda facts: facts.original.once(_said).recipients,
    "destinatari_con_tipo": lambda facts: facts.original.once(_said).with_kinds,
    "ricezione": lambda facts: _lines(facts.taken_recipients),  # PC-4
}
"""How each list is taken; a text has one at most, and the recipients may be many."""


def anomaly_values(
    *, instant: datetime, subject: str | None, sender: str, recipients: Iterable[Address], error: str
) -> Values:
    """Take the values of row 7 from what was received, since nothing of it is certified (4.7)."""
    legal = legal_time(instant)
    return Values(
        single={
            "data": legal.day,
            "ora": legal.time,
            "zona": legal.zone,
            "oggetto": one_line(subject or ""),
            "mittente": one_line(sender),
            "errore": one_line(error),
        },
        lists={"destinatari": _lines(recipients)},
    )


def _lines(addresses: Iterable[Address]) -> list[str]:
    return [one_line(address.text) for address in addresses]
