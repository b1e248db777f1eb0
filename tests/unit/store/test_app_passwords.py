"""App passwords: kept as hashes, good for what they were made for, ended at once; one judge for them and the rest."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.apps.app_passwords import issue_app_password
from ceralacca.base.errors import UserError
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.address import Address
from ceralacca.ports.app_password import MOST_APP_PASSWORDS, AppPassword, bare_letters
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.second_factor import Totp
from ceralacca.ports.sign_in import SignInProtocol, SignInVerdict
from ceralacca.store import sign_in
from ceralacca.store.credentials import hash_password, is_password
from ceralacca.store.sign_in import SignIn
from ceralacca.store.sign_in_attempts import SignInAttempts
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock
from ceralacca.testing.memory_app_passwords import MemoryAppPasswords
from ceralacca.testing.memory_second_factors import MemorySecondFactors

pytestmark = pytest.mark.requirement("SE-3")

ANNA, BRUNO = Address("Anna.Bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
MAIN = "la password di Anna"
IMAP, POP3, SUBMISSION, WEB = (SignInProtocol(name) for name in ("imap", "pop3", "submission", "web"))
HOUR = timedelta(hours=1)


def one(selector="abcd", mailbox=ANNA, **named):
    fields = {"label": "Thunderbird però \0", "protocols": frozenset({IMAP, SUBMISSION}), "password_hash": "a hash"}
    return AppPassword(mailbox=mailbox, selector=selector, **fields | {"created": NOON} | named)


# -- kept -------------------------------------------------------------------------------------------


def test_one_is_read_back_under_any_spelling_of_its_mailbox(app_passwords):
    app_passwords.add(one())
    assert app_passwords.find(Address(ANNA.text.upper().replace("PEC.BETA", "pec.beta")), "abcd") == one()
    assert app_passwords.find(BRUNO, "abcd") is None
    assert app_passwords.find(ANNA, "abce") is None


def test_those_of_a_mailbox_come_with_the_newest_first(app_passwords):
    kept = [one("aaaa"), one("bbbb", created=NOON + HOUR), one("cccc", created=NOON - HOUR)]
    for entry in (*kept, one("dddd", BRUNO)):
        app_passwords.add(entry)
    assert [entry.selector for entry in app_passwords.of_mailbox(ANNA)] == ["bbbb", "aaaa", "cccc"]


def test_use_is_recorded_to_the_hour(app_passwords):
    app_passwords.add(one())
    for minutes, used in ((0, NOON), (59, NOON), (60, NOON + HOUR)):
        app_passwords.touch(ANNA, "abcd", now=NOON + timedelta(minutes=minutes))
        assert app_passwords.find(ANNA, "abcd") == one(used=used)


def test_one_is_revoked_once_and_by_its_own_mailbox_only(app_passwords):
    app_passwords.add(one())
    assert not app_passwords.revoke(BRUNO, "abcd")
    assert app_passwords.revoke(ANNA, "abcd")
    assert not app_passwords.revoke(ANNA, "abcd")
    assert app_passwords.of_mailbox(ANNA) == []


def test_there_are_no_two_with_a_selector_and_no_more_than_the_most(app_passwords):
    app_passwords.add(one())
    with pytest.raises(UserError):
        app_passwords.add(one())
    for number in range(1, MOST_APP_PASSWORDS):
        app_passwords.add(one(f"a{number:03}"))
    with pytest.raises(UserError):
        app_passwords.add(one("zzzz"))
    app_passwords.add(one("zzzz", BRUNO))


# -- made -------------------------------------------------------------------------------------------


def test_what_is_kept_is_a_hash_and_what_is_shown_fits_it():
    kept = MemoryAppPasswords()
    made, shown = issue_app_password(kept, ANNA, " Telefono ", [IMAP], entropy=system_entropy, now=NOON)
    assert kept.find(ANNA, shown[:4]) == made
    assert (made.label, made.used, len(shown)) == ("Telefono", None, 24)
    assert shown.replace("-", "") not in made.password_hash
    assert is_password(made.password_hash, bare_letters(shown.encode()))


@pytest.mark.parametrize(("label", "protocols"), [("", [IMAP]), ("x" * 81, [IMAP]), ("x", []), ("x", [WEB, IMAP])])
def test_one_without_a_name_or_a_use_or_for_the_web_is_not_made(label, protocols):
    kept = MemoryAppPasswords()
    with pytest.raises(UserError):
        issue_app_password(kept, ANNA, label, protocols, entropy=system_entropy, now=NOON)
    assert kept.of_mailbox(ANNA) == []


# -- judged -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def record():
    return MailboxRecord(address=ANNA, password_hash=hash_password(MAIN))


@pytest.fixture
def records(record):
    return {ANNA: record}


@pytest.fixture
def kept():
    return MemoryAppPasswords()


@pytest.fixture
def factors():
    return MemorySecondFactors()


@pytest.fixture
def check(kept, factors, records, tmp_path):
    clock = FixedClock(NOON)
    judge = SignIn(
        records.get,
        attempts=SignInAttempts(tmp_path / "attempts"),
        clock=clock,
        entropy=CountingEntropy(),
        app_passwords=kept,
        second_factors=factors,
    )

    def check(password, protocol=IMAP, *, mailbox=ANNA.text, peer="192.0.2.7"):
        return judge.check(mailbox, password.encode(), protocol=protocol, peer=peer)

    return check


@pytest.fixture
def shown(kept):
    return issue_app_password(kept, ANNA, "Telefono", [IMAP, SUBMISSION], entropy=system_entropy, now=NOON)[1]


@pytest.mark.requirement("AP-1", "AP-2", "DP-7")
def test_it_opens_its_protocols_and_no_other(check, shown):
    for protocol in (IMAP, SUBMISSION):
        outcome = check(shown, protocol)
        assert (outcome.mailbox, outcome.app_password) == (ANNA, shown[:4])
        assert outcome.may_send_as == {ANNA}
    for protocol in (POP3, WEB):
        assert check(shown, protocol).verdict is SignInVerdict.REFUSED


def test_it_may_be_typed_without_what_stands_between_its_groups(check, shown):
    assert check(shown.replace("-", "")).signed_in
    assert check(shown.replace("-", " ")).signed_in
    assert not check(shown.upper()).signed_in
    assert not check(shown[:-1]).signed_in


def test_its_use_is_recorded(check, shown, kept):
    assert kept.find(ANNA, shown[:4]).used is None
    assert check(shown).signed_in
    assert kept.find(ANNA, shown[:4]).used == NOON


def test_a_revoked_one_opens_nothing_at_once(check, shown, kept):
    assert check(shown).signed_in  # and is remembered for a while
    kept.revoke(ANNA, shown[:4])
    assert check(shown).verdict is SignInVerdict.REFUSED


def test_one_that_lost_a_protocol_does_not_open_it_by_being_remembered(check, shown, kept):
    assert check(shown, SUBMISSION).signed_in
    entry = kept.find(ANNA, shown[:4])
    kept.revoke(ANNA, entry.selector)
    kept.add(replace(entry, protocols=frozenset({IMAP})))
    assert check(shown).signed_in
    assert not check(shown, SUBMISSION).signed_in


def test_it_opens_no_other_mailbox_and_no_closed_one(check, shown, records, record):
    records[BRUNO] = replace(record, address=BRUNO)
    assert not check(shown, mailbox=BRUNO.text).signed_in
    records[ANNA] = replace(record, status=MailboxStatus.CLOSED)
    assert not check(shown).signed_in


def test_the_main_password_still_opens_everything(check, shown):
    for protocol in SignInProtocol:
        outcome = check(MAIN, protocol)
        assert outcome.signed_in
        assert outcome.app_password == ""


@pytest.mark.parametrize("mailbox", [ANNA.text, "nessuno@pec.beta.example", "not an address"])
def test_a_guess_costs_one_hash_whoever_it_is(check, shown, mailbox, monkeypatch):
    hashed = []

    def counting(kept, password):
        hashed.append(kept)
        return is_password(kept, password)

    monkeypatch.setattr(sign_in, "is_password", counting)
    assert not check(f"{shown[:4]}-aaaa-aaaa-aaaa-aaaa", mailbox=mailbox).signed_in
    assert len(hashed) == 1


def test_guesses_count_together_with_those_of_the_main_password(check, shown):
    for number in range(30):
        verdict = check(f"{shown[:4]}-aaaa-aaaa-aaaa-aaaa" if number % 2 else "sbagliata").verdict
        if verdict is SignInVerdict.TOO_MANY:
            break
    else:
        raise AssertionError("the limiter never shut")
    assert check(MAIN).verdict is SignInVerdict.TOO_MANY


# -- with a second factor ---------------------------------------------------------------------------


@pytest.fixture
def guarded(factors):
    factors.put_totp(Totp(mailbox=ANNA, sealed=b"", last_step=0, created=NOON))


@pytest.mark.requirement("AP-1", "DP-7")
def test_with_a_second_factor_the_main_password_opens_no_program(check, guarded, shown):
    for protocol in (IMAP, POP3, SUBMISSION):
        assert check(MAIN, protocol).verdict is SignInVerdict.REFUSED
    assert check(shown, IMAP).signed_in
    assert not check(shown, IMAP).owes_factor
    half = check(MAIN, WEB)
    assert (half.signed_in, half.owes_factor) == (True, True)


def test_a_password_that_is_remembered_counts_no_more_once_the_factor_is_on(check, factors):
    assert check(MAIN).signed_in
    factors.put_totp(Totp(mailbox=ANNA, sealed=b"", last_step=0, created=NOON))
    assert not check(MAIN).signed_in
    factors.reset(ANNA)
    assert check(MAIN).signed_in
    assert not check(MAIN, WEB).owes_factor


def test_a_program_that_keeps_the_main_password_shuts_nobody_out(check, guarded, shown):
    verdicts = {check(MAIN).verdict for _ in range(20)}
    assert SignInVerdict.TOO_MANY in verdicts, "it is shut out itself"
    assert check(shown).signed_in
    assert check(MAIN, WEB).signed_in


@pytest.mark.parametrize("protocol", [IMAP, WEB])
def test_the_right_password_of_a_guarded_mailbox_looks_like_a_wrong_one_to_programs(
    check, guarded, monkeypatch, protocol
):
    hashed = []

    def counting(kept, password):
        hashed.append(kept)
        return is_password(kept, password)

    monkeypatch.setattr(sign_in, "is_password", counting)
    right, wrong = check(MAIN, protocol, peer="192.0.2.8"), check("sbagliata", protocol, peer="198.51.100.8")
    assert len(hashed) == 2
    assert (right == wrong) == (protocol is IMAP)


def test_failures_of_a_known_browser_count_for_it_alone(records, tmp_path):
    judge = SignIn(
        records.get,
        attempts=SignInAttempts(tmp_path / "attempts"),
        clock=FixedClock(NOON),
        entropy=CountingEntropy(),
    )

    def check(password, device=""):
        return judge.check(ANNA.text, password.encode(), protocol=WEB, peer="192.0.2.7", device=device)

    while check("sbagliata").verdict is not SignInVerdict.TOO_MANY:
        pass
    assert check(MAIN).verdict is SignInVerdict.TOO_MANY
    assert check(MAIN, device="d" * 64).signed_in
