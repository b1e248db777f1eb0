"""Is the signer's certificate vouched for, at an instant, by an authority we were told to trust?

Path validation of RFC 5280 is done by pyhanko-certvalidator, in its strictest mode and without a network: a CRL is
required of every issuer, and CRLs and anchors come from the store alone. Certificates that a message brings are used
only when their signatures lead up from an anchor, so a stranger cannot make us walk a maze. Answers are kept, each
with the span of time for which it holds.

Not here: the certificate's own period and key, which the verifier judges step by step.

Clauses: IP-8, IP-9, CE-9, CE-10, SE-5, TO-21.
"""

import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, TypeVar

from asn1crypto import x509
from cryptography.exceptions import InvalidSignature
from pyhanko_certvalidator import errors as faults
from pyhanko_certvalidator.context import ValidationContext
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    DisallowWeakAlgorithmsPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import CertificateRegistry, PathBuilder, SimpleTrustManager
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator
from pyhanko_certvalidator.validate import async_validate_path

from ceralacca.base.errors import OurError
from ceralacca.core.model.outcome import Mark
from ceralacca.core.model.reason import Reason
from ceralacca.formats.cms import ASN1_FAULTS
from ceralacca.formats.neutral import one_line
from ceralacca.trust.certificate import Certificate, MalformedCertificate, name_text, read_certificate
from ceralacca.trust.revocation import Crl, read_crl, relevant, turning_points

logging.getLogger("pyhanko_certvalidator").addHandler(logging.NullHandler())  # our outcomes say it all

T = TypeVar("T")

_MOST_PATHS = 16
_MOST_ANSWERS = 1024
_MOST_OCTETS_KEPT = 16_384
_CRL_REQUIRED = RevocationCheckingPolicy(
    ee_certificate_rule=RevocationCheckingRule.CRL_REQUIRED,
    intermediate_ca_cert_rule=RevocationCheckingRule.CRL_REQUIRED,
)
_CRL_NOT_ASKED = RevocationCheckingPolicy(
    ee_certificate_rule=RevocationCheckingRule.NO_CHECK,
    intermediate_ca_cert_rule=RevocationCheckingRule.NO_CHECK,
)
_PERIOD_OF_ISSUER = frozenset({Reason.ISSUER_EXPIRED, Reason.ISSUER_NOT_YET_VALID})
_COMPROMISED = frozenset({"key_compromise", "ca_compromise", "aa_compromise"})

