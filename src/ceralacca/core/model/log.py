"""Rows of the message log (*giornale dei messaggi*): what is recorded of every operation (LO-1 to LO-3, LO-7).

A row is evidence: it is written in the transaction of the state that it describes, never after, and
never holds message content (LO-9). Sealing, searching and keeping the log are other matters.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import Recipient


class LogEvent(StrEnum):
    """What happened (LO-2)."""

    SUBMISSION = "submission"
    """A message came in at the access point."""
    ACCEPTANCE = "acceptance"
    NON_ACCEPTANCE = "non-acceptance"
    ENVELOPE_SENT = "envelope-sent"
    """The transport envelope was made and queued."""
    RELAYED = "relayed"
    """A peer answered 250 for these recipients."""
    RELAY_DEFERRED = "relay-deferred"
    RELAY_FAILED = "relay-failed"
    ARRIVAL = "arrival"
    """A message came in at the incoming point; `detail` says what it is."""
    TAKING_IN_CHARGE_ISSUED = "taking-in-charge-issued"
    TAKING_IN_CHARGE_RECEIVED = "taking-in-charge-received"
    ANOMALY = "anomaly"
    """An anomaly envelope was made, or ordinary mail dropped; `detail` has the reason."""
    FORWARDED = "forwarded"
    """Ordinary mail was passed on to an address outside PEC, by the policy of the mailbox (IP-20)."""
    VIRUS_FOUND = "virus-found"
    VIRUS_DETECTION_ISSUED = "virus-detection-issued"
    VIRUS_DETECTION_RECEIVED = "virus-detection-received"
    DELIVERY = "delivery"
    """Stored in the mailbox of the recipient."""
    DELIVERY_FAILURE = "delivery-failure"
    NOTICE_ISSUED = "notice-issued"
    """A notice of rows 5, 9 or 11 to the sender."""
    RECEIPT_RECEIVED = "receipt-received"
    """A delivery receipt or non-delivery notice of another provider; `late` in `detail` when too late."""
    TIMER = "timer"
    SUSPICIOUS = "suspicious"
    """Something that moves no state and wants a look (IP-15, MV-2)."""
    QUARANTINE = "quarantine"
    DIRECTORY = "directory"
    """The local copy of the providers directory was replaced, or refused."""
    PURGE = "purge"
    """A month whose term has ended was deleted; `detail` names it, its rows and the certificate (LO-5)."""
    CONFIGURATION = "configuration"
    """The settings that the provider runs with, and what of them has changed."""
    KEY = "key"
    """A key was taken into use, changed, or failed; never the key itself."""
    SERVICE = "service"
    """The provider was started or stopped."""


class LogRow(NamedTuple):
    """One record (LO-1, LO-7). Absent values are None or empty."""

    instant: datetime
    """The time reference of the step (LO-3)."""
    event: LogEvent
    identifier: str | None = None
    client_message_id: str | None = None
    sender: Address | None = None
    recipients: tuple[Recipient, ...] = ()
    """Of the original message."""
    subject: str | None = None
    kind: str = ""
    """`tipo` of the generated or received message."""
    error: str = ""
    error_detail: str = ""
    concerned: tuple[Address, ...] = ()
    """The recipients that this event is about."""
    message_id: str = ""
    """Message-ID of the generated or received message, with angle brackets."""
    provider: str = ""
    """The provider of the other side, or of the sender."""
    peer: str = ""
    """Host that the message came from or went to."""
    tls: str = ""
    """Protocol version, empty in clear."""
    detail: str = ""

    @property
    def about_whom(self) -> tuple[Address, ...]:
        """The recipients that this event is about: `concerned`, or all when it names none (LO-8)."""
        return self.concerned or tuple(recipient.address for recipient in self.recipients)

    @property
    def is_failure(self) -> bool:
        """True when the row has an error other than `nessuno`."""
        return self.error not in {"", "nessuno"}
