"""A run of pieces has the digest of the whole, however it is cut."""

from hashlib import sha256

import pytest

from ceralacca.formats.splice import Splice, sha256_of

WHOLE = bytes(range(256)) * 3


@pytest.mark.requirement("GE-31")
@pytest.mark.parametrize(
    "octets",
    [WHOLE, memoryview(WHOLE), Splice.of(WHOLE), Splice.of(WHOLE[:1], memoryview(WHOLE)[1:500], WHOLE[500:])],
    ids=["octets", "view", "one piece", "three pieces"],
)
def test_the_digest_is_that_of_the_whole_each_time(octets):
    assert [sha256_of(octets), sha256_of(octets)] == [sha256(WHOLE).hexdigest()] * 2


def test_a_digest_that_was_asked_for_changes_no_comparison():
    asked, other = Splice.of(WHOLE), Splice.of(WHOLE)
    asked.sha256()
    assert asked == other
    assert hash(asked) == hash(other)
    assert repr(asked) == repr(other)
