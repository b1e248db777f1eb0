"""The access point takes mail from who has signed in over a protected channel, as themselves, and from nobody else."""

import smtplib
from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.net.smtp_server import Limits
from ceralacca.ports.letters import Point
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.sign_in import SignInProtocol
from ceralacca.store.credentials import hash_password
from ceralacca.store.sign_in import SignIn
from ceralacca.store.sign_in_attempts import SignInAttempts
from ceralacca.testing.clock import NOON, CountingEntropy, FixedClock
from ceralacca.testing.paper_cast import ALFA_SERVICE, ANNA, CARLA, COUNCIL, MARIO, submission
from ceralacca.testing.reception import HOST, PASSWORD, UNUSUAL_PASSWORD, Holders, World
from ceralacca.testing.scenario import ALFA

ALIAS = Address("rossi@pec.alfa.example")


def auth(login, password):
    return "AUTH PLAIN " + b64encode(f"\0{login}\0{password}".encode()).decode()


def limits(**changed):
    return Limits(sign_in_delay=0, **changed)


@pytest.mark.requirement("AP-3", "AP-4")
def test_what_ehlo_offers_is_exactly_this(access):
    with access.wire() as wire:
        assert wire.say("EHLO client.example").split("\r\n") == [
            f"250-{HOST}",
            "250-PIPELINING",
            "250-SIZE 50331648",
            "250 STARTTLS",
        ]
        assert wire.say("STARTTLS")[:3] == "220"
        wire.secure(access.context)
        protected = ["250-" + HOST, "250-PIPELINING", "250-SIZE 50331648", "250 AUTH PLAIN LOGIN"]
        assert wire.say("EHLO client.example").split("\r\n") == protected
        assert wire.say(auth(MARIO, PASSWORD))[:3] == "235"
        assert wire.say("EHLO client.example").split("\r\n") == ["250-" + HOST, "250-PIPELINING", "250 SIZE 50331648"]
    with access.secure_wire() as wire:
        assert wire.say("EHLO client.example").split("\r\n") == protected


