"""What judging a message asks of the world: is this seal good (IP-6 to IP-14)."""

from typing import Protocol

from ceralacca.core.model.outcome import SealReport
from ceralacca.formats.smime import SignedMessage
from ceralacca.formats.splice import Octets


class VerifiesSeal(Protocol):
    """Judges seals under fixed anchors, CRLs, directory and instant; the real one is `trust.verifier.verify_seal`."""

    def __call__(self, message: Octets | SignedMessage, /, *, sender_domain: str | None) -> SealReport:
        """Judge the seal of one message; never raises for what the message holds.

        `sender_domain` is the domain whose provider must have sealed; None when there is none to ask for.
        """
        ...
