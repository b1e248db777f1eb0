"""What an anomaly envelope gives as its reason (4.7).

Only the wording: which one applies is decided by `core.incoming_point`. The literals are wire
words of the norm; the third is written as the norm uses it, not as one provider misspells it.
"""

from enum import StrEnum


class AnomalyReason(StrEnum):
    """`{descrizione sintetica errore}` of the anomaly envelope (4.7)."""

    NO_SIGNATURE = "Firma non presente o non autentica"
    """No signature at all, or one that does not fit the octets."""
    UNTRUSTED_SIGNATURE = "la firma digitale del messaggio non risulta attendibile"
    """Unknown signer, invalid chain, revoked or expired certificate."""
    FOREIGN_SENDER_DOMAIN = "dominio mittente non di posta certificata"
    """The signer is not responsible for the sender's domain (IP-14)."""


def malformed(detail: str) -> str:
    """Describe a message with a provider's good seal and a wrong form (IP-11); `detail` is Italian text."""
    return f"il messaggio non e' conforme alle regole tecniche: {detail}"
