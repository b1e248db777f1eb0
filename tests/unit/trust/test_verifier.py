import dataclasses
import re
import tracemalloc
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import algos, cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ceralacca.core.directory import Directory, ProviderRecord, certificate_sha1
from ceralacca.core.model.address import Address
from ceralacca.core.model.outcome import Mark, SealReport, SealStep, SealVerdict
from ceralacca.core.model.reason import Reason
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.seals import (
    ENTITY,
    Make,
    as_ber,
    attribute,
    cms_seal,
    content_info,
    message,
    opaque_message,
    signer_info,
)
from ceralacca.testing.zoo import zoo
from ceralacca.trust import procedure, verifier
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.verifier import InstantRule, JudgedAt, verify_seal

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
ADDRESS = "posta-certificata@gestore-alfa.example"
DAY = timedelta(days=1)
NO_ATTRIBUTES = Make(signed_attributes=False)


@cache
def provider() -> TestIdentity:
    return AUTHORITY.provider("Gestore Alfa", ADDRESS)


@cache
def trust() -> TrustStore:
    return TrustStore(anchors=AUTHORITY.anchors(), crls=AUTHORITY.crls())


@cache
def directory(*certificates: bytes) -> Directory:
    record = ProviderRecord(
        name="Gestore Alfa",
        certificates=certificates or (provider().certificate,),
        receipt_mailbox=Address.parse("ricevute@gestore-alfa.example"),
        domains=("pec.alfa.example",),
    )
    return Directory(records=(record,))


def verify(octets: bytes, **changes: object) -> SealReport:
    settings: dict[str, object] = {
        "trust": trust(),
        "directory": directory(),
        "at": JudgedAt.now(AT),
        "sender_domain": "pec.alfa.example",
    }
    return verify_seal(octets, **(settings | changes))  # type: ignore[arg-type]


def sealed(make: Make = Make(), **framing: bytes) -> bytes:  # noqa: B008 frozen
    return message(cms_seal(ENTITY, provider(), AT, make), sender=ADDRESS, **framing)


def outcome(report: SealReport, step: SealStep) -> tuple[Mark, str]:
    found = next(one for one in report.steps if one.step == step)
    return found.mark, found.reason


def test_a_good_seal_passes_every_step_in_order():
    report = verify(sealed())
    assert report.verdict is SealVerdict.VALID
    assert [step.step for step in report.steps] == list(SealStep)
    assert {step.mark for step in report.steps} == {Mark.PASSED}
    assert all(step.requirements for step in report.steps)
    assert report.reason == ""
    assert report.signing_time == AT
    assert report.verified_at == AT
    assert report.digest_algorithm == "sha256"
    assert report.provider == "Gestore Alfa"
    assert report.signer is not None
    assert report.signer.addresses == (ADDRESS,)
    assert report.signer.key == "RSA 2048"