_PATH_FAULTS: Final = (
    ("permitted namespace", Reason.NAME_CONSTRAINTS),
    ("excluded from the", Reason.NAME_CONSTRAINTS),
    ("could not be verified", Reason.ISSUER_SIGNATURE),
    ("is not a CA", Reason.ISSUER_NOT_AUTHORITY),
    ("not allowed to sign certificates", Reason.ISSUER_NOT_AUTHORITY),
    ("maximum path length", Reason.PATH_TOO_LONG),
    ("set of policies", Reason.CERTIFICATE_POLICIES),
    ("policy", Reason.CERTIFICATE_POLICIES),
    ("unsupported critical extension", Reason.CRITICAL_EXTENSION),
)
"""Words of certvalidator's messages to our codes; a test walks through all of them, so a change there is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRules:
    """Which algorithms are good enough for the certificates and CRLs above the signer."""

    weak_digests: frozenset[str] = frozenset({"md2", "md5", "sha1"})
    least_rsa_bits: int = 2048
    refused_families: frozenset[str] = frozenset({"dsa"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found about one question."""

    mark: Mark
    reason: Reason | None = None
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def tells_of_compromise(self) -> bool:
        """True when a certificate of the path was revoked because its key was lost."""
        return self.evidence.get("revocation-reason") in _COMPROMISED


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFinding:
    """What was found about a certificate's path and revocation at one instant."""

    path: Finding
    revocation: Finding

    @property
    def rank(self) -> int:
        """Order among several paths: the lower, the better to report. Any path that holds will do (RFC 5280, 6)."""
        order = (Mark.PASSED, Mark.FAILED, Mark.UNKNOWN, Mark.NOT_REACHED)
        return order.index(self.path.mark) * 4 + order.index(self.revocation.mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A finding with the span for which it holds: strictly between the two, or at the one when they are equal."""

    after: datetime
    before: datetime
    finding: ChainFinding

    def holds(self, at: datetime) -> bool:
        return self.after < at < self.before or self.after == at == self.before


class TrustStore:
    """Anchors, intermediate certificates and CRLs, as configured (CE-9, SE-5); asks nobody else.

    Everything is DER. Raises MalformedCertificate and MalformedCrl for what cannot be read. A new edition of the CRLs
    means a new store. Safe between threads.
    """

    def __init__(
        self,
        *,
        anchors: Iterable[bytes],
        intermediates: Iterable[bytes] = (),
        crls: Iterable[bytes] = (),
        rules: PathRules | None = None,
    ) -> None:
        self.anchors = tuple(read_certificate(der) for der in anchors)
        """The certificates where every path must end."""
        self.intermediates = tuple(read_certificate(der) for der in intermediates)
        """Certificates of authorities that messages may leave out."""
        self.crls: tuple[Crl, ...] = tuple(read_crl(der) for der in crls)
        """What there is to know about revocation."""
        self.rules = rules or PathRules()
        self._answers: dict[tuple[bytes, tuple[bytes, ...]], list[_Answer]] = {}
        self._kept = 0
        self._lock = Lock()

    def judge(self, certificate: Certificate, others: tuple[bytes, ...], at: datetime) -> ChainFinding:
        """Find a path for the certificate and judge it for an instant.

        `others` are certificates that came along, trusted in nothing; the certificate itself may be among them.
        Outside the certificate's own period it is judged for the nearest instant inside: the period is another
        question.
        """
        inside = min(max(at, certificate.facts.not_before), certificate.facts.not_after)
        finding = self._kept_or_new(certificate, others, inside)
        if inside != at and finding.path.reason in _PERIOD_OF_ISSUER:  # the question has no right instant
            return ChainFinding(path=replace(finding.path, mark=Mark.UNKNOWN), revocation=finding.revocation)
        return finding

    def _kept_or_new(self, certificate: Certificate, others: tuple[bytes, ...], at: datetime) -> ChainFinding:
        key = (certificate.der, others)
        with self._lock:
            for answer in self._answers.get(key, ()):
                if answer.holds(at):
                    return answer.finding
        answer = self._answer(certificate, others, at)
        if sum(map(len, others)) > _MOST_OCTETS_KEPT:  # what strangers send must not fill the memory
            return answer.finding
        with self._lock:
            if self._kept >= _MOST_ANSWERS:
                self._answers.clear()
                self._kept = 0
            self._answers.setdefault(key, []).append(answer)
            self._kept += 1
        return answer.finding

    def _answer(self, certificate: Certificate, others: tuple[bytes, ...], at: datetime) -> _Answer:
        material = _Material(
            store=self,
            leaf=certificate.der,
            beside=tuple(_rooted(self, _readable(der for der in others if der != certificate.der))),
        )
        finding = _judge(material, at)
        known = [certificate, *(read_certificate(der) for der in material.beside), *self.intermediates]
        points = {one.facts.not_before for one in known} | {one.facts.not_after for one in known}
        points.update(turning_points(self.crls, frozenset(int(one.facts.serial, 16) for one in known)))
        if at in points:
            return _Answer(after=at, before=at, finding=finding)
        return _Answer(
            after=max((point for point in points if point < at), default=at - timedelta(days=1)),
            before=min((point for point in points if point > at), default=at + timedelta(days=1)),
            finding=finding,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What paths are built from, as DER: parsed anew for each question.

    An asn1crypto object is not safe between threads, and some encodings change under it once they have been looked at
    (unique identifiers, for one), after which a good signature no longer verifies.
    """

    store: TrustStore
    leaf: bytes
    beside: tuple[bytes, ...]
    """Certificates that came along and lead up to an anchor."""

    def paths(self) -> tuple[PathBuilder, list[ValidationPath]]:
        """Build every path; the same ones in the same order each time. Raises PathBuildingError when there is none."""
        configured = (one.der for one in self.store.intermediates)
        builder = PathBuilder(
            trust_manager=SimpleTrustManager.build(trust_roots=[_parsed(one.der) for one in self.store.anchors]),
            registry=CertificateRegistry.build([_parsed(der) for der in (*self.beside, *configured)]),
        )
        return builder, _complete(_paths(builder, _parsed(self.leaf)))


class _StrictSignatures(DefaultSignatureValidator):
    """Verifies signatures of certificates and CRLs; one made with a weak digest verifies nothing."""

    def __init__(self, rules: PathRules) -> None:
        self._rules = rules

    def validate_signature(self, signature: Any, signed_data: Any, *rest: Any, **named: Any) -> None:
        """Raise InvalidSignature unless the signature holds."""
        algorithm = named.get("signature_algorithm") or rest[1]
        if _digest_of(algorithm) in self._rules.weak_digests:
            raise InvalidSignature
        try:
            super().validate_signature(signature, signed_data, *rest, **named)
        except ASN1_FAULTS:  # a key or parameters of the wrong kind
            raise InvalidSignature from None


def _digest_of(algorithm: Any) -> str:
    try:
        return str(algorithm.hash_algo)
    except ValueError:  # the algorithm has none of its own
        return ""


def _readable(others: Iterable[bytes]) -> list[bytes]:
    """Leave out what cannot be read: it vouches for nobody."""
    found = []
    for der in dict.fromkeys(others):
        try:
            read_certificate(der)
        except MalformedCertificate:
            continue
        found.append(der)
    return found


def _parsed(der: bytes) -> x509.Certificate:
    return x509.Certificate.load(der)


def _rooted(store: TrustStore, others: list[bytes]) -> list[bytes]:
    """Keep of the certificates that came along those whose signatures lead up from anchor or configuration.

    What a stranger invents has no such signature; without it, certificates that name each other in every order would
    keep the path builder walking for ever.
    """
    signatures = _StrictSignatures(PathRules(weak_digests=frozenset()))  # how weak is asked later
    above = [_parsed(one.der) for one in (*store.anchors, *store.intermediates)]
    kept: list[bytes] = []
    waiting = {der: _parsed(der) for der in others}
    while fresh := [der for der, one in waiting.items() if any(_issued(one, issuer, signatures) for issuer in above)]:
        kept.extend(fresh)
        above = [waiting.pop(der) for der in fresh]
    return kept


def _issued(certificate: x509.Certificate, issuer: x509.Certificate, signatures: _StrictSignatures) -> bool:
    try:
        if certificate.issuer != issuer.subject:
            return False
        signatures.validate_signature(
            certificate["signature_value"].native,
            certificate["tbs_certificate"].dump(),
            issuer.public_key,
            certificate["signature_algorithm"],
        )
    except (*ASN1_FAULTS, InvalidSignature):
        return False
    return True


def _judge(material: _Material, at: datetime) -> ChainFinding:
    """Judge every path that can be built and report the best."""
    best: ChainFinding | None = None
    try:
        count = len(material.paths()[1])
        for index in range(count):
            finding = _judge_path(material, index, at)
            if best is None or finding.rank < best.rank:
                best = finding
    except faults.PathBuildingError as fault:
        return _no_path(Reason.NO_PATH, str(fault))
    except (*ASN1_FAULTS, faults.PathError) as fault:  # extensions that turn out unreadable on the way
        return _no_path(Reason.PATH_INVALID, type(fault).__name__)
    return best or _no_path(Reason.NO_PATH, "")


def _no_path(reason: Reason, detail: str) -> ChainFinding:
    return ChainFinding(
        path=Finding(mark=Mark.FAILED, reason=reason, evidence=_detail(detail) if detail else {}),
        revocation=Finding(mark=Mark.NOT_REACHED),
    )


def _detail(text: str) -> dict[str, str]:
    """Keep what the library says, for it names the certificate; names in it are a stranger's (SE-8)."""
    return {"detail": one_line(text)}


async def _paths(builder: PathBuilder, leaf: x509.Certificate) -> list[ValidationPath]:
    found: list[ValidationPath] = []
    lazy = builder.async_build_paths_lazy(leaf)
    try:
        async for path in lazy:
            found.append(path)
            if len(found) >= _MOST_PATHS:
                break
    finally:
        await lazy.cancel()  # type: ignore[no-untyped-call]
    return found


def _judge_path(material: _Material, index: int, at: datetime) -> ChainFinding:
    """Ask first whether the path holds, then, knowing that, what the CRLs say: two questions, two answers."""
    fault = _validate(material, index, at, _CRL_NOT_ASKED)
    if fault is not None:
        return ChainFinding(path=_path_finding(fault), revocation=Finding(mark=Mark.NOT_REACHED))
    fault = _validate(material, index, at, _CRL_REQUIRED)
    anchor = name_text(material.paths()[1][index].first.subject)
    return ChainFinding(
        path=Finding(mark=Mark.PASSED, evidence={"anchor": anchor}),
        revocation=_revocation_finding(fault),
    )


def _validate(
    material: _Material,
    index: int,
    at: datetime,
    policy: RevocationCheckingPolicy,
) -> faults.ValidationError | None:
    """Validate one path; None means that it holds."""
    builder, paths = material.paths()
    path = paths[index]
    crls: list[Crl] = []
    if policy is _CRL_REQUIRED:
        apart = material.paths()[1][index]  # looking at a path spoils it, see above
        crls = relevant(material.store.crls, apart.iter_certs(include_root=False), at)
    rules = material.store.rules
    context = ValidationContext(
        trust_manager=builder.trust_manager,
        certificate_registry=builder.registry,
        moment=at,
        allow_fetching=False,
        crls=[one.der for one in crls],
        # `relevant` has chosen the CRLs for the instant, later ones included (TO-21)
        revinfo_policy=CertRevTrustPolicy(policy, retroactive_revinfo=True),
        algorithm_usage_policy=DisallowWeakAlgorithmsPolicy(  # type: ignore[no-untyped-call]
            weak_hash_algos=rules.weak_digests,
            weak_signature_algos=rules.refused_families,
            rsa_key_size_threshold=rules.least_rsa_bits,
            dsa_key_size_threshold=rules.least_rsa_bits,
        ),
        time_tolerance=timedelta(0),
        signature_validator=_StrictSignatures(rules),
    )
    try:
        _complete(async_validate_path(context, path))
    except faults.ValidationError as fault:
        return fault
    return None


def _path_finding(fault: faults.ValidationError) -> Finding:
    if isinstance(fault, faults.ExpiredError):
        reason = Reason.ISSUER_EXPIRED  # the signer itself is judged inside its period
    elif isinstance(fault, faults.NotYetValidError):
        reason = Reason.ISSUER_NOT_YET_VALID
    elif isinstance(fault, faults.DisallowedAlgorithmError):
        reason = Reason.WEAK_PATH
    else:
        text = fault.failure_msg
        reason = next((reason for words, reason in _PATH_FAULTS if words in text), Reason.PATH_INVALID)
    return Finding(mark=Mark.FAILED, reason=reason, evidence=_detail(fault.failure_msg))


def _revocation_finding(fault: faults.ValidationError | None) -> Finding:
    if fault is None:
        return Finding(mark=Mark.PASSED)
    evidence = _detail(fault.failure_msg)
    if isinstance(fault, faults.RevokedError):
        evidence |= {"revoked-at": fault.revocation_dt.isoformat(), "revocation-reason": str(fault.reason.native)}
        return Finding(mark=Mark.FAILED, reason=Reason.REVOKED, evidence=evidence)
    stale = isinstance(fault, faults.StaleRevinfoError)
    reason = Reason.REVOCATION_STALE if stale else Reason.REVOCATION_UNKNOWN
    return Finding(mark=Mark.UNKNOWN, reason=reason, evidence=evidence)


def _complete(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits, which certvalidator's are while nothing is fetched.

    So verification needs no event loop and works inside a running one and in any thread.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    coroutine.close()
    raise OurError("path validation waited for something although nothing is fetched")
