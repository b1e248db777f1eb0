"""Ordinary mail that a holder wants elsewhere: whether it may be passed on (IP-20, `forward:<addr>`).

Pure. What may not be passed on is wrapped in an anomaly envelope, as under the default policy: a guard against
loops must lose no mail. A passed-on message is no PEC message: nothing of ours is ever issued about it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ceralacca.core.model.address import Address

MOST_HOPS: Final = 50
"""Received fields; RFC 5321, 6.3 lets a loop be suspected from a hundred on, and we are one hop of many."""


class NotForwarded(StrEnum):
    """Why a message is wrapped instead of passed on."""

    BOUNCE = "bounce"
    """It has a null reverse path: it answers something, perhaps what was passed on before."""
    BEEN_HERE = "been-here"
    """A Delivered-To of this mailbox stands in it: it comes back."""
    HOPS = "hops"
    UNREADABLE = "unreadable"
    """Its header passes a limit of SE-7: nobody can tell whether it has been here."""
    OWN_DOMAIN = "own-domain"
    """The address is in a domain of ours: all mail there is PEC (MO-2)."""
    PEC_DOMAIN = "pec-domain"
    """The address has become one of PEC: its provider would take this for ordinary mail with a false sender."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """What is known of a message that is to be passed on."""

    mailbox: Address
    target: Address
    reverse_path: Address | None
    hops: int | None
    """Received fields in its header; None when that cannot be read."""
    delivered_to: Collection[str]
    """Values of its Delivered-To fields."""
    own_domains: Collection[str]
    is_pec_domain: bool
    """Whether the directory lists the domain of the target."""


def why_not_forwarded(passing: Passing) -> NotForwarded | None:
    """Say why a message must not be passed on; None when it may."""
    if passing.reverse_path is None:
        return NotForwarded.BOUNCE
    if passing.mailbox.key in {value.strip().lower() for value in passing.delivered_to}:
        return NotForwarded.BEEN_HERE
    if passing.hops is None:
        return NotForwarded.UNREADABLE
    if passing.hops > MOST_HOPS:
        return NotForwarded.HOPS
    return why_no_target(passing.target, own_domains=passing.own_domains, is_pec_domain=passing.is_pec_domain)


def why_no_target(target: Address, *, own_domains: Collection[str], is_pec_domain: bool) -> NotForwarded | None:
    """Say why nothing is ever passed on to an address; None when it may be chosen."""
    if target.domain in own_domains:
        return NotForwarded.OWN_DOMAIN
    return NotForwarded.PEC_DOMAIN if is_pec_domain else None
