"""The commands about a provider, over a real store in a folder: what they change, say and refuse; both languages."""

import json
from datetime import date, timedelta

import pytest

from ceralacca.core.delivery_rules import MessageSort, Rule
from ceralacca.core.model.address import Address
from ceralacca.core.model.audit import AuditAct
from ceralacca.core.model.log import LogEvent, LogRow
from ceralacca.ports.audit import AuditQuery
from ceralacca.ports.delivery_rules import RuleBook
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.safety_alarm import AlarmKind
from ceralacca.ports.second_factor import Totp
from ceralacca.ports.store import Commit, JobKind, NewJob
from ceralacca.store.credentials import is_password
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, provider_record

pytestmark = pytest.mark.usefixtures("config")

ANNA = Address("anna@alfa.example")


def answer(pec, *arguments, status=0):
    return json.loads(pec(*arguments, "--json", status=status).out)


# -- config -------------------------------------------------------------------------------------------


def test_config_check_tells_every_fault_with_its_line(pec, config):
    config.write_text(config.read_text().replace("hostname", "hostnam"))
    told = pec("config", "check", str(config), status=2)
    assert "line 6, provider.hostnam" in told.err
    assert "did you mean provider.hostname?" in told.err
    problems = answer(pec, "config", "check", str(config), status=2)["problems"]
    assert {one["key"] for one in problems} == {"provider.hostname", "provider.hostnam"}


def test_config_check_looks_at_the_files_too(pec, config):
    told = pec("config", "check", str(config), status=2)
    assert "none.pem" in told.out
    assert answer(pec, "config", "check", str(config), status=2)["good"] is False


def test_config_show_has_the_defaults_and_no_secret(pec, config):
    assert 'final_notice = "23h"' in pec("config", "show", str(config)).out
    assert answer(pec, "config", "show", str(config))["access"]["recipients"] == 50


def test_settings_that_are_bad_stop_every_command(pec, config):
    config.write_text(config.read_text() + "[acess]\n")
    for command in (
        ["serve"],
        ["doctor"],
        ["queue", "list"],
        ["trace", "x"],
        ["domain", "list"],
        ["directory", "show"],
    ):
        assert "did you mean access?" in pec(*command, status=2).err


def test_without_a_settings_file(pec, monkeypatch):
    monkeypatch.setenv("PEC_CONFIG", "/nowhere/pec.toml")
    assert "--config" in pec("doctor", status=2).err


def test_no_role_of_that_name(pec):
    assert "access" in pec("serve", "acess", status=2).err


# -- domains and mailboxes ----------------------------------------------------------------------------


def test_domains_are_added_and_listed(pec, store):
    pec("domain", "add", "Alfa.example")
    assert answer(pec, "domain", "list") == {"alfa.example": 0}
    assert "not a mail address" in pec("domain", "add", "no domain", status=2).err


def test_the_dns_records_of_a_domain_are_told(pec, store, config):
    config.write_text(config.read_text() + '[clients]\nimap = "imap.alfa.example"\nweb = "https://pec.alfa.example"\n')
    pec("domain", "add", "alfa.example")
    told = pec("domain", "dns", "Alfa.example").out
    assert "alfa.example. IN MX 10 mail.alfa.example." in told
    assert "_imaps._tcp.alfa.example. IN SRV 0 1 993 imap.alfa.example." in told
    assert "_submissions._tcp.alfa.example. IN SRV 20 1 465 mail.alfa.example." in told
    assert all(line.startswith(";") or " IN " in line for line in told.splitlines())
    records = answer(pec, "domain", "dns", "alfa.example")
    assert {"name": "autoconfig.alfa.example.", "kind": "CNAME", "value": "pec.alfa.example."} in records
    assert "not served" in pec("domain", "dns", "beta.example", status=2).err


@pytest.mark.requirement("MO-2", "MO-8")
def test_a_domain_of_another_provider_is_not_served(pec, store, monkeypatch):
    listed = directory_of(
        provider_record("Beta Prova", ["beta.example"]), provider_record("ALFA prova", ["alfa.example"])
    )
    monkeypatch.setattr("ceralacca.apps.offices.LocalDirectory", lambda folder: lambda: listed)
    assert "Beta Prova" in pec("domain", "add", "BETA.example", status=2).err
    pec("domain", "add", "alfa.example")
    pec("domain", "add", "new.example")  # to be published yet
    assert answer(pec, "domain", "list") == {"alfa.example": 0, "new.example": 0}