@pytest.mark.requirement("AP-1", "AP-25")
@pytest.mark.parametrize("implicit", [True, False])
def test_a_holder_submits_with_an_ordinary_client(access, implicit):
    ports, context = access.server.ports, access.context
    if implicit:
        client = smtplib.SMTP_SSL("127.0.0.1", ports[0], context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", ports[1])
        client.starttls(context=context)
    with client:
        client.login(MARIO.text, PASSWORD)
        assert client.sendmail(MARIO.text, [ANNA.text, CARLA.text], submission(to=(ANNA, CARLA))) == {}
    (message,) = access.store.messages
    assert message.point is Point.ACCESS
    assert message.octets == submission(to=(ANNA, CARLA))
    assert (message.reverse_path, message.forward_paths) == (MARIO, (ANNA, CARLA))
    assert message.authenticated == MARIO.text
    assert message.received == NOON
    assert message.tls.startswith("TLSv1.3 ")
    assert message.peer.endswith("([127.0.0.1])")
    assert b"with ESMTPSA id " + message.key.encode() in message.trace
    assert access.world.holders.attempts == [(MARIO.text, SignInProtocol.SUBMISSION, "127.0.0.1")]


@pytest.mark.requirement("AP-1")
def test_nothing_is_taken_in_the_clear(access):
    with access.wire() as wire:
        wire.say("EHLO client.example")
        assert wire.say(auth(MARIO, PASSWORD)) == (
            "538 5.7.11 Encryption required for authentication: non e' stata utilizzata la cifratura del canale"
        )
        assert wire.say(f"MAIL FROM:<{MARIO}>") == (
            "530 5.7.0 Must issue a STARTTLS command first: non e' stata utilizzata la cifratura del canale"
        )
        assert wire.say(f"RCPT TO:<{ANNA}>")[:3] == "503"
        assert wire.say("DATA")[:3] == "503"
    assert access.world.holders.attempts == []


@pytest.mark.requirement("AP-1")
def test_nothing_is_taken_from_who_has_not_signed_in(access):
    with access.secure_wire() as wire:
        assert wire.say(f"MAIL FROM:<{MARIO}>") == "530 5.7.0 Authentication required"


@pytest.mark.requirement("AP-1")
def test_what_was_said_in_the_clear_is_forgotten(access):
    with access.wire() as wire:
        wire.say("EHLO client.example")
        wire.say("STARTTLS")
        wire.secure(access.context)
        assert wire.say(auth(MARIO, PASSWORD))[:3] == "503"
        wire.say("EHLO client.example")
        assert wire.say("STARTTLS")[:3] == "503"
        assert wire.say(auth(MARIO, PASSWORD))[:3] == "235"


def test_login_and_odd_passwords_work(access):
    with access.secure_wire() as wire:
        assert wire.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert wire.say(b64encode(CARLA.text.upper().encode()).decode()) == "334 UGFzc3dvcmQ6"
        assert wire.say(b64encode(UNUSUAL_PASSWORD.encode()).decode())[:3] == "235"
        assert wire.say(f"MAIL FROM:<{CARLA}>")[:3] == "250"
    with access.secure_wire() as wire:
        assert wire.say("AUTH PLAIN") == "334 "
        assert wire.say("*") == "501 5.7.0 Authentication cancelled"
        assert wire.say("AUTH CRAM-MD5")[:3] == "504"
        assert wire.say("AUTH PLAIN !")[:3] == "501"
        assert wire.say(auth(MARIO, PASSWORD))[:3] == "235"
        assert wire.say(auth(MARIO, PASSWORD))[:3] == "503"


@pytest.mark.requirement("SE-3")
def test_an_unknown_mailbox_and_a_wrong_password_sound_alike_and_the_third_ends_it(access):
    with access.secure_wire() as wire:
        answers = [wire.say(auth(login, "falsa")) for login in (MARIO, "nessuno@pec.alfa.example", "è")]
        assert set(answers) == {"535 5.7.8 Authentication credentials invalid"}
        assert wire.reply() == f"421 4.7.0 {HOST} Error: too many errors"
        assert wire.ended()
    assert len(access.world.holders.attempts) == 3


@pytest.mark.requirement("SE-3")
def test_the_limiter_and_a_store_that_is_away_are_temporary(access):
    access.world.holders.too_many = True
    with access.secure_wire() as wire:
        assert wire.say(auth(MARIO, PASSWORD))[:9] == "454 4.7.0"
        access.world.holders.too_many, access.world.holders.away = False, True
        assert wire.say(auth(MARIO, PASSWORD))[:9] == "454 4.7.0"
        access.world.holders.away = False
        assert wire.say(auth(MARIO, PASSWORD))[:3] == "235"


@pytest.mark.requirement("AP-2")
@pytest.mark.parametrize("path", [CARLA, COUNCIL, "altri@ditta.example", ALFA.address])
def test_the_reverse_path_belongs_to_who_signed_in(access, path):
    with access.signed_in() as wire:
        assert wire.say(f"MAIL FROM:<{path}>") == (
            f"553 5.7.1 <{path}>: Sender address rejected: not owned by user {MARIO}: "
            "le credenziali di autenticazione non sono compatibili con l'indirizzo del mittente"
        )
        assert wire.say(f"MAIL FROM:<{MARIO.text.upper()}>")[:3] == "250"


@pytest.mark.requirement("AP-2")
def test_granted_aliases_belong_too_and_a_mailbox_that_only_reads_sends_nothing(open_point):
    holders = Holders(readers=frozenset({CARLA}), aliases={MARIO: frozenset({ALIAS})})
    point = open_point(access=True, world=World(holders=holders))
    with point.signed_in() as wire:
        assert wire.say(f"MAIL FROM:<{ALIAS}>")[:3] == "250"
    with point.signed_in(CARLA, UNUSUAL_PASSWORD) as wire:
        assert wire.say(f"MAIL FROM:<{CARLA}>")[:9] == "550 5.7.1"


@pytest.fixture
def judged(tmp_path):
    """A world whose holders are judged by the real judge; Mario's contract ends today."""
    clock = FixedClock(NOON)
    records = {
        MARIO: MailboxRecord(address=MARIO, password_hash=hash_password(PASSWORD), ends=NOON.date()),
        CARLA: MailboxRecord(address=CARLA, password_hash=hash_password(PASSWORD)),
    }
    attempts = SignInAttempts(tmp_path / "attempts")
    judge = SignIn(records.get, attempts=attempts, clock=clock, entropy=CountingEntropy())
    return World(holders=judge, clock=clock), records


@pytest.mark.requirement("AP-2")
def test_a_mailbox_whose_contract_has_ended_signs_in_and_sends_nothing(open_point, judged):
    world, records = judged
    ended = (
        f"550 5.7.1 <{MARIO}>: Sender address rejected: the contract of this mailbox ended on 2026-11-05, it does not "
        "send any more: il contratto della casella e' scaduto, la casella non invia piu'"
    )
    point = open_point(access=True, world=world)
    with point.sender(ANNA) as wire:
        world.clock.advance(timedelta(hours=10, minutes=59))  # one minute before midnight in Italy
        assert wire.say("RSET")[:3] == wire.say(f"MAIL FROM:<{MARIO}>")[:3] == "250"
        assert wire.say("RSET")[:3] == "250"
        world.clock.advance(timedelta(minutes=1))
        assert wire.say(f"MAIL FROM:<{MARIO}>") == ended, "also on a connection that was there before"
    with point.signed_in() as wire:
        assert wire.say(f"MAIL FROM:<{MARIO}>") == ended
        assert wire.say(f"RCPT TO:<{ANNA}>")[:3] == "503"
    with point.signed_in(CARLA) as wire:
        assert wire.say(f"MAIL FROM:<{CARLA}>")[:3] == "250"
    records[MARIO] = replace(records[MARIO], ends=NOON.date() + timedelta(days=365))
    with point.sender(ANNA):
        pass  # renewed: it sends again


@pytest.mark.requirement("AP-14")
def test_the_null_reverse_path_is_refused(access):
    with access.signed_in() as wire:
        assert wire.say("MAIL FROM:<>")[:9] == "550 5.7.1"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("MAIL FROM:<mario@False>", "504 5.5.2 <mario@False>: Sender address rejected: need fully-qualified address"),
        ("MAIL FROM:<mario>", "504 5.5.2 <mario>: Sender address rejected: need fully-qualified address"),
        ("MAIL FROM:<mario..rossi@pec.alfa.example>", "553 5.1.7 Sender address rejected: bad address syntax"),
        ("MAIL FROM:mario.rossi@pec.alfa.example", "553 5.1.7 Sender address rejected: bad address syntax"),
        ("MAIL mario.rossi@pec.alfa.example", "501 5.5.4 Syntax: MAIL FROM:<address>"),
    ],
)
def test_malformed_senders_are_told_apart(access, command, reply):
    with access.signed_in() as wire:
        assert wire.say(command) == reply


