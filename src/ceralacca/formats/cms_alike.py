"""A SignedData that is like one that was read before but for digest, signing time and signature: read by comparison.

All seals of one signer are so. Where the three values stand is found once; where every other octet is the same, tags
and lengths among them, every element stands where it stood and says what it said, and only the three are left to take.
Whatever is different anywhere else is read by `formats.cms`, which has the only word on what is right: nothing is
verified here, and an answer is always the one that it would give.

Clauses: IP-6, TO-1; RFC 5652.
"""

from typing import NamedTuple

from ceralacca.formats import ber
from ceralacca.formats.ber import MalformedBer
from ceralacca.formats.cms import SignedAttributes, SignedData, SignerInfo, read_signed_data, read_time

_LARGEST = 16_384
_MOST_SIGNERS = 256
_MOST_OPENINGS = 8
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_DIGEST, _TIME = bytes.fromhex("2a864886f70d010904"), bytes.fromhex("2a864886f70d010905")
_UTC_TIME = 0x17

_known: "dict[bytes, _Likeness]" = {}
"""By their opening: all that stands before the first of the three values, the signer's name among it."""
_openings: dict[int, tuple[int, ...]] = {}
"""How long the openings of seals of some size are."""


class _Likeness(NamedTuple):
    """What the seals of one signer have in common, and where they differ."""

    same: tuple[bytes, bytes, bytes]
    """The octets between and after the three values; those before are what it is known by."""
    cuts: tuple[int, int, int, int, int, int]
    """Where the values begin and end, in the order in which they stand."""
    attributes: slice
    """Without the tag."""
    digest: slice
    time: slice
    signature: slice
    size: int
    read: SignedData

    def of(self, data: bytes) -> SignedData | None:
        """Read a SignedData with the same opening that is like this one; None for every other."""
        (first, second, rest), (_, a, b, c, d, e) = self.same, self.cuts
        if len(data) != self.size or data[a:b] != first or data[c:d] != second or data[e:] != rest:
            return None
        try:
            time = read_time(data[self.time], long=False)
        except MalformedBer:
            return None
        (signer,) = self.read.signers
        attributes = signer.attributes
        assert attributes is not None, "only signers with attributes are remembered"
        said = SignedAttributes(
            octets=b"\x31" + data[self.attributes],
            content_type=attributes.content_type,
            message_digest=data[self.digest],
            signing_time=time,
            algorithms=attributes.algorithms,
        )
        told = SignerInfo(
            issuer=signer.issuer,
            serial=signer.serial,
            key_identifier=signer.key_identifier,
            digest=signer.digest,
            scheme=signer.scheme,
            attributes=said,
            attributes_fault="",
            signature=data[self.signature],
            algorithms=signer.algorithms,
        )
        return SignedData(
            content_type=self.read.content_type, content=None, certificates=self.read.certificates, signers=(told,)
        )


def read_seal(data: bytes) -> SignedData:
    """Read a SignedData as `read_signed_data` does, sooner when it is like another. Raises MalformedCms."""
    for end in _openings.get(len(data), ()):
        like = _known.get(data[:end])
        if like is not None and (read := like.of(data)) is not None:
            return read
    read = read_signed_data(data)
    if len(data) <= _LARGEST and (like := _likeness(data, read)) is not None:
        _remember(like, data)
    return read


def _remember(like: _Likeness, data: bytes) -> None:
    if len(_known) >= _MOST_SIGNERS:  # what strangers send must not fill the memory
        _known.clear()
        _openings.clear()
    end, size = like.cuts[0], len(data)
    _known[data[:end]] = like
    _openings[size] = tuple(dict.fromkeys((end, *_openings.get(size, ()))))[:_MOST_OPENINGS]


def _likeness(data: bytes, read: SignedData) -> _Likeness | None:
    """Find the three values; None when it is not of the form that nearly all seals have."""
    if len(read.signers) != 1 or read.content is not None or read.signers[0].attributes_fault:
        return None
    try:
        return _found(data, read)
    except MalformedBer:
        return None


def _found(data: bytes, read: SignedData) -> _Likeness | None:
    """Walk to the one signer. Raises MalformedBer where something is not there, or in another form."""
    info = ber.expect(data, 0, len(data), ber.SEQUENCE)
    explicit = ber.expect(data, ber.read(data, info.body, info.end).after, info.end, _CONTEXT_0)
    signed = ber.expect(data, explicit.body, explicit.end, ber.SEQUENCE)
    position = signed.body
    for _ in ("version", "digests", "content"):
        position = ber.read(data, position, signed.end).after
    for optional in (_CONTEXT_0, _CONTEXT_1):
        if data[position] == optional:
            position = ber.read(data, position, signed.end).after
    signers = ber.expect(data, position, signed.end, ber.SET)
    signer = ber.expect(data, signers.body, signers.end, ber.SEQUENCE)
    position = signer.body
    for _ in ("version", "name", "digest"):
        position = ber.read(data, position, signer.end).after
    attributes = ber.expect(data, position, signer.end, _CONTEXT_0)
    algorithm = ber.read(data, attributes.after, signer.end)
    signature = ber.expect(data, algorithm.after, signer.end, ber.OCTET_STRING)
    if any(one.end != one.after for one in (info, explicit, signed, signers, signer, attributes)):
        return None  # of indefinite length: the end is found by what stands inside
    places = {}
    for attribute in ber.children(data, attributes):
        kind = ber.expect(data, attribute.body, attribute.end, ber.OBJECT_IDENTIFIER)
        values = ber.expect(data, kind.after, attribute.end, ber.SET)
        if attribute.end != attribute.after or values.end != values.after:
            return None
        places[data[kind.body : kind.end]] = values
    if _DIGEST not in places or _TIME not in places:
        return None
    digest = ber.expect(data, places[_DIGEST].body, places[_DIGEST].end, ber.OCTET_STRING)
    time = ber.expect(data, places[_TIME].body, places[_TIME].end, _UTC_TIME)
    a, b, c, d, e, f = (at for one in sorted((digest, time, signature), key=_start) for at in (one.body, one.end))
    return _Likeness(
        same=(data[b:c], data[d:e], data[f:]),
        cuts=(a, b, c, d, e, f),
        attributes=slice(attributes.start + 1, attributes.end),
        digest=slice(digest.body, digest.end),
        time=slice(time.body, time.end),
        signature=slice(signature.body, signature.end),
        size=len(data),
        read=read,
    )


def _start(element: ber.Element) -> int:
    return element.start
