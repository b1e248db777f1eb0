"""Which messages a search need not look at: never one that has what is searched for, read as the server reads it."""

import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceralacca.net.header_index import HeaderIndex, HeaderIndexes


def index_of(*fields):
    return HeaderIndex.nothing(7).with_messages(enumerate(fields, start=1))


def field(name, value):
    return f"{name}: {value}\r\n".encode()


def chosen(index, *texts):
    """Return the numbers up to the last known one that are possible; None for all."""
    sets = index.possible(texts)
    if sets is None:
        return None
    found = set()
    for one in b",".join(sets).decode().split(","):
        first, _, last = one.partition(":")
        found |= set(range(int(first), (index.following - 1 if last == "*" else int(last or first)) + 1))
    return found


FOLDER = index_of(
    field("From", '"Mario Rossi" <mario.rossi@comune.example>') + field("Subject", "Pratica 77") + b"\r\n",
    field("Subject", "Delibera") + field("From", "anna@ditta.example") + b"\r\n",
    b"Subject: Una pratica\r\n lunga, la 78\r\nFrom: Ufficio Gare\r\n <gare@comune.example>\r\n\r\n",
    *[field("From", f"x{n}@y.example") + field("Subject", f"Altro {n}") + b"\r\n" for n in range(100)],
)


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (("PRATICA 77",), {1}),
        (("rossi",), {1}),
        (("Pratica",), {1, 3}),
        (("pratica lunga",), {3}),  # folded, and read unfolded
        (("lunga la",), {3}),
        (("anna@ditta",), {2}),
        (("gare", "78"), {3}),
        (("gare", "delibera"), set()),
        (("rossi pratica",), set()),  # not in one field
        (("non c'è",), set()),
    ],
)
def test_plain_fields_tell_what_they_have(texts, numbers):
    assert chosen(FOLDER, *texts) == numbers


@pytest.mark.parametrize("text", ["?", "è", "", "example", "a"])
def test_what_nearly_all_may_have_is_asked_of_all(text):
    assert chosen(FOLDER, text) is None


@pytest.mark.parametrize(
    "fields",
    [
        field("Subject", "=?utf-8?q?Citt=C3=A0?="),
        field("Subject", "Città"),
        field("From", "m (Mario) <a@b.example>"),
        field("From", r'"ma\rio" <a@b.example>'),
        field("From", "a@b.example, c@d.example"),
        field("From", "gruppo: a@b.example;"),
        field("From", "nessuno"),
        field("From", "a @ b.example"),
        field("Subject", "x\0y"),
        field("Subject", "x" * 3000),
    ],
)
def test_fields_that_are_read_in_other_ways_are_always_possible(fields):
    index = index_of(fields + b"\r\n", *[field("Subject", f"Altro {n}") + b"\r\n" for n in range(10)])
    assert list(index.unsure) == [1]
    assert chosen(index, "nowhere") == {1}


_WORDS = st.text(st.sampled_from("abAB01 .,-:;@'èK"), max_size=12)


@given(st.lists(_WORDS, min_size=6, max_size=20), _WORDS)
def test_no_subject_that_has_it_is_left_out(subjects, wanted):
    index = index_of(*[field("Subject", one) + b"\r\n" for one in subjects])
    found = chosen(index, wanted)
    having = {n for n, one in enumerate(subjects, start=1) if flat(wanted) in flat(one)}
    assert found is None or having <= found


def flat(text):
    return re.sub(r"\s+", " ", text).casefold()


def test_messages_that_came_later_are_always_possible_and_are_learnt():
    later = FOLDER.following
    assert FOLDER.possible(["delibera"]) == [b"2,%d:*" % later]
    repeated = [(later - 1, field("Subject", "Delibera") + b"\r\n")]  # what the server gives for N:* without any
    more = FOLDER.with_messages([*repeated, (later + 5, field("Subject", "Delibera due") + b"\r\n")])
    assert more.possible(["delibera"]) == [b"2,%d,%d:*" % (later + 5, later + 6)]
    assert more.known == FOLDER.known + 1


def test_many_possible_messages_are_asked_for_in_several_commands():
    unsure = field("Subject", "È") + b"\r\n"
    index = index_of(*[unsure if n % 3 == 0 else field("Subject", "No") + b"\r\n" for n in range(9000)])
    sets = index.possible(["delibera"])
    assert len(sets) == 2
    assert all(len(one) < 60_000 for one in sets)
    assert chosen(index, "delibera") == {n + 1 for n in range(0, 9000, 3)}


# -- of sessions ------------------------------------------------------------------------------------


class World:
    def __init__(self, **named):
        self.now = 0.0
        self.indexes = HeaderIndexes(now=lambda: self.now, **named)


def test_a_session_knows_its_own_folders_until_it_ends_or_rests():
    world = World(keep=100)
    one, other = world.indexes.of("a"), world.indexes.of("b")
    one.put("INBOX", FOLDER)
    other.put("INBOX", FOLDER)
    assert one.get("INBOX", 7) is FOLDER
    assert one.get("INBOX", 8) is None  # another folder of this name
    assert one.get("Archivio", 7) is None
    world.indexes.forget("b")
    assert other.get("INBOX", 7) is None
    world.now = 99
    assert one.get("INBOX", 7) is FOLDER
    world.now = 198
    assert one.get("INBOX", 7) is FOLDER
    world.now = 298
    assert one.get("INBOX", 7) is None


def test_what_was_unused_for_longest_makes_room():
    world = World(most=2 * FOLDER.octets)
    known = world.indexes.of("a")
    known.put("1", FOLDER)
    known.put("2", FOLDER)
    assert known.get("1", 7)
    known.put("3", FOLDER)
    assert [bool(known.get(name, 7)) for name in "123"] == [True, False, True]


def test_a_folder_is_learnt_by_one_at_a_time():
    known = World().indexes.of("a")
    with known.learning("INBOX") as mine:
        assert mine
        told = []

        def another():
            with known.learning("INBOX") as other:
                told.append(other)

        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
        assert told == [False]
        with known.learning("Archivio") as other:
            assert other
    with known.learning("INBOX") as again:
        assert again
