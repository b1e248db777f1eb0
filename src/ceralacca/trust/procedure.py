"""Steps 1 to 8 of seal verification: the seal itself and the certificate under it.

What `trust.verifier` (messages) and `trust.opaque` (directory files) have in common. The procedure is written out in
`verifier.verify_seal`; each method here is one of its numbers and leaves one outcome.

Clauses: IP-6 to IP-9, CE-3, CE-8, CE-10, DI-5, TO-1, TO-4, TO-21.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ceralacca.core.model.outcome import CertificateFacts, Mark, SealReport, SealStep, SealVerdict, StepOutcome
from ceralacca.core.model.reason import Reason
from ceralacca.formats.cms import ID_DATA, SignedData, SignerInfo
from ceralacca.formats.smime import canonical_pieces
from ceralacca.formats.splice import Octets
from ceralacca.trust.certificate import Certificate, MalformedCertificate, read_certificate
from ceralacca.trust.chain import ChainFinding, Finding, TrustStore
from ceralacca.trust.instant import InstantRule, JudgedAt

_CLAUSES: Final[Mapping[SealStep, tuple[str, ...]]] = {
    SealStep.SHAPE: ("IP-6", "TO-2", "TO-3"),
    SealStep.SIGNER: ("IP-7", "GE-2"),
    SealStep.DIGEST: ("IP-8", "GE-5", "TO-1", "TO-4"),
    SealStep.SIGNATURE: ("IP-8",),
    SealStep.KEY: ("CE-3", "CE-8"),
    SealStep.PATH: ("IP-8", "CE-9"),
    SealStep.REVOCATION: ("IP-8", "IP-9", "CE-10"),
    SealStep.VALIDITY: ("IP-8", "TO-21"),
    SealStep.ADDRESS: ("GE-3", "IP-12"),
    SealStep.DIRECTORY: ("IP-7", "DI-8"),
    SealStep.SENDER_DOMAIN: ("IP-14",),
}
_NOT_REACHED: Final = {
    step: StepOutcome(step=step, mark=Mark.NOT_REACHED, requirements=_CLAUSES[step]) for step in SealStep
}

_VERDICTS: Final[Mapping[Reason, SealVerdict]] = {
    Reason.NOT_SIGNED: SealVerdict.UNSIGNED,
    Reason.UNEXPECTED_PROTOCOL: SealVerdict.UNSIGNED,
    Reason.CONTENT_ALTERED: SealVerdict.ALTERED,
    Reason.ENCAPSULATED_DIFFERS: SealVerdict.ALTERED,
    Reason.WEAK_DIGEST: SealVerdict.WEAK_KEY,
    Reason.SIGNATURE_MISMATCH: SealVerdict.FORGED,
    Reason.ATTRIBUTES_AS_CONTENT: SealVerdict.FORGED,
    Reason.ALGORITHM_PROTECTION: SealVerdict.FORGED,
    Reason.WEAK_KEY: SealVerdict.WEAK_KEY,
    Reason.UNSUPPORTED_KEY: SealVerdict.WEAK_KEY,
    Reason.KEY_USAGE: SealVerdict.WRONG_USAGE,
    Reason.KEY_USAGE_MISSING: SealVerdict.WRONG_USAGE,
    Reason.EXTENDED_KEY_USAGE: SealVerdict.WRONG_USAGE,
    Reason.NO_PATH: SealVerdict.UNTRUSTED,
    Reason.NOT_PINNED: SealVerdict.UNTRUSTED,
    Reason.ISSUER_SIGNATURE: SealVerdict.UNTRUSTED,
    Reason.ISSUER_NOT_AUTHORITY: SealVerdict.UNTRUSTED,
    Reason.PATH_TOO_LONG: SealVerdict.UNTRUSTED,
    Reason.WEAK_PATH: SealVerdict.WEAK_KEY,
    Reason.CERTIFICATE_POLICIES: SealVerdict.UNTRUSTED,
    Reason.CRITICAL_EXTENSION: SealVerdict.UNTRUSTED,
    Reason.PATH_INVALID: SealVerdict.UNTRUSTED,
    Reason.NAME_CONSTRAINTS: SealVerdict.NAME_CONSTRAINTS,
    Reason.ISSUER_EXPIRED: SealVerdict.EXPIRED,
    Reason.ISSUER_NOT_YET_VALID: SealVerdict.NOT_YET_VALID,
    Reason.REVOKED: SealVerdict.REVOKED,
    Reason.KEY_COMPROMISED: SealVerdict.REVOKED,
    Reason.EXPIRED: SealVerdict.EXPIRED,
    Reason.NOT_YET_VALID: SealVerdict.NOT_YET_VALID,
    Reason.ADDRESS_MISMATCH: SealVerdict.WRONG_ADDRESS,
    Reason.NO_ADDRESS: SealVerdict.WRONG_ADDRESS,
    Reason.SEVERAL_ADDRESSES: SealVerdict.WRONG_ADDRESS,
    Reason.NOT_IN_DIRECTORY: SealVerdict.NOT_IN_DIRECTORY,
    Reason.DIRECTORY_CERTIFICATE_DIFFERS: SealVerdict.NOT_IN_DIRECTORY,
    Reason.WRONG_PROVIDER: SealVerdict.WRONG_PROVIDER,
}
"""The verdict that a failed step makes; every other reason means that the seal is malformed."""

_UNASKED: Final = Finding(mark=Mark.NOT_REACHED)
_PINNED: Final = ChainFinding(path=Finding(mark=Mark.PASSED, evidence={"pinned": "yes"}), revocation=_UNASKED)
_NOT_PINNED: Final = ChainFinding(path=Finding(mark=Mark.FAILED, reason=Reason.NOT_PINNED), revocation=_UNASKED)
_NO_ANCHORS: Final = ChainFinding(
    path=Finding(mark=Mark.UNKNOWN, reason=Reason.NO_ANCHORS),
    revocation=Finding(mark=Mark.UNKNOWN, reason=Reason.NO_ANCHORS),
)

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 accepted on reception, never made: TO-1, AM-28
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
"""Digests that are borne; MD5 is not among them."""
_PREHASHED: Final = {name: Prehashed(algorithm) for name, algorithm in _HASHES.items()}
_DIGESTS: Final = {name: getattr(hashlib, name) for name in _HASHES}
_PKCS1: Final = padding.PKCS1v15()
_LEAST_BITS: Final = {"rsa": 2048, "rsassa_pss": 2048, "ec": 256}  # CE-8
_CLOCK_SKEW = timedelta(minutes=5)
_ATTRIBUTE_SET = 0x31


def _outcome(step: SealStep, reason: Reason | None, mark: Mark, evidence: Mapping[str, str]) -> StepOutcome:
    return StepOutcome(step=step, mark=mark, requirements=_CLAUSES[step], reason=reason or "", evidence=evidence)


@cache  # no more than there are steps, reasons and marks
def _bare_outcome(step: SealStep, reason: Reason | None, mark: Mark) -> StepOutcome:
    """Return the outcome of a step that needs no evidence, as nearly all are."""
    return _outcome(step, reason, mark, {})


class Procedure:
    """The steps that concern the seal itself, with their outcomes so far; `trust.opaque` shares them."""

    def __init__(
        self,
        *,
        content: Octets,
        detached: bool,
        data: SignedData,
        at: JudgedAt,
        pinned: frozenset[bytes] = frozenset(),
    ) -> None:
        self._content = content
        self._detached = detached
        self._data = data
        self._at = at
        self._pinned = pinned
        self._outcomes = dict(_NOT_REACHED)
        self._certificate: Certificate | None = None
        self._signer: SignerInfo | None = None
        self._judged_for = at.given or at.present
        self._digest: bytes = b""

    def put(self, step: SealStep, reason: Reason | None, mark: Mark, evidence: Mapping[str, str] | None = None) -> None:
        """Record the outcome of a step."""
        self._outcomes[step] = _outcome(step, reason, mark, evidence) if evidence else _bare_outcome(step, reason, mark)

    def _failed(self, step: SealStep, reason: Reason, **evidence: str) -> None:
        self.put(step, reason, Mark.FAILED, evidence)

    def shape(self, tolerated: tuple[Reason, ...]) -> None:
        """Step 1: what splitting has found already."""
        if tolerated:
            self.put(SealStep.SHAPE, tolerated[0], Mark.TOLERATED)
        else:
            self.put(SealStep.SHAPE, None, Mark.PASSED)

    def seal(self, trust: TrustStore | None) -> Certificate | None:
        """Steps 2 to 8; returns the signer's certificate once its signature holds, else None."""
        signer = self._one_signer()
        if signer is None:
            return None
        certificate = self._certificate_of(signer)
        if certificate is None:
            return None
        self._check_digest(signer)
        self._check_signature(signer, certificate)
        if self._outcomes[SealStep.SIGNATURE].mark is Mark.FAILED:  # whose seal it is not, is of no interest
            return None
        self.put(SealStep.KEY, *key_outcome(certificate))
        self._judge(trust, certificate, signer)
        return certificate

    def _one_signer(self) -> SignerInfo | None:
        """Step 2, first half: there is one signer info, of the form that a seal has."""
        signers = self._data.signers
        if len(signers) != 1:  # IP-7
            reason = Reason.SEVERAL_SIGNERS if signers else Reason.NO_SIGNER
            self._failed(SealStep.SIGNER, reason, signers=str(len(signers)))
            return None
        signer = signers[0]
        attributes = signer.attributes
        if self._data.content_type != ID_DATA or (attributes and attributes.content_type != ID_DATA):
            self._failed(SealStep.SIGNER, Reason.NOT_DATA)
            return None
        if signer.attributes_fault:
            self._failed(SealStep.SIGNER, Reason.MALFORMED_ATTRIBUTES, detail=signer.attributes_fault)
            return None
        if attributes and attributes.algorithms and attributes.algorithms != signer.algorithms:
            self._failed(SealStep.SIGNER, Reason.ALGORITHM_PROTECTION)
            return None
        self._signer = signer
        return signer

    def _certificate_of(self, signer: SignerInfo) -> Certificate | None:
        """Step 2, second half: the certificate that the signer info names is inside, once (GE-2)."""
        found: dict[bytes, Certificate] = {}
        missing = Reason.SIGNER_CERTIFICATE_MISSING
        for der in self._data.certificates:
            try:
                certificate = read_certificate(der)
            except MalformedCertificate:
                missing = Reason.MALFORMED_CERTIFICATE  # it may have been the one
                continue
            if certificate.is_named(signer.issuer, signer.serial, signer.key_identifier):
                found[der] = certificate
        if len(found) != 1:
            self._failed(SealStep.SIGNER, Reason.SIGNER_AMBIGUOUS if found else missing)
            return None
        self.put(SealStep.SIGNER, None, Mark.PASSED)
        self._certificate = next(iter(found.values()))
        return self._certificate

    def _check_digest(self, signer: SignerInfo) -> None:
        """Step 3: the digest of the signed octets is the one under the signature."""
        step = SealStep.DIGEST
        if signer.digest not in _HASHES:  # MD5 among them
            self._failed(step, Reason.WEAK_DIGEST, digest=signer.digest)
            return
        inside = self._data.content
        if self._detached and inside is not None and inside != self._content:
            self._failed(step, Reason.ENCAPSULATED_DIFFERS)
            return
        self._digest = digest_of(signer.digest, self._content)
        if signer.attributes is None:
            self._without_attributes()
            return
        wanted = signer.attributes.message_digest
        reason = Reason.DIGEST_SHA1 if signer.digest == "sha1" else None  # TO-1
        if self._digest != wanted:
            if not self._detached or canonical_digest(signer.digest, self._content) != wanted:
                self._failed(step, Reason.CONTENT_ALTERED, digest=signer.digest)
                return
            reason = Reason.LINE_ENDS_CONVERTED  # TO-4
        elif self._detached and inside is not None:
            reason = Reason.ENCAPSULATED_REPEATS
        self.put(step, reason, Mark.TOLERATED if reason else Mark.PASSED)

    def _without_attributes(self) -> None:
        """Step 3 when the signature stands over the content: there is no digest to compare, the next step decides."""
        if bytes(self._content[:1]) == bytes((_ATTRIBUTE_SET,)):
            self._failed(SealStep.DIGEST, Reason.ATTRIBUTES_AS_CONTENT)
            return
        self.put(SealStep.DIGEST, Reason.NO_SIGNED_ATTRIBUTES, Mark.TOLERATED)

    def _check_signature(self, signer: SignerInfo, certificate: Certificate) -> None:
        """Step 4: the signature holds under the key of the certificate."""
        step, scheme, key = SealStep.SIGNATURE, signer.scheme, certificate.key
        if key is None:
            self.put(step, Reason.UNSUPPORTED_KEY, Mark.UNKNOWN, {"key": certificate.facts.key})
            return
        if signer.digest not in _HASHES:  # step 3 has said so
            return
        if not scheme.family or scheme.digest not in ("", signer.digest):
            self._failed(step, Reason.UNSUPPORTED_ALGORITHM)
            return
        if signer.attributes is not None:
            digests = [digest_of(signer.digest, signer.attributes.octets)]
        else:
            digests = [self._digest, canonical_digest(signer.digest, self._content)]
        if any(_holds(key, signer, digest) for digest in digests):
            self.put(step, None, Mark.PASSED)
        else:
            self._failed(step, Reason.SIGNATURE_MISMATCH)

    def _judge(self, trust: TrustStore | None, certificate: Certificate, signer: SignerInfo) -> None:
        """Steps 6 to 8: path, revocation and period for the instant that the rule asks for."""
        at, remark = self._instant(signer)
        self._judged_for = at
        finding = self._chain(trust, certificate, at)
        self._put_finding(SealStep.PATH, finding.path)
        self._put_finding(SealStep.REVOCATION, finding.revocation)
        self.put(SealStep.VALIDITY, *_period(certificate.facts, at, remark))
        if self._at.rule is InstantRule.SIGNING and at < self._at.present:
            self._since(self._chain(trust, certificate, self._at.present), certificate)

    def _chain(self, trust: TrustStore | None, certificate: Certificate, at: datetime) -> ChainFinding:
        """Steps 6 and 7 for one instant."""
        if self._pinned:  # DI-5
            return _PINNED if certificate.der in self._pinned else _NOT_PINNED
        if trust is None:
            return _NO_ANCHORS
        return trust.judge(certificate, self._data.certificates, at)

    def _instant(self, signer: SignerInfo) -> tuple[datetime, Reason | None]:
        """Return the instant to judge for, and what there is to say about it."""
        if self._at.rule is not InstantRule.SIGNING:
            return self._at.given or self._at.present, None
        signed = signer.attributes.signing_time if signer.attributes else None
        if signed is None:
            return self._at.present, Reason.NO_SIGNING_TIME
        if signed > self._at.present + _CLOCK_SKEW:
            return self._at.present, Reason.SIGNING_TIME_AHEAD
        return signed, None

    def _put_finding(self, step: SealStep, finding: Finding) -> None:
        self.put(step, finding.reason, finding.mark, finding.evidence)

    def _since(self, now: ChainFinding, certificate: Certificate) -> None:
        """Tell what has happened to the certificate since it sealed (TO-21)."""
        expired = certificate.facts.not_after < self._at.present
        validity = self._outcomes[SealStep.VALIDITY]
        if expired and validity.mark is Mark.PASSED:
            evidence = {"not-after": certificate.facts.not_after.isoformat()}
            self.put(SealStep.VALIDITY, Reason.EXPIRED_SINCE, Mark.TOLERATED, evidence)
        if now.revocation.reason is not Reason.REVOKED:
            return
        if self._outcomes[SealStep.REVOCATION].mark is Mark.FAILED:
            return
        if now.revocation.tells_of_compromise:  # whoever has the key can write any signing time
            self.put(SealStep.REVOCATION, Reason.KEY_COMPROMISED, Mark.FAILED, now.revocation.evidence)
        elif self._outcomes[SealStep.REVOCATION].mark is Mark.PASSED:
            self.put(SealStep.REVOCATION, Reason.REVOKED_SINCE, Mark.TOLERATED, now.revocation.evidence)

    def report(self, provider: str = "") -> SealReport:
        """Sum up: the first failure is the verdict, and what is unknown is never good."""
        steps = tuple(self._outcomes.values())
        signer, certificate = self._signer, self._certificate
        attributes = signer.attributes if signer else None
        return SealReport(
            verdict=_verdict(steps),
            steps=steps,
            signer=certificate.facts if certificate else None,
            signing_time=attributes.signing_time if attributes else None,
            verified_at=self._judged_for,
            digest_algorithm=signer.digest if signer else "",
            provider=provider,
        )


