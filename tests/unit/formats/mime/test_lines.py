import pytest

from ceralacca.formats.mime.defects import Defect
from ceralacca.formats.mime.lines import has_long_line, is_seven_bit, line_defects

LONG = b"x" * 999


@pytest.mark.parametrize(
    ("octets", "defects"),
    [
        (b"", ()),
        (b"one\r\ntwo\r\n\r\n", ()),
        (b"one\ntwo", (Defect.BARE_LF,)),
        (b"one\rtwo\r\n", (Defect.BARE_CR,)),
        (b"one\r\r\n", (Defect.BARE_CR,)),
        (b"one\r", (Defect.BARE_CR,)),
        (b"a\x00", (Defect.NUL,)),
        (b"\xe8", (Defect.EIGHT_BIT,)),
        (b"x" * 998, ()),
        (b"x" * 998 + b"\r\n", ()),
        (b"a\r\n" + b"x" * 998 + b"\r\na", ()),
        (LONG, (Defect.LONG_LINE,)),
        (LONG + b"\r\n", (Defect.LONG_LINE,)),
        (b"a\r\n" + LONG + b"\r\n", (Defect.LONG_LINE,)),
        (b"a\r\n" + LONG, (Defect.LONG_LINE,)),
        (b"\n" + b"x" * 997 + b"\rx", (Defect.BARE_CR, Defect.BARE_LF, Defect.LONG_LINE)),
    ],
)
@pytest.mark.requirement("AP-5")
def test_line_defects(octets, defects):
    assert line_defects(octets) == defects
    assert line_defects(memoryview(octets)) == defects


@pytest.mark.parametrize("around", range((1 << 20) - 3, (1 << 20) + 2))
def test_a_line_end_across_chunks_is_one(around):
    octets = (b"x" * 100 + b"\r\n") * (around // 102) + b"y" * (around % 102) + b"\r\nz\r\n"
    assert line_defects(octets) == ()
    assert line_defects(octets.replace(b"\r\nz", b"\rz")) == (Defect.BARE_CR,)
    assert line_defects(octets.replace(b"\r\nz", b"\nz")) == (Defect.BARE_LF,)


@pytest.mark.requirement("GE-5")
def test_seven_bit():
    assert is_seven_bit(b"x" * (1 << 20) + b"\x7f")
    assert not is_seven_bit(memoryview(b"x" * (1 << 20) + b"\x80"))
    assert not has_long_line(b"")
