"""CMS SignedData as a value: what is signed, by whom it says, and the octets the signature stands over.

Reads BER and DER (TO-1) and nothing but the outline: certificates stay octets, and nothing here is
verified (`trust.verifier`). Shapes that CMS allows and no PEC message has (several signers, other
content types) are read and reported as they are; the verifier refuses them with a reason. What
breaks the grammar raises.

Clauses: IP-6, IP-7, GE-2, TO-1; RFC 5652.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

# Imported before any CMS is parsed, or attributes they define stay unknown to asn1crypto for the process.
import asn1crypto.tsp  # noqa: F401
from asn1crypto.algos import RSASSAPSSParams

from ceralacca.base.errors import PeerError
from ceralacca.formats import ber
from ceralacca.formats.ber import Element, MalformedBer
from ceralacca.formats.kept import kept

ID_DATA: Final = bytes.fromhex("2a864886f70d010701")
ID_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_CONTENT_TYPE = bytes.fromhex("2a864886f70d010903")
_MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
_SIGNING_TIME = bytes.fromhex("2a864886f70d010905")
_ALGORITHM_PROTECTION = bytes.fromhex("2a864886f70d010934")

DIGESTS: Final = {
    bytes.fromhex("2a864886f70d0205"): "md5",
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040204"): "sha224",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
"""Object identifiers of digests, by their octets, to the names that `hashlib` uses."""

_RSA = bytes.fromhex("2a864886f70d010101")
_RSA_PSS = bytes.fromhex("2a864886f70d01010a")
_RSA_WITH = {
    bytes.fromhex("2a864886f70d010104"): "md5",
    bytes.fromhex("2a864886f70d010105"): "sha1",
    bytes.fromhex("2a864886f70d01010e"): "sha224",
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
}
_ECDSA_WITH = {
    bytes.fromhex("2a8648ce3d0401"): "sha1",
    bytes.fromhex("2a8648ce3d040301"): "sha224",
    bytes.fromhex("2a8648ce3d040302"): "sha256",
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
}

ASN1_FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What asn1crypto and certvalidator raise, lazily and each in its place, on octets that are not what they seem."""

_CONTEXT_0 = 0xA0
_CONTEXT_1 = 0xA1
_KEY_IDENTIFIER = 0x80
_UTC_TIME = 0x17
_GENERALIZED_TIME = 0x18

MOST_CERTIFICATES: Final = 32
"""A seal brings its signer and the certificates above it: two or three. More is an attempt to keep us busy."""
_MOST_SIGNERS = 32
_MOST_ATTRIBUTES = 64


class MalformedCms(PeerError):
    """The octets are not CMS SignedData, or more than a seal can need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureScheme:
    """How the signature was made, as far as the message says it."""

    family: str
    """`rsa`, `rsa-pss`, `ecdsa`, or empty when unknown."""
    digest: str
    """Digest that the algorithm names by itself; empty when it leaves it to the signer info."""
    salt_octets: int = 0
    """For `rsa-pss`."""


class SignedAttributes(NamedTuple):
    """The attributes under the signature."""

    octets: bytes
    """What the signature stands over: their encoding as a SET."""
    content_type: bytes
    message_digest: bytes
    signing_time: datetime | None
    algorithms: tuple[bytes, bytes] | None
    """Digest and signature algorithm as bound by RFC 6211, each the octets of its AlgorithmIdentifier."""


class SignerInfo(NamedTuple):
    """One signature and what it says of itself."""

    issuer: bytes
    """Name of the certificate's issuer, DER; empty when the certificate is named by its key."""
    serial: bytes
    """The value octets of the certificate's serial number."""
    key_identifier: bytes
    """subjectKeyIdentifier; empty when the certificate is named by issuer and serial number."""
    digest: str
    """Name of the digest; empty when unknown."""
    scheme: SignatureScheme
    attributes: SignedAttributes | None
    attributes_fault: str
    """Says what is wrong with the signed attributes; empty when nothing is."""
    signature: bytes
    algorithms: tuple[bytes, bytes]
    """Digest and signature algorithm, each the octets of its AlgorithmIdentifier."""


class SignedData(NamedTuple):
    """The outline of one SignedData."""

    content_type: bytes
    """Octets of the object identifier: `ID_DATA` in every seal."""
    content: bytes | None
    """The content when it is inside; None when the signature is detached."""
    certificates: tuple[bytes, ...]
    """DER of every X.509 certificate inside, in their order."""
    signers: tuple[SignerInfo, ...]


def read_signed_data(data: bytes) -> SignedData:
    """Read a ContentInfo that holds SignedData, in BER or DER, without octets before or after.

    Raises MalformedCms.
    """
    try:
        return _signed_data(data, _content(data))
    except MalformedBer as fault:
        raise MalformedCms(str(fault)) from None