def test_a_mailbox_is_opened_with_a_password_made_here(pec, store):
    pec("domain", "add", "alfa.example")
    made = answer(pec, "mailbox", "add", ANNA.text, "--quota", "2 GiB", "--ordinary-mail", "reject")
    record = store.mailbox(ANNA)
    assert record.quota == 2 * 2**30
    assert record.ordinary_mail == "reject"
    assert is_password(record.password_hash, made["password"].encode())
    assert "there already" in pec("mailbox", "add", ANNA.text, status=2).err


@pytest.mark.requirement("IP-20")
def test_ordinary_mail_goes_by_mailbox_then_domain_then_provider(pec, store, config):
    usual = '[mailboxes]\nordinary_mail = "discard"\n[mailboxes.domains."Beta.example"]\nordinary_mail = "reject"\n'
    config.write_text(config.read_text() + usual)
    for domain in ("alfa.example", "beta.example"):
        pec("domain", "add", domain)
        pec("mailbox", "add", f"anna@{domain}")
    pec("mailbox", "add", "bruno@beta.example", "--ordinary-mail", "anomaly")
    found = {record.address.text: record.ordinary_mail.value for record in store.mailboxes()}
    assert found == {"anna@alfa.example": "discard", "anna@beta.example": "reject", "bruno@beta.example": "anomaly"}
    assert "reject" in pec("config", "show", str(config)).out


@pytest.mark.requirement("IP-20")
def test_the_front_office_sees_the_policy_and_what_the_holder_may_choose(pec, config):
    usual = '[mailboxes.domains."beta.example"]\nholders_choose = ["anomaly", "discard"]\n'
    config.write_text(config.read_text() + usual)
    for domain in ("alfa.example", "beta.example"):
        pec("domain", "add", domain)
        pec("mailbox", "add", f"anna@{domain}")
    pec("mailbox", "ordinary-mail", "anna@beta.example", "forward:anna@posta.example")
    assert answer(pec, "mailbox", "policy", "anna@beta.example") == {
        "address": "anna@beta.example",
        "ordinary_mail": "forward",
        "forward_to": "anna@posta.example",
        "usual": "anomaly",
        "holders_choose": ["anomaly", "discard"],
    }
    assert answer(pec, "mailbox", "policy", "anna@alfa.example")["holders_choose"] == ["anomaly", "reject", "forward"]
    assert "anomaly, discard" in pec("mailbox", "policy", "anna@beta.example").out
    assert "no mailbox" in pec("mailbox", "policy", "nobody@beta.example", status=2).err


@pytest.mark.requirement("DP-8")
def test_the_front_office_sees_the_rules_in_their_order(pec, store):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", ANNA.text)
    assert answer(pec, "mailbox", "rules", ANNA.text)["rules"] == []
    assert "no rules" in pec("mailbox", "rules", ANNA.text).out
    rules = (
        Rule(key="a", name="Fatture", folder="Uno", subject="fattura", files=True, at_least=1024),
        Rule(key="b", name="Avvisi", folder="Due", sorts=frozenset({MessageSort.NOTICE}), active=False),
    )
    store.rule_books().change(RuleBook(mailbox=ANNA, rules=rules), now=NOON)
    told = answer(pec, "mailbox", "rules", ANNA.text)
    assert (told["version"], [one["name"] for one in told["rules"]]) == (1, ["Fatture", "Avvisi"])
    assert told["rules"][1] | {"name": ""} == {
        "name": "", "active": False, "folder": "Due", "sorts": ["notice"], "sender": "", "recipient": "",
        "subject": "", "at_least": None, "at_most": None, "files": None,
    }  # fmt: skip
    shown = pec("mailbox", "rules", ANNA.text).out
    assert "subject contains fattura" in shown
    assert "with attachments" in shown


@pytest.mark.requirement("IP-20")
def test_ordinary_mail_is_passed_on_by_mailbox_domain_or_provider(pec, store, config, monkeypatch):
    usual = '[mailboxes]\nordinary_mail = "forward:tutti@posta.example"\n'
    config.write_text(config.read_text() + usual)
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", ANNA.text)
    assert store.mailbox(ANNA).forward_to == Address("tutti@posta.example")
    changed = answer(pec, "mailbox", "ordinary-mail", ANNA.text, "forward:anna@posta.example", "--purpose", "ferie")
    assert (changed["ordinary_mail"], changed["forward_to"]) == ("forward", "anna@posta.example")
    assert "passed on to anna@posta.example" in pec("mailbox", "list").out
    assert store.audit.after(0)[-1].event.detail == {"ordinary-mail": "forward:anna@posta.example"}
    pec("mailbox", "ordinary-mail", ANNA.text, "anomaly")
    assert store.mailbox(ANNA).forward_to is None
    for bad in ("forward", "forward:", "forward:nobody", "elsewhere"):
        assert "forward" in pec("mailbox", "ordinary-mail", ANNA.text, bad, status=2).err


