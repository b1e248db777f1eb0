"""The seal as the services see it: a draft goes in, a finished message comes out (GE-1).

The real one lints the draft and lets `trust.sealer.Sealer` seal it; nothing else makes a generated
message. The services never see the key.
"""

from datetime import datetime
from typing import Protocol

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.draft import Draft
from ceralacca.formats.splice import Splice


class Sealed(Protocol):
    """A generated message exactly as it will be for ever, with its routing; `trust.sealer.SealedMessage` is one."""

    @property
    def row(self) -> MessageRow:
        """The row of table 1.1."""
        ...

    @property
    def octets(self) -> Splice:
        """The whole message."""
        ...

    @property
    def message_id(self) -> str:
        """With angle brackets."""
        ...

    @property
    def reverse_path(self) -> Address | None:
        """MAIL FROM of table 1.1."""
        ...

    @property
    def forward_paths(self) -> tuple[Address, ...]:
        """RCPT TO."""
        ...

    @property
    def instant(self) -> datetime:
        """`Date` and signingTime."""
        ...


class Seals(Protocol):
    """Seals drafts; the real one is `lambda draft: sealer.seal(examine(draft))`. Safe from several threads."""

    def __call__(self, draft: Draft, /) -> Sealed:
        """Read the draft back and seal it.

        Raises OurError when lint refuses it, UserError when the certificate is not in force, WorldError when
        the key cannot be used at present.
        """
        ...
