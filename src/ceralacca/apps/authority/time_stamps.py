"""The sandbox's time-stamping unit: answers RFC 3161 requests under a TEST policy.

Real providers ask a trust service provider for this (LO-4); the sandbox must do without. It keeps
no record of what it stamped.

Clauses: LO-4; RFC 3161, RFC 5816.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Final

from asn1crypto import algos, cms, core, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ceralacca.apps.authority.certification import Credential
from ceralacca.base.errors import OurError
from ceralacca.formats.cms import ASN1_FAULTS

POLICY: Final = "2.999.76.16.3.1.9"
"""Under the arc kept for examples."""
_DIGEST_OCTETS: Final = {"sha256": 32, "sha384": 48, "sha512": 64}


class TimeStampReply(core.Sequence):  # type: ignore[misc]
    """TimeStampResp with its token left out at will (RFC 3161, 2.4.2): the library's asks for one in refusals too."""

    _fields: ClassVar = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


def answer(request: bytes, stamper: Credential, *, instant: datetime, serial: int) -> bytes:
    """Return the DER of a TimeStampResp: a token, or a refusal that says why."""
    try:
        asked = tsp.TimeStampReq.load(request, strict=True)
        asked.native  # noqa: B018 parses everything, once
    except ASN1_FAULTS:
        return _refusal("bad_data_format")
    imprint = asked["message_imprint"]
    if asked["version"].native != "v1":
        return _refusal("bad_request")
    if len(imprint["hashed_message"].native) != _DIGEST_OCTETS.get(imprint["hash_algorithm"]["algorithm"].native, -1):
        return _refusal("bad_alg")
    if asked["req_policy"].native is not None and asked["req_policy"].dotted != POLICY:
        return _refusal("unaccepted_policy")
    if asked["extensions"].native:
        return _refusal("unaccepted_extensions")
    token = _token(_info(asked, instant, serial), stamper, with_certificates=bool(asked["cert_req"].native))
    granted = TimeStampReply({"status": {"status": "granted"}, "time_stamp_token": token})
    octets: bytes = granted.dump()
    return octets


def _refusal(failure: str) -> bytes:
    octets: bytes = TimeStampReply(
        {"status": {"status": "rejection", "fail_info": tsp.PKIFailureInfo({failure})}}
    ).dump()
    return octets


def _info(asked: Any, instant: datetime, serial: int) -> bytes:
    values = {
        "version": "v1",
        "policy": POLICY,
        "message_imprint": asked["message_imprint"],
        "serial_number": serial,
        "gen_time": instant.replace(microsecond=0),
        "accuracy": {"seconds": 1},
    }
    if asked["nonce"].native is not None:
        values["nonce"] = asked["nonce"].native
    octets: bytes = tsp.TSTInfo(values).dump()
    return octets


def _token(info: bytes, stamper: Credential, *, with_certificates: bool) -> cms.ContentInfo:
    certificate = x509.Certificate.load(stamper.certificate)
    attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["tst_info"]},
            {"type": "message_digest", "values": [sha256(info).digest()]},
            {
                "type": "signing_certificate_v2",
                "values": [{"certs": [{"cert_hash": sha256(stamper.certificate).digest()}]}],
            },
        ]
    )
    signer = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                "issuer_and_serial_number",
                {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
            ),
            "digest_algorithm": {"algorithm": "sha256"},
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
            "signature": _signature(attributes, stamper),
        }
    )
    content = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(info)},
        "signer_infos": [signer],
    }
    if with_certificates:
        content["certificates"] = [x509.Certificate.load(der) for der in (stamper.certificate, *stamper.above)]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(content)})


def _signature(attributes: cms.CMSAttributes, stamper: Credential) -> bytes:
    if not isinstance(stamper.key, rsa.RSAPrivateKey):
        raise OurError("the time-stamping key is not RSA")
    return stamper.key.sign(attributes.dump(), padding.PKCS1v15(), hashes.SHA256())
