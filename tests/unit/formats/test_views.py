"""Views are searched as the octets that they show, wherever a piece ends."""

import re
from itertools import product

import pytest

from ceralacca.formats import views
from ceralacca.formats.views import PIECE, find, is_blank, places

MARK = b"--mark"


@pytest.mark.parametrize("before", [0, 1, PIECE - len(MARK), PIECE - 3, PIECE - 1, PIECE, 2 * PIECE - 1])
@pytest.mark.parametrize("start", [0, 1, PIECE // 2])
def test_a_mark_is_found_where_it_is_found_in_octets(before, start):
    octets = b"x" * before + MARK + b"y" + MARK
    assert find(memoryview(octets), MARK, start) == find(octets, MARK, start) == octets.find(MARK, start)


def test_a_mark_that_ends_with_the_view_is_found_and_one_that_goes_beyond_is_not():
    octets = b"x" * PIECE + MARK
    assert find(memoryview(octets), MARK, 0) == PIECE
    assert find(memoryview(octets)[:-1], MARK, 0) == -1
    assert find(memoryview(octets), MARK, len(octets)) == -1


@pytest.mark.parametrize("other", [0, PIECE - 1, PIECE, 2 * PIECE])
def test_blank_is_only_what_is_blank_throughout(other):
    octets = bytearray(b" \n" * PIECE + b"x")
    assert is_blank(memoryview(octets), b" \n", 0, 2 * PIECE)
    octets[other] = 0x78
    assert is_blank(memoryview(octets), b" \n", 0, len(octets)) is False
    assert is_blank(memoryview(octets), b" \n", other + 1, 2 * PIECE)
    assert is_blank(b"x", b" ", 1, 1)


@pytest.mark.parametrize("piece", [1, 2, 3, 8])
@pytest.mark.parametrize("mark", [b"-", b"--", b"-x", b"xx", b"x-x"])
def test_places_are_those_of_an_expression_wherever_a_piece_ends(monkeypatch, piece, mark):
    monkeypatch.setattr(views, "PIECE", piece)
    for octets in map(bytes, product(b"x-", repeat=7)):
        for start, end in ((0, 7), (2, 7), (0, 5), (3, 3)):
            expected = [hit.start() for hit in re.compile(re.escape(mark)).finditer(octets, start, end)]
            assert [*places(memoryview(octets), mark, start, end)] == expected
            assert [*places(octets, mark, start, end)] == expected