class TestShape:
    """IP-6, threat 10: one shape only."""

    @pytest.mark.requirement("IP-6", "IP-10")
    @pytest.mark.parametrize(
        ("octets", "verdict", "reason"),
        [
            (b"From: a@b.example\r\n\r\nciao\r\n", SealVerdict.UNSIGNED, Reason.NOT_SIGNED),
            (b"", SealVerdict.UNSIGNED, Reason.NOT_SIGNED),
            (
                sealed(content_type=b'multipart/signed; protocol="application/pgp-signature"; boundary=S'),
                SealVerdict.UNSIGNED,
                Reason.UNEXPECTED_PROTOCOL,
            ),
            (sealed().replace(b"\r\n--S--", b""), SealVerdict.MALFORMED, Reason.TRUNCATED),
            (message(b"0\x03\x02\x01\x00", sender=ADDRESS), SealVerdict.MALFORMED, Reason.MALFORMED_CMS),
            (message(b"", sender=ADDRESS), SealVerdict.MALFORMED, Reason.MALFORMED_CMS),
        ],
    )
    def test_what_is_no_seal_is_said_so(self, octets, verdict, reason):
        report = verify(octets)
        assert (report.verdict, report.reason) == (verdict, reason)
        assert {step.mark for step in report.steps[1:]} == {Mark.NOT_REACHED}
        assert not report.good

    @pytest.mark.requirement("IP-6", "TO-20")
    def test_headers_make_no_seal(self):
        octets = (
            b"X-Trasporto: posta-certificata\r\nX-Ricevuta: accettazione\r\nSubject: POSTA CERTIFICATA: x\r\n\r\nciao"
        )
        assert verify(octets).verdict is SealVerdict.UNSIGNED

    @pytest.mark.requirement("IP-6")
    def test_the_opaque_form_is_verified_and_named(self):
        cms_octets = cms_seal(ENTITY, provider(), AT, Make(inside=ENTITY))
        report = verify(opaque_message(cms_octets, sender=ADDRESS))
        assert report.verdict is SealVerdict.VALID
        assert outcome(report, SealStep.SHAPE) == (Mark.TOLERATED, Reason.OPAQUE_FORM)

    @pytest.mark.requirement("IP-6")
    def test_opaque_content_that_was_changed_is_altered(self):
        cms_octets = cms_seal(ENTITY, provider(), AT, Make(inside=ENTITY)).replace(b"prova", b"provo")
        assert verify(opaque_message(cms_octets, sender=ADDRESS)).verdict is SealVerdict.ALTERED


class TestSigner:
    """IP-7: exactly one, found through SignerInfo."""

    @pytest.mark.requirement("IP-7")
    def test_no_signer(self):
        report = verify(message(content_info([], provider()), sender=ADDRESS))
        assert (report.verdict, report.reason) == (SealVerdict.MALFORMED, Reason.NO_SIGNER)

    @pytest.mark.requirement("IP-7")
    def test_two_signers_although_both_are_good(self):
        infos = [signer_info(ENTITY, provider(), AT), signer_info(ENTITY, provider(), AT + DAY)]
        report = verify(message(content_info(infos, provider()), sender=ADDRESS))
        assert (report.verdict, report.reason) == (SealVerdict.MALFORMED, Reason.SEVERAL_SIGNERS)

    @pytest.mark.requirement("IP-7", "GE-2")
    def test_certificate_left_out(self):
        report = verify(sealed(Make(certificates=provider().intermediates)))
        assert (report.verdict, report.reason) == (SealVerdict.MALFORMED, Reason.SIGNER_CERTIFICATE_MISSING)

    @pytest.mark.requirement("IP-7")
    def test_the_first_certificate_is_not_believed(self):
        stranger = AUTHORITY.provider("Gestore Beta", "posta-certificata@gestore-beta.example")
        certificates = (stranger.certificate, *provider().intermediates, provider().certificate)
        report = verify(sealed(Make(certificates=certificates)))
        assert report.verdict is SealVerdict.VALID
        assert report.signer is not None
        assert report.signer.addresses == (ADDRESS,)

    @pytest.mark.requirement("IP-7")
    def test_the_signer_may_be_named_by_its_key(self):
        assert verify(sealed(Make(by_key_identifier=True))).verdict is SealVerdict.VALID

    @pytest.mark.requirement("IP-7")
    def test_two_certificates_of_one_name_are_ambiguous(self):
        twin = AUTHORITY.provider("Gestore Gamma", ADDRESS, key=provider().key)
        make = Make(by_key_identifier=True, certificates=(provider().certificate, twin.certificate))
        assert verify(sealed(make)).reason == Reason.SIGNER_AMBIGUOUS

    @pytest.mark.requirement("IP-7")
    def test_signature_of_one_under_the_certificate_of_another(self):
        impostor = AUTHORITY.provider("Gestore Beta", "posta-certificata@gestore-beta.example")
        dressed = dataclasses.replace(impostor, certificate=provider().certificate)
        report = verify(message(cms_seal(ENTITY, dressed, AT), sender=ADDRESS))
        assert (report.verdict, report.reason) == (SealVerdict.FORGED, Reason.SIGNATURE_MISMATCH)
        assert outcome(report, SealStep.DIRECTORY)[0] is Mark.NOT_REACHED

    def test_another_content_type_is_refused(self):
        assert verify(sealed(Make(content_type="signed_data", inside=None))).reason == Reason.NOT_DATA


