"""The zoo: signers that a verifier must refuse, each wrong in one point, and a few that it must not.

Every specimen says what is wrong with it, which verdict it deserves, and with which CRLs, signing
time and instant of verification. `seal_anyway` makes the messages: the real sealer refuses most of
these signers, and should.

Clauses: IP-8 to IP-12, CE-2 to CE-6, CE-10, TO-1, TO-21.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import new as new_hash

from asn1crypto import algos, cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ceralacca.core.model.address import Address
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.formats.draft import Draft
from ceralacca.formats.smime_writer import frame
from ceralacca.testing.authority import (
    Authority,
    Issuer,
    Profile,
    TestIdentity,
    certify,
    serial_for,
    sub_issuer,
)
from ceralacca.testing.keys import private_key

ADDRESS = Address.parse("posta-certificata@gestore-zoo.example")
OTHER_ADDRESS = "posta-certificata@gestore-altro.example"

_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_BOUNDARY = "----=_pec5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen(TestIdentity):
    """A signer with what is wrong with it."""

    fault: str
    """In a few words; empty for the sound ones."""
    expected: SealVerdict
    anchors: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    """The CRLs to verify with, DER."""
    signed_at: datetime
    seen_at: datetime
    """The instant at which a reader verifies."""


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Makes specimens of one authority."""

    authority: Authority

    @property
    def profile(self) -> Profile:
        """What a sound certificate would have."""
        now = self.authority.instant
        return Profile(
            addresses=(ADDRESS.text,),
            not_before=now - _YEAR,
            not_after=now + 2 * _YEAR,
            serial=0,
            crl_addresses=(self.authority.intermediate.crl_address,),
        )

    def certified(
        self,
        name: str,
        *,
        profile: Profile | None = None,
        issuer: Issuer | None = None,
        key: rsa.RSAPrivateKey | None = None,
    ) -> TestIdentity:
        """Certify a signer under a profile."""
        chosen = replace(profile or self.profile, serial=serial_for("zoo", name))
        return certify(issuer or self.authority.intermediate, name, ADDRESS, key or private_key("zoo"), chosen)

    def specimen(
        self,
        identity: TestIdentity,
        fault: str,
        expected: SealVerdict,
        *,
        crls: list[bytes] | None = None,
        seen_after: timedelta = timedelta(0),
    ) -> Specimen:
        """Put a signer in the zoo."""
        now = self.authority.instant
        return Specimen(
            name=identity.name,
            address=identity.address,
            key=identity.key,
            certificate=identity.certificate,
            intermediates=identity.intermediates,
            fault=fault,
            expected=expected,
            anchors=tuple(self.authority.anchors()),
            crls=tuple(self.authority.crls() if crls is None else crls),
            signed_at=now,
            seen_at=now + seen_after,
        )


_Family = Callable[[_Keeper], Iterator[Specimen]]


def zoo(authority: Authority) -> dict[str, Specimen]:
    """Return every specimen by its name."""
    keeper = _Keeper(authority)
    found = [specimen for family in _FAMILIES for specimen in family(keeper)]
    return {specimen.name: specimen for specimen in found}


def _sound(keeper: _Keeper) -> Iterator[Specimen]:
    yield keeper.specimen(keeper.certified("sound"), "", SealVerdict.VALID)
    several = replace(keeper.profile, addresses=(OTHER_ADDRESS, ADDRESS.text.upper()))
    yield keeper.specimen(keeper.certified("several-addresses", profile=several), "", SealVerdict.VALID)
    plain = replace(keeper.profile, extended_usage=None)
    yield keeper.specimen(keeper.certified("no-extended-usage", profile=plain), "", SealVerdict.VALID)
    long_key = private_key("zoo", 3072)
    yield keeper.specimen(keeper.certified("key-of-3072-bits", key=long_key), "", SealVerdict.VALID)


def _out_of_time(keeper: _Keeper) -> Iterator[Specimen]:
    now = keeper.authority.instant
    past = replace(keeper.profile, not_before=now - 4 * _YEAR, not_after=now - _DAY)
    yield keeper.specimen(keeper.certified("expired", profile=past), "expired when it signed", SealVerdict.EXPIRED)
    future = replace(keeper.profile, not_before=now + _DAY)
    yield keeper.specimen(
        keeper.certified("not-yet-valid", profile=future),
        "not yet valid when it signed",
        SealVerdict.NOT_YET_VALID,
    )
    ending = replace(keeper.profile, not_after=now + _DAY)
    yield keeper.specimen(
        keeper.certified("expired-since", profile=ending),
        "expired after it signed",
        SealVerdict.VALID_WHEN_SIGNED,
        seen_after=3 * _DAY,
    )


