"""What the command says, in English and Italian: one TOML file a language, looked up by code.

The program below speaks in codes (enum members, reason codes); only this module and its files
know sentences. A test holds that both files have the same keys and every code has its sentence.
"""

import locale
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from ceralacca.base.errors import OurError, UserError

LANGUAGES = ("en", "it")


class Words:
    """The sentences of one language, of the command line or of another part that has a folder of language files."""

    def __init__(self, language: str, *, package: str = __package__) -> None:
        self.language = language
        self._sections = _read(language, package)

    def __call__(self, section: str, key: str, /, **values: object) -> str:
        """Return the sentence `key` of `section` with its values filled in.

        Raises OurError when there is none: every code has its sentence.
        """
        try:
            return self._sections[section][key].format_map(values)
        except KeyError as error:
            raise OurError(f"no sentence {section}.{key} in {self.language}.toml") from error

    def find(self, section: str, key: str) -> str:
        """Return a sentence that may be missing, such as a remedy; empty when it is."""
        return self._sections.get(section, {}).get(key, "")


@cache
def _read(language: str, package: str) -> Mapping[str, Mapping[str, str]]:
    text = (resources.files(package) / "language" / f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def choose_language(option: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return `en` or `it`: the option, else the locale of the environment, else English.

    Raises UserError for an option that is neither.
    """
    if option is not None:
        if option.lower() not in LANGUAGES:
            raise UserError(f"--lang {option}: not a language of this program", remedy="give --lang en or --lang it")
        return option.lower()
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(variable)
        if value:
            name = (locale.normalize(value) or value).lower()
            return "it" if name.startswith("it") else "en"
    return "en"
