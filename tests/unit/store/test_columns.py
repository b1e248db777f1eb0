"""Texts in columns: what anybody wrote comes back to the letter, and most of it stands there as it is."""

from hypothesis import given
from hypothesis import strategies as st

from ceralacca.store.columns import MARK, is_storable, storable, unmarked

_TEXTS = st.text() | st.text(alphabet=[MARK, "\x00", "\ud800", "\U0001f4e8", "a", "\x7f"])


@given(_TEXTS)
def test_a_text_comes_back_and_a_column_takes_it(text):
    stands = storable(text)
    assert unmarked(stands) == text
    assert "\x00" not in stands
    stands.encode()


@given(st.lists(_TEXTS))
def test_pieces_of_what_is_storable_stand_as_they_are(texts):
    if is_storable("".join(texts)):
        assert list(map(storable, texts)) == texts
