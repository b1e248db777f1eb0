"""What holders see through IMAP and POP3 of what the delivery point stored, over real Dovecot."""

import hashlib
import re
from datetime import timedelta

import pytest

pytestmark = pytest.mark.system

ODD = [
    b"Subject: prova\r\n\r\nBuongiorno.\r\n",
    b"",
    b"\r\n",
    b"Subject: senza fine di riga\r\n\r\nfine",
    b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n",
    b"Subject: 8 bit\r\nX: \xe8\xff\r\n\r\n\x80\x81\xfe\r\n",
    b"Subject: bare cr\r\n\r\nb\rc\r\n",  # NUL cannot pass IMAP: no door lets it in
    b"no header at all\r\n",
    b"From root@x Mon Jan  1 00:00:00 2001\r\nSubject: mbox\r\n\r\nFrom here\r\n>From there\r\n",
    b"X: " + b"y" * 2_000 + b"\r\n\r\n" + b"z" * 2_000 + b"\r\n",
]


def big(megabytes=30) -> bytes:
    line = bytes(range(33, 109)) + b"\r\n"
    return b"Subject: grande\r\n\r\n" + line * (megabytes * 2**20 // len(line))


def fetch(client, number=b"1") -> bytes:
    status, answer = client.fetch(number, "(BODY.PEEK[])")
    assert status == "OK"
    return answer[0][1]


@pytest.mark.requirement("DP-2", "MO-9")
@pytest.mark.parametrize("octets", ODD, ids=range(len(ODD)))
def test_imap_and_pop3_show_the_octets_that_were_stored(world, mailbox, octets):
    world.deliver(mailbox, octets)
    with world.imap(mailbox) as client:
        client.select()
        assert fetch(client) == octets
        _, answer = client.fetch(b"1", "(RFC822.SIZE)")
        assert int(re.search(rb"RFC822.SIZE (\d+)", answer[0])[1]) == len(octets)
    with world.pop(mailbox) as client:
        assert client.stat() == (1, len(octets))
        _, lines, _ = client.retr(1)
        # POP3 ends every message with a line end.
        assert b"\r\n".join(lines) == (octets.removesuffix(b"\r\n") if octets.strip() else b"")


@pytest.mark.requirement("DP-2", "MO-9")
def test_thirty_megabytes_come_back_as_they_were(world, mailbox):
    octets = big()
    world.deliver(mailbox, octets)
    with world.imap(mailbox) as client:
        client.select()
        assert hashlib.sha256(fetch(client)).digest() == hashlib.sha256(octets).digest()
    with world.pop(mailbox) as client:
        _, lines, _ = client.retr(1)
        assert b"\r\n".join(lines) + b"\r\n" == octets


def test_messages_stand_in_the_order_of_their_delivery(world, mailbox):
    for number in range(12):
        world.deliver(mailbox, b"Subject: %d\r\n\r\n" % number)
        world.clock.advance(timedelta(microseconds=1) if number % 2 else timedelta(seconds=1))
    with world.imap(mailbox) as client:
        client.select()
        subjects = [int(fetch(client, b"%d" % (number + 1)).split()[1]) for number in range(12)]
    assert subjects == list(range(12))


def test_a_waiting_client_is_told_of_a_delivery(world, mailbox):
    with world.imap(mailbox) as client:
        client.select()
        client.send(b"a1 IDLE\r\n")
        assert client.readline().startswith(b"+ ")
        world.deliver(mailbox, ODD[0])
        told = [client.readline()]
        while b"EXISTS" not in told[-1]:  # bounded by the client's time-out
            told.append(client.readline())
        assert told[-1] == b"* 1 EXISTS\r\n"
        client.send(b"DONE\r\n")
        while not told[-1].startswith(b"a1 OK"):
            told.append(client.readline())


def test_special_folders_are_there_at_first_use(world, mailbox):
    with world.imap(mailbox) as client:
        _, folders = client.list()
        found = {
            re.search(rb'"/" "?([^"]+)', line)[1]: re.search(rb"\\(Sent|Drafts|Trash|Archive)", line)
            for line in folders
        }
        uses = {name.decode(): match and match[1].decode() for name, match in found.items()}
        assert uses == {"INBOX": None, "Inviata": "Sent", "Bozze": "Drafts", "Cestino": "Trash", "Archivio": "Archive"}
        assert client.append("Inviata", r"(\Seen)", None, ODD[0])[0] == "OK"
        assert client.select("Inviata") == ("OK", [b"1"])


@pytest.mark.requirement("DP-3")
@pytest.mark.parametrize("act", ["seen", "moved", "copied and deleted", "deleted", "popped"])
def test_a_redo_after_the_holder_has_been_there_delivers_nothing(world, mailbox, act):
    world.deliver(mailbox, ODD[0], name="pec1/x/delivery")
    if act == "popped":
        with world.pop(mailbox) as client:
            client.dele(1)
            client.quit()
    else:
        with world.imap(mailbox) as client:
            client.select()
            if act == "moved":
                client._simple_command("MOVE", "1", "Archivio")
            elif act == "copied and deleted":
                client.copy("1", "Archivio")
            if "deleted" in act:
                client.store("1", "+FLAGS", r"(\Deleted)")
                client.expunge()
            if act == "seen":
                client.store("1", "+FLAGS", r"(\Seen \Flagged)")
    (outcome,) = world.maildir.put([put(mailbox, "pec1/x/delivery", ODD[0])])
    assert outcome == "already-there"
    assert world.maildir.holds(mailbox, "pec1/x/delivery") == (act in {"seen", "moved", "copied and deleted"})
    with world.imap(mailbox) as client:
        assert client.select() == ("OK", [b"1" if act == "seen" else b"0"])


def put(mailbox, name, octets, quota=2**30):
    from ceralacca.ports.mail_store import Put

    return Put(mailbox=mailbox, name=name, octets=octets, quota=quota)


@pytest.mark.requirement("DP-5")
def test_delivery_and_server_count_the_same_quota(world):
    mailbox = world.open_mailbox("piena@alfa.test", quota=100_000)
    message = b"Subject: x\r\n\r\n" + b"y" * 29_984 + b"\r\n"
    assert len(message) == 30_000
    outcomes = [world.maildir.put([put(mailbox, f"{n}", message, 100_000)])[0] for n in range(4)]
    assert outcomes == ["stored"] * 3 + ["over-quota"]
    with world.imap(mailbox) as client:
        client.select()
        _, ((_,), (usage,)) = client.getquotaroot("INBOX")
        assert usage == b"Casella (STORAGE 88 98)"  # in 1,024 octets, rounded up
        assert client.append("Bozze", None, None, message)[0] == "NO"
        client.store("1", "+FLAGS", r"(\Deleted)")
        client.expunge()
    assert world.maildir.put([put(mailbox, "4", message, 100_000)]) == ["stored"]


def test_a_receipt_is_found_by_the_message_it_refers_to(world, mailbox):
    count = 5_000
    batch = [
        put(mailbox, f"{n}", b"X-Riferimento-Message-ID: <%d@client.test>\r\nSubject: %d\r\n\r\nx\r\n" % (n, n))
        for n in range(count)
    ]
    assert set(world.maildir.put(batch)) == {"stored"}
    with world.imap(mailbox) as client:
        client.select()
        for wanted in (0, 1234, count - 1):
            found = client.search(None, "HEADER", "X-Riferimento-Message-ID", f'"<{wanted}@client.test>"')
            assert found == ("OK", [b"%d" % (wanted + 1)])
        # Answered from the index from now on: the files are not opened any more.
        cached = (world.maildir.home(mailbox) / "Maildir" / "dovecot.index.cache").read_bytes()
        assert b"X-Riferimento-Message-ID: <1234@client.test>" in cached


@pytest.mark.slow
def test_a_receipt_is_found_among_a_hundred_thousand(world, mailbox):
    count = 100_000
    for start in range(0, count, 10_000):
        world.maildir.put(
            [
                put(
                    mailbox,
                    f"{n}",
                    b"X-Riferimento-Message-ID: <%d@client.test>\r\nSubject: %d\r\n\r\n%d\r\n" % (n, n, n),
                )
                for n in range(start, start + 10_000)
            ]
        )
        world.clock.advance(timedelta(seconds=1))
    with world.imap(mailbox) as client:
        for wanted in (0, 77_777, count - 1):
            client.select()
            found = client.search(None, "HEADER", "X-Riferimento-Message-ID", f'"<{wanted}@client.test>"')
            assert found == ("OK", [b"%d" % (wanted + 1)])
