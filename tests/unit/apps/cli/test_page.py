import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.apps.cli.page import Page, Run, cells


def written(width, write, *, colour=False):
    stream = io.StringIO()
    write(Page(stream, width=width, colour=colour))
    return stream.getvalue()


def test_a_short_line_stands_as_it_is():
    assert written(80, lambda page: page.line(Run("one two"), indent=2)) == "  one two\n"


def test_a_long_line_breaks_between_words_under_its_indent():
    text = written(20, lambda page: page.line(Run("one two three four five six"), indent=2, hang=2))
    assert text == "  one two three four\n    five six\n"


def test_a_word_longer_than_the_line_is_cut():
    assert written(20, lambda page: page.line(Run("x" * 45))) == f"{'x' * 20}\n{'x' * 20}\n{'x' * 5}\n"


def test_columns_stand_under_each_other_and_the_last_wraps_within_itself():
    rows = [(Run("a"), Run("short")), (Run("bcd"), Run("words that do not fit in"))]
    assert written(20, lambda page: page.grid(rows)) == "a   short\nbcd words that do\n    not fit in\n"


def test_wide_and_combining_characters_are_measured_as_a_terminal_does():
    assert (cells("abc"), cells("è"), cells("e\u0300"), cells("漢字")) == (3, 1, 1, 4)
    text = written(20, lambda page: page.grid([(Run("漢字"), Run("x")), (Run("abcde"), Run("y"))]))
    assert text == "漢字  x\nabcde y\n"


def test_colours_stand_around_words_only():
    text = written(80, lambda page: page.line(Run("VALID ", "bold green"), Run("rest")), colour=True)
    assert text == "\x1b[1;32mVALID\x1b[0m rest\n"
    assert "\x1b" not in written(80, lambda page: page.line(Run("VALID", "red")))


def test_a_line_that_must_not_wrap_does_not():
    assert written(20, lambda page: page.line(Run("word " * 20), wrap=False)).count("\n") == 1


@given(
    text=st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs", "Cc"))),
    width=st.integers(20, 60),
    indent=st.integers(0, 10),
    hang=st.integers(0, 100),
)
def test_nothing_is_lost_and_no_line_is_too_wide(text, width, indent, hang):
    out = written(width, lambda page: page.line(Run(text), indent=indent, hang=hang))
    assert "".join(out.split()) == "".join(text.split())
    assert all(cells(line) <= width for line in out.splitlines() if "\u0300" not in line and len(line.split()) > 1)


@pytest.mark.parametrize("rows", [[], [(Run("only"),)]])
def test_a_grid_may_be_empty_or_have_one_column(rows):
    assert written(40, lambda page: page.grid(rows)) == "".join(f"{row[0].text}\n" for row in rows)
