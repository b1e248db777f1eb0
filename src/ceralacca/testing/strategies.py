"""What Hypothesis draws from: instants, addresses, subjects, certification data.

The only module of the package that imports Hypothesis. Two families: values by the letter, for
which writing and reading must be the identity, and hostile ones, for which nothing may break.
"""

from datetime import UTC, datetime

from hypothesis import strategies as st

from ceralacca.core.delivery_point import DeliveryFailure, Timeout
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, MessageRow, NotificationKind, ReceiptKind, RecipientKind

ROWS = tuple(row for row in MessageRow if row.facts.kind is not None)
"""The rows that have certification data: all but the anomaly envelope (GE-16)."""

_CALM = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\u2028\u2029\ufffe\uffff")
_ATOM = st.text(alphabet="abcXYZ019._%+-'", min_size=1, max_size=12).filter(
    lambda text: ".." not in text and text.strip(".") == text
)
_LABEL = st.text(alphabet="abz09", min_size=1, max_size=8)

instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 the strategy makes them aware
    max_value=datetime(2100, 12, 31),  # noqa: DTZ001 the strategy makes them aware
    timezones=st.just(UTC),
).map(lambda instant: instant.replace(microsecond=0))
"""Aware instants of 1990 to 2100 in whole seconds, as certification data hold them."""

lines = st.text(_CALM, max_size=60).map(lambda text: text.strip(" "))
"""Any text of one line without control characters, trimmed; may be empty."""

filled_lines = lines.filter(bool)
"""Any such text that is not empty."""

details = st.lists(filled_lines, min_size=1, max_size=3).map("\n  - ".join)
"""What `errore-esteso` may say, one failure a line (3.2)."""

strict_addresses = st.builds(
    lambda local, labels: Address.parse(f"{local}@{'.'.join(labels)}.example"),
    _ATOM,
    st.lists(_LABEL, min_size=1, max_size=2),
)
"""Addresses by the strict grammar."""

addresses = strict_addresses | filled_lines.map(Address)
"""Addresses as others may write them: any text of one line."""

hostile_text = st.text(st.characters(codec=None), max_size=80) | st.sampled_from(
    [
        "a\r\nBcc: x@evil.example",
        "<script>alert(1)</script>",
        "]]>&amp;&#0;",
        "\x00\x1b[31m\x9b\u202e",
        "{mittente}{0}{oggetto.__class__}",
        "\ud800",
    ]
)
"""Text that tries to leave its place: controls, markup, surrogates, placeholders."""

identifiers = st.text(alphabet="abcXYZ019.-_", min_size=1, max_size=40).map(lambda left: f"{left}@gestore-alfa.example")
"""Identifiers without brackets, as others make them too (TO-7)."""


def originals(texts: st.SearchStrategy[str] = lines) -> st.SearchStrategy[OriginalData]:
    """Draw what all messages of a transaction repeat; `texts` are the free ones."""
    recipient = st.builds(Recipient, address=addresses, kind=st.sampled_from(RecipientKind))
    return st.builds(
        OriginalData,
        sender=addresses,
        recipients=st.lists(recipient, min_size=1, max_size=4).map(tuple),
        reply_to=texts,
        subject=st.none() | texts,
        identifier=identifiers,
        client_message_id=st.none() | identifiers.map(lambda text: f"<{text}>"),
    )


def certification_data(
    rows: st.SearchStrategy[MessageRow] = st.sampled_from(ROWS),  # noqa: B008 a strategy is a value
    texts: st.SearchStrategy[str] = lines,
) -> st.SearchStrategy[CertificationData]:
    """Draw certification data that keep the tables of 4.12 and 8.2."""
    return rows.flatmap(lambda row: _of_row(row, texts))


def _of_row(row: MessageRow, texts: st.SearchStrategy[str]) -> st.SearchStrategy[CertificationData]:
    kind = row.facts.kind
    assert kind is not None
    with_receipt = kind in (NotificationKind.TRANSPORT_ENVELOPE, NotificationKind.DELIVERY)
    without_delivery = (NotificationKind.ACCEPTANCE, NotificationKind.NON_ACCEPTANCE)
    envelope_like = (NotificationKind.TRANSPORT_ENVELOPE, NotificationKind.TAKING_IN_CHARGE)
    with_delivery = kind not in (*without_delivery, *envelope_like)
    taken = st.lists(addresses, min_size=1, max_size=3).map(tuple)
    return st.sampled_from(sorted(row.facts.errors)).flatmap(
        lambda error: st.builds(
            CertificationData,
            kind=st.just(kind),
            error=st.just(error),
            original=originals(texts),
            issuer=filled_lines,
            instant=instants,
            requested_receipt=st.sampled_from(ReceiptKind) if with_receipt else st.none(),
            delivery_recipient=addresses if with_delivery else st.none(),
            taken_recipients=taken if kind is NotificationKind.TAKING_IN_CHARGE else st.just(()),
            error_detail=st.none() if error is ErrorKind.NONE else _details(row),
        )
    )


def _details(row: MessageRow) -> st.SearchStrategy[str]:
    if row is MessageRow.DELIVERY_TIMEOUT:
        return st.builds(lambda timeout, name: timeout.value.detail(name), st.sampled_from(Timeout), filled_lines)
    if row is MessageRow.NON_DELIVERY:
        return st.builds(lambda failure, name: failure.value.detail(name), st.sampled_from(DeliveryFailure), lines)
    return details
