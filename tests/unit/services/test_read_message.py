"""What a message in a mailbox is worth: by its seal, whatever its header, its folder or its text say."""

from functools import partial

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.directory_ldif import read_directory
from ceralacca.services.read_message import Standing, judge
from ceralacca.testing.clock import NOON
from ceralacca.testing.sample import SampleWorld
from ceralacca.trust.chain import TrustStore
from ceralacca.trust.material import read_material
from ceralacca.trust.verifier import JudgedAt, verify_seal


@pytest.fixture(scope="module")
def world():
    return SampleWorld.at(NOON)


@pytest.fixture(scope="module")
def sample(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    for file in world.files():
        path = folder / file.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(file.content)
    return folder


@pytest.fixture(scope="module")
def directory(sample):
    return read_directory((sample / "igpec.ldif").read_bytes())


@pytest.fixture(scope="module")
def verify(directory, sample):
    material = read_material([sample / "pki"])
    trust = TrustStore(anchors=material.anchors, intermediates=material.intermediates, crls=material.crls)
    return partial(verify_seal, trust=trust, directory=directory, at=JudgedAt.signing(NOON))


@pytest.fixture(scope="module")
def messages(sample):
    return {path.name: path.read_bytes() for path in sorted(sample.rglob("*.eml"))}


def test_each_sealed_message_is_what_it_is(messages, verify):
    found = {}
    for octets in messages.values():
        judged, report = judge(octets, verify, Address("chiunque@pec.altrove.example"))
        found[judged.row] = judged
        if judged.standing in {Standing.CERTIFIED, Standing.RECEIPT}:
            assert report.valid
            assert judged.provider
            assert judged.identifier
            assert not judged.for_us
    assert found[MessageRow.TRANSPORT_ENVELOPE].standing is Standing.CERTIFIED
    assert found[MessageRow.DELIVERY].standing is Standing.RECEIPT
    assert found[MessageRow.DELIVERY].concerned


@pytest.mark.requirement("GE-8", "TO-20")
def test_nothing_is_told_of_what_does_not_hold(messages, verify):
    for octets in messages.values():
        middle = len(octets) // 3
        for spoilt in (octets[:middle] + b"x" + octets[middle + 1 :], octets[: -len(octets) // 4]):
            judged, report = judge(spoilt, verify, Address("a@b.example"))
            if report.valid:
                continue  # the one octet lay where the seal does not reach, and changed nothing
            assert judged.standing not in {Standing.CERTIFIED, Standing.RECEIPT, Standing.ANOMALY}
            assert {judged.provider, judged.sender, judged.subject, judged.identifier, *judged.concerned} == {""}


def test_without_anchors_nothing_is_proven(messages, directory):
    verify = partial(verify_seal, trust=None, directory=directory, at=JudgedAt.signing(NOON))
    standings = {judge(octets, verify, Address("a@b.example"))[0].standing for octets in messages.values()}
    assert standings <= {Standing.UNPROVEN, Standing.ORDINARY, Standing.FALSE}
    assert Standing.UNPROVEN in standings


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x00\x01", b"Subject: x\r\n\r\ny", b"X-Ricevuta: avvenuta-consegna\r\nSubject: CONSEGNA: x\r\n\r\nok"],
)
def test_what_has_no_seal_is_ordinary_or_false(octets, verify):
    judged, _ = judge(octets, verify, Address("a@b.example"))
    assert judged.standing in {Standing.ORDINARY, Standing.FALSE}
