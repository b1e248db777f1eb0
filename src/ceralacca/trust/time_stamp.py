"""Time stamps of a third party (*marche temporali*): asking for one, and believing it (LO-4, RFC 3161).

A reply is believed only when every word of it answers the question: granted, our digest, our
nonce, one signature over exactly this TSTInfo, by a certificate that is for time stamping and
nothing else, under our anchors and with its CRLs asked. The token is kept as it came; nothing is
ever written anew from what was parsed.

Reading is lenient where encoders differ (order of certificates), strict in all that decides.

Clauses: LO-4, LO-6; RFC 3161, 2.4 and 2.3; RFC 5816 (certificate named by hash).
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from ceralacca.base.errors import PeerError, WorldError
from ceralacca.base.identifiers import Entropy
from ceralacca.core.model.outcome import Mark
from ceralacca.formats import ber
from ceralacca.formats.ber import MalformedBer
from ceralacca.formats.cms import ASN1_FAULTS, MalformedCms, SignedData, SignerInfo, read_signed_data
from ceralacca.trust.certificate import Certificate, MalformedCertificate, read_certificate
from ceralacca.trust.chain import TrustStore

REQUEST_TYPE: Final = "application/timestamp-query"
REPLY_TYPE: Final = "application/timestamp-reply"

_TST_INFO: Final = bytes.fromhex("2a864886f70d0109100104")
_NONCE_OCTETS: Final = 8
_MOST_REPLY: Final = 1 << 17
_HASHES: Final = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_SKEW: Final = timedelta(minutes=5)


class UntrustedTimeStamp(PeerError):
    """The reply is no time stamp of what was asked; `reason` is a stable code."""

    def __init__(self, what: str, *, reason: str) -> None:
        super().__init__(what, remedy="ask again; if it stays so, ask the time-stamping authority")
        self.reason = reason


class TimeStampRefused(WorldError):
    """The authority answers that it gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampRequest:
    """A question: does this digest exist now?"""

    digest: bytes
    """SHA-256."""
    nonce: int
    octets: bytes
    """DER of the TimeStampReq, to be posted as REQUEST_TYPE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStamp:
    """A token that was believed."""

    token: bytes
    """DER of the ContentInfo, as it came: what is kept (LO-4)."""
    instant: datetime
    """What it certifies: the digest existed by then. Aware, UTC."""
    serial: int
    policy: str
    certificate: bytes
    """DER of the signer's certificate."""


def make_request(digest: bytes, entropy: Entropy) -> TimeStampRequest:
    """Ask for a stamp over a SHA-256 digest, with a nonce and with the certificate inside the reply."""
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("the digest is not one of SHA-256")
    nonce = int.from_bytes(entropy(_NONCE_OCTETS), "big") | 1 << (8 * _NONCE_OCTETS - 2)
    request = tsp.TimeStampReq(
        {
            "version": "v1",
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest},
            "nonce": nonce,
            "cert_req": True,
        }
    )
    return TimeStampRequest(digest=digest, nonce=nonce, octets=request.dump())


def read_reply(
    reply: bytes, request: TimeStampRequest, *, trust: TrustStore, present: datetime, policy: str | None = None
) -> TimeStamp:
    """Return the stamp in a TimeStampResp, once everything in it has been believed.

    `present` bounds the instant that it may say. Raises UntrustedTimeStamp, and TimeStampRefused
    when there is none inside.
    """
    token = token_of(reply)
    stamp = verify_token(token, request.digest, trust=trust, present=present, policy=policy)
    info = _info(_signed_data(token))
    if info["nonce"].native != request.nonce:
        raise UntrustedTimeStamp("the stamp answers another request", reason="nonce")
    if abs(stamp.instant - present) > _SKEW:
        raise UntrustedTimeStamp("the stamp's time is far from ours", reason="time")
    return stamp


