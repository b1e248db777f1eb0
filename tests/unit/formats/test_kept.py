import pytest

from ceralacca.formats.kept import kept


def test_short_octets_are_read_once_and_long_ones_each_time():
    seen = []

    @kept(entries=2, most_octets=3)
    def read(octets: bytes) -> int:
        seen.append(octets)
        return len(octets)

    assert [read(b"abc"), read(b"abc"), read(b"abcd"), read(b"abcd")] == [3, 3, 4, 4]
    assert seen == [b"abc", b"abcd", b"abcd"]
    read(b"1")
    read(b"2")
    read(b"abc")
    assert seen[-1] == b"abc"  # pushed out by two others


def test_text_is_kept_as_octets_are():
    seen = []

    @kept(entries=2, most_octets=3)
    def read(text: str) -> str:
        seen.append(text)
        return text.upper()

    assert [read("è"), read("è"), read("long"), read("long")] == ["È", "È", "LONG", "LONG"]
    assert seen == ["è", "long", "long"]


def test_failures_are_not_kept():
    calls = []

    @kept(entries=2, most_octets=3)
    def read(octets: bytes) -> None:
        calls.append(octets)
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011
            read(b"x")
    assert len(calls) == 2
