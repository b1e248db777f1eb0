import subprocess
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import asn1crypto.tsp  # noqa: F401 fills the maps of CMS before the first seal is parsed
import pytest
from asn1crypto import cms

from ceralacca.base.errors import OurError, UserError
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.splice import Splice
from ceralacca.lint.sealable import examine
from ceralacca.testing import good_drafts
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.zoo import zoo
from ceralacca.trust.sealer import Sealer

AUTHORITY = Authority.create()
SIGNERS = {
    address: AUTHORITY.provider(name, address)
    for name, address in (("Gestore Alfa S.p.A.", good_drafts.ALFA), ("Gestore Beta S.r.l.", good_drafts.BETA))
}
EVERY_ROW = pytest.mark.parametrize("row", list(MessageRow), ids=lambda row: row.name)


def sealer_of(address, start=1):
    signer = SIGNERS[address]
    return Sealer(signer, signer.address, CountingEntropy(start))


def issuer_of(draft):
    return next(address for address in SIGNERS if address.encode() in bytes(draft.header).split(b"\r\nFrom:")[1])


def sealed(row):
    draft = good_drafts.good_draft(row)
    return draft, sealer_of(issuer_of(draft)).seal(examine(draft))


def cms_of(octets):
    part = octets.rpartition(b"Content-Transfer-Encoding: base64\r\n\r\n")[2]
    from base64 import b64decode

    return cms.ContentInfo.load(b64decode(part.partition(b"--")[0]))["content"]


@EVERY_ROW
@pytest.mark.requirement("GE-1", "GE-5", "GE-31")
def test_a_message_of_every_row_is_sealed_around_its_own_octets(row):
    draft, message = sealed(row)
    octets = bytes(message.octets)
    assert octets.startswith(bytes(draft.header) + b"MIME-Version: 1.0\r\nContent-Type: multipart/signed;")
    boundary = octets.split(b'boundary="')[1].split(b'"')[0]
    assert octets.split(b"--" + boundary + b"\r\n")[1] == bytes(draft.entity) + b"\r\n"
    assert octets.endswith(b"--" + boundary + b"--\r\n")


@EVERY_ROW
@pytest.mark.requirement("GE-23")
def test_the_signing_time_is_the_instant_of_the_draft(row):
    draft, message = sealed(row)
    (signer,) = cms_of(bytes(message.octets))["signer_infos"]
    times = [item["values"][0].native for item in signer["signed_attrs"] if item["type"].native == "signing_time"]
    assert times == [draft.instant] == [message.instant]


@EVERY_ROW
def test_the_routing_goes_with_the_message_unchanged(row):
    draft, message = sealed(row)
    assert message.row is row
    assert (message.message_id, message.reverse_path, message.forward_paths) == (
        draft.message_id,
        draft.reverse_path,
        draft.forward_paths,
    )


@pytest.mark.system
@EVERY_ROW
@pytest.mark.scenario("T-20")
@pytest.mark.requirement("GE-1", "GE-2")
def test_openssl_verifies_a_message_of_every_row(row, tmp_path):
    _, message = sealed(row)
    octets = bytes(message.octets)
    assert openssl_accepts(tmp_path, octets)
    assert not openssl_accepts(
        tmp_path, octets.replace(b"Content-Disposition: inline", b"Content-Disposition: Inline", 1)
    )


def openssl_accepts(folder, octets):
    (folder / "message.eml").write_bytes(octets)
    (folder / "root.pem").write_bytes(pem(AUTHORITY.anchors()[0]))
    command = ["openssl", "cms", "-verify", "-in", str(folder / "message.eml"), "-out", str(folder / "out")]
    command += ["-CAfile", str(folder / "root.pem"), "-attime", str(int(good_drafts.INSTANT.timestamp()))]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.requirement("GE-8")
def test_the_outer_header_is_not_covered():
    """Hence nobody may decide from it: a changed Subject leaves the seal whole."""
    draft = good_drafts.good_draft(MessageRow.ACCEPTANCE)
    other = good_drafts.with_header(draft, lambda header: header.replace(b"Prova", b"prova"))
    digests = [
        [item["values"][0].native for item in signer["signed_attrs"] if item["type"].native == "message_digest"]
        for each in (draft, other)
        for signer in cms_of(bytes(raw_seal(each)))["signer_infos"]
    ]
    assert digests[0] == digests[1]


def raw_seal(draft):
    from ceralacca.testing.zoo import seal_anyway

    return seal_anyway(draft, SIGNERS[good_drafts.ALFA])


@pytest.mark.requirement("GE-3", "MO-3", "CE-2")
def test_a_certificate_without_the_provider_address_makes_no_sealer():
    signer = SIGNERS[good_drafts.ALFA]
    with pytest.raises(UserError, match="does not name") as caught:
        Sealer(signer, Address("posta-certificata@altro.example"), CountingEntropy())
    assert good_drafts.ALFA in caught.value.remedy


@pytest.mark.requirement("GE-3")
@pytest.mark.parametrize("name", ["wrong-address", "no-address"])
def test_the_zoo_of_wrong_names_makes_no_sealer(name):
    specimen = zoo(AUTHORITY)[name]
    with pytest.raises(UserError, match="does not name"):
        Sealer(specimen, specimen.address, CountingEntropy())


