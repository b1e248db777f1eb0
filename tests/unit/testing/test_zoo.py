import subprocess

import asn1crypto.tsp  # noqa: F401 fills the maps of CMS before the first seal is parsed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.good_drafts import good_draft
from ceralacca.testing.zoo import ADDRESS, seal_anyway, zoo

ZOO = zoo(Authority.create())
EVERY = pytest.mark.parametrize("name", ZOO)

OPENSSL_IS_CONTENT = {
    "sound",
    "several-addresses",
    "no-extended-usage",
    "key-of-3072-bits",
    "name-constraints-kept",
    "no-crl-address",
    # what the norm asks for and a path validator does not know:
    "no-key-usage",
    "wrong-address",
    "no-address",
    "weak-key",
    "sha1-certificate",
}


def test_every_verdict_on_a_signer_has_a_specimen():
    of_messages = {
        SealVerdict.UNSIGNED,
        SealVerdict.MALFORMED,
        SealVerdict.ALTERED,
        SealVerdict.FORGED,
        SealVerdict.NOT_IN_DIRECTORY,
        SealVerdict.WRONG_PROVIDER,
    }
    assert {specimen.expected for specimen in ZOO.values()} == set(SealVerdict) - of_messages


@EVERY
def test_a_specimen_has_a_fault_exactly_when_it_is_not_valid(name):
    specimen = ZOO[name]
    assert specimen.name == name
    assert specimen.address == ADDRESS
    assert bool(specimen.fault) == (specimen.expected is not SealVerdict.VALID)


@pytest.mark.system
@EVERY
def test_openssl_sees_the_fault_that_is_a_path_validators(name, tmp_path):
    """So the fault is real, and not only said to be there."""
    specimen = ZOO[name]
    lists = b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in specimen.crls)
    (tmp_path / "crls").write_bytes(lists)
    (tmp_path / "root").write_bytes(b"".join(pem(der) for der in specimen.anchors))
    (tmp_path / "chain").write_bytes(specimen.certificate_pem())
    command = ["openssl", "verify", "-purpose", "smimesign", "-crl_check_all", "-CRLfile", "crls", "-CAfile", "root"]
    command += ["-attime", str(int(specimen.seen_at.timestamp())), "-untrusted", "chain", "chain"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode == 0) == (name in OPENSSL_IS_CONTENT)


@pytest.mark.system
@pytest.mark.requirement("TO-1")
@pytest.mark.parametrize("digest", ["sha256", "sha1"])
def test_a_message_sealed_anyway_has_a_whole_seal(digest, tmp_path):
    octets = seal_anyway(good_draft(MessageRow.ACCEPTANCE), ZOO["sound"], digest=digest)
    (tmp_path / "message.eml").write_bytes(octets)
    command = ["openssl", "cms", "-verify", "-noverify", "-in", "message.eml", "-out", "out"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


@EVERY
def test_every_specimen_can_seal(name):
    assert seal_anyway(good_draft(MessageRow.ACCEPTANCE), ZOO[name]).startswith(b"X-Ricevuta")