def digest_of(name: str, octets: Octets) -> bytes:
    """Return the digest of octets, which are not copied."""
    found: bytes = _DIGESTS[name](octets, usedforsecurity=False).digest()
    return found


def canonical_digest(name: str, octets: Octets) -> bytes:
    """Return the digest of octets whose line ends are made CRLF, a piece at a time (TO-4)."""
    digest = _DIGESTS[name](usedforsecurity=False)
    for piece in canonical_pieces(octets):
        digest.update(piece)
    found: bytes = digest.digest()
    return found


@lru_cache(maxsize=512)
def key_outcome(certificate: Certificate) -> tuple[Reason | None, Mark, dict[str, str]]:
    """Step 5: judge the key and what it is for (CE-3, CE-6, CE-8)."""
    least = _LEAST_BITS.get(certificate.key_kind)
    if least is not None and certificate.key_bits < least:
        return Reason.WEAK_KEY, Mark.FAILED, {"key": certificate.facts.key}
    if least is None or certificate.key is None:
        return Reason.UNSUPPORTED_KEY, Mark.FAILED, {"key": certificate.facts.key}
    if reason := _usage_fault(certificate):
        named = {"key-usage": certificate.usages, "extended-key-usage": certificate.purposes}
        return reason, Mark.FAILED, {name: ", ".join(sorted(value or ())) for name, value in named.items()}
    if certificate.is_authority:  # CE-6 forbids it to the issuer; the directory still pins the certificate
        return Reason.SIGNER_IS_AUTHORITY, Mark.TOLERATED, {}
    return None, Mark.PASSED, {}