def read_around(data: bytes) -> tuple[SignedData, int, int]:
    """Read as `read_signed_data` does, without taking the content out: where it begins and ends is returned beside.

    For what is larger than memory and mapped from a file. Raises MalformedCms, also when the content
    is not inside in one piece.
    """
    try:
        element = _content(data)
        version = ber.expect(data, element.body, element.end, ber.INTEGER)
        digests = ber.expect(data, version.after, element.end, ber.SET)
        encapsulated = ber.expect(data, digests.after, element.end, ber.SEQUENCE)
        kind = ber.expect(data, encapsulated.body, encapsulated.end, ber.OBJECT_IDENTIFIER)
        explicit = ber.expect(data, kind.after, encapsulated.end, _CONTEXT_0)
        content = ber.expect(data, explicit.body, explicit.end, ber.OCTET_STRING)
        if content.after != explicit.end or explicit.after != encapsulated.end:
            raise MalformedCms("octets follow the encapsulated content")
        return _after_content(data, element, encapsulated, data[kind.body : kind.end], None), content.body, content.end
    except MalformedBer as fault:
        raise MalformedCms(str(fault)) from None


def _content(data: bytes) -> Element:
    """Return the SignedData inside ContentInfo."""
    info = ber.expect(data, 0, len(data), ber.SEQUENCE)
    kind = ber.expect(data, info.body, info.end, ber.OBJECT_IDENTIFIER)
    if info.after != len(data) or data[kind.body : kind.end] != ID_SIGNED_DATA:
        raise MalformedCms("this is not one SignedData and nothing else")
    explicit = ber.expect(data, kind.after, info.end, _CONTEXT_0)
    content = ber.expect(data, explicit.body, explicit.end, ber.SEQUENCE)
    if explicit.after != info.end or content.after != explicit.end:
        raise MalformedCms("octets follow the SignedData")
    return content


def _signed_data(data: bytes, element: Element) -> SignedData:
    end = element.end
    version = ber.expect(data, element.body, end, ber.INTEGER)
    digests = ber.expect(data, version.after, end, ber.SET)
    encapsulated = ber.expect(data, digests.after, end, ber.SEQUENCE)
    kind, content = _encapsulated(data, encapsulated)
    return _after_content(data, element, encapsulated, kind, content)


def _after_content(
    data: bytes, element: Element, encapsulated: Element, kind: bytes, content: bytes | None
) -> SignedData:
    """Read what follows the content: certificates and signer infos."""
    position, end = encapsulated.after, element.end
    certificates: tuple[bytes, ...] = ()
    if position < end and data[position] == _CONTEXT_0:
        held = ber.read(data, position, end)
        certificates = _certificates(ber.whole(data, held))
        position = held.after
    if position < end and data[position] == _CONTEXT_1:  # CRLs in a message are nobody's evidence: CE-10
        position = ber.read(data, position, end).after
    signers = ber.expect(data, position, end, ber.SET)
    if signers.after != end:
        raise MalformedCms("octets follow the signer infos")
    return SignedData(
        content_type=kind,
        content=content,
        certificates=certificates,
        signers=_signers(data, signers),
    )


def _encapsulated(data: bytes, element: Element) -> tuple[bytes, bytes | None]:
    kind = ber.expect(data, element.body, element.end, ber.OBJECT_IDENTIFIER)
    name = data[kind.body : kind.end]
    if kind.after == element.end:
        return name, None
    explicit = ber.expect(data, kind.after, element.end, _CONTEXT_0)
    content = ber.read(data, explicit.body, explicit.end)
    if explicit.after != element.end or content.after != explicit.end:
        raise MalformedCms("octets follow the encapsulated content")
    if content.tag not in (ber.OCTET_STRING, ber.OCTET_STRING_IN_PIECES):
        raise MalformedCms("the encapsulated content is not an octet string")
    return name, ber.octets(data, content)


@kept(entries=64, most_octets=16_384)
def _certificates(octets: bytes) -> tuple[bytes, ...]:
    """Take the certificates apart; kept, since a provider sends the same ones with every seal."""
    found = []
    for count, choice in enumerate(ber.children(octets, ber.read(octets, 0, len(octets)))):
        if count >= MOST_CERTIFICATES:
            raise MalformedCms("there are more certificates than a seal can need")
        if choice.tag == ber.SEQUENCE:  # the other choices are not X.509 public key certificates
            found.append(ber.whole(octets, choice))
    return tuple(found)


def _signers(data: bytes, element: Element) -> tuple[SignerInfo, ...]:
    found = []
    for count, info in enumerate(ber.children(data, element)):
        if count >= _MOST_SIGNERS or info.tag != ber.SEQUENCE:
            raise MalformedCms("the set of signer infos is not one")
        found.append(_signer(data, info))
    return tuple(found)


