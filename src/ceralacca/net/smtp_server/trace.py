"""The `Received` field that a listener puts in front of what it received (RFC 5321, 4.4).

Written from what the client said of itself, so every value is neutralised (SE-8). The recipient is
named only when there is one: the field travels to all of them.
"""

import re
from datetime import datetime
from functools import lru_cache

from ceralacca.base.instants import message_date
from ceralacca.core.model.address import Address

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9.:\[\]_-]")
_LONGEST_NAME = 255


@lru_cache(maxsize=256)
def peer_name(helo: str, ip: str) -> str:
    """Return the client as trace and log name it: what it called itself, and its address."""
    return f"{_NOT_A_NAME.sub('?', helo)[:_LONGEST_NAME] or 'unknown'} ([{_NOT_A_NAME.sub('?', ip)}])"


def protocol_name(*, extended: bool, tls: bool, signed_in: bool) -> str:
    """Return the `with` word (RFC 3848)."""
    return f"{'ESMTP' if extended else 'SMTP'}{'S' * tls}{'A' * signed_in}" if extended else "SMTP"


def received_field(
    *, peer: str, host: str, protocol: str, key: str, tls: str, recipients: tuple[Address, ...], instant: datetime
) -> bytes:
    """Write the field with its line end; the date is in Italian legal time (TI-3)."""
    lines = [f"Received: from {peer}"]
    if tls:
        lines.append(f"\t(using {_NOT_A_NAME.sub(' ', tls)})")
    lines.append(f"\tby {host} with {protocol} id {key}")
    if len(recipients) == 1 and len(recipients[0].text) < 200:
        lines.append(f"\tfor <{recipients[0]}>")
    return ("\r\n".join(lines) + f";\r\n\t{message_date(instant)}\r\n").encode("ascii", "replace")
