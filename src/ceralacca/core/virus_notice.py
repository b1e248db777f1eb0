"""Whether a virus detection notice of another provider is acted upon (MV-2).

Pure. A notice that passes becomes the event VIRUS_DETECTION of `core.transaction`, which owes the
sender row 9 and the operator an alert (MV-1, MV-3); one that fails is logged and ignored: a
provider must not be able to end somebody else's transaction.

Clauses: MV-1, MV-2, RV-1, TO-13.
"""

from collections.abc import Callable
from enum import StrEnum

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData
from ceralacca.core.model.notification import RecipientKind


class IgnoredNotice(StrEnum):
    """Why a virus detection notice changes nothing."""

    UNKNOWN_MESSAGE = "unknown-message"
    OTHER_SENDER = "other-sender"
    NO_RECIPIENT = "no-recipient"
    UNKNOWN_RECIPIENT = "unknown-recipient"
    """Not a certified recipient of that message."""
    WRONG_PROVIDER = "wrong-provider"
    """Its signer is not in charge of the recipient's domain."""


def infected_recipients(
    notice: CertificationData,
    accepted: OriginalData | None,
    in_charge: Callable[[str], bool],
) -> tuple[Address, ...] | IgnoredNotice:
    """Return the recipients that a verified notice speaks of, or why it is ignored (MV-2).

    `accepted` is what this provider accepted under the notice's `identificativo`, None when nothing;
    `in_charge(domain)` says whether the notice's signer is the provider of that domain.
    """
    if accepted is None or accepted.identifier != notice.original.identifier:
        return IgnoredNotice.UNKNOWN_MESSAGE
    if accepted.sender != notice.original.sender:
        return IgnoredNotice.OTHER_SENDER
    named = (notice.delivery_recipient,) if notice.delivery_recipient else notice.taken_recipients  # TO-13
    if not named:
        return IgnoredNotice.NO_RECIPIENT
    certified = {one.address for one in accepted.recipients if one.kind is RecipientKind.CERTIFIED}
    if not certified.issuperset(named):
        return IgnoredNotice.UNKNOWN_RECIPIENT
    if not all(in_charge(address.domain) for address in named):
        return IgnoredNotice.WRONG_PROVIDER
    return named