class TestAttributes:
    """RFC 5652, 11: what stands under the signature must be whole and single."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda usual: [one for one in usual if one["type"].native != "content_type"],
            lambda usual: [one for one in usual if one["type"].native != "message_digest"],
            lambda usual: [*usual, attribute("message_digest", bytes(32))],
            lambda usual: [attribute("message_digest", bytes(32)), *usual],
            lambda usual: [usual[0], attribute("message_digest", usual[1]["values"][0].native, bytes(32)), *usual[2:]],
            lambda usual: [usual[0], attribute("message_digest"), *usual[2:]],
        ],
        ids=["no-content-type", "no-digest", "second-digest", "digest-before", "two-values", "no-value"],
    )
    def test_attributes_that_are_not_whole_are_refused(self, change):
        report = verify(sealed(Make(attributes=change)))
        assert (report.verdict, report.reason) == (SealVerdict.MALFORMED, Reason.MALFORMED_ATTRIBUTES)

    def test_content_type_attribute_of_another_type(self):
        change = lambda usual: [attribute("content_type", "signed_data"), *usual[1:]]  # noqa: E731
        assert verify(sealed(Make(attributes=change))).reason == Reason.NOT_DATA

    @pytest.mark.parametrize(("bound", "good"), [("rsassa_pkcs1v15", True), ("sha1_rsa", False)])
    def test_bound_algorithms_must_be_those_used(self, bound, good):
        protection = {
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": bound}),
        }
        change = lambda usual: [*usual, attribute("cms_algorithm_protection", protection)]  # noqa: E731
        report = verify(sealed(Make(attributes=change)))
        assert (report.verdict, report.good) == (SealVerdict.VALID if good else SealVerdict.FORGED, good)

    def test_without_signed_attributes_the_signature_stands_over_the_content(self):
        report = verify(sealed(NO_ATTRIBUTES))
        assert report.verdict is SealVerdict.VALID
        assert outcome(report, SealStep.DIGEST) == (Mark.TOLERATED, Reason.NO_SIGNED_ATTRIBUTES)
        assert not verify(sealed(NO_ATTRIBUTES).replace(b"prova =E8", b"prove =E8")).good

    def test_the_attributes_of_another_message_are_no_content(self):
        original = signer_info(ENTITY, provider(), AT)
        stolen = original["signed_attrs"].untag().dump()
        moved = cms.SignerInfo(
            {
                "version": "v1",
                "sid": original["sid"],
                "digest_algorithm": original["digest_algorithm"],
                "signature_algorithm": original["signature_algorithm"],
                "signature": original["signature"],
            }
        )
        report = verify(message(content_info([moved], provider()), sender=ADDRESS, entity=stolen))
        assert (report.verdict, report.reason) == (SealVerdict.FORGED, Reason.ATTRIBUTES_AS_CONTENT)


class TestDigestAndSignature:
    """IP-8: the very octets between the boundaries."""

    @pytest.mark.requirement("IP-8", "GE-5")
    def test_a_changed_octet_is_altered_and_the_signer_still_named(self):
        report = verify(sealed().replace(b"Ricevuta di prova", b"Ricevuta di trova"))
        assert (report.verdict, report.reason) == (SealVerdict.ALTERED, Reason.CONTENT_ALTERED)
        assert outcome(report, SealStep.SIGNATURE)[0] is Mark.PASSED
        assert report.signer is not None

    @pytest.mark.requirement("TO-1", "AM-28", "GE-4")
    @pytest.mark.parametrize("micalg", [b"sha1", b'"sha-1"', b"SHA1", b"sha-256", b'"SHA-256"', b"md5", b"unknown"])
    def test_sha1_is_tolerated_and_said_whatever_micalg_says(self, micalg):
        kind = b'multipart/signed; protocol="application/pkcs7-signature"; boundary=S; micalg=' + micalg
        report = verify(sealed(Make(digest="sha1"), content_type=kind))
        assert report.verdict is SealVerdict.VALID
        assert outcome(report, SealStep.DIGEST) == (Mark.TOLERATED, Reason.DIGEST_SHA1)
        assert report.digest_algorithm == "sha1"

    def test_md5_is_refused(self):
        report = verify(sealed(Make(digest="md5")))
        assert (report.verdict, report.reason) == (SealVerdict.WEAK_KEY, Reason.WEAK_DIGEST)

    @pytest.mark.parametrize("family", ["rsa", "rsa-named", "rsa-pss"])
    @pytest.mark.parametrize("digest", ["sha256", "sha512"])
    def test_every_way_of_signing_with_rsa_is_read(self, family, digest):
        assert verify(sealed(Make(family=family, digest=digest))).verdict is SealVerdict.VALID

    @pytest.mark.parametrize("family", ["rsa-named", "rsa-pss"])
    def test_an_algorithm_that_names_another_digest_is_refused(self, family):
        report = verify(sealed(Make(family=family, named_digest="sha512")))
        assert (report.verdict, report.reason) == (SealVerdict.MALFORMED, Reason.UNSUPPORTED_ALGORITHM)

    @pytest.mark.requirement("TO-1")
    @pytest.mark.parametrize("make", [Make(), Make(inside=ENTITY), NO_ATTRIBUTES])
    def test_ber_and_der_are_read_alike(self, make):
        cms_octets = as_ber(cms_seal(ENTITY, provider(), AT, make), attributes=make.signed_attributes)
        assert verify(message(cms_octets, sender=ADDRESS)).verdict is SealVerdict.VALID

    @pytest.mark.requirement("TO-2", "TO-3")
    def test_real_shapes_are_tolerated(self):
        octets = sealed(
            content_type=(b'multipart/signed; micalg=sha1; boundary="S";\r\n protocol="application/x-pkcs7-signature"'),
            part_type=b"application/x-pkcs7-signature; name=smime.p7s",
            preamble=b"This is an S/MIME signed message\r\n\r\n",
        )
        report = verify(octets)
        assert report.verdict is SealVerdict.VALID
        assert outcome(report, SealStep.SHAPE) == (Mark.TOLERATED, Reason.PREAMBLE)

    @pytest.mark.requirement("TO-3")
    def test_a_binary_signature_part_is_read(self):
        assert verify(sealed(encoding=b"binary")).verdict is SealVerdict.VALID

    @pytest.mark.requirement("TO-4")
    @pytest.mark.parametrize("make", [Make(), Make(digest="sha1"), NO_ATTRIBUTES])
    def test_a_file_saved_with_lf_line_ends_verifies(self, make):
        report = verify(sealed(make).replace(b"\r\n", b"\n"))
        assert report.verdict is SealVerdict.VALID
        if make.signed_attributes:
            assert outcome(report, SealStep.DIGEST) == (Mark.TOLERATED, Reason.LINE_ENDS_CONVERTED)

    @pytest.mark.requirement("TO-4")
    def test_a_changed_octet_in_a_file_with_lf_is_altered(self):
        octets = sealed().replace(b"\r\n", b"\n").replace(b"Ricevuta di", b"Ricevuta da")
        assert verify(octets).verdict is SealVerdict.ALTERED

    def test_content_inside_a_detached_seal_must_be_the_same(self):
        same, other = Make(inside=ENTITY), Make(inside=b"Content-Type: text/plain\r\n\r\naltro\r\n")
        report = verify(sealed(same))
        assert report.verdict is SealVerdict.VALID
        assert outcome(report, SealStep.DIGEST) == (Mark.TOLERATED, Reason.ENCAPSULATED_REPEATS)
        report = verify(sealed(other))
        assert (report.verdict, report.reason) == (SealVerdict.ALTERED, Reason.ENCAPSULATED_DIFFERS)


class TestInstant:
    """IP-8 at reception, TO-21 for archives."""

    @pytest.mark.requirement("IP-8", "TO-21")
    def test_expired_at_reception_but_valid_when_signed(self):
        later = provider().x509.not_valid_after_utc + DAY
        at_reception = verify(sealed(), at=JudgedAt.now(later))
        assert (at_reception.verdict, at_reception.reason) == (SealVerdict.EXPIRED, Reason.EXPIRED)
        archived = verify(sealed(), at=JudgedAt.signing(later))
        assert archived.verdict is SealVerdict.VALID_WHEN_SIGNED
        assert outcome(archived, SealStep.VALIDITY) == (Mark.TOLERATED, Reason.EXPIRED_SINCE)
        assert archived.verified_at == AT

    @pytest.mark.requirement("TO-21")
    def test_missing_crl_history_is_unknown_not_invalid(self):
        long_after = provider().x509.not_valid_after_utc + 30 * DAY
        store = TrustStore(anchors=AUTHORITY.anchors(), crls=AUTHORITY.crls(at=long_after))
        report = verify(sealed(), trust=store, at=JudgedAt.signing(long_after))
        assert (report.verdict, report.reason) == (SealVerdict.INDETERMINATE, Reason.REVOCATION_UNKNOWN)
        assert outcome(report, SealStep.REVOCATION)[0] is Mark.UNKNOWN

    @pytest.mark.requirement("TO-21")
    def test_a_later_crl_speaks_for_the_signing_time(self):
        store = TrustStore(anchors=AUTHORITY.anchors(), crls=AUTHORITY.crls(at=AT + 90 * DAY))
        assert verify(sealed(), trust=store, at=JudgedAt.signing(AT + 90 * DAY)).verdict is SealVerdict.VALID

    @pytest.mark.requirement("TO-21", "IP-8")
    def test_revoked_since(self):
        later = AT + 3 * DAY
        crls = AUTHORITY.crls(at=later, revoked=[AUTHORITY.revocation(provider(), AT + DAY)])
        store = TrustStore(anchors=AUTHORITY.anchors(), crls=crls)
        archived = verify(sealed(), trust=store, at=JudgedAt.signing(later))
        assert archived.verdict is SealVerdict.VALID_WHEN_SIGNED
        assert outcome(archived, SealStep.REVOCATION) == (Mark.TOLERATED, Reason.REVOKED_SINCE)
        received = verify(sealed(), trust=store, at=JudgedAt.now(later))
        assert (received.verdict, received.reason) == (SealVerdict.REVOKED, Reason.REVOKED)
        asked = verify(sealed(), trust=store, at=JudgedAt.instant(AT + 2 * DAY))
        assert asked.verdict is SealVerdict.REVOKED

    @pytest.mark.requirement("TO-21")
    @pytest.mark.parametrize("at", [JudgedAt.signing(AT + 3 * DAY), JudgedAt.now(AT + 3 * DAY)])
    def test_a_lost_key_takes_its_signing_times_along(self, at):
        """Whoever holds the key can write any signing time: no claim rests on it."""
        issuer = AUTHORITY.intermediate
        entry = x509.RevokedCertificateBuilder(provider().x509.serial_number, AT + DAY)
        entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        builder = x509.CertificateRevocationListBuilder(issuer.subject, AT + 2 * DAY, AT + 9 * DAY, [], [entry.build()])
        lost = builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)
        root_crl = AUTHORITY.crls(at=AT + 3 * DAY)[0]
        store = TrustStore(anchors=AUTHORITY.anchors(), crls=[root_crl, lost])
        report = verify(sealed(), trust=store, at=at)
        assert report.verdict is SealVerdict.REVOKED
        assert outcome(report, SealStep.REVOCATION)[0] is Mark.FAILED

    @pytest.mark.requirement("IP-9")
    def test_a_crl_past_its_next_update_decides_nothing(self):
        report = verify(sealed(), at=JudgedAt.now(AT + 30 * DAY))
        assert report.verdict is SealVerdict.INDETERMINATE
        assert outcome(report, SealStep.REVOCATION)[0] is Mark.UNKNOWN

    @pytest.mark.requirement("TO-21")
    def test_without_a_signing_time_the_present_is_judged(self):
        report = verify(sealed(Make(signing_time=False)), at=JudgedAt.signing(AT + DAY))
        assert report.verdict is SealVerdict.VALID
        assert report.verified_at == AT + DAY
        assert outcome(report, SealStep.VALIDITY) == (Mark.TOLERATED, Reason.NO_SIGNING_TIME)

    @pytest.mark.requirement("TO-21")
    def test_a_signing_time_ahead_of_the_clock_is_not_believed(self):
        report = verify(sealed(), at=JudgedAt.signing(AT - DAY / 2))
        assert report.verified_at == AT - DAY / 2
        assert outcome(report, SealStep.VALIDITY) == (Mark.TOLERATED, Reason.SIGNING_TIME_AHEAD)

    def test_the_rule_is_one_of_three(self):
        assert {JudgedAt.signing(AT).rule, JudgedAt.now(AT).rule, JudgedAt.instant(AT).rule} == set(InstantRule)


class TestIdentity:
    """GE-3, IP-7, IP-14, DI-8: whose seal it is."""

    @pytest.mark.requirement("GE-3", "IP-12")
    @pytest.mark.parametrize(
        ("sender", "mark", "reason"),
        [
            (ADDRESS.upper(), Mark.PASSED, ""),
            (f'"Per conto di: mario.rossi@pec.alfa.example" <{ADDRESS}>', Mark.PASSED, ""),
            ("posta-certificata@gestore-beta.example", Mark.FAILED, Reason.ADDRESS_MISMATCH),
            (f'"{ADDRESS}" <altro@ditta.example>', Mark.FAILED, Reason.ADDRESS_MISMATCH),
            (f"{ADDRESS}, altro@ditta.example", Mark.FAILED, Reason.SEVERAL_ADDRESSES),
            (f"altro@ditta.example\r\nFrom: {ADDRESS}", Mark.FAILED, Reason.SEVERAL_ADDRESSES),
            ("", Mark.FAILED, Reason.NO_ADDRESS),
        ],
    )
    def test_from_is_held_against_the_certificate(self, sender, mark, reason):
        report = verify(message(cms_seal(ENTITY, provider(), AT), sender=sender))
        assert outcome(report, SealStep.ADDRESS) == (mark, reason)
        assert report.verdict is (SealVerdict.VALID if mark is Mark.PASSED else SealVerdict.WRONG_ADDRESS)

    @pytest.mark.requirement("IP-7", "DI-8")
    def test_a_certificate_that_is_not_listed(self):
        other = AUTHORITY.provider("Gestore Beta", "posta-certificata@gestore-beta.example")
        report = verify(sealed(), directory=directory(other.certificate))
        assert (report.verdict, report.reason) == (SealVerdict.NOT_IN_DIRECTORY, Reason.NOT_IN_DIRECTORY)

    @pytest.mark.requirement("DI-8", "IP-7")
    def test_a_listed_hash_with_another_certificate_beside_it(self):
        """What a SHA-1 collision would look like: the hash alone proves nothing."""
        other = AUTHORITY.provider("Gestore Beta", "posta-certificata@gestore-beta.example")
        record = directory(other.certificate).records[0]
        collided = directory(other.certificate)
        collided = dataclasses.replace(collided)
        object.__setattr__(collided, "_by_hash", {certificate_sha1(provider().certificate): (record,)})
        report = verify(sealed(), directory=collided)
        assert (report.verdict, report.reason) == (
            SealVerdict.NOT_IN_DIRECTORY,
            Reason.DIRECTORY_CERTIFICATE_DIFFERS,
        )

    @pytest.mark.requirement("IP-14")
    def test_the_sender_of_another_provider(self):
        report = verify(sealed(), sender_domain="pec.beta.example")
        assert (report.verdict, report.reason) == (SealVerdict.WRONG_PROVIDER, Reason.WRONG_PROVIDER)

    @pytest.mark.requirement("IP-14")
    def test_without_a_sender_nothing_is_asked(self):
        report = verify(sealed(), sender_domain=None)
        assert report.verdict is SealVerdict.VALID
        assert outcome(report, SealStep.SENDER_DOMAIN) == (Mark.NOT_REACHED, Reason.NO_SENDER_DOMAIN)


class TestWhatIsMissing:
    """Invariant 10: never a claim that may be false."""

    @pytest.mark.requirement("TO-20", "IP-8")
    def test_without_anchors_never_valid(self):
        report = verify(sealed(), trust=None)
        assert (report.verdict, report.reason) == (SealVerdict.INDETERMINATE, Reason.NO_ANCHORS)
        assert outcome(report, SealStep.PATH)[0] is Mark.UNKNOWN
        assert outcome(report, SealStep.REVOCATION)[0] is Mark.UNKNOWN

    @pytest.mark.requirement("TO-20", "IP-7")
    def test_without_directory_never_valid(self):
        report = verify(sealed(), directory=None)
        assert (report.verdict, report.reason) == (SealVerdict.INDETERMINATE, Reason.NO_DIRECTORY)

    @pytest.mark.requirement("IP-8", "CE-10")
    def test_without_crls_never_valid(self):
        report = verify(sealed(), trust=TrustStore(anchors=AUTHORITY.anchors()))
        assert (report.verdict, report.reason) == (SealVerdict.INDETERMINATE, Reason.REVOCATION_UNKNOWN)

    def test_a_failure_goes_before_what_is_unknown(self):
        report = verify(message(cms_seal(ENTITY, provider(), AT), sender="altro@ditta.example"), trust=None)
        assert report.verdict is SealVerdict.WRONG_ADDRESS


SPECIMENS = zoo(AUTHORITY)


@pytest.mark.requirement("IP-8", "IP-9", "CE-3", "CE-8", "CE-10", "GE-3")
@pytest.mark.parametrize("name", SPECIMENS)
def test_each_specimen_of_the_zoo_gets_its_verdict(name):
    specimen = SPECIMENS[name]
    octets = message(cms_seal(ENTITY, specimen, specimen.signed_at), sender=specimen.address.text)
    report = verify(
        octets,
        trust=TrustStore(anchors=specimen.anchors, crls=specimen.crls),
        directory=directory(specimen.certificate),
        at=JudgedAt.signing(specimen.seen_at),
    )
    assert report.verdict is specimen.expected, (specimen.fault, report.reason, report.steps)


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_a_large_message_is_verified_without_a_copy(line_end):
    """30 MB must stay below four times its size; here nothing of its size is taken at all."""
    line = b"x" * 76 + b"\r\n"
    entity = ENTITY + line * (6_000_000 // len(line))
    octets = message(cms_seal(entity, provider(), AT), sender=ADDRESS, entity=entity).replace(b"\r\n", line_end)
    verify(sealed())  # what is kept between messages is there
    tracemalloc.start()
    report = verify(octets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.verdict is SealVerdict.VALID
    assert peak < len(octets) * 0.9


def test_every_reason_code_is_given_somewhere_and_has_its_form():
    source = "".join(path.read_text() for path in Path(verifier.__file__).parents[1].rglob("*.py"))
    for reason in Reason:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", reason)
        assert f"Reason.{reason.name}" in source, reason


def test_every_verdict_that_is_not_a_claim_is_a_failure_or_a_doubt():
    made = set(procedure._VERDICTS.values())
    summed_up = {
        SealVerdict.VALID,
        SealVerdict.VALID_WHEN_SIGNED,
        SealVerdict.INDETERMINATE,
        SealVerdict.MALFORMED,
    }
    assert made | summed_up == set(SealVerdict)
    assert not made & {SealVerdict.VALID, SealVerdict.VALID_WHEN_SIGNED, SealVerdict.INDETERMINATE}
