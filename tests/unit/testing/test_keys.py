import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ceralacca.testing import keys
from ceralacca.testing.authority import Authority

KNOWN = sorted(keys._DISTANCES)


@pytest.mark.parametrize(("name", "bits"), KNOWN)
def test_a_written_distance_leads_to_the_prime_that_a_search_finds_first(name, bits):
    found = keys.private_key(name, bits).private_numbers()
    assert keys._is_probable_prime(found.p)
    assert keys._is_probable_prime(found.q)
    assert found.public_numbers.n.bit_length() == bits


@pytest.mark.slow
@pytest.mark.parametrize(("name", "bits"), KNOWN)
def test_a_written_distance_is_what_the_search_gives(name, bits):
    assert tuple(keys.distance(name, bits, which) for which in (0, 1)) == keys._DISTANCES[name, bits]


def test_a_key_without_written_distance_is_searched_and_sound():
    identity = Authority.create().provider("nuovo", "a@gestore.example", key=keys.private_key("senza distanza", 1024))
    read_back = load_pem_private_key(identity.pkcs8(), None)  # checks the key's numbers
    assert read_back.key_size == 1024


def test_the_same_name_gives_the_same_key_and_another_name_another():
    numbers = [keys.private_key(name).private_numbers().d for name in ("zoo", "zoo", "giornale")]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize("number", [561, 1105, 2047, 2**128 + 1, 1373653])
def test_pseudoprimes_are_seen_through(number):
    assert not keys._is_probable_prime(number)