@pytest.mark.requirement("CE-3")
@pytest.mark.parametrize("name", ["no-digital-signature", "no-key-usage"])
def test_a_certificate_that_is_not_for_signatures_makes_no_sealer(name):
    specimen = zoo(AUTHORITY)[name]
    with pytest.raises(UserError, match="digital signatures"):
        Sealer(specimen, specimen.address, CountingEntropy())


@pytest.mark.requirement("GE-3")
def test_the_address_is_compared_without_regard_to_case():
    signer = SIGNERS[good_drafts.ALFA]
    sealer = Sealer(signer, Address(good_drafts.ALFA.upper()), CountingEntropy())
    assert sealer.seal(examine(good_drafts.good_draft(MessageRow.ACCEPTANCE)))


@EVERY_ROW
@pytest.mark.requirement("GE-3")
def test_the_draft_of_another_provider_is_not_sealed(row):
    draft = good_drafts.good_draft(row)
    other = next(address for address in SIGNERS if address != issuer_of(draft))
    with pytest.raises(OurError, match="From"):
        sealer_of(other).seal(examine(draft))


@pytest.mark.parametrize("days", [-366, 731])
def test_nothing_is_sealed_out_of_the_certificates_period(days):
    draft = good_drafts.good_draft(MessageRow.ACCEPTANCE)
    signer = AUTHORITY.provider(
        "Gestore Alfa S.p.A.",
        good_drafts.ALFA,
        valid=(draft.instant - timedelta(days=days) - timedelta(1), draft.instant - timedelta(days=days)),
    )
    with pytest.raises(UserError, match="not in force"):
        Sealer(signer, signer.address, CountingEntropy()).seal(examine(draft))


def test_each_message_has_a_boundary_of_its_own():
    sealer = sealer_of(good_drafts.ALFA)
    proof = examine(good_drafts.good_draft(MessageRow.ACCEPTANCE))
    first, second = (bytes(sealer.seal(proof).octets) for _ in range(2))
    assert first != second
    assert len(first) == len(second)


@pytest.mark.requirement("GE-31")
def test_the_same_clock_key_and_entropy_give_the_same_octets():
    _, first = sealed(MessageRow.TRANSPORT_ENVELOPE)
    _, second = sealed(MessageRow.TRANSPORT_ENVELOPE)
    assert bytes(first.octets) == bytes(second.octets)


@pytest.mark.requirement("GE-31")
def test_the_pieces_of_the_entity_are_in_the_message_uncopied():
    draft = good_drafts.good_draft(MessageRow.DELIVERY)
    whole = bytes(draft.entity)
    cut = replace(draft, entity=Splice.of(whole[:100], memoryview(whole)[100:]))
    message = sealer_of(issuer_of(cut)).seal(examine(cut))
    assert all(any(piece is mine for piece in message.octets) for mine in cut.entity)


@pytest.mark.requirement("GE-1")
def test_several_threads_seal_at_once():
    sealer, proof = sealer_of(good_drafts.ALFA), examine(good_drafts.good_draft(MessageRow.ACCEPTANCE))
    results = []
    threads = [Thread(target=lambda: results.append(bytes(sealer.seal(proof).octets))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({cms_of(octets).dump() for octets in results}) == 1
    assert len(results) == 8


@pytest.mark.parametrize(
    "source",
    [
        "",
        "From: a@b.example\r\nFrom: posta-certificata@gestore-alfa.example\r\n",
        "X-From: posta-certificata@gestore-alfa.example\r\n",
        "From: posta-certificata@gestore-alfa.example, x@y.example\r\n",
        "From: xposta-certificata@gestore-alfa.example\r\n",
        'From: "posta-certificata@gestore-alfa.example" <x@y.example>\r\n',
        "From: <posta-certificata@gestore-alfa.example> x\r\n",
    ],
)
def test_a_from_that_does_not_show_the_provider_is_seen(source):
    from ceralacca.trust.sealer import _from, _shows

    assert not _shows(_from(source.encode()), Address(good_drafts.ALFA))


@pytest.mark.parametrize(
    "source",
    [
        "From: posta-certificata@gestore-alfa.example\r\n",
        "Date: x\r\nfrom:\tPosta-Certificata@gestore-alfa.example \r\nTo: x\r\n",
        'From: "Per conto di: a <b@c.example>"\r\n <posta-certificata@gestore-alfa.example>\r\nTo: x\r\n',
    ],
)
def test_a_from_that_shows_the_provider_is_seen(source):
    from ceralacca.trust.sealer import _from, _shows

    assert _shows(_from(source.encode()), Address(good_drafts.ALFA))


@pytest.mark.requirement("GE-31")
def test_sealing_thirty_megabytes_takes_no_memory_to_speak_of():
    """The sealer never looks at the content, so a proof of a small draft is lent to a large one."""
    proof = examine(good_drafts.good_draft(MessageRow.ACCEPTANCE))
    large = replace(proof.draft, entity=Splice.of(*[memoryview(bytes(1 << 20))] * 30))
    object.__setattr__(proof, "draft", large)
    sealer = sealer_of(good_drafts.ALFA)
    sealer.seal(proof)
    tracemalloc.start()
    try:
        sealer.seal(proof)
        assert tracemalloc.get_traced_memory()[1] < 1 << 17
    finally:
        tracemalloc.stop()
