"""Section 5.2 of the technical rules, tests 1 to 3 at the incoming point: existence, origin, validity of the seal.

Every message here is composed by hand, linted and sealed by our own sealer, then seen by the verifier as a stranger
sees it.
"""

from datetime import timedelta
from functools import cache

import pytest

from ceralacca.core.directory import Directory, ProviderRecord
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import Mark, SealReport, SealVerdict
from ceralacca.formats.smime import split_signed
from ceralacca.lint.sealable import examine
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.good_drafts import ALFA, BETA, INSTANT, good_draft
from ceralacca.testing.zoo import seal_anyway
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.sealer import Sealer
from ceralacca.trust.verifier import JudgedAt, verify_seal

AUTHORITY = Authority.create(INSTANT)
DAY = timedelta(days=1)
ROWS = list(MessageRow)


@cache
def provider(address: str) -> TestIdentity:
    return AUTHORITY.provider(address.rpartition("@")[2], address)


@cache
def directory() -> Directory:
    return Directory(
        records=tuple(
            ProviderRecord(
                name=address.rpartition("@")[2],
                certificates=(provider(address).certificate,),
                receipt_mailbox=Address.parse("ricevute@" + address.rpartition("@")[2]),
                domains=(domain,),
            )
            for address, domain in ((ALFA, "pec.alfa.example"), (BETA, "pec.beta.example"))
        )
    )


@cache
def trust() -> TrustStore:
    return TrustStore(anchors=AUTHORITY.anchors(), crls=AUTHORITY.crls())


@cache
def sealed(row: MessageRow) -> bytes:
    draft = good_draft(row)
    address = next(one for one in (ALFA, BETA) if one.encode() in bytes(draft.header).partition(b"From:")[2])
    sealer = Sealer(provider(address), Address.parse(address), CountingEntropy())
    return bytes(sealer.seal(examine(draft)).octets)


def receive(octets: bytes, **changes: object) -> SealReport:
    settings: dict[str, object] = {"trust": trust(), "directory": directory(), "at": JudgedAt.now(INSTANT)}
    return verify_seal(octets, **(settings | changes))  # type: ignore[arg-type]


@pytest.mark.requirement("GE-1", "GE-2", "GE-3", "GE-4", "IP-6", "IP-7", "IP-8")
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_what_we_seal_is_good_for_a_stranger(row):
    report = receive(sealed(row))
    assert report.verdict is SealVerdict.VALID, report.steps
    assert {step.mark for step in report.steps} <= {Mark.PASSED, Mark.NOT_REACHED}
    assert report.signing_time == INSTANT
    assert report.digest_algorithm == "sha256"


@pytest.mark.requirement("IP-8", "GE-5")
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
@pytest.mark.scenario("T-11")
def test_t_11_one_octet_changed_anywhere_in_the_signed_part(row):
    octets = bytearray(sealed(row))
    parts = split_signed(bytes(octets))
    for place in range(parts.entity_start, parts.entity_start + len(parts.entity), 211):
        octets[place] ^= 1
        assert receive(bytes(octets)).verdict is SealVerdict.ALTERED, place
        octets[place] ^= 1


@pytest.mark.requirement("IP-6", "IP-10")
@pytest.mark.scenario("T-11")
def test_t_11_unsigned_and_with_forged_headers():
    octets = sealed(MessageRow.TRANSPORT_ENVELOPE)
    header = octets[: octets.index(b"MIME-Version: 1.0\r\nContent-Type: multipart/signed")]
    assert b"X-Trasporto: posta-certificata" in header
    assert receive(header + b"Content-Type: text/plain\r\n\r\nciao\r\n").verdict is SealVerdict.UNSIGNED


@pytest.mark.requirement("IP-7", "IP-8")
@pytest.mark.scenario("T-11")
def test_t_11_unknown_signer():
    stranger = Authority.create(INSTANT, name="estranea").provider("gestore-alfa.example", ALFA)
    octets = seal_anyway(good_draft(MessageRow.TRANSPORT_ENVELOPE), stranger)
    assert receive(octets).verdict is SealVerdict.UNTRUSTED
    unlisted = AUTHORITY.provider("gestore-alfa.example", ALFA, serial=99)
    octets = seal_anyway(good_draft(MessageRow.TRANSPORT_ENVELOPE), unlisted)
    assert receive(octets).verdict is SealVerdict.NOT_IN_DIRECTORY


@pytest.mark.requirement("IP-8", "IP-9")
@pytest.mark.scenario("T-11")
def test_t_11_revoked_and_expired():
    octets = sealed(MessageRow.TRANSPORT_ENVELOPE)
    crls = AUTHORITY.crls(revoked=[AUTHORITY.revocation(provider(ALFA), INSTANT - DAY)])
    revoked = receive(octets, trust=TrustStore(anchors=AUTHORITY.anchors(), crls=crls))
    assert revoked.verdict is SealVerdict.REVOKED
    late = provider(ALFA).x509.not_valid_after_utc + DAY
    assert receive(octets, at=JudgedAt.now(late)).verdict is SealVerdict.EXPIRED


@pytest.mark.requirement("IP-5", "IP-9")
def test_a_crl_that_is_not_there_is_not_a_verdict_on_the_message():
    report = receive(sealed(MessageRow.ACCEPTANCE), trust=TrustStore(anchors=AUTHORITY.anchors()))
    assert report.verdict is SealVerdict.INDETERMINATE


@pytest.mark.requirement("IP-14")
def test_an_envelope_from_the_provider_of_somebody_else():
    octets = sealed(MessageRow.TRANSPORT_ENVELOPE)
    assert receive(octets, sender_domain="pec.alfa.example").verdict is SealVerdict.VALID
    assert receive(octets, sender_domain="PEC.Beta.example").verdict is SealVerdict.WRONG_PROVIDER
    assert receive(octets, sender_domain="sub.pec.alfa.example").verdict is SealVerdict.WRONG_PROVIDER  # DI-7


@pytest.mark.requirement("TO-4")
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_saved_with_lf_line_ends_all_the_same(row):
    assert receive(sealed(row).replace(b"\r\n", b"\n")).verdict is SealVerdict.VALID


@pytest.mark.requirement("TO-1", "AM-28")
def test_a_seal_of_the_rules_of_2005():
    octets = seal_anyway(good_draft(MessageRow.ACCEPTANCE), provider(ALFA), digest="sha1")
    report = receive(octets)
    assert (report.verdict, report.digest_algorithm) == (SealVerdict.VALID, "sha1")
