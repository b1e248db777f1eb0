"""Recovery codes: for the day on which phone or passkey is lost. Made ten at a time, shown once, each good once.

80 random bits each, so that a keyed hash is enough to keep them by.

Clauses: SE-3.
"""

from ceralacca.base.identifiers import Entropy, spoken_letters
from ceralacca.core.model.address import Address
from ceralacca.ports.second_factor import RECOVERY_CODES, SecondFactors
from ceralacca.trust.factor_key import FactorKey

_GROUPS = 4


def make_recovery_codes(factors: SecondFactors, key: FactorKey, mailbox: Address, entropy: Entropy) -> list[str]:
    """Make new codes in place of all before, and return them as they are shown. Raises WorldError."""
    shown = [spoken_letters(entropy, _GROUPS) for _ in range(RECOVERY_CODES)]
    factors.put_recovery_codes(mailbox, [key.hash_of(bare(code), mailbox) for code in shown])
    return shown


def bare(code: str) -> str:
    """Return what was typed without case and what stands between groups."""
    return "".join(sign for sign in code.lower() if sign.isalnum())
