"""What fills the braces of the Italian texts: values taken from the certification data only.

Because text and XML are made from the same value, they cannot disagree (GE-23). Every value is
neutralised here, once, before either layout sees it (SE-8).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from ceralacca.base.instants import legal_time
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
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
    lists: Mapping[str, tuple[str, ...]]
    """Placeholder that stands alone in its line to its items."""


def certified_values(facts: CertificationData, receipt: ReceiptKind | None) -> Values:
    """Take the values out of certification data.

    `receipt` is the kind of delivery receipt that is issued; absent, it is the kind requested.
    """
    original = facts.original
    recipients = _lines(recipient.address for recipient in original.recipients)
    title = receipt or facts.requested_receipt
    return Values(
        single={
            **_instant_values(facts.instant),
            "oggetto": one_line(original.subject or ""),
            "mittente": one_line(original.sender.text),
            "destinatario": one_line(facts.delivery_recipient.text) if facts.delivery_recipient else "",
            "errore": some_lines(facts.error_detail or ""),
            "identificativo": one_line(original.identifier),
            "titolo": DELIVERY_TITLES[title] if title else "",
        },
        lists={
            "destinatari": recipients,
            "destinatari_con_tipo": tuple(
                [f"{text} {_KIND_WORDS[one.kind]}" for text, one in zip(recipients, original.recipients, strict=True)]
            ),
            "ricezione": _lines(facts.taken_recipients),  # PC-4
        },
    )


def anomaly_values(
    *, instant: datetime, subject: str | None, sender: str, recipients: Iterable[Address], error: str
) -> Values:
    """Take the values of row 7 from what was received, since nothing of it is certified (4.7)."""
    return Values(
        single={
            **_instant_values(instant),
            "oggetto": one_line(subject or ""),
            "mittente": one_line(sender),
            "errore": one_line(error),
        },
        lists={"destinatari": _lines(recipients)},
    )


def _instant_values(instant: datetime) -> dict[str, str]:
    legal = legal_time(instant)  # TI-3, TI-4
    return {"data": legal.day, "ora": legal.time, "zona": legal.zone}


def _lines(addresses: Iterable[Address]) -> tuple[str, ...]:
    return tuple([one_line(address.text) for address in addresses])