def _revoked(keeper: _Keeper) -> Iterator[Specimen]:
    authority = keeper.authority
    before = keeper.certified("revoked")
    gone = [authority.revocation(before, authority.instant - 2 * _DAY)]
    yield keeper.specimen(
        before,
        "revoked before it signed",
        SealVerdict.REVOKED,
        crls=authority.crls(revoked=gone),
    )
    after = keeper.certified("revoked-since")
    later = [authority.revocation(after, authority.instant + _DAY)]
    yield keeper.specimen(
        after,
        "revoked after it signed",
        SealVerdict.VALID_WHEN_SIGNED,
        crls=authority.crls(at=authority.instant + 3 * _DAY, revoked=later),
        seen_after=3 * _DAY,
    )


def _wrong_use(keeper: _Keeper) -> Iterator[Specimen]:
    usages = {
        "no-digital-signature": (replace(keeper.profile, digital_signature=False), "keyUsage without digitalSignature"),
        "no-key-usage": (replace(keeper.profile, key_usage=False), "no keyUsage"),
        "wrong-extended-usage": (
            replace(keeper.profile, extended_usage=ExtendedKeyUsageOID.SERVER_AUTH),
            "extendedKeyUsage without emailProtection",
        ),
    }
    for name, (profile, fault) in usages.items():
        yield keeper.specimen(keeper.certified(name, profile=profile), fault, SealVerdict.WRONG_USAGE)


def _wrong_address(keeper: _Keeper) -> Iterator[Specimen]:
    other = replace(keeper.profile, addresses=(OTHER_ADDRESS,))
    yield keeper.specimen(
        keeper.certified("wrong-address", profile=other),
        "rfc822Name of another address",
        SealVerdict.WRONG_ADDRESS,
    )
    none = replace(keeper.profile, addresses=())
    yield keeper.specimen(
        keeper.certified("no-address", profile=none),
        "no rfc822Name",
        SealVerdict.WRONG_ADDRESS,
    )


def _constrained(keeper: _Keeper) -> Iterator[Specimen]:
    held, foreign = x509.RFC822Name(ADDRESS.domain), x509.RFC822Name("gestore-altro.example")
    cases = {
        "name-constraints-kept": ([held], None, "", SealVerdict.VALID),
        "name-not-permitted": ([foreign], None, "rfc822Name outside what its issuer may name", None),
        "name-excluded": (None, [held], "rfc822Name that its issuer must not name", None),
    }
    for name, (permitted, excluded, fault, expected) in cases.items():
        issuer = _sub(keeper, f"zoo-{name}", x509.NameConstraints(permitted, excluded))
        crls = [*keeper.authority.crls(), _fresh_crl(issuer, keeper)]
        identity = keeper.certified(name, profile=_under(keeper, issuer), issuer=issuer)
        yield keeper.specimen(identity, fault, expected or SealVerdict.NAME_CONSTRAINTS, crls=crls)


def _weak(keeper: _Keeper) -> Iterator[Specimen]:
    weak = private_key("zoo", 1024)
    yield keeper.specimen(keeper.certified("weak-key", key=weak), "RSA key of 1024 bits", SealVerdict.WEAK_KEY)
    sound = keeper.certified("sha1-certificate")
    weaker = replace(sound, certificate=_signed_with_sha1(sound.certificate, keeper.authority.intermediate.key))
    yield keeper.specimen(weaker, "certificate signed with SHA-1", SealVerdict.WEAK_KEY)


def _untrusted(keeper: _Keeper) -> Iterator[Specimen]:
    instant = keeper.authority.instant
    key = private_key("zoo")
    alone = Issuer(name="self", key=key, certificate=keeper.certified("self-signed").certificate)
    by_itself = keeper.certified("self-signed", issuer=alone)
    yield keeper.specimen(replace(by_itself, intermediates=()), "self-signed", SealVerdict.UNTRUSTED)
    stranger = Authority.create(instant, name="estranea")
    unknown = keeper.certified(
        "unknown-authority", profile=_under(keeper, stranger.intermediate), issuer=stranger.intermediate
    )
    yield keeper.specimen(
        unknown,
        "authority that no anchor leads to",
        SealVerdict.UNTRUSTED,
        crls=[*keeper.authority.crls(), *stranger.crls()],
    )
    yield keeper.specimen(
        replace(keeper.certified("no-intermediate"), intermediates=()),
        "intermediate certificate left out",
        SealVerdict.UNTRUSTED,
    )
    root, issuing = keeper.authority.root, private_key("zoo-issuer")
    no_authority = {
        "issuer-without-basic-constraints": sub_issuer("zoo-plain", root, instant, key=issuing, is_authority=False),
        "issuer-without-cert-sign": sub_issuer("zoo-unsigning", root, instant, key=issuing, signs_certificates=False),
    }
    for name, issuer in no_authority.items():
        crls = [*keeper.authority.crls(), _fresh_crl(issuer, keeper)]
        identity = keeper.certified(name, profile=_under(keeper, issuer), issuer=issuer)
        yield keeper.specimen(identity, "issuer that may not certify", SealVerdict.UNTRUSTED, crls=crls)