def _usage_fault(certificate: Certificate) -> Reason | None:
    if certificate.usages is None:
        return Reason.KEY_USAGE_MISSING
    if "digital_signature" not in certificate.usages:  # CE-3
        return Reason.KEY_USAGE
    purposes = certificate.purposes
    if purposes is not None and not purposes & {"email_protection", "any_extended_key_usage"}:  # CE-8
        return Reason.EXTENDED_KEY_USAGE
    return None


def unsealed(at: JudgedAt, reason: Reason, detail: str) -> SealReport:
    """Report a message that fails at step 1."""
    shape = StepOutcome(
        step=SealStep.SHAPE,
        mark=Mark.FAILED,
        requirements=_CLAUSES[SealStep.SHAPE],
        reason=reason,
        evidence={"detail": detail},
    )
    steps = tuple((_NOT_REACHED | {SealStep.SHAPE: shape}).values())
    return SealReport(verdict=_verdict(steps), steps=steps, verified_at=at.given or at.present)


def _verdict(steps: tuple[StepOutcome, ...]) -> SealVerdict:
    unknown = since = False
    for step in steps:
        if step.mark is Mark.PASSED:
            continue
        if step.mark is Mark.FAILED:
            return _VERDICTS.get(Reason(step.reason), SealVerdict.MALFORMED)
        unknown = unknown or step.mark is Mark.UNKNOWN
        since = since or step.reason in (Reason.EXPIRED_SINCE, Reason.REVOKED_SINCE)
    if unknown:
        return SealVerdict.INDETERMINATE
    return SealVerdict.VALID_WHEN_SIGNED if since else SealVerdict.VALID


