"""Outcomes of checking a message: steps with their marks, and the verdict on the seal (IP-6 to IP-14, TO-21).

An outcome is a value with a reason, the evidence for it and a remedy that the reader's language
is found for by the reason's code (`apps.cli.language`); nothing here is a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Mark(StrEnum):
    """How one step of a procedure ended."""

    PASSED = "passed"
    TOLERATED = "tolerated"
    """Passed with a deviation that section 11 tells us to bear; the reason names it."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Could not be decided with what we were given (no directory, no CRL): never counted as passed."""
    NOT_REACHED = "not-reached"


class SealStep(StrEnum):
    """The steps of seal verification, in the order in which they are taken."""

    SHAPE = "shape"
    """IP-6: multipart/signed of exactly one entity and one CMS SignedData."""
    SIGNER = "signer"
    """IP-7: exactly one signer, found through SignerInfo, whose certificate is inside."""
    DIGEST = "digest"
    """IP-8: the digest of the signed octets equals messageDigest."""
    SIGNATURE = "signature"
    """IP-8: the signature over the signed attributes holds under the signer's key."""
    KEY = "key"
    """Strength and usage of the signer's key (CE-3, CE-8)."""
    PATH = "path"
    """IP-8: a certification path to a configured anchor, name constraints included."""
    REVOCATION = "revocation"
    """IP-8, IP-9, CE-10: the CRL of every issuer, from our own store."""
    VALIDITY = "validity"
    """IP-8, TO-21: the certificate's period at the instant of verification."""
    ADDRESS = "address"
    """GE-3, IP-12: From equals an rfc822Name of the signer."""
    DIRECTORY = "directory"
    """IP-7, DI-8: certificate hash and octets in the providers directory."""
    SENDER_DOMAIN = "sender-domain"
    """IP-14: the sealing provider manages the sender's domain."""


class SealVerdict(StrEnum):
    """What the seal is worth. Only the two VALID members are a claim; each other one is the first failure."""

    VALID = "valid"
    VALID_WHEN_SIGNED = "valid-when-signed"
    """The seal was good at signing time; its certificate has expired or been revoked since (TO-21)."""
    INDETERMINATE = "indeterminate"
    """Nothing is wrong, but something could not be checked: no anchors, no CRL, no directory."""
    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    ALTERED = "altered"
    """The signed octets are not those that were sealed."""
    FORGED = "forged"
    """The signature does not hold under the key of the certificate it names."""
    WEAK_KEY = "weak-key"
    WRONG_USAGE = "wrong-usage"
    UNTRUSTED = "untrusted"
    """No path to a configured anchor."""
    NAME_CONSTRAINTS = "name-constraints"
    EXPIRED = "expired"
    """Expired already at signing time, or at reception."""
    NOT_YET_VALID = "not-yet-valid"
    REVOKED = "revoked"
    WRONG_ADDRESS = "wrong-address"
    NOT_IN_DIRECTORY = "not-in-directory"
    WRONG_PROVIDER = "wrong-provider"
    """The signer is a provider, but not the sender's (IP-14)."""


GOOD_VERDICTS = frozenset({SealVerdict.VALID, SealVerdict.VALID_WHEN_SIGNED})
"""The verdicts that are a claim that the seal holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """One step of a procedure with its mark."""

    step: str
    """A member of `SealStep` or the id of a form rule (`lint.rule`)."""
    mark: Mark
    requirements: tuple[str, ...]
    """The clauses obeyed, for example `("IP-7", "DI-8")`."""
    reason: str = ""
    """Code of the reason (kebab-case, stable, documented); empty when plainly passed."""
    evidence: Mapping[str, str] = field(default_factory=dict)
    """Named facts for the reader: fingerprints, dates, names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What a reader wants to know of the signer's certificate."""

    subject: str
    issuer: str
    serial: str
    """Hexadecimal."""
    sha1: str
    """40 upper-case hexadecimal digits: what the directory lists (DI-8)."""
    sha256: str
    not_before: datetime
    not_after: datetime
    addresses: tuple[str, ...]
    """rfc822Names of subjectAltName."""
    key: str
    """For example `RSA 2048`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """The whole outcome of checking one seal."""

    verdict: SealVerdict
    steps: tuple[StepOutcome, ...]
    """Every member of `SealStep` once, in order."""
    signer: CertificateFacts | None = None
    signing_time: datetime | None = None
    verified_at: datetime | None = None
    """The instant for which path, revocation and validity were judged."""
    digest_algorithm: str = ""
    provider: str = ""
    """providerName of the directory record, when found."""

    @property
    def good(self) -> bool:
        """True when the verdict is a claim that the seal holds."""
        return self.verdict in GOOD_VERDICTS

    @property
    def reason(self) -> str:
        """Reason code of the first step that failed, or else of the first unknown one; empty when good."""
        for mark in (Mark.FAILED, Mark.UNKNOWN):
            for step in self.steps:
                if step.mark is mark:
                    return step.reason
        return ""
