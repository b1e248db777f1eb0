"""What no signature of a sealed log covers is looked at all the same."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ceralacca.testing.clock import NOON
from ceralacca.testing.keys import private_key
from ceralacca.trust import log_reading

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorità di prova")])


def certificate(serial):
    key = private_key("log-reading")
    builder = x509.CertificateBuilder(NAME, NAME, key.public_key(), serial)
    builder = builder.not_valid_before(NOON).not_valid_after(NOON + timedelta(days=1))
    return builder.sign(key, SHA256()).public_bytes(Encoding.DER)


@pytest.mark.requirement("LO-6")
def test_a_certificate_whose_signature_has_unused_bits_vouches_for_nobody():
    whole = next(der for der in map(certificate, range(1, 99)) if der[-1] & 1 == 0)  # its last bit can be left out
    assert log_reading._vouched((whole,), ())
    place = len(whole) - 2048 // 8 - 1
    assert whole[place] == 0
    shortened = whole[:place] + b"\1" + whole[place + 1 :]
    x509.load_der_x509_certificate(shortened).verify_directly_issued_by(x509.load_der_x509_certificate(whole))
    assert not log_reading._vouched((shortened,), ())
    assert not log_reading._vouched((b"0\0",), ())