def _holds(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signer: SignerInfo, digest: bytes) -> bool:
    """Verify a signature over a digest."""
    algorithm = _PREHASHED[signer.digest]
    family, salt = signer.scheme.family, signer.scheme.salt_octets
    try:
        if isinstance(key, rsa.RSAPublicKey) and family == "rsa":
            key.verify(signer.signature, digest, _PKCS1, algorithm)
        elif isinstance(key, rsa.RSAPublicKey) and family == "rsa-pss":
            pss = padding.PSS(padding.MGF1(_HASHES[signer.digest]), salt)
            key.verify(signer.signature, digest, pss, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and family == "ecdsa":
            key.verify(signer.signature, digest, ec.ECDSA(algorithm))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _period(
    facts: CertificateFacts, at: datetime, remark: Reason | None
) -> tuple[Reason | None, Mark, Mapping[str, str]]:
    """Step 8: judge the certificate's period for an instant."""
    if at < facts.not_before:
        return Reason.NOT_YET_VALID, Mark.FAILED, {"not-before": facts.not_before.isoformat(), "at": at.isoformat()}
    if at > facts.not_after:
        return Reason.EXPIRED, Mark.FAILED, {"not-after": facts.not_after.isoformat(), "at": at.isoformat()}
    return remark, Mark.TOLERATED if remark else Mark.PASSED, {}