def _signer(data: bytes, element: Element) -> SignerInfo:
    end = element.end
    version = ber.expect(data, element.body, end, ber.INTEGER)
    sid = ber.read(data, version.after, end)
    issuer, serial, key_identifier = _identity(ber.whole(data, sid))
    digest = ber.expect(data, sid.after, end, ber.SEQUENCE)
    position = digest.after
    attributes, fault = None, ""
    if position < end and data[position] == _CONTEXT_0:
        held = ber.read(data, position, end)
        attributes, fault = _attributes(data, held)
        position = held.after
    algorithm = ber.expect(data, position, end, ber.SEQUENCE)
    signature = ber.read(data, algorithm.after, end)
    if signature.tag not in (ber.OCTET_STRING, ber.OCTET_STRING_IN_PIECES):
        raise MalformedCms("the signature is not an octet string")
    if signature.after != end and data[signature.after] != _CONTEXT_1:
        raise MalformedCms("something else than unsigned attributes follows the signature")
    if signature.after != end and ber.read(data, signature.after, end).after != end:
        raise MalformedCms("octets follow the unsigned attributes")
    algorithms = (ber.whole(data, digest), ber.whole(data, algorithm))
    return SignerInfo(
        issuer=issuer,
        serial=serial,
        key_identifier=key_identifier,
        digest=_digest_name(algorithms[0]),
        scheme=_scheme(algorithms[1]),
        attributes=attributes,
        attributes_fault=fault,
        signature=ber.octets(data, signature),
        algorithms=algorithms,
    )


@kept(entries=256, most_octets=1024)
def _identity(octets: bytes) -> tuple[bytes, bytes, bytes]:
    """Return issuer, serial number and key identifier; the empty ones are not how the signer is named."""
    sid = ber.read(octets, 0, len(octets))
    if sid.tag == _KEY_IDENTIFIER:
        return b"", b"", octets[sid.body : sid.end]
    if sid.tag != ber.SEQUENCE:
        raise MalformedCms("the signer is named in no known way")
    issuer = ber.expect(octets, sid.body, sid.end, ber.SEQUENCE)
    serial = ber.expect(octets, issuer.after, sid.end, ber.INTEGER)
    if serial.after != sid.end:
        raise MalformedCms("octets follow the signer's serial number")
    return ber.whole(octets, issuer), octets[serial.body : serial.end], b""


def _algorithm(octets: bytes) -> tuple[bytes, bytes]:
    """Return the object identifier of an AlgorithmIdentifier and its parameters; a NULL counts as none."""
    element = ber.expect(octets, 0, len(octets), ber.SEQUENCE)
    name = ber.expect(octets, element.body, element.end, ber.OBJECT_IDENTIFIER)
    parameters = b""
    if name.after != element.end:
        held = ber.read(octets, name.after, element.end)
        if held.after != element.end:
            raise MalformedCms("octets follow the parameters of an algorithm")
        if held.tag != ber.NULL or held.end != held.body:
            parameters = ber.whole(octets, held)
    return octets[name.body : name.end], parameters


@kept(entries=64, most_octets=256)
def _digest_name(octets: bytes) -> str:
    name, parameters = _algorithm(octets)
    return "" if parameters else DIGESTS.get(name, "")


@kept(entries=64, most_octets=256)
def _scheme(octets: bytes) -> SignatureScheme:
    name, parameters = _algorithm(octets)
    if name == _RSA_PSS:
        return _pss(parameters)
    if parameters:
        return SignatureScheme(family="", digest="")
    if name == _RSA:
        return SignatureScheme(family="rsa", digest="")
    if name in _RSA_WITH:
        return SignatureScheme(family="rsa", digest=_RSA_WITH[name])
    if name in _ECDSA_WITH:
        return SignatureScheme(family="ecdsa", digest=_ECDSA_WITH[name])
    return SignatureScheme(family="", digest="")


def _pss(parameters: bytes) -> SignatureScheme:
    """Read the parameters of RSASSA-PSS; only MGF1 with the same digest is known."""
    try:
        read = RSASSAPSSParams.load(parameters or b"\x30\x00", strict=True)
        digest = read["hash_algorithm"]["algorithm"].native
        mask = read["mask_gen_algorithm"]
        usual = mask["algorithm"].native == "mgf1" and mask["parameters"]["algorithm"].native == digest
        salt = read["salt_length"].native
        usual = usual and read["trailer_field"].native == "trailer_field_bc"
    except ASN1_FAULTS:
        return SignatureScheme(family="", digest="")
    if not usual or digest not in DIGESTS.values() or not 0 <= salt <= 512:
        return SignatureScheme(family="", digest="")
    return SignatureScheme(family="rsa-pss", digest=digest, salt_octets=salt)


