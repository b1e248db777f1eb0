"""RSA keys for tests, derived from their name: the same on every machine, secret on none.

Golden sealed messages need fixed keys, and a repository must hold no private key. So a key is
derived: a stream of SHA-256 over `TEST ONLY` and the key's name gives two starting points, and
each prime is the first one from there upwards. For the names that the tests use all the time the
distance to the prime is written down below, which saves the search (a second or so a key) and
gives nothing away that the name does not. Anybody can compute these keys: never use one for
anything but tests. `trust.software_key` loads real ones.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from math import gcd
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

_EXPONENT = 65537
_ROUNDS = 8  # of Miller-Rabin: ample for candidates that nobody chose to deceive
_SIEVE = 20_000

_DISTANCES: Final[Mapping[tuple[str, int], tuple[int, int]]] = {
    ("Gestore Alfa", 2048): (884, 2038),
    ("Gestore Alfa S.p.A.", 2048): (1072, 3222),
    ("Gestore Alfa S.p.A.", 3072): (0, 764),
    ("Gestore Alfa S.p.A.", 4096): (1652, 1632),
    ("Gestore Beta", 2048): (1086, 26),
    ("Gestore Beta S.r.l.", 2048): (3130, 92),
    ("estranea-intermedia", 2048): (904, 76),
    ("estranea-root", 2048): (1232, 1872),
    ("gestione-indice", 2048): (320, 88),
    ("giornale", 2048): (1804, 8),
    ("prova-intermedia", 2048): (1012, 132),
    ("prova-root", 2048): (1754, 332),
    ("zoo", 1024): (240, 762),
    ("zoo", 2048): (236, 104),
    ("zoo", 3072): (1608, 412),
    ("zoo-issuer", 2048): (342, 1410),
}


@cache
def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the TEST key of that name and size; the same object each time."""
    first, second = (_prime(name, bits, which) for which in (0, 1))
    p, q = max(first, second), min(first, second)
    d = pow(_EXPONENT, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


def distance(name: str, bits: int, which: int) -> int:
    """Search the distance from the starting point of that name to its prime."""
    start = _start(name, bits // 2, which)
    small = _small_primes(_SIEVE)
    remainders = [start % prime for prime in small]
    step = 0
    while True:
        if all((r + step) % prime for r, prime in zip(remainders, small, strict=True)) and _fits(start + step):
            return step
        step += 2


def _prime(name: str, bits: int, which: int) -> int:
    known = _DISTANCES.get((name, bits))
    step = known[which] if known else distance(name, bits, which)
    return _start(name, bits // 2, which) + step


def _start(name: str, bits: int, which: int) -> int:
    """Return an odd number of exactly `bits` bits whose two highest are set, so that p*q has full length."""
    stream = b"".join(
        sha256(f"TEST ONLY {name} {bits} {which} {block}".encode()).digest() for block in range(bits // 256 + 1)
    )
    number = int.from_bytes(stream[: bits // 8], "big")
    return number | (3 << (bits - 2)) | 1


def _fits(candidate: int) -> bool:
    return gcd(candidate - 1, _EXPONENT) == 1 and _is_probable_prime(candidate)


def _is_probable_prime(number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, base, odd, twos) for base in _small_primes(100)[:_ROUNDS])


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    """Miller-Rabin for one base."""
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


@cache
def _small_primes(below: int) -> tuple[int, ...]:
    sieve = bytearray([1]) * below
    sieve[:2] = b"\0\0"
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, below, number)))
    return tuple(number for number in range(below) if sieve[number])
