"""The incoming point takes mail for our own addresses from anybody, protected or not, and relays nothing."""

import smtplib

import pytest

from ceralacca.base.errors import WorldError
from ceralacca.core.model.address import Address
from ceralacca.ports.letters import Point
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.testing.paper_cast import ALFA_SERVICE, ANNA, CARLA, COUNCIL, MARIO
from ceralacca.testing.reception import HOST, World
from ceralacca.testing.scenario import ALFA

NOBODY_HERE = Address("nessuno@pec.alfa.example")
MESSAGE = b"Subject: x\r\n\r\n.leading dot\r\ntext \xe8\r\n"


@pytest.mark.requirement("IP-1")
def test_what_ehlo_offers_is_exactly_this(incoming):
    with incoming.wire() as wire:
        assert wire.say("EHLO mx.beta.example").split("\r\n") == [
            f"250-{HOST}",
            "250-PIPELINING",
            "250-SIZE 50331648",
            "250-8BITMIME",
            "250 STARTTLS",
        ]
        wire.say("STARTTLS")
        wire.secure(incoming.context)
        assert wire.say("EHLO mx.beta.example").split("\r\n") == [
            f"250-{HOST}",
            "250-PIPELINING",
            "250-SIZE 50331648",
            "250 8BITMIME",
        ]
        assert wire.say("HELO mx.beta.example") == f"250 {HOST}"


@pytest.mark.requirement("IP-1", "IP-4")
@pytest.mark.parametrize("protected", [True, False])
def test_mail_is_taken_protected_or_not_and_which_is_recorded(incoming, protected):
    with smtplib.SMTP("127.0.0.1", incoming.port, local_hostname="mx.beta.example") as client:
        if protected:
            client.starttls(context=incoming.context)
        client.sendmail(ANNA.text, [MARIO.text, COUNCIL.text], MESSAGE, mail_options=["BODY=8BITMIME"])
    (message,) = incoming.store.messages
    assert message.point is Point.INCOMING
    assert message.octets == MESSAGE
    assert (message.reverse_path, message.forward_paths) == (ANNA, (MARIO, COUNCIL))
    assert message.peer == "mx.beta.example ([127.0.0.1])"
    assert message.authenticated == ""
    assert message.tls.startswith("TLSv1.3") is protected
    assert (b"with ESMTPS id" if protected else b"with ESMTP id") in message.trace


def test_a_null_reverse_path_and_a_strange_one_are_taken(incoming):
    with incoming.wire() as wire:
        wire.say("HELO mx.beta.example")
        for path in ("", "a..b@ditta.example", "root@localhost"):
            assert wire.say(f"MAIL FROM:<{path}>")[:3] == "250"
            assert wire.say(f"RCPT TO:<{MARIO}>")[:3] == "250"
            wire.say("DATA")
            wire.send(MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            assert wire.reply()[:3] == "250"
    assert [one.reverse_path and one.reverse_path.text for one in incoming.store.messages] == [
        None,
        "a..b@ditta.example",
        "root@localhost",
    ]
    assert b"with SMTP id" in incoming.store.messages[0].trace
    assert {one.octets for one in incoming.store.messages} == {MESSAGE}


@pytest.mark.requirement("IP-3", "AM-22")
def test_addresses_of_ours_are_taken_whether_they_exist_or_not(incoming):
    with incoming.sender(MARIO, NOBODY_HERE, "Comune@COMUNE.alfa.example", ALFA.address, ALFA_SERVICE, "PostMaster"):
        pass


@pytest.mark.requirement("IP-3")
@pytest.mark.parametrize("path", [ANNA, "a@b.example", "a@sub.pec.alfa.example", "altro@gestore-alfa.example"])
def test_nothing_is_relayed(incoming, path):
    with incoming.sender(MARIO) as wire:
        assert wire.say(f"RCPT TO:<{path}>") == f"550 5.7.1 <{path}>: Relaying denied"
        assert wire.say("RCPT TO:<senza-dominio>")[:9] == "553 5.1.3"
        assert wire.say(f'RCPT TO:<"{path}"@pec.alfa.example>')[:3] == "250"  # a local part is no route
        assert wire.say("RCPT TO:<a%b.example@c.example>")[:9] == "550 5.7.1"


@pytest.mark.requirement("IP-3")
def test_unknown_mailboxes_are_refused_where_the_provider_wants_it(open_point):
    closed = MailboxRecord(address=CARLA, status=MailboxStatus.CLOSED)
    world = World(mailboxes={MARIO: MailboxRecord(address=MARIO), CARLA: closed})
    point = open_point(access=False, accept_unknown=False, world=world)
    with point.sender(MARIO) as wire:
        for path in (NOBODY_HERE, CARLA):
            assert wire.say(f"RCPT TO:<{path}>") == f"550 5.1.1 <{path}>: Recipient address rejected: User unknown"


def test_nobody_signs_in(incoming):
    with incoming.secure_wire() as wire:
        assert wire.say("AUTH PLAIN AG1hcmlvAHNlZ3JldG8=")[:3] == "502"
    assert incoming.world.holders.attempts == []


@pytest.mark.requirement("IP-5")
def test_when_mail_could_not_be_classified_it_is_for_another_time(open_point):
    point = open_point(access=False, world=World(ready=False))
    with point.wire() as wire:
        wire.say("EHLO mx.beta.example")
        assert wire.say(f"MAIL FROM:<{ANNA}>")[:9] == "451 4.3.2"


@pytest.mark.requirement("IP-5")
def test_when_the_store_is_away_recipients_are_for_another_time(open_point):
    class Away(World):
        @property
        def domains(self):
            raise WorldError("the database is away")

        @domains.setter
        def domains(self, value):
            pass

    point = open_point(access=False, world=Away())
    with point.wire() as wire:
        wire.say("EHLO mx.beta.example")
        assert wire.say(f"MAIL FROM:<{ANNA}>")[:3] == "250"
        assert wire.say(f"RCPT TO:<{MARIO}>")[:9] == "451 4.3.2"
        assert wire.say(f"RCPT TO:<{ALFA_SERVICE}>")[:3] == "250"  # known without the store


@pytest.mark.requirement("IP-5", "IP-21")
def test_what_is_not_durable_is_not_confirmed(incoming):
    incoming.store.fails = True
    with incoming.sender(MARIO, path=ANNA) as wire:
        wire.say("DATA")
        wire.send(b"Subject: x\r\n\r\n.\r\n")
        assert wire.reply()[:9] == "451 4.3.0"


def test_a_full_disk_lets_nothing_in(tmp_path, open_point):
    from ceralacca.net.smtp_server import SpoolRoom

    point = open_point(access=False, room=SpoolRoom(tmp_path, reserve=1 << 62))
    with point.wire() as wire:
        wire.say("EHLO mx.beta.example")
        assert wire.say(f"MAIL FROM:<{ANNA}>")[:9] == "452 4.3.1"