def verify_token(
    token: bytes, digest: bytes, *, trust: TrustStore | None, present: datetime, policy: str | None = None
) -> TimeStamp:
    """Verify a kept token against the digest of what it should stand for, at its own time (LO-5).

    1. shape: one SignedData over one TSTInfo, one signer; 2. the digest and policy; 3. the time is not ahead;
    4. signer named by certificate and by hash; 5. digest and signature; 6. the certificate's purpose, period,
    path and CRLs at that time; without anchors the path is not asked for.
    Raises UntrustedTimeStamp.
    """
    data = _signed_data(token)  # 1
    info = _info(data)
    _check_imprint(info, digest, policy)  # 2
    instant = info["gen_time"].native.astimezone(UTC)
    if instant > present + _SKEW:  # 3
        raise UntrustedTimeStamp("the stamp's time lies ahead", reason="time")
    certificate = _certificate(data)  # 4
    _check_named_by_hash(token, certificate)
    _check_signature(data, certificate)  # 5
    _check_certificate(certificate, data, trust, instant)  # 6
    return TimeStamp(
        token=token,
        instant=instant,
        serial=info["serial_number"].native,
        policy=info["policy"].dotted,
        certificate=certificate.der,
    )


def token_of(reply: bytes) -> bytes:
    """Return the token of a reply whose status is granted, without or with modifications: a `.tsr` holds the reply.

    Nothing of it is verified. Raises UntrustedTimeStamp, and TimeStampRefused when there is none inside.
    """
    if len(reply) > _MOST_REPLY:
        raise UntrustedTimeStamp("the reply is larger than any stamp", reason="malformed")
    try:
        whole = ber.expect(reply, 0, len(reply), ber.SEQUENCE)
        told = ber.expect(reply, whole.body, whole.end, ber.SEQUENCE)
        status = tsp.PKIStatusInfo.load(ber.whole(reply, told), strict=True)["status"].native
    except (MalformedBer, *ASN1_FAULTS):
        raise UntrustedTimeStamp("the reply cannot be read", reason="malformed") from None
    if whole.after != len(reply):
        raise UntrustedTimeStamp("octets follow the reply", reason="malformed")
    octets = reply[told.after : whole.end]  # never written anew
    if status not in {"granted", "granted_with_mods"} or not octets:
        raise TimeStampRefused(f"the authority gives no stamp: {status}", remedy="look at its log; then ask again")
    return octets


def _signed_data(token: bytes) -> SignedData:
    try:
        data = read_signed_data(token)
    except MalformedCms as fault:
        raise UntrustedTimeStamp(str(fault), reason="malformed") from None
    if data.content_type != _TST_INFO or data.content is None:
        raise UntrustedTimeStamp("the token does not hold a TSTInfo", reason="content-type")
    if len(data.signers) != 1:  # RFC 3161, 2.4.2
        raise UntrustedTimeStamp("the token has not exactly one signature", reason="signers")
    return data


def _info(data: SignedData) -> Any:
    try:
        info = tsp.TSTInfo.load(data.content, strict=True)
        info.native  # noqa: B018 parses everything, once
        if info["version"].native != "v1" or info["gen_time"].native.tzinfo is None:
            raise UntrustedTimeStamp("the TSTInfo is of no known version", reason="malformed")
    except ASN1_FAULTS:
        raise UntrustedTimeStamp("the TSTInfo cannot be read", reason="malformed") from None
    return info


def _check_imprint(info: Any, digest: bytes, policy: str | None) -> None:
    imprint = info["message_imprint"]
    if imprint["hash_algorithm"]["algorithm"].native != "sha256" or imprint["hashed_message"].native != digest:
        raise UntrustedTimeStamp("the stamp is over another digest", reason="imprint")
    if policy is not None and info["policy"].dotted != policy:
        raise UntrustedTimeStamp("the stamp is under another policy", reason="policy")
    if any(extension["critical"].native for extension in info["extensions"] or ()):
        raise UntrustedTimeStamp("the stamp has an extension that must be understood and is not", reason="extension")


