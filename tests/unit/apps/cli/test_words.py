"""Every code that the program can say has its sentence, in both languages."""

import re
import tomllib
from pathlib import Path

import pytest

import ceralacca.apps.cli
from ceralacca.apps.cli.words import LANGUAGES, Words, choose_language
from ceralacca.base.errors import OurError, UserError
from ceralacca.core.availability import Function, Verdict
from ceralacca.core.log_rules import Rule
from ceralacca.core.model.audit import AuditAct, AuditOutcome
from ceralacca.core.model.disservice import DisserviceKind
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.core.model.outcome import Mark, SealStep, SealVerdict
from ceralacca.core.model.reason import Reason
from ceralacca.core.story import RecipientOutcome
from ceralacca.lint.contradictions import Subject
from ceralacca.lint.form import FormStep
from ceralacca.lint.reason import FormReason
from ceralacca.services.verify_message import Nature

FOLDER = Path(ceralacca.apps.cli.__file__).parent / "language"
TEXTS = {language: tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")) for language in LANGUAGES}
CODES = {
    "nature": Nature,
    "row": [str(row.facts.number) for row in MessageRow],
    "proves": [*(str(row.facts.number) for row in MessageRow), "nothing", "undecided"],
    "receipt": ReceiptKind,
    "verdict": SealVerdict,
    "verdict_meaning": SealVerdict,
    "step": SealStep,
    "form_step": FormStep,
    "mark": Mark,
    "outcome": RecipientOutcome,
    "function": Function,
    "disservice_kind": DisserviceKind,
    "availability_verdict": Verdict,
    "log_rule": Rule,
    "contradiction": Subject,
    "reason": [*Reason, *FormReason],
    "log_event": LogEvent,
    "audit_act": AuditAct,
    "audit_outcome": AuditOutcome,
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("section", CODES)
def test_every_code_has_its_sentence_and_no_sentence_lacks_a_code(language, section):
    assert set(TEXTS[language][section]) == {str(code) for code in CODES[section]}


def test_both_languages_have_the_same_keys_and_values_to_fill_in():
    def holes(texts):
        return {
            (section, key): sorted(re.findall(r"{(\w+)}", sentence))
            for section, sentences in texts.items()
            for key, sentence in sentences.items()
        }

    assert holes(TEXTS["en"]) == holes(TEXTS["it"])


def test_a_label_that_does_not_exist_is_a_defect_of_ours():
    with pytest.raises(OurError, match=r"label\.nowhere"):
        Words("en")("label", "nowhere")


@pytest.mark.parametrize(
    ("option", "environment", "language"),
    [
        ("IT", {}, "it"),
        (None, {"LANG": "it_IT.UTF-8"}, "it"),
        (None, {"LANG": "it_IT.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LC_MESSAGES": "it_CH"}, "it"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, {}, "en"),
    ],
)
def test_the_option_wins_over_the_locale(option, environment, language):
    assert choose_language(option, environment) == language


def test_a_language_we_do_not_speak_is_the_users_error():
    with pytest.raises(UserError) as caught:
        choose_language("fr", {})
    assert "--lang" in caught.value.remedy