def _revocation_unknown(keeper: _Keeper) -> Iterator[Specimen]:
    authority, now = keeper.authority, keeper.authority.instant
    root_crl, good_crl = authority.crls()
    silent = replace(keeper.profile, crl_addresses=())
    without = keeper.certified("no-crl-address", profile=silent)
    yield keeper.specimen(without, "", SealVerdict.VALID)
    unheard = keeper.certified("no-crl-address-no-crl", profile=silent)
    fault = "no CRL address, and no CRL of its issuer"
    yield keeper.specimen(unheard, fault, SealVerdict.INDETERMINATE, crls=[root_crl])
    gone = keeper.certified("no-crl-address-revoked", profile=silent)
    entry = authority.revocation(gone, now - 2 * _DAY)
    yield keeper.specimen(
        gone,
        "no CRL address, revoked",
        SealVerdict.REVOKED,
        crls=authority.crls(revoked=[entry]),
    )
    cases = {
        "crl-missing": ("no CRL of its issuer", [root_crl]),
        "crl-of-root-missing": ("no CRL of its issuer's issuer", [good_crl]),
        "crl-expired": (
            "CRL that ended before it signed",
            [root_crl, authority.intermediate.crl(at=now - 9 * _DAY, until=now - 2 * _DAY)],
        ),
        "crl-by-other": (
            "CRL in its issuer's name, signed by another key",
            [root_crl, _fresh_crl(replace(authority.intermediate, key=private_key("zoo")), keeper)],
        ),
    }
    for name, (what, crls) in cases.items():
        yield keeper.specimen(keeper.certified(name), what, SealVerdict.INDETERMINATE, crls=crls)


_FAMILIES: tuple[_Family, ...] = (
    _sound,
    _out_of_time,
    _revoked,
    _wrong_use,
    _wrong_address,
    _constrained,
    _weak,
    _untrusted,
    _revocation_unknown,
)


def seal_anyway(draft: Draft, signer: TestIdentity, *, at: datetime | None = None, digest: str = "sha256") -> bytes:
    """Seal a draft with any signer, unexamined: what a hostile or ancient provider might send.

    The seal is composed by asn1crypto and not by our writer. `digest` may be `sha1` (TO-1); the
    frame names SHA-256 all the same.
    """
    cms_octets = detached_seal(bytes(draft.entity), signer, at=at or draft.instant, digest=digest)
    return bytes(frame(draft.header, draft.entity, cms_octets, boundary=_BOUNDARY))


def detached_seal(content: bytes, signer: TestIdentity, *, at: datetime, digest: str = "sha256") -> bytes:
    """Return the DER ContentInfo of a detached seal over the content, whatever the signer is worth."""
    certificate = asn1_x509.Certificate.load(signer.certificate)
    attributes = cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
            cms.CMSAttribute({"type": "signing_time", "values": [cms.Time({"utc_time": core.UTCTime(at)})]}),
            cms.CMSAttribute({"type": "message_digest", "values": [new_hash(digest, content).digest()]}),
        ],
    )
    hash_kind = hashes.SHA256() if digest == "sha256" else hashes.SHA1()  # noqa: S303 old seals had it (TO-1)
    signer_info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                name="issuer_and_serial_number",
                value=cms.IssuerAndSerialNumber(
                    {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
                ),
            ),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": digest}),
            "signed_attrs": attributes,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}),
            "signature": signer.key.sign(attributes.dump(), padding.PKCS1v15(), hash_kind),
        },
    )
    signed_data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [algos.DigestAlgorithm({"algorithm": digest})],
            "encap_content_info": {"content_type": "data"},
            "certificates": [asn1_x509.Certificate.load(der) for der in (signer.certificate, *signer.intermediates)],
            "signer_infos": [signer_info],
        },
    )
    octets: bytes = cms.ContentInfo({"content_type": "signed_data", "content": signed_data}).dump()
    return octets


def _sub(keeper: _Keeper, name: str, constraints: x509.NameConstraints) -> Issuer:
    authority, key = keeper.authority, private_key("zoo-issuer")
    return sub_issuer(name, authority.root, authority.instant, key=key, constraints=constraints)


def _under(keeper: _Keeper, issuer: Issuer) -> Profile:
    return replace(keeper.profile, crl_addresses=(issuer.crl_address,))


def _fresh_crl(issuer: Issuer, keeper: _Keeper) -> bytes:
    now = keeper.authority.instant
    return issuer.crl(at=now - _DAY, until=now + 7 * _DAY)


def _signed_with_sha1(certificate: bytes, key: rsa.RSAPrivateKey) -> bytes:
    """Sign a certificate again as they were signed before 2014: the library itself no longer would."""
    parsed = asn1_x509.Certificate.load(certificate)
    algorithm = algos.SignedDigestAlgorithm({"algorithm": "sha1_rsa"})
    body = parsed["tbs_certificate"]
    body["signature"] = algorithm
    octets: bytes = asn1_x509.Certificate(
        {
            "tbs_certificate": body,
            "signature_algorithm": algorithm,
            "signature_value": key.sign(body.dump(force=True), padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303
        },
    ).dump()
    return octets