def _certificate(data: SignedData) -> Certificate:
    signer = data.signers[0]
    found = {}
    for der in data.certificates:
        try:
            certificate = read_certificate(der)
        except MalformedCertificate:
            continue
        if certificate.is_named(signer.issuer, signer.serial, signer.key_identifier):
            found[der] = certificate
    if len(found) != 1:
        raise UntrustedTimeStamp("the signer's certificate is not in the token, once", reason="certificate")
    return next(iter(found.values()))


def _check_named_by_hash(token: bytes, certificate: Certificate) -> None:
    """The first hash of signingCertificate(V2) is the signer's: else a twin certificate could be put beside."""
    try:
        (info,) = cms.ContentInfo.load(token)["content"]["signer_infos"]
        for attribute in info["signed_attrs"]:
            kind = attribute["type"].native
            if kind == "signing_certificate_v2":
                named = attribute["values"][0]["certs"][0]
                digest = named["hash_algorithm"]["algorithm"].native
                if digest in _HASHES and named["cert_hash"].native == hashlib.new(digest, certificate.der).digest():
                    return
            elif kind == "signing_certificate":
                named = attribute["values"][0]["certs"][0]["cert_hash"].native
                if named == hashlib.sha1(certificate.der, usedforsecurity=False).digest():
                    return
    except ASN1_FAULTS:
        raise UntrustedTimeStamp("the signed attributes cannot be read", reason="attributes") from None
    raise UntrustedTimeStamp("the signature does not name its certificate by hash", reason="certificate-hash")


def _check_signature(data: SignedData, certificate: Certificate) -> None:
    signer = data.signers[0]
    attributes = signer.attributes
    if attributes is None or signer.attributes_fault or attributes.content_type != _TST_INFO:
        raise UntrustedTimeStamp("the signed attributes are not as they must be", reason="attributes")
    if signer.digest not in _HASHES or signer.scheme.digest not in ("", signer.digest):
        raise UntrustedTimeStamp("the stamp is signed over a weak digest", reason="weak-digest")
    if hashlib.new(signer.digest, data.content or b"").digest() != attributes.message_digest:
        raise UntrustedTimeStamp("the TSTInfo is not what was signed", reason="digest")
    if not _holds(signer, attributes.octets, certificate):
        raise UntrustedTimeStamp("the signature does not hold", reason="signature")


def _holds(signer: SignerInfo, octets: bytes, certificate: Certificate) -> bool:
    algorithm, key, family = _HASHES[signer.digest], certificate.key, signer.scheme.family
    try:
        if isinstance(key, rsa.RSAPublicKey) and family == "rsa":
            key.verify(signer.signature, octets, padding.PKCS1v15(), algorithm)
        elif isinstance(key, rsa.RSAPublicKey) and family == "rsa-pss":
            pss = padding.PSS(padding.MGF1(algorithm), signer.scheme.salt_octets)
            key.verify(signer.signature, octets, pss, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey) and family == "ecdsa":
            key.verify(signer.signature, octets, ec.ECDSA(algorithm))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _check_certificate(certificate: Certificate, data: SignedData, trust: TrustStore | None, instant: datetime) -> None:
    if certificate.purposes != frozenset({"time_stamping"}):  # RFC 3161, 2.3
        raise UntrustedTimeStamp("the signer is not certified for time stamping alone", reason="purpose")
    if not certificate.facts.not_before <= instant <= certificate.facts.not_after:
        raise UntrustedTimeStamp("the signer's certificate was not valid then", reason="period")
    if certificate.key_bits < 2048 and certificate.key_kind == "rsa":
        raise UntrustedTimeStamp("the signer's key is weak", reason="weak-key")
    if trust is None:
        return
    finding = trust.judge(certificate, data.certificates, instant)
    for part in (finding.path, finding.revocation):
        if part.mark is not Mark.PASSED:
            raise UntrustedTimeStamp("the signer's certificate is not vouched for", reason=str(part.reason or "path"))
