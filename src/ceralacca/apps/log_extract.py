"""Extracts of the log joined: from the settings to the key of the log, the stamps, the fonts; for commands and pages.

Clauses: LO-6, LO-8, SE-4.
"""

from dataclasses import dataclass
from datetime import datetime

from ceralacca.apps.log_sealer import log_key, stamper_of
from ceralacca.apps.offices import log_signer
from ceralacca.apps.pdf_fonts import find_fonts
from ceralacca.apps.settings import Settings
from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import Entropy, system_entropy
from ceralacca.ports.log_seal import LogKey
from ceralacca.ports.signer import Signer
from ceralacca.services.extract_log import Hand
from ceralacca.trust.pdf_seal import seal_pdf

_REASON = "Estratto del log dei messaggi (d.P.R. 68/2005)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKeyOnDocuments:
    """Signs documents with the key of the log; a `services.extract_log.SealsDocuments`."""

    signer: Signer
    key: LogKey
    provider: str

    def pdf(self, octets: bytes, instant: datetime, /) -> bytes:
        """Return the document with the signature inside. Raises WorldError."""
        return seal_pdf(octets, self.signer, instant, name=self.provider, reason=_REASON)

    def file(self, octets: bytes, instant: datetime, /) -> bytes:
        """Return a `.p7m`. Raises WorldError."""
        return self.key.seal(octets, instant)


def extract_hand(settings: Settings, languages: tuple[str, ...], signer: Signer | None = None) -> Hand:
    """Return what finishes an extract, with the key that is given or that of the settings.

    Raises UserError when the log has no key of its own.
    """
    signer = signer or log_signer(settings)
    key = log_key(settings, signer)
    if signer is None or key is None:
        raise UserError(
            "there is no key of the log, so an extract cannot be signed",
            remedy="give the table message_log.keys, of its own key (LO-6)",
        )
    seals = LogKeyOnDocuments(signer=signer, key=key, provider=settings.provider.name)
    return Hand(seals=seals, languages=languages, fonts=find_fonts(), stamper=stamper_of(settings))


def new_reference(made: datetime, entropy: Entropy = system_entropy) -> str:
    """Return the name of an extract: its day and something that no other has."""
    return f"{made:%Y%m%d}-{entropy(5).hex()}"
