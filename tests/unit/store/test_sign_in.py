"""Who signs in: one judge for all protocols, slow for guessers, fair to owners, silent about who exists."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.sign_in import SignInProtocol, SignInVerdict
from ceralacca.store import credentials, sign_in
from ceralacca.store.credentials import hash_password, is_password
from ceralacca.store.sign_in import SignIn
from ceralacca.store.sign_in_attempts import Attempt, SignInAttempts
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock

HOME, ABROAD = "192.0.2.7", "198.51.100.9"
GOOD = "una buona password"
IN, REFUSED, TOO_MANY = SignInVerdict.SIGNED_IN, SignInVerdict.REFUSED, SignInVerdict.TOO_MANY
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def good_hash():
    return hash_password(GOOD)


@pytest.fixture
def records(good_hash):
    def record(name, **named):
        return MailboxRecord(address=Address(f"{name}@Alfa.test"), **{"password_hash": good_hash} | named)

    every = [
        record("mario"),
        record("anna"),
        record("lettore", status=MailboxStatus.RECEIVE_ONLY),
        record("scaduta", ends=date(2026, 11, 4)),
        record("ultima", ends=date(2026, 11, 5)),
        record("chiusa", status=MailboxStatus.CLOSED),
        record("servizio", is_service=True),
        record("nuova", password_hash=""),
        record("guasta", password_hash="not a hash"),
    ]
    return {one.address: one for one in every}


@pytest.fixture
def clock():
    return FixedClock(NOON)


@pytest.fixture
def counted(monkeypatch):
    """Count the passwords that were hashed."""
    hashed = []

    def check(kept, password):
        hashed.append(kept)
        return is_password(kept, password)

    monkeypatch.setattr(sign_in, "is_password", check)
    return hashed


@pytest.fixture
def new(tmp_path, records, clock):
    def new(**named):
        attempts = SignInAttempts(tmp_path / "attempts")
        return SignIn(records.get, attempts=attempts, clock=clock, entropy=CountingEntropy(), **named)

    return new


@pytest.fixture
def attempt(new):
    judge = new()

    def attempt(name="mario", password=GOOD, *, protocol=SignInProtocol.SUBMISSION, peer=HOME):
        name = name if "@" in name else f"{name}@alfa.test"
        return judge.check(name, password.encode(), protocol=protocol, peer=peer)

    return attempt


@pytest.mark.requirement("AP-1", "DP-7")
def test_the_right_password_signs_in_under_the_mailbox_s_own_spelling(attempt):
    outcome = attempt("MARIO")
    assert outcome.signed_in
    assert str(outcome.mailbox) == "mario@Alfa.test"
    assert outcome.may_send_as == {Address("mario@alfa.test")}
    assert outcome.delay == 0


@pytest.mark.requirement("AP-1", "DP-7", "MO-4")
@pytest.mark.parametrize("protocol", SignInProtocol)
@pytest.mark.parametrize(
    "name", ["nessuno", "chiusa", "servizio", "nuova", "guasta", "not an address", "", "@", "x" * 9999]
)
def test_who_has_no_open_mailbox_is_refused_like_a_wrong_password(attempt, name, protocol):
    right, wrong = attempt(name, protocol=protocol), attempt("anna", "sbagliata", protocol=protocol, peer=ABROAD)
    assert right == wrong
    assert right.verdict is REFUSED


def test_an_empty_password_is_never_right(attempt):
    assert [attempt(name, "").verdict for name in ("mario", "nuova", "nessuno")] == [REFUSED] * 3


@pytest.mark.requirement("AP-2")
def test_a_mailbox_that_only_receives_is_read_but_sends_as_nobody(attempt):
    outcome = attempt("lettore")
    assert outcome.signed_in
    assert outcome.may_send_as == frozenset()


@pytest.mark.requirement("AP-2", "DP-7")
def test_a_mailbox_whose_contract_has_ended_is_read_but_sends_as_nobody(attempt, clock):
    for protocol in SignInProtocol:
        over, last = attempt("scaduta", protocol=protocol), attempt("ultima", protocol=protocol)
        assert over.signed_in
        assert (over.may_send_as, over.ends) == (frozenset(), date(2026, 11, 4))
        assert last.may_send_as == {Address("ultima@alfa.test")}
    clock.advance(timedelta(hours=11))  # midnight in Italy
    assert attempt("ultima").signed_in
    assert attempt("ultima").may_send_as == frozenset()


@pytest.mark.parametrize("name", ["mario", "nessuno", "servizio", "nuova", "not an address"])
def test_a_refusal_costs_one_hash_whoever_it_is(attempt, counted, name):
    """The same work for all, so that time does not tell who exists."""
    attempt(name, "sbagliata")
    assert len(counted) == 1


def test_a_check_without_a_kept_hash_does_the_same_work(monkeypatch):
    done = []

    class Hasher:
        def verify(self, kept, password):
            done.append(kept[:30])
            return True

    monkeypatch.setattr(credentials, "_HASHER", Hasher())
    assert not is_password("", b"x")
    assert is_password(hash_of := "$argon2id$v=19$m=19456,t=2,p=1$x$y", b"x")
    assert done == [hash_of[:30]] * 2


def test_what_is_kept_is_argon2id_and_salted():
    first, second = hash_password(GOOD), hash_password(GOOD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert is_password(first, GOOD.encode())


@pytest.mark.parametrize("password", ["", "short", "x" * 1025, "è" * 513])
def test_a_password_too_short_or_long_is_not_taken(password):
    with pytest.raises(UserError):
        hash_password(password)


def test_a_long_guess_is_not_hashed_at_length(good_hash):
    assert not is_password(good_hash, GOOD.encode() + b"\0" * 2000)
    assert not is_password(good_hash, b"x" * 10**7)


def test_a_refusal_waits_ever_longer(attempt):
    assert [attempt(password="no").delay for _ in range(5)] == [1, 2, 4, 8, 8]


def test_a_password_known_to_be_right_is_not_hashed_again_for_some_minutes(attempt, counted, clock):
    for protocol in SignInProtocol:
        assert attempt(protocol=protocol).signed_in
    assert len(counted) == 1
    assert attempt(password=GOOD + "x").verdict is REFUSED
    assert len(counted) == 2
    clock.advance(timedelta(minutes=10))
    assert attempt().signed_in
    assert len(counted) == 3


def test_from_another_network_it_is_hashed_again(attempt, counted):
    assert attempt().signed_in
    assert attempt(peer="192.0.2.200").signed_in
    assert len(counted) == 1
    assert attempt(peer=ABROAD).signed_in
    assert len(counted) == 2


def test_a_change_counts_at_once(attempt, records):
    assert attempt().signed_in
    mario = records[Address("mario@alfa.test")]
    records[mario.address] = MailboxRecord(
        address=mario.address, password_hash=mario.password_hash, status=MailboxStatus.CLOSED
    )
    assert attempt().verdict is REFUSED
    records[mario.address] = MailboxRecord(address=mario.address, password_hash=hash_password("un'altra password"))
    assert attempt().verdict is REFUSED
    assert attempt(password="un'altra password").signed_in


# -- the limiter --------------------------------------------------------------------------------------


def guess_until_shut(attempt, **named) -> int:
    for number in range(200):
        if attempt(password="no", **named).verdict is TOO_MANY:
            return number
    raise AssertionError("never shut")


def test_guesses_count_together_over_protocols_and_processes(new):
    judges = [new(), new()]
    verdicts = [
        judges[n % 2].check("mario@alfa.test", b"no", protocol=list(SignInProtocol)[n % 4], peer=f"192.0.2.{n}").verdict
        for n in range(7)
    ]
    assert verdicts == [REFUSED] * 5 + [TOO_MANY] * 2


def test_when_shut_nothing_is_hashed_and_a_right_password_waits_too(attempt, counted):
    assert guess_until_shut(attempt) == 5
    hashed = len(counted)
    assert attempt().verdict is TOO_MANY
    assert len(counted) == hashed


def test_the_door_opens_again_and_shuts_for_twice_as_long(attempt, clock):
    guess_until_shut(attempt)
    clock.advance(SECOND)
    assert attempt(password="no").verdict is REFUSED
    clock.advance(SECOND)
    assert attempt(password="no").verdict is TOO_MANY
    clock.advance(SECOND)
    assert attempt().signed_in
    assert attempt(password="no").verdict is REFUSED


def test_it_is_never_shut_for_more_than_a_quarter_of_an_hour(attempt, clock):
    for _ in range(40):
        attempt(password="no")
        clock.advance(timedelta(minutes=15))
    attempt(password="no")
    clock.advance(timedelta(minutes=15))
    assert attempt().signed_in


def test_one_password_tried_on_many_mailboxes_shuts_the_network(attempt):
    verdicts = [attempt(f"casella{n}", "no").verdict for n in range(31)]
    assert verdicts == [REFUSED] * 30 + [TOO_MANY]
    assert attempt("anna").verdict is TOO_MANY
    assert attempt("anna", peer=ABROAD).signed_in


def test_strangers_do_not_lock_the_owner_out(attempt, clock):
    assert attempt(peer=HOME).signed_in
    for network in range(100):
        attempt(password="no", peer=f"203.0.{network}.1")
    assert attempt(peer=ABROAD).verdict is TOO_MANY
    assert attempt(peer=HOME).signed_in
    clock.advance(timedelta(minutes=11))  # the right password is not remembered any more
    assert attempt(peer=HOME).signed_in


def test_counts_fade(attempt, clock):
    for _ in range(4):
        attempt(password="no")
    clock.advance(timedelta(hours=2))
    assert guess_until_shut(attempt) == 5


def test_what_is_kept_of_attempts_names_nobody(attempt, tmp_path):
    attempt(password="no")
    attempt()
    octets = b"".join(path.read_bytes() for path in tmp_path.glob("attempts*"))
    for text in (b"mario", b"alfa.test", HOME.encode(), GOOD.encode()):
        assert text not in octets


def test_old_counts_are_removed(tmp_path):
    attempts = SignInAttempts(tmp_path / "attempts")
    for number in range(63):
        attempts.failed(Attempt(account=f"{number}", peer=HOME), NOON - timedelta(days=31))
    for number in range(200):
        attempts.failed(Attempt(account=f"new {number}", peer=ABROAD), NOON)
    with attempts._open() as database:
        (kept,) = database.execute("SELECT count(*) FROM failure WHERE last < ?", (NOON.timestamp() - 1,)).fetchone()
    assert kept == 0


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:aa00::1", "2001:db8:0:aaff::2", True),
        ("2001:db8:0:aa00::1", "2001:db8:0:ab00::1", False),
        ("::ffff:192.0.2.1", "192.0.2.9", True),
        ("", "nowhere", False),
    ],
)
def test_a_network_is_a_24_or_a_56(first, second, same):
    assert (Attempt(account="x", peer=first).network == Attempt(account="x", peer=second).network) == same


def test_counts_of_many_threads_add_up(tmp_path):
    attempts = SignInAttempts(tmp_path / "attempts")
    one = Attempt(account="x", peer=HOME)
    with ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: attempts.failed(one, NOON), range(40)))
    assert sorted(counts) == list(range(1, 41))


def test_a_burst_of_guesses_gains_no_more_than_what_is_hashed_at_once(new):
    judge = new()
    with ThreadPoolExecutor(16) as threads:
        outcomes = list(
            threads.map(
                lambda _: judge.check("mario@alfa.test", b"no", protocol=SignInProtocol.IMAP, peer=HOME).verdict,
                range(32),
            )
        )
    assert 5 <= outcomes.count(REFUSED) <= 6


def test_counts_that_cannot_be_kept_let_nobody_in(attempt, tmp_path, new):
    (tmp_path / "attempts").unlink()
    (tmp_path / "attempts").write_bytes(b"not a database" * 1000)
    for side in ("attempts-wal", "attempts-shm"):
        (tmp_path / side).unlink(missing_ok=True)
    with pytest.raises(WorldError):
        new()
