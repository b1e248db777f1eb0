import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.apps.cli.safe_names import safe_name, unused_name, visible


@pytest.mark.parametrize(
    ("suggested", "safe"),
    [
        ("contratto.pdf", "contratto.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\boot.ini", "C__boot.ini"),
        ("a\x00b\r\n.txt", "a_b__.txt"),
        ("fattura\u202efdp.exe", "fatturafdp.exe"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        (".bashrc", "bashrc"),
        ("", "x.bin"),
        (None, "x.bin"),
        ("///", "x.bin"),
        ("..", "x.bin"),
        ("perizia città.pdf", "perizia città.pdf"),
    ],
)
def test_a_name_of_others_becomes_a_plain_file_name(suggested, safe):
    assert safe_name(suggested, fallback="x.bin") == safe


def test_a_long_name_keeps_its_extension():
    name = safe_name("a" * 5000 + ".pdf", fallback="x")
    assert len(name) == 120
    assert name.endswith(".pdf")


@given(st.text())
def test_no_name_can_leave_its_folder(text):
    name = safe_name(text, fallback="x.bin")
    assert name
    assert not set(name) & set('/\\\x00:*?"<>|')
    assert not name.startswith(".")
    assert len(name) <= 121


def test_a_taken_name_gets_a_number_whatever_its_case():
    taken = set()
    assert [unused_name(name, taken) for name in ("a.pdf", "A.pdf", "a.pdf", "b", "b")] == [
        "a.pdf",
        "A-2.pdf",
        "a-3.pdf",
        "b",
        "b-2",
    ]


def test_direction_marks_and_controls_are_made_visible():
    assert visible("a\u202eb\x1b[0m ok è") == "a\\u202eb\\u001b[0m ok è"