@pytest.mark.requirement("AM-15", "AP-3")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<mario.rossi@pec.alfa.example> SMTPUTF8", "555 5.5.4"),
        ("MAIL FROM:<mario.rossi@pec.alfa.example> BODY=8BITMIME", "555 5.5.4"),
        ("MAIL FROM:<mario.rossi@pec.alfa.example> BODY=BINARYMIME", "555 5.5.4"),
        ("MAIL FROM:<mario.rossi@pec.alfa.example> RET=HDRS", "555 5.5.4"),
        ("MAIL FROM:<mario.rossi@pec.alfa.example> SIZE=x", "501 5.5.4"),
        ("MAIL FROM:<è@pec.alfa.example>", "553 5.6.7"),
        ("BDAT 3 LAST", "500 5.5.2"),
    ],
)
def test_what_is_not_offered_is_not_taken(access, command, code):
    with access.signed_in() as wire:
        assert wire.say(command)[:9] == code


@pytest.mark.requirement("AM-15")
def test_an_international_domain_goes_in_its_a_label_form(access):
    with access.sender(ANNA) as wire:
        assert wire.say("RCPT TO:<info@città.example>")[:9] == "553 5.6.7"
        assert wire.say("RCPT TO:<info@xn--citt-2na.example>")[:3] == "250"
        assert wire.say(f"RCPT TO:<{ANNA}> NOTIFY=NEVER")[:9] == "555 5.5.4"


@pytest.mark.requirement("AM-33")
@pytest.mark.parametrize("reserved", [ALFA.address, ALFA_SERVICE, ALFA.address.text.upper()])
def test_nobody_writes_to_where_receipts_come_from_and_go_to(access, reserved):
    with access.sender(ANNA) as wire:
        assert wire.say(f"RCPT TO:<{reserved}>")[:9] == "550 5.7.1"
        assert wire.say("RCPT TO:<senza-dominio>")[:9] == "504 5.5.2"
        assert wire.say("RCPT TO:<>")[:9] == "553 5.1.3"


@pytest.mark.requirement("AP-13", "SL-1")
def test_recipients_beyond_the_maximum_are_for_another_time(open_point):
    point = open_point(access=True, limits=limits(recipients=50))
    with point.sender(*(f"a{n}@pec.beta.example" for n in range(50))) as wire:
        assert wire.say("RCPT TO:<a50@pec.beta.example>") == (
            "452 4.5.3 Too many recipients: ecceduto il numero massimo di destinatari"
        )
        assert wire.say("RCPT TO:<A7@pec.beta.example>")[:3] == "250"  # is one of them already
        assert wire.say("DATA")[:3] == "354"
        wire.send(b"Subject: x\r\n\r\n.\r\n")
        assert wire.reply()[:3] == "250"
    assert len(point.store.messages[0].forward_paths) == 50


