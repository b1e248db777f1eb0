"""The settings file: what is refused, where, with which hint; what is shown; the reference page is not stale."""

import json
import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from ceralacca.apps.client_settings import mail_services, web_address
from ceralacca.apps.settings import Settings
from ceralacca.apps.settings.documents import document
from ceralacca.apps.settings.page import reference_page, settings_text, settings_tree
from ceralacca.apps.settings.reading import BadSettings, every_field, model_of, read_settings
from ceralacca.apps.settings.sections import WorkersSection
from ceralacca.base.errors import UserError, WorldError

ROOT = Path(__file__).resolve().parents[3]
GOOD = (ROOT / "deploy" / "pec.toml").read_text()


def read(tmp_path, text):
    path = tmp_path / "pec.toml"
    path.write_text(text)
    return read_settings(path)


def faults(tmp_path, text):
    with pytest.raises(BadSettings) as caught:
        read(tmp_path, text)
    return caught.value.problems


def edited(before, after):
    assert before in GOOD
    return GOOD.replace(before, after)


def test_the_sample_is_good_and_its_paths_are_beside_it(tmp_path):
    settings = read(tmp_path, GOOD)
    assert settings.keys.certificate == tmp_path.resolve() / "keys/provider.pem"
    assert settings.data.folder == Path("/var/lib/ceralacca")
    assert settings.provider.address.domain == "alfa.example"
    assert settings.deadlines.rules().final_notice == timedelta(hours=23)


def test_settings_are_frozen(tmp_path):
    settings = read(tmp_path, GOOD)
    with pytest.raises(ValidationError):
        settings.access.port = 1


@pytest.mark.parametrize(
    ("before", "after", "where", "hint"),
    [
        ("recipients = 50", "recipiens = 50", "access.recipiens", "did you mean access.recipients?"),
        ("recipients = 50", "crl_urls = []", "access.crl_urls", "did you mean trust.crl_urls?"),
        ("[tls]", "[tsl]", "tsl", "did you mean tls?"),
        ("[tls]", "[tsl]", "tls", "add the table [tls] with certificate, key"),
        ("hostname =", "# hostname =", "provider.hostname", "Full name of this machine"),
    ],
)
def test_unknown_and_missing_keys_have_a_place_and_a_hint(tmp_path, before, after, where, hint):
    found = {problem.where: problem for problem in faults(tmp_path, edited(before, after))}
    assert hint in found[where].hint
    if found[where].line:
        named = where.rpartition(".")[2]
        assert named in edited(before, after).splitlines()[found[where].line - 1]


def test_every_fault_is_told_at_once(tmp_path):
    text = edited("recipients = 50", "port = 70000").replace("count = 2", "count = 0")
    assert {problem.where for problem in faults(tmp_path, text)} == {"access.port", "workers.count"}


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("recipients = 50", "recipients = 49", "AP-13"),
        ('limit_octets = "30 MiB"', 'limit_octets = "29 MiB"', "AP-12"),
        ('level = "info"', '[deadlines]\nfinal_notice = "25h"', "22 h"),
        ('level = "info"', '[deadlines]\nqueue_lifetime = "24h"', "final"),
    ],
)
@pytest.mark.requirement("AP-12", "AP-13", "TI-8")
def test_the_law_has_floors(tmp_path, before, after, says):
    assert any(says in problem.what for problem in faults(tmp_path, edited(before, after)))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('address = "posta-certificata@alfa.example"', 'address = "alfa"', "not a mail address"),
        ("count = 2", 'count = "2"', "integer"),
        ('level = "info"', 'level = "loud"', "'debug'"),
        ('limit_octets = "30 MiB"', 'limit_octets = "30 MB"', "number of octets"),
        ('hostname = "mail.alfa.example"', 'hostname = "mail alfa"', "host name"),
        ("[trust]", '[keys.token]\nlibrary="a"\ntoken="b"\npin_file="c"\nkey_label="d"\n[trust]', "either key"),
        ("[keys]", '[data]\nfolder = "x"\n[keys]', "not TOML"),
        (
            'folder = "/var/lib/ceralacca"',
            'folder = "d"\ndatabase = "postgresql://u:secret@h/n"',
            "password does not belong here",
        ),
        ('folder = "/var/lib/ceralacca"', 'folder = "d"\ndatabase = "mysql://h/n"', "postgresql://"),
        ('level = "info"', 'level = "info"\n[virus]\ndemo_database = true', "demonstration"),
        ('level = "info"', 'level = "info"\n[virus]\nmost_octets = "50 MiB"', "never be scanned"),
        ('level = "info"', 'level = "info"\n[virus]\nsocket = "/run/clamd"', "managed = false"),
    ],
)
def test_values_that_cannot_be(tmp_path, before, after, says):
    problems = faults(tmp_path, edited(before, after))
    assert any(says in problem.what for problem in problems), [str(one) for one in problems]


