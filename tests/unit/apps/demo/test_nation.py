"""The nation's folder, its settings, its ports, and that the checks of `--once` can fail."""

import json
import os
from dataclasses import dataclass, field

import pytest

from ceralacca.apps.demo import nation as nation_module
from ceralacca.apps.demo.cast import ALFA, ANNA, BETA, GAMMA, MARIO, RUNNING, UNREACHED
from ceralacca.apps.demo.nation import set_up
from ceralacca.apps.demo.once import play_one
from ceralacca.apps.demo.ports import Ports
from ceralacca.apps.demo.scenarios import SCENARIOS, Scenario
from ceralacca.apps.demo.stage import Stage, Unexpected, expect
from ceralacca.base.errors import UserError, WorldError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "nation"
    patch = pytest.MonkeyPatch()
    patch.setattr(nation_module, "_check_way", lambda _: None)  # pytest's folders let nobody through
    yield set_up(folder, Ports(base=28000))
    patch.undo()


def test_a_second_start_finds_the_nation_and_moves_its_ports(made):
    again = set_up(made.folder, Ports(base=29000))
    assert made.is_new
    assert not again.is_new
    assert again.passwords == made.passwords
    assert again.settings(ALFA).access.port == 29010
    set_up(made.folder, Ports(base=28000))


def test_nobody_else_reads_keys_and_passwords(made):
    assert made.folder.stat().st_mode & 0o077 in ({0o011} if os.geteuid() == 0 else {0})
    for path in made.folder.rglob("*"):
        if path.name in {"key.pem", "nation.json"} or (path.parent.name == "keys" and path.suffix == ".key"):
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_settings_route_everybody_but_whom_nobody_reaches(made):
    routes = made.settings(ALFA).relay.routes
    assert set(routes) == {*BETA.all_domains, *GAMMA.all_domains, "ditta.example"} - {UNREACHED.domain}
    assert not made.settings(ALFA).relay.dns
    assert made.settings(BETA).virus.demo_database
    assert made.settings(BETA).provider.sandbox


def test_holders_have_mailboxes_and_the_service_mailbox_has_no_password(made):
    for provider in RUNNING:
        store = made.store(provider)
        records = {record.address: record for record in store.mailboxes()}
        store.close()
        assert set(records) == {provider.service_mailbox, *(holder.address for holder in provider.holders)}
        assert records[provider.service_mailbox].is_service
        assert records[provider.service_mailbox].password_hash == ""


def test_a_folder_of_something_else_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(nation_module, "_check_way", lambda _: None)
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="something else"):
        set_up(tmp_path, Ports())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_unfinished_nation_is_made_anew(made, tmp_path, monkeypatch):
    monkeypatch.setattr(nation_module, "_check_way", lambda _: None)
    (tmp_path / "nation" / "authority").mkdir(parents=True)
    assert set_up(tmp_path / "nation", Ports()).is_new


def test_an_account_is_what_the_screen_prints(made):
    account = nation_module.account_in(made.folder, MARIO)
    assert (account.submission_port, account.imap_port) == (28010, 28013)
    assert account.password == json.loads((made.folder / "nation.json").read_bytes())["passwords"][MARIO.text]
    assert account.password not in repr(account)
    with pytest.raises(UserError, match="no mailbox"):
        nation_module.account_in(made.folder, UNREACHED)
    with pytest.raises(UserError, match="no demo"):
        nation_module.account_in(made.folder / "alfa", ANNA)


@pytest.mark.parametrize("base", [80, 65530])
def test_a_port_base_out_of_range_is_refused(base):
    with pytest.raises(UserError, match="port-base"):
        Ports(base=base)


def test_all_ports_differ():
    assert len(set(Ports().each())) == len(Ports().each())


# -- the checks can fail ----------------------------------------------------------------------------------


@dataclass
class QuietLookout:
    stores: dict = field(default_factory=dict)

    def rest(self):
        return []


@pytest.mark.parametrize("error", [Unexpected("a message too many"), WorldError("gone"), ConnectionResetError("cut")])
def test_a_scenario_that_goes_wrong_does_not_hold(error):
    def play(_stage):
        raise error

    outcome = play_one(Stage(None, QuietLookout(), None), Scenario(id="T-01", expects="", play=play))
    assert not outcome.holds
    assert str(error) in outcome.faults[0]


def test_what_the_checks_found_counts_even_when_the_scenario_went_well():
    def play(stage):
        stage.faults.append("row 3: openssl: verification failure")

    assert not play_one(Stage(None, QuietLookout(), None), Scenario(id="T-01", expects="", play=play)).holds


def test_nothing_where_something_must_come_is_unexpected():
    with pytest.raises(Unexpected, match="expected mario"):
        Stage(None, QuietLookout(), None).settle({MARIO: [3]})
    expect(True, "holds")


def test_every_scenario_has_one_name():
    assert len({one.id for one in SCENARIOS}) == len(SCENARIOS)
