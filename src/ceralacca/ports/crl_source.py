"""CRLs as the provider keeps them: fetched from configured addresses, read and verified before they are kept (IP-9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ceralacca.base.errors import PeerError


class UntrustedCrl(PeerError):
    """The octets are no CRL that an authority of ours has signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlFacts:
    """What there is to know of a CRL before it is kept."""

    issuer: str
    """The issuer's name in a form that compares."""
    this_update: datetime
    next_update: datetime
    """A CRL without one is not kept: nobody could say when it has become stale."""


class ReadsCrl(Protocol):
    """Reads and verifies a CRL; the real one is `trust.crl_file.CrlReader`."""

    def __call__(self, der: bytes, /) -> CrlFacts:
        """Return its facts, once an authority of ours is found to have signed it. Raises UntrustedCrl."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCrl:
    """The CRL that was last fetched from one address."""

    der: bytes
    fetched: datetime


class KeepsCrls(Protocol):
    """CRLs on disk; the real one is `store.crl_copies.CrlCopies`."""

    def kept(self) -> Mapping[str, KeptCrl]:
        """Return what is kept, by address. Raises WorldError."""
        ...

    def keep(self, url: str, der: bytes, *, fetched: datetime) -> None:
        """Replace what is kept of one address, durably and whole. Raises WorldError."""
        ...
