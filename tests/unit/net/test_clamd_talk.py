"""The order of sending and hearing, octet by octet: an answer begins after its command was sent whole, or is a lie."""

import pytest

from ceralacca.net.clamd_session import SessionEnded
from ceralacca.net.clamd_together import _Talk
from ceralacca.ports.scanner import NotScanned, NotScannedReason


class Script:
    """A session that takes and says what is written: numbers of octets that it takes, octets that it says."""

    def __init__(self, *acts: int | bytes) -> None:
        self.acts, self.number, self.until, self.taken = list(acts), 0, 0.0, 0

    def numbered(self, *octets: bytes) -> tuple[bytes, ...]:
        self.number += 1
        return octets

    def may_write(self) -> bool:
        return isinstance(self.acts[0], int)

    def write(self, left: list[memoryview]) -> int:
        size = self.acts.pop(0)
        assert isinstance(size, int)
        whole = b"".join(left)
        left[:] = [memoryview(whole[size:])] if whole[size:] else []
        return min(size, len(whole))

    def read(self) -> bytes | None:
        said = self.acts.pop(0)
        assert isinstance(said, bytes)
        return said or None

    def early(self) -> NotScanned:
        return SessionEnded("early", reason=NotScannedReason.AWAY)


WHOLE = len(b"zINSTREAM\0") + 4 + 3 + 4
ONE, TWO = b"1: stream: OK\0", b"2: stream: OK\0"


def told(*acts: int | bytes) -> bool:
    """Say whether two messages of three octets are answered in such a course of things."""
    script = Script(*acts)
    talk = _Talk(script, lambda answer: answer == "stream: OK", 1.0)  # type: ignore[arg-type]
    asked = [talk.put(octets) for octets in (b"one", b"two")]
    try:
        talk.go_on()
    except NotScanned:
        return False
    assert not script.acts
    return [one.answer for one in asked] == ["stream: OK"] * 2


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize(
    "acts",
    [
        (2 * WHOLE, ONE + TWO),
        (WHOLE, WHOLE, TWO, ONE),
        (WHOLE, ONE, WHOLE, TWO),
        (WHOLE, ONE[:1], WHOLE, ONE[1:], TWO),
        (0, WHOLE + 3, 0, ONE[:5], b"", ONE[5:], WHOLE - 3, TWO),
        (2 * WHOLE, b"", ONE + TWO[:3], b"", TWO[3:]),
    ],
)
def test_an_answer_begins_after_its_command_was_sent_whole(acts: tuple[int | bytes, ...]) -> None:
    assert told(*acts)


@pytest.mark.requirement("AP-18")
@pytest.mark.parametrize(
    "acts",
    [
        (ONE, 2 * WHOLE, TWO),
        (WHOLE - 1, ONE, WHOLE + 1, TWO),
        (WHOLE - 1, ONE[:1], WHOLE + 1, ONE[1:], TWO),
        (WHOLE, TWO, WHOLE, ONE),
        (2 * WHOLE - 1, ONE + TWO, 1),
        (2 * WHOLE - 1, ONE + TWO[:1], 1, TWO[1:]),
        (2 * WHOLE - 1, ONE[:-1], 1, ONE[-1:] + TWO[:-1] + b"\0\0"),
    ],
)
def test_one_that_begins_before_is_a_lie(acts: tuple[int | bytes, ...]) -> None:
    assert not told(*acts)
