"""Identifiers and boundaries come from injected entropy and have the form of GE-29."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.base.identifiers import name_entropy, new_boundary, new_identifier, system_entropy

INSTANT = datetime(2026, 11, 5, 9, 15, 2, 123, tzinfo=UTC)


def counting():
    """Give octets that never repeat, as a test needs them."""
    count = 0

    def entropy(octets: int) -> bytes:
        nonlocal count
        count += 1
        return count.to_bytes(octets, "big")

    return entropy


@pytest.mark.requirement("GE-29")
def test_an_identifier_is_alphanumeric_with_random_and_time():
    identifier = new_identifier(INSTANT, counting(), domain="gestore-alfa.example")
    assert identifier == "pec20261105091502" + "0" * 31 + "1@gestore-alfa.example"
    assert re.fullmatch(r"[A-Za-z0-9]+@gestore-alfa\.example", identifier)


@pytest.mark.requirement("GE-29")
def test_at_least_96_random_bits_are_asked_for():
    asked = []

    def entropy(octets: int) -> bytes:
        asked.append(octets)
        return bytes(octets)

    new_identifier(INSTANT, entropy, domain="x.example")
    new_boundary(entropy)
    assert all(octets * 8 >= 96 for octets in asked)
    assert len(asked) == 2


@pytest.mark.requirement("GE-29")
def test_identifiers_sort_by_their_instants():
    instants = [INSTANT + timedelta(seconds=seconds) for seconds in (0, 1, 59, 3_600, 10**9)]
    made = [new_identifier(instant, system_entropy, domain="x.example") for instant in instants]
    assert made == sorted(made)


@pytest.mark.requirement("GE-29", "GE-30")
def test_two_of_the_same_second_differ():
    entropy = counting()
    assert len({new_identifier(INSTANT, entropy, domain="x.example") for _ in range(100)}) == 100
    assert len({new_identifier(INSTANT, system_entropy, domain="x.example") for _ in range(100)}) == 100


@pytest.mark.requirement("GE-5")
def test_a_boundary_cannot_stand_in_encoded_text():
    boundary = new_boundary(system_entropy)
    assert re.fullmatch(r"[A-Za-z0-9'()+_,./:=?-]{1,70}", boundary)
    assert "=_" in boundary  # neither quoted-printable nor base64 has these two octets side by side


@pytest.mark.requirement("GE-29", "GE-30")
def test_what_is_drawn_at_once_is_given_out_once():
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(name_entropy, [16] * 1000))
    assert len(set(given)) == 1000
    assert {len(each) for each in given} == {16}
    assert len(name_entropy(5)) == 5


@pytest.mark.requirement("GE-29")
def test_a_forked_process_draws_its_own():
    name_entropy(16)  # there are more of the same draw
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, b"".join(name_entropy(16) for _ in range(64)))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reading, 64 * 16)
    os.close(reading)
    os.close(writing)
    ours = {name_entropy(16) for _ in range(64)}
    assert not ours & {theirs[at : at + 16] for at in range(0, len(theirs), 16)}
    assert len(theirs) == 64 * 16
