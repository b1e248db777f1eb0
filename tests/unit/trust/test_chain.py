import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from asn1crypto import crl as asn1_crl
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from ceralacca.core.model.outcome import Mark
from ceralacca.core.model.reason import Reason
from ceralacca.testing.authority import Authority, Issuer, Revocation
from ceralacca.testing.keys import private_key
from ceralacca.trust import chain
from ceralacca.trust.certificate import MalformedCertificate, read_certificate
from ceralacca.trust.chain import PathRules, TrustStore
from ceralacca.trust.revocation import MalformedCrl

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
DAY = timedelta(days=1)
PROVIDER = AUTHORITY.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
LEAF = read_certificate(PROVIDER.certificate)


def store(**changes: object) -> TrustStore:
    settings: dict[str, object] = {"anchors": AUTHORITY.anchors(), "crls": AUTHORITY.crls()}
    return TrustStore(**(settings | changes))  # type: ignore[arg-type]


def marks(found: chain.ChainFinding) -> tuple[Mark, Mark]:
    return found.path.mark, found.revocation.mark


@pytest.mark.requirement("IP-8", "CE-9")
def test_a_path_through_the_intermediate_that_came_along():
    found = store().judge(LEAF, PROVIDER.intermediates, AT)
    assert marks(found) == (Mark.PASSED, Mark.PASSED)
    assert "Autorita' di prova prova TEST" in found.path.evidence["anchor"]


@pytest.mark.requirement("IP-8", "CE-9")
def test_an_intermediate_may_be_configured():
    assert marks(store().judge(LEAF, (), AT)) == (Mark.FAILED, Mark.NOT_REACHED)
    configured = store(intermediates=PROVIDER.intermediates)
    assert marks(configured.judge(LEAF, (), AT)) == (Mark.PASSED, Mark.PASSED)


@pytest.mark.requirement("CE-9", "SE-5")
def test_an_anchor_that_comes_along_is_no_anchor():
    stranger = Authority.create(AT, name="estranea")
    forged = stranger.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
    others = (*forged.intermediates, *stranger.anchors())
    found = store().judge(read_certificate(forged.certificate), others, AT)
    assert (found.path.mark, found.path.reason) == (Mark.FAILED, Reason.NO_PATH)


@pytest.mark.requirement("CE-10", "IP-8")
def test_a_crl_is_required_of_every_issuer():
    root_crl, sub_crl = AUTHORITY.crls()
    for crls in ([], [root_crl], [sub_crl]):
        found = store(crls=crls).judge(LEAF, PROVIDER.intermediates, AT)
        assert (found.revocation.mark, found.revocation.reason) == (Mark.UNKNOWN, Reason.REVOCATION_UNKNOWN)


@pytest.mark.requirement("IP-8")
def test_an_authority_that_was_revoked_takes_its_providers_along():
    serial = x509.load_der_x509_certificate(AUTHORITY.intermediate.certificate).serial_number
    gone = AUTHORITY.root.crl(at=AT - DAY, until=AT + DAY, revoked=[Revocation(serial=serial, at=AT - 2 * DAY)])
    found = store(crls=[gone, AUTHORITY.crls()[1]]).judge(LEAF, PROVIDER.intermediates, AT)
    assert (found.revocation.mark, found.revocation.reason) == (Mark.FAILED, Reason.REVOKED)


@pytest.mark.requirement("IP-9")
@pytest.mark.parametrize(("after", "mark"), [(6, Mark.PASSED), (8, Mark.UNKNOWN)])
def test_a_crl_counts_until_its_next_update(after, mark):
    assert store().judge(LEAF, PROVIDER.intermediates, AT + after * DAY).revocation.mark is mark


@pytest.mark.requirement("TO-21")
def test_a_later_crl_tells_the_past_unless_the_certificate_had_expired_by_then():
    expiry = LEAF.facts.not_after
    history = store(crls=[*AUTHORITY.crls(at=expiry - 3 * DAY)])
    assert history.judge(LEAF, PROVIDER.intermediates, AT).revocation.mark is Mark.PASSED
    too_late = store(crls=[*AUTHORITY.crls(at=expiry + 30 * DAY)])
    assert too_late.judge(LEAF, PROVIDER.intermediates, AT).revocation.mark is Mark.UNKNOWN


@pytest.mark.requirement("TO-21")
def test_the_answer_changes_exactly_when_it_must():
    """The answers that are kept are those that would be given anew, before, at and after each turning point."""
    revoked_at = AT + 2 * DAY
    crls = AUTHORITY.crls(at=AT + 3 * DAY, revoked=[AUTHORITY.revocation(PROVIDER, revoked_at)])
    kept = store(crls=crls)
    second = timedelta(seconds=1)
    points = [LEAF.facts.not_before, AT, revoked_at, AT + 2 * DAY, AT + 10 * DAY, LEAF.facts.not_after]
    instants = [point + step for point in points for step in (-second, 0 * second, second)]
    for at in (*instants, *reversed(instants)):
        fresh = store(crls=crls).judge(LEAF, PROVIDER.intermediates, at)
        assert kept.judge(LEAF, PROVIDER.intermediates, at) == fresh, at