@pytest.mark.requirement("AP-13")
def test_who_has_far_too_many_recipients_still_reaches_the_first(open_point):
    point = open_point(access=True, limits=limits(recipients=50))
    with point.sender(ANNA) as wire:
        assert [wire.say(f"RCPT TO:<a{n}@pec.beta.example>")[:3] for n in range(150)] == ["250"] * 49 + ["452"] * 101
        wire.say("DATA")
        wire.send(b".\r\n")
        assert wire.reply()[:3] == "250"
    assert len(point.store.messages[0].forward_paths) == 50


@pytest.mark.requirement("AP-25")
def test_the_reply_comes_after_the_store_has_the_message(access, monkeypatch):
    reached = []
    note = lambda name: reached.append((name, len(access.store.messages)))  # noqa: E731
    monkeypatch.setattr("ceralacca.net.smtp_server.conversation.reach", note)
    with access.sender(ANNA) as wire:
        wire.say("DATA")
        assert reached == []
        wire.send(b".\r\n")
        assert wire.reply()[:3] == "250"
        assert wire.say("NOOP")[:3] == "250"
    assert reached == [("smtp.reply.before", 1), ("smtp.reply.after", 1)]


@pytest.mark.requirement("AM-30")
def test_the_same_recipient_twice_is_one(access):
    with access.sender(ANNA, ANNA.text.upper(), CARLA) as wire:
        wire.say("DATA")
        wire.send(b".\r\n")
        assert wire.reply()[:3] == "250"
    assert access.store.messages[0].forward_paths == (ANNA, CARLA)


@pytest.mark.requirement("AP-4")
def test_a_message_that_says_it_is_too_large_is_refused_before_it_is_sent(access):
    with access.signed_in() as wire:
        assert wire.say(f"MAIL FROM:<{MARIO}> SIZE=50331649") == (
            "552 5.3.4 Message size exceeds fixed limit: ecceduta la dimensione massima del messaggio"
        )
        assert wire.say(f"MAIL FROM:<{MARIO}> SIZE={10**30}")[:9] == "552 5.3.4"
        assert wire.say(f"MAIL FROM:<{MARIO}> SIZE=50331648 AUTH=<>")[:3] == "250"


@pytest.mark.requirement("AP-4")
@pytest.mark.slow
def test_a_message_that_is_too_large_is_refused_and_its_sender_stays_welcome(open_point):
    point = open_point(access=True, limits=limits(size=30 * 2**20))
    with point.sender(ANNA) as wire:
        wire.say("DATA")
        wire.send((b"x" * 1022 + b"\r\n") * (30 * 1024) + b"\r\n.\r\n")
        assert wire.reply()[:9] == "552 5.3.4"
        assert wire.say(f"MAIL FROM:<{MARIO}>")[:3] == "250"
    assert point.store.messages == []


@pytest.mark.requirement("AP-18")
def test_without_a_scanner_nothing_is_let_in(open_point):
    point = open_point(access=True, world=World(ready=False))
    with point.signed_in() as wire:
        assert wire.say(f"MAIL FROM:<{MARIO}>") == ("451 4.3.2 Try again later: il servizio non e' disponibile")
        assert wire.say("QUIT")[:3] == "221"


@pytest.mark.requirement("AP-25")
def test_what_is_not_durable_is_not_confirmed(access):
    access.store.fails = True
    with access.sender(ANNA) as wire:
        wire.say("DATA")
        wire.send(b"Subject: x\r\n\r\n.\r\n")
        assert wire.reply()[:9] == "451 4.3.0"
        access.store.fails = False
        assert wire.say(f"MAIL FROM:<{MARIO}>")[:3] == "250"  # the transaction is over, the session is not


@pytest.mark.requirement("AP-26")
def test_the_order_of_commands_is_kept(access):
    with access.signed_in() as wire:
        assert wire.say("RCPT TO:<a@b.example>")[:3] == "503"
        assert wire.say("DATA")[:3] == "503"
        assert wire.say(f"MAIL FROM:<{MARIO}>")[:3] == "250"
        assert wire.say(f"MAIL FROM:<{MARIO}>")[:3] == "503"
        assert wire.say("DATA") == "554 5.5.1 No valid recipients"
        assert wire.say("RSET")[:3] == "250"
        assert wire.say("RCPT TO:<a@b.example>")[:3] == "503"
        assert wire.say("NOOP x")[:3] == "250"
        assert wire.say(f"VRFY {MARIO}") == "252 2.1.5 Cannot verify, send mail and see"
        assert wire.say("VRFY nessuno") == "252 2.1.5 Cannot verify, send mail and see"
        assert wire.say(f"EXPN {MARIO}")[:3] == "502"
        assert wire.say("HELP")[:3] == "502"
        assert wire.say("QUIT") == "221 2.0.0 Bye"
        assert wire.ended()