def test_the_demonstration_database_is_for_a_sandbox(tmp_path):
    text = edited("[data]", "sandbox = true\n[data]") + "[virus]\ndemo_database = true\n"
    assert read(tmp_path, text).virus.demo_database


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError) as caught:
        read_settings(tmp_path / "none.toml")
    assert "--config" in caught.value.remedy


def test_routes_are_tables_by_domain(tmp_path):
    settings = read(tmp_path, GOOD + '[relay.routes."beta.example"]\nhost = "127.0.0.1"\nport = 2525\n')
    assert settings.relay.routes["beta.example"].port == 2525
    problem = faults(tmp_path, GOOD + '[relay.routes."beta.example"]\nhots = "127.0.0.1"\n')[-1]
    assert problem.hint == "did you mean relay.routes.beta.example.host?"


def test_what_is_shown_reads_back_as_the_same_settings(tmp_path):
    settings = read(tmp_path, GOOD + '[relay.routes."beta.example"]\nhost = "127.0.0.1"\n')
    text = settings_text(settings)
    tomllib.loads(text)
    assert read(tmp_path, text) == settings
    json.dumps(settings_tree(settings))


def test_every_field_is_documented():
    sections = {model for _, field in every_field(Settings) if (model := model_of(field.annotation)) is not None}
    assert len(sections) > 20
    bare = [(model, name) for model in sections for name in model.model_fields if not document(model, name)]
    assert not bare


def test_the_sample_names_no_key_that_is_not_there(tmp_path):
    """Also those in comments."""
    known = {path.rpartition(".")[2] for path, _ in every_field(Settings)}
    assert set(re.findall(r"^# ([a-z_]+) =", GOOD, re.MULTILINE)) <= known


def test_the_reference_page_is_not_stale():
    stored = (ROOT / "docs" / "reference" / "configuration.md").read_text()
    assert stored == reference_page(), "run: pec config reference > docs/reference/configuration.md"


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ('imap = "imap alfa"', "clients.imap"),
        ('pop3 = "pop.alfa.example:0"', "clients.pop3"),
        ('submission = "smtp.alfa.example:70000"', "clients.submission"),
        ('submissions = "smtp.alfa.example:"', "clients.submissions"),
        ('web = "http://pec.alfa.example"', "clients.web"),
        ('web = "https://"', "clients.web"),
        ('web = "https://pec.alfa.example/posta"', "clients.web"),
    ],
)
def test_where_mail_programs_are_sent_is_a_place(tmp_path, line, where):
    (problem,) = faults(tmp_path, f"{GOOD}\n[clients]\n{line}\n")
    assert problem.where == where


def test_mail_programs_are_told_what_the_settings_say(tmp_path):
    told = '[clients]\nimap = "IMAP.alfa.example"\npop3 = "pop.alfa.example:1995"\nweb = "https://pec.alfa.example"\n'
    settings = read(tmp_path, f"{GOOD}\n{told}")
    places = [(one.protocol, one.host, one.port, one.security) for one in mail_services(settings)]
    host = settings.provider.hostname
    assert places == [
        ("imap", "imap.alfa.example", 993, "tls"),
        ("pop3", "pop.alfa.example", 1995, "tls"),
        ("submission", host, 465, "tls"),
        ("submission", host, 587, "starttls"),
    ]
    assert web_address(settings) == "https://pec.alfa.example"
    assert web_address(read(tmp_path, GOOD)) == f"https://{host}"


def test_a_port_that_nobody_listens_on_yet_is_not_told(tmp_path):
    settings = read(tmp_path, edited("recipients = 50", "port = 0"))
    with pytest.raises(WorldError, match="submissions"):
        mail_services(settings)


@pytest.mark.parametrize(
    ("text", "lanes"),
    [("", 2), ("count = 1", 2), ("count = 2", 1), ("count = 2\nlanes = 3", 3), ("count = 1\nlanes = 1", 1)],
)
def test_processes_that_go_on_for_each_other_have_one_lane_each(text, lanes):
    assert WorkersSection.model_validate(tomllib.loads(text)).lanes_each == lanes