@pytest.mark.requirement("IP-20", "MO-2")
def test_ordinary_mail_is_not_passed_on_into_pec(pec, store, monkeypatch):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", ANNA.text)
    listed = directory_of(provider_record("Beta Prova", ["beta.example"]))
    monkeypatch.setattr("ceralacca.apps.offices.LocalDirectory", lambda folder: lambda: listed)
    for target in ("bruno@alfa.example", "bruno@beta.example"):
        told = pec("mailbox", "ordinary-mail", ANNA.text, f"forward:{target}", status=2)
        assert "address of PEC" in told.err
        more = ("--ordinary-mail", f"forward:{target}")
        assert "address of PEC" in pec("mailbox", "add", "carla@alfa.example", *more, status=2).err
    assert store.mailbox(ANNA).ordinary_mail == "anomaly"


def test_a_password_from_a_file_is_never_shown(pec, store, tmp_path):
    pec("domain", "add", "alfa.example")
    secret = tmp_path / "secret"
    secret.write_text("una frase segreta\naltro\n")
    told = pec("mailbox", "add", ANNA.text, "--password-file", str(secret))
    assert "segreta" not in told.out
    assert is_password(store.mailbox(ANNA).password_hash, b"una frase segreta")
    secret.write_text("un'altra frase\n")
    pec("mailbox", "passwd", ANNA.text, "--password-file", str(secret))
    assert is_password(store.mailbox(ANNA).password_hash, b"un'altra frase")


def test_a_domain_that_is_not_served_has_no_mailboxes(pec, store):
    assert "not served" in pec("mailbox", "add", ANNA.text, status=2).err


def test_a_mailbox_is_closed_or_receives_only(pec, store):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", ANNA.text)
    pec("mailbox", "close", ANNA.text, "--receive-only")
    assert store.mailbox(ANNA).status == "receive-only"
    pec("mailbox", "close", ANNA.text)
    assert [(one["address"], one["status"]) for one in answer(pec, "mailbox", "list")] == [(ANNA.text, "closed")]
    assert "closed" in pec("mailbox", "list", "alfa.example").out


@pytest.mark.requirement("MO-4")
def test_the_service_mailbox_is_nobodys(pec, store):
    service = Address("ricevute@alfa.example")
    store.add_domain("alfa.example", now=NOON)
    store.put_mailbox(MailboxRecord(address=service, is_service=True), now=NOON)
    for act in ("passwd", "close"):
        assert "service mailbox" in pec("mailbox", act, service.text, status=2).err
    assert not store.mailbox(service).password_hash


def test_nobody_closes_what_is_not_there(pec, store):
    assert "no mailbox" in pec("mailbox", "close", ANNA.text, status=2).err


def test_the_last_day_of_a_mailbox_is_given_moved_and_taken_away(pec, store):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", ANNA.text, "--ends", "2999-12-31")
    assert store.mailbox(ANNA).ends == date(2999, 12, 31)
    assert "ends on 2999-12-31" in pec("mailbox", "list").out
    assert answer(pec, "mailbox", "set", ANNA.text, "--ends", "2020-02-29")["ends"] == "2020-02-29"
    assert answer(pec, "mailbox", "show", ANNA.text)["ends"] == "2020-02-29"
    assert "ended on 2020-02-29: receives and is read, does not send" in pec("mailbox", "show", ANNA.text).out
    assert "scaduta il 2020-02-29" in pec("mailbox", "set", ANNA.text, "--ends", "2020-02-29", "--lang", "it").out
    pec("mailbox", "set", ANNA.text, "--no-end", "--purpose", "renewed", "--ticket", "4711")
    assert store.mailbox(ANNA).ends is None
    assert [one["ends"] for one in answer(pec, "mailbox", "list")] == [None]
    assert "no end is recorded" in pec("mailbox", "show", ANNA.text).out
    told = store.audit.search(AuditQuery(acts=frozenset({AuditAct.MAILBOX_CHANGED})))
    assert [one.event.detail["ends"] for one in told] == ["none", "2020-02-29", "2020-02-29"]
    assert (told[0].event.purpose, told[0].event.ticket) == ("renewed", "4711")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["add", "--ends", "2020-12-31"], "that day is over"),
        (["add", "--ends", "31/12/2999"], "not a day"),
        (["set", "--ends", "29991231"], "write 2999-12-31"),
        (["set", "--ends", "2999-02-29"], "not a day"),
        (["set"], "--no-end"),
        (["set", "--ends", "2999-12-31", "--no-end"], "--no-end"),
        (["set", "--ends", "2999-12-31"], "no mailbox"),
        (["show"], "no mailbox"),
    ],
)
def test_what_is_no_last_day_changes_nothing(pec, store, command, said):
    pec("domain", "add", "alfa.example")
    assert said in pec("mailbox", command[0], ANNA.text, *command[1:], status=2).err
    assert store.mailbox(ANNA) is None