def test_an_answer_is_kept(monkeypatch):
    trust = store()
    first = trust.judge(LEAF, PROVIDER.intermediates, AT)
    monkeypatch.setattr(chain, "_judge", None)
    assert trust.judge(LEAF, PROVIDER.intermediates, AT + DAY) is first


def test_what_strangers_send_does_not_fill_the_memory():
    trust = store()
    trust.judge(LEAF, (*PROVIDER.intermediates, bytes(20_000)), AT)
    assert not trust._answers


@pytest.mark.requirement("SE-7")
def test_certificates_that_name_each_other_in_every_order_are_no_maze():
    """Thirty self-issued certificates of the issuer's name: a naive builder would try every order of them."""
    name = x509.load_der_x509_certificate(AUTHORITY.intermediate.certificate).subject
    key = private_key("labirinto")
    maze = []
    for serial in range(1, 31):
        builder = x509.CertificateBuilder(
            subject_name=name,
            issuer_name=name,
            public_key=key.public_key(),
            serial_number=serial,
            not_valid_before=AT - DAY,
            not_valid_after=AT + DAY,
        ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        maze.append(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    assert chain._rooted(store(), maze) == []
    found = store().judge(LEAF, tuple(maze), AT)
    assert found.path.reason is Reason.NO_PATH
    assert marks(store().judge(LEAF, (*maze, *PROVIDER.intermediates), AT)) == (Mark.PASSED, Mark.PASSED)


def test_octets_that_are_no_certificates_vouch_for_nobody():
    others = (b"", b"0", b"\x30\x80", PROVIDER.intermediates[0][:-1], *PROVIDER.intermediates)
    assert marks(store().judge(LEAF, others, AT)) == (Mark.PASSED, Mark.PASSED)


def test_rules_of_strength_hold_for_the_whole_path():
    found = store(rules=PathRules(least_rsa_bits=3072)).judge(LEAF, PROVIDER.intermediates, AT)
    assert (found.path.mark, found.path.reason) == (Mark.FAILED, Reason.WEAK_PATH)
    found = store(rules=PathRules(weak_digests=frozenset({"sha256"}))).judge(LEAF, PROVIDER.intermediates, AT)
    assert (found.path.mark, found.path.reason) == (Mark.FAILED, Reason.WEAK_PATH)


def test_a_crl_signed_with_sha1_decides_nothing():
    root_crl, sub_crl = AUTHORITY.crls()
    parsed = asn1_crl.CertificateList.load(sub_crl)
    body = parsed["tbs_cert_list"]
    body["signature"] = {"algorithm": "sha1_rsa"}
    octets = body.dump(force=True)
    old = asn1_crl.CertificateList(
        {
            "tbs_cert_list": body,
            "signature_algorithm": {"algorithm": "sha1_rsa"},
            "signature": AUTHORITY.intermediate.key.sign(octets, padding.PKCS1v15(), hashes.SHA1()),
        }
    ).dump()
    found = store(crls=[root_crl, old]).judge(LEAF, PROVIDER.intermediates, AT)
    assert (found.revocation.mark, found.revocation.reason) == (Mark.UNKNOWN, Reason.REVOCATION_UNKNOWN)
    lenient = store(crls=[root_crl, old], rules=PathRules(weak_digests=frozenset()))
    assert lenient.judge(LEAF, PROVIDER.intermediates, AT).revocation.mark is Mark.PASSED


def test_a_configuration_that_cannot_be_read_is_said_at_once():
    with pytest.raises(MalformedCertificate):
        TrustStore(anchors=[b"nessuno"])
    with pytest.raises(MalformedCrl):
        TrustStore(anchors=[], crls=[b"nessuna"])


def test_works_inside_a_running_event_loop_and_in_threads():
    async def inside() -> chain.ChainFinding:
        return store().judge(LEAF, PROVIDER.intermediates, AT)

    assert marks(asyncio.run(inside())) == (Mark.PASSED, Mark.PASSED)
    trust = store()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: trust.judge(LEAF, PROVIDER.intermediates, AT), range(16)))
    assert {marks(one) for one in found} == {(Mark.PASSED, Mark.PASSED)}


def test_two_paths_and_one_of_them_holds():
    """The same authority certified twice, once by an anchor whose CRL is missing: the other path decides."""
    other = Authority.create(AT, name="seconda")
    cross = _cross(other.root)
    trust = store(anchors=[*other.anchors(), *AUTHORITY.anchors()])
    found = trust.judge(LEAF, (cross, *PROVIDER.intermediates), AT)
    assert marks(found) == (Mark.PASSED, Mark.PASSED)
    only_other = store(anchors=other.anchors())
    assert marks(only_other.judge(LEAF, (cross,), AT)) == (Mark.PASSED, Mark.UNKNOWN)


def _cross(root: Issuer) -> bytes:
    """The intermediate's name and key under another root."""
    own = x509.load_der_x509_certificate(AUTHORITY.intermediate.certificate)
    builder = x509.CertificateBuilder(
        subject_name=own.subject,
        issuer_name=root.subject,
        public_key=own.public_key(),
        serial_number=77,
        not_valid_before=AT - DAY,
        not_valid_after=AT + 30 * DAY,
    )
    for extension in own.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    return builder.sign(root.key, hashes.SHA256()).public_bytes(Encoding.DER)
