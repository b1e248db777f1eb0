"""The pages' sentences: the same in both languages, and the language that the browser prefers."""

import re
import tomllib
from importlib import resources
from string import Formatter

import pytest

from ceralacca.apps.web.visit import own_place, preferred_language
from ceralacca.core.notices import NoticeKind
from ceralacca.core.transaction import RecipientState
from ceralacca.ports.safety_alarm import AlarmKind
from ceralacca.services.read_message import Standing


def sentences(language):
    text = (resources.files("ceralacca.apps.web") / "language" / f"{language}.toml").read_text("utf-8")
    sections = tomllib.loads(text)
    return {f"{section}.{key}": sentence for section, some in sections.items() for key, sentence in some.items()}


def test_both_languages_have_the_same_sentences_with_the_same_values():
    italian, english = sentences("it"), sentences("en")
    assert italian.keys() == english.keys()

    def values(text):
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert {key: values(text) for key, text in italian.items()} == {key: values(text) for key, text in english.items()}


def test_what_the_templates_say_is_there():
    known = sentences("it")
    for path in (resources.files("ceralacca.apps.web") / "templates").iterdir():
        for section, key in re.findall(r'\bt\("(\w+)", "([\w-]+)"[,)]', path.read_text("utf-8")):
            assert f"{section}.{key}" in known, f"{path.name}: {section}.{key}"


def test_every_state_and_every_standing_has_its_word():
    known = sentences("it")
    assert all(f"state.{state}" in known and f"state_meaning.{state}" in known for state in RecipientState)
    assert all(f"trust.{one}" in known and f"standing.{one}" in known for one in Standing)


def test_every_kind_of_notice_can_be_chosen_and_written_and_every_alarm_and_end_has_its_word():
    known = sentences("it")
    for kind in NoticeKind:
        section = f"notice_{kind.replace('-', '_')}"
        assert {f"notices.kind_{kind}", f"{section}.subject", f"{section}.text"} <= known.keys()
    assert {f"alarms.kind_{kind}" for kind in AlarmKind} == {key for key in known if key.startswith("alarms.kind_")}
    assert {f"end.{state}" for state in ("ahead", "tomorrow", "today", "over")} <= known.keys()


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "it"),
        ("en-GB,en;q=0.9", "en"),
        ("it-IT,it;q=0.9,en;q=0.8", "it"),
        ("de,en;q=0.4,it;q=0.2", "en"),
        ("de;q=1", "it"),
        ("en;q=0,it;q=0.1", "it"),
        (",;;q=,en;q=x", "it"),
    ],
)
def test_the_language_is_the_one_the_browser_prefers(accepted, language):
    assert preferred_language(accepted) == language


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%0d%0aLocation: https://evil.example",
        "/mail\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "/mail?next=https://evil.example",
        "mail",
        " /mail",
        "/\tevil",
        "///evil.example",
        "/.evil.example/..//evil.example",
    ],
)
def test_nobody_is_sent_to_another_site(place):
    given = own_place(place, "/mail")
    assert given == "/mail" or (given.startswith("/mail?") and "://" in given)


def test_a_page_of_ours_is_kept():
    assert own_place("/mail/message?folder=INBOX&uid=3", "/") == "/mail/message?folder=INBOX&uid=3"
