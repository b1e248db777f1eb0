"""A finished, unsigned message: what the composers make, lint reads and the sealer signs.

The signed entity and the outer header are separate because the seal stands between them:
`trust.sealer` frames them as the `multipart/signed` message of section 2.2.
"""

from dataclasses import dataclass
from datetime import datetime

from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.splice import Splice


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One generated message before its seal."""

    row: MessageRow
    instant: datetime
    """The one clock reading of the step (GE-23): becomes `Date` and CMS signingTime."""
    header: Splice
    """Outer header fields with CRLF ends, in the order of GE-32, without MIME-Version and Content-Type."""
    entity: Splice
    """The MIME entity to be signed: its header, empty line, body; without the CRLF before the boundary (GE-5)."""
    message_id: str
    """With angle brackets."""
    reverse_path: Address | None
    """MAIL FROM of table 1.1; None is the null path, which only an anomaly envelope can inherit."""
    forward_paths: tuple[Address, ...]
    """RCPT TO."""
    certification: CertificationData | None = None
    """What it certifies; None for an anomaly envelope (GE-16)."""
