"""publiccode.yml keeps the form that catalogues of public software read (publiccode.yml standard, core 0.4)."""

from pathlib import Path

import pytest
import yaml

import ceralacca

FILE = Path(__file__).resolve().parents[3] / "publiccode.yml"
DATA = yaml.safe_load(FILE.read_text("utf-8"))
STATUSES = {"concept", "development", "beta", "stable", "obsolete"}


@pytest.mark.parametrize(
    "key",
    [
        "publiccodeYmlVersion",
        "name",
        "url",
        "platforms",
        "developmentStatus",
        "softwareType",
        "description",
        "legal",
        "maintenance",
        "localisation",
    ],
)
def test_every_mandatory_key_is_there(key):
    assert DATA[key]


def test_the_values_of_closed_lists_are_members():
    assert DATA["developmentStatus"] in STATUSES
    assert DATA["softwareType"] == "standalone/backend"
    assert DATA["legal"]["license"] == "EUPL-1.2"
    assert DATA["maintenance"]["type"] == "community"
    assert DATA["maintenance"]["contacts"][0]["name"]


def test_it_says_the_version_of_the_package():
    assert DATA["softwareVersion"] == ceralacca.__version__


@pytest.mark.parametrize("language", ["en", "it"])
def test_descriptions_have_the_lengths_that_catalogues_take(language):
    description = DATA["description"][language]
    assert 0 < len(description["shortDescription"]) <= 150
    assert 150 <= len(description["longDescription"]) <= 10_000
    assert description["features"]
    assert all(len(feature) <= 100 for feature in description["features"])
    assert language in DATA["localisation"]["availableLanguages"]
