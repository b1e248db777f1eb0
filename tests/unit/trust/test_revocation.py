from datetime import timedelta

import pytest

from ceralacca.testing.authority import Authority
from ceralacca.trust.revocation import MalformedCrl, read_crl, turning_points

AUTHORITY = Authority.create()
AT = AUTHORITY.instant
DAY = timedelta(days=1)
PROVIDER = AUTHORITY.provider("Gestore Alfa", "posta-certificata@gestore-alfa.example")
DER = AUTHORITY.intermediate.crl(at=AT, until=AT + 7 * DAY, revoked=[AUTHORITY.revocation(PROVIDER, AT - DAY)])
CRL = read_crl(DER)


@pytest.mark.requirement("IP-9")
def test_current_between_its_two_instants():
    assert (CRL.this_update, CRL.next_update) == (AT, AT + 7 * DAY)
    assert [CRL.is_current(AT + days * DAY) for days in (-1, 0, 7, 8)] == [False, True, True, False]


@pytest.mark.requirement("TO-21")
def test_speaks_for_the_past_of_certificates_that_had_not_expired():
    assert CRL.speaks_for(AT - 100 * DAY, first_expiry=AT)
    assert not CRL.speaks_for(AT - 100 * DAY, first_expiry=AT - DAY)
    assert not CRL.speaks_for(AT + 8 * DAY, first_expiry=AT + 100 * DAY)


def test_turning_points_are_its_own_and_those_of_the_serials_asked_for():
    serial = PROVIDER.x509.serial_number
    assert set(turning_points([CRL], frozenset({serial, 5}))) == {AT, AT + 7 * DAY, AT - DAY}
    assert set(turning_points([CRL], frozenset({5}))) == {AT, AT + 7 * DAY}


@pytest.mark.parametrize(
    "octets",
    [b"", b"0", DER[:-1], DER + b"\0", PROVIDER.certificate],
)
def test_what_is_no_crl_is_refused(octets):
    with pytest.raises(MalformedCrl):
        read_crl(octets)