# -- queue --------------------------------------------------------------------------------------------


@pytest.fixture
def job(store):
    later = NOON + timedelta(days=40_000)
    new = NewJob(key="relay:1", kind=JobKind.RELAY, due=later, payload={"domain": "beta.example"})
    store.commit([Commit(instant=NOON, jobs=(new,))])
    return store.jobs()[0].id


def test_the_queue_is_listed_and_shown(pec, job):
    listed = answer(pec, "queue", "list")
    assert listed["figures"]["relay"]["waiting"] == 1
    assert listed["jobs"][0]["payload"] == {"domain": "beta.example"}
    assert "relay" in pec("queue", "list", "--kind", "relay").out
    assert "beta.example" in pec("queue", "show", str(job)).out
    assert answer(pec, "queue", "show", str(job))["job"] == job


def test_a_job_is_held_and_let_go(pec, store, job):
    pec("queue", "hold", str(job))
    assert store.job(job).held
    assert answer(pec, "queue", "list")["figures"]["relay"]["held"] == 1
    pec("queue", "retry", str(job))
    found = store.job(job)
    assert not found.held
    assert found.due < NOON + timedelta(days=40_000)


def test_retry_all_tries_what_was_put_off_and_neither_deadlines_nor_what_is_held(pec, store, job):
    later = NOON + timedelta(days=40_000)
    others = [NewJob(key=f"{kind}:1", kind=kind, due=later, payload={}) for kind in (JobKind.DEADLINE, JobKind.ARRIVAL)]
    store.commit([Commit(instant=NOON, jobs=tuple(others))])
    (held,) = store.jobs(kind=JobKind.ARRIVAL)
    pec("queue", "hold", str(held.id))
    assert answer(pec, "queue", "retry", "--all") == {str(job): True}
    assert store.job(job).due < later
    assert [one.due for one in store.jobs(kind=JobKind.DEADLINE)] == [later]


def test_what_is_not_there_is_said(pec, job):
    assert "no job" in pec("queue", "show", "999", status=2).err
    assert answer(pec, "queue", "hold", "999", status=1) == {"999": False}
    assert "--all" in pec("queue", "retry", status=2).err
    assert "no kind" in pec("queue", "list", "--kind", "relays", status=2).err


# -- trace --------------------------------------------------------------------------------------------


def test_a_transaction_is_told_with_both_clocks(pec, store):
    row = LogRow(
        instant=NOON, event=LogEvent.SUBMISSION, identifier="pec1@alfa.example", client_message_id="<m1@c.example>",
        sender=ANNA, concerned=(Address("x\u202e@b.example"),), detail="prova",
    )  # fmt: skip
    store.commit([Commit(instant=NOON, log=(row,))])
    told = pec("trace", "pec1@alfa.example").out
    assert "2026-11-05 12:00:00" in told
    assert "13:00:00+0100" in told
    assert "\u202e" not in told  # what a stranger wrote does not act on the terminal
    (plain,) = answer(pec, "trace", "m1@c.example")["rows"]
    assert plain["sender"] == ANNA.text
    assert "nothing of nobody" in pec("trace", "nobody", status=2).err


# -- doctor, directory --------------------------------------------------------------------------------


def test_the_doctor_of_a_provider_that_never_ran(pec, monkeypatch):
    monkeypatch.setenv("CERALACCA_TEST_FAILPOINT", "nowhere.before")
    told = answer(pec, "doctor", status=1)
    levels = {one["code"]: one["level"] for one in told["findings"]}
    for code in ("failpoint", "certificate-unreadable", "secret-missing", "not-running", "port", "scanner-away",
                 "directory-none", "crl-none", "store-none"):  # fmt: skip
        assert levels[code] == "failed", code
    assert all(one["remedy"] for one in told["findings"] if one["level"] == "failed")
    assert "WRONG" in pec("doctor", status=1).out


def test_it_speaks_italian(pec):
    assert "ERRORE" in pec("doctor", "--lang", "it", status=1).out