def _attributes(data: bytes, element: Element) -> tuple[SignedAttributes | None, str]:
    """Read the signed attributes; the second value says what is wrong with them."""
    found: dict[bytes, bytes] = {}
    position = element.body
    try:
        while position < element.end:
            attribute = ber.expect(data, position, element.end, ber.SEQUENCE)
            name = ber.expect(data, attribute.body, attribute.end, ber.OBJECT_IDENTIFIER)
            values = ber.expect(data, name.after, attribute.end, ber.SET)
            kind = data[name.body : name.end]
            if values.after != attribute.end or kind in found or len(found) >= _MOST_ATTRIBUTES:
                return None, "an attribute stands there twice, holds too much, or there are too many"  # RFC 5652, 5.3
            found[kind] = data[values.body : values.end]
            position = attribute.after
        return _known_attributes(found, _as_set(data, element)), ""
    except MalformedBer as fault:
        return None, str(fault)


def _as_set(data: bytes, element: Element) -> bytes:
    """Return the attributes as the SET that is signed (RFC 5652, 5.4)."""
    if element.after == element.end:
        return b"\x31" + data[element.start + 1 : element.end]
    encoded = (ber.whole(data, attribute) for attribute in ber.children(data, element))
    return _definite_set(sorted(encoded))  # of indefinite length: the signer hashed the DER


def _definite_set(encoded: list[bytes]) -> bytes:
    body = b"".join(encoded)
    size = len(body)
    if size < 128:
        return bytes((0x31, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x31, 0x80 | len(length))) + length + body


def _known_attributes(found: dict[bytes, bytes], octets: bytes) -> SignedAttributes:
    """Pick the attributes that matter; contentType and messageDigest must be there (RFC 5652, 11)."""
    if _CONTENT_TYPE not in found or _MESSAGE_DIGEST not in found:
        raise MalformedBer("contentType or messageDigest is missing")
    time, bound = found.get(_SIGNING_TIME), found.get(_ALGORITHM_PROTECTION)
    return SignedAttributes(
        octets=octets,
        content_type=_single(found[_CONTENT_TYPE], ber.OBJECT_IDENTIFIER),
        message_digest=_single(found[_MESSAGE_DIGEST], ber.OCTET_STRING),
        signing_time=None if time is None else _time(time),
        algorithms=None if bound is None else _bound_algorithms(bound),
    )


def _single(values: bytes, tag: int) -> bytes:
    """Return the value of an attribute that must have exactly one."""
    only = ber.expect(values, 0, len(values), tag)
    if only.after != len(values):
        raise MalformedBer("an attribute has not exactly one value")
    return values[only.body : only.end]


def _time(values: bytes) -> datetime:
    """Read signingTime: UTCTime until 2049, GeneralizedTime after (RFC 5652, 11.3)."""
    tag = values[0] if values else 0
    if tag not in (_UTC_TIME, _GENERALIZED_TIME):
        raise MalformedBer("signingTime is not a time")
    return read_time(_single(values, tag), long=tag == _GENERALIZED_TIME)


def read_time(octets: bytes, *, long: bool) -> datetime:
    """Read the octets of UTCTime (or, `long`, of GeneralizedTime) with seconds and `Z`, or a `+hhmm` of old BER.

    Raises MalformedBer.
    """
    digits = 14 if long else 12
    body, zone = octets[:digits], octets[digits:]
    if len(body) != digits or not body.isdigit():
        raise MalformedBer("a time is not one")
    century, rest = (int(body[:2]), body[2:]) if long else (19 if body >= b"5" else 20, body)
    try:
        local = datetime(
            century * 100 + int(rest[:2]),
            int(rest[2:4]),
            int(rest[4:6]),
            int(rest[6:8]),
            int(rest[8:10]),
            int(rest[10:]),
            tzinfo=UTC,
        )
        return local if zone == b"Z" else local - _offset(zone)
    except (ValueError, OverflowError):
        raise MalformedBer("a time is not one") from None


def _offset(zone: bytes) -> timedelta:
    if len(zone) != 5 or zone[:1] not in (b"+", b"-") or not zone[1:].isdigit():
        raise ValueError
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return offset if zone[:1] == b"+" else -offset


def _bound_algorithms(values: bytes) -> tuple[bytes, bytes]:
    """Read CMSAlgorithmProtection: digest, then signature algorithm (RFC 6211)."""
    only = ber.expect(values, 0, len(values), ber.SEQUENCE)
    digest = ber.expect(values, only.body, only.end, ber.SEQUENCE)
    signature = ber.expect(values, digest.after, only.end, _CONTEXT_1)
    if only.after != len(values) or signature.after != only.end:
        raise MalformedBer("the bound algorithms are not digest and signature")
    return ber.whole(values, digest), b"\x30" + ber.whole(values, signature)[1:]