def test_secrets_that_others_can_read_are_found(pec, config):
    (config.parent / "none.key").write_text("secret")
    (config.parent / "none.key").chmod(0o644)
    told = answer(pec, "doctor", status=1)["findings"]
    assert any(one["code"] == "secret-open" and "chmod 600" in one["remedy"] for one in told)


def test_directory_commands_without_a_copy(pec, store):
    assert "fetch it" in pec("directory", "show", status=2).err
    assert "domain add" in pec("directory", "export", "out.p7m", status=2).err


# -- app passwords ------------------------------------------------------------------------------------


@pytest.mark.requirement("SE-3")
def test_an_app_password_is_made_shown_once_and_revoked(pec, store):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", "anna@alfa.example")
    made = answer(pec, "mailbox", "app-password", "add", "anna@alfa.example", "Telefono", "--protocol", "pop3")
    assert made["protocols"] == ["pop3"]
    kept = store.app_passwords().find(ANNA, made["selector"])
    assert is_password(kept.password_hash, made["password"].replace("-", "").encode())
    (listed,) = answer(pec, "mailbox", "app-password", "list", "anna@alfa.example")
    assert listed == {name: value for name, value in made.items() if name != "password"}
    told = pec("mailbox", "app-password", "list", "anna@alfa.example", "--lang", "it").out
    assert "Telefono" in told
    assert "mai usata" in told
    assert made["password"] not in told
    pec("mailbox", "app-password", "revoke", "anna@alfa.example", made["selector"])
    assert answer(pec, "mailbox", "app-password", "list", "anna@alfa.example") == []
    told = pec("mailbox", "app-password", "revoke", "anna@alfa.example", made["selector"], status=2)
    assert "app-password list" in told.err


@pytest.mark.requirement("SE-3")
def test_making_and_revoking_app_passwords_is_audited_without_the_secret(pec, store):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", "anna@alfa.example")
    made = answer(pec, "mailbox", "app-password", "add", "anna@alfa.example", "Telefono")
    pec("mailbox", "app-password", "revoke", "anna@alfa.example", made["selector"])
    entries = [entry.event for entry in store.audit.after(0)]
    assert [str(event.act) for event in entries[-2:]] == ["app-password.added", "app-password.revoked"]
    assert entries[-2].detail == {"label": "Telefono", "protocols": "imap submission"}
    assert made["password"] not in repr(entries)


def test_an_app_password_is_not_for_the_web_nor_for_the_service_mailbox(pec, store):
    pec("domain", "add", "alfa.example")
    store.put_mailbox(MailboxRecord(address=ANNA, is_service=True), now=NOON)
    assert "service mailbox" in pec("mailbox", "app-password", "add", "anna@alfa.example", "x", status=2).err
    told = pec("mailbox", "app-password", "add", "anna@alfa.example", "x", "--protocol", "web", status=2)
    assert "imap, pop3, submission" in told.err


@pytest.mark.requirement("SE-3", "SE-4")
def test_second_factors_are_shown_without_a_secret_and_reset_for_a_purpose(pec, store):
    pec("domain", "add", "alfa.example")
    pec("mailbox", "add", "anna@alfa.example")
    factors, show = store.second_factors(), ("mailbox", "second-factor", "show", "anna@alfa.example")
    reset = ("mailbox", "second-factor", "reset", "anna@alfa.example")
    assert answer(pec, *show)["on"] is False
    assert "show anna@alfa.example" in pec(*reset, "--purpose", "carta d'identità", status=2).err
    factors.put_totp(Totp(mailbox=ANNA, sealed=b"sealed", last_step=0, created=NOON))
    factors.put_recovery_codes(ANNA, ["a hash"])
    shown = answer(pec, *show)
    assert (shown["on"], shown["totp"], shown["recovery_codes"]) == (True, NOON.isoformat(), 1)
    assert "codici di recupero rimasti" in pec(*show, "--lang", "it").out
    for purpose in ((), ("--purpose", " ")):
        pec(*reset, *purpose, status=2)
    assert factors.is_on(ANNA)
    pec(*reset, "--purpose", "carta d'identità vista", "--ticket", "4711")
    assert not factors.is_on(ANNA)
    last = [entry.event for entry in store.audit.after(0)][-1]
    assert (str(last.act), last.purpose, last.ticket) == ("second-factor.reset", "carta d'identità vista", "4711")
    assert last.mailbox == ANNA
    (alarm,) = store.safety_alarms().unsent()
    assert alarm.alarm.kind is AlarmKind.FACTORS_RESET
