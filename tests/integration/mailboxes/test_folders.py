"""A real Dovecot's folders: messages of ours are seen in them; none is lost while a client makes and deletes them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ceralacca.ports.mail_store import Put
from ceralacca.store.maildir_folders import name_on_disk

pytestmark = [pytest.mark.system, pytest.mark.requirement("DP-2", "DP-8")]

MESSAGE = b"Subject: prova %d\r\n\r\nBuongiorno.\r\n"
QUOTA = 2**30


def put(world, mailbox, folder, number):
    one = Put(mailbox=mailbox, name=f"{number}", octets=MESSAGE % number, quota=QUOTA, folder=folder)
    assert world.maildir.put([one]) == ["stored"]


def subjects(client, wire):
    """Which messages a folder shows, by their number; None when there is no such folder."""
    kind, data = client.select(wire, readonly=True)
    if kind != "OK":
        return None
    if data == [b"0"]:
        return []
    _, found = client.fetch("1:*", "(BODY.PEEK[])")
    octets = [bytes(one[1]) for one in found if isinstance(one, tuple)]
    numbers = [int(one.partition(b"prova ")[2].partition(b"\r\n")[0]) for one in octets]
    assert octets == [MESSAGE % number for number in numbers]
    return numbers


@pytest.mark.parametrize(
    ("folder", "wire"),
    [
        ("Clienti", '"Clienti"'),
        ("Clienti/Rossi & figli", '"Clienti/Rossi &- figli"'),
        ("Città", '"Citt&AOA-"'),
        ("日本語 100 %", '"&ZeVnLIqe- 100 %"'),
    ],
)
def test_the_server_calls_folders_on_disk_what_we_call_them(world, mailbox, folder, wire):
    with world.imap(mailbox) as client:
        assert client.create(wire)[0] == "OK"
        put(world, mailbox, folder, 1)
        assert subjects(client, wire) == [1]
        put(world, mailbox, folder, 2)  # while the folder is open
        client.noop()
        assert subjects(client, wire) == [1, 2]
        assert client.status(wire, "(UNSEEN)")[1][0].endswith(b"(UNSEEN 2)")
        assert subjects(client, "INBOX") == []
    assert (world.maildir.home(mailbox) / "Maildir" / name_on_disk(folder)).is_dir()


def test_a_folder_that_is_in_the_settings_only_is_made_when_it_is_opened(world, mailbox):
    with world.imap(mailbox) as client:
        put(world, mailbox, "Archivio", 1)
        assert subjects(client, "INBOX") == [1]
        assert subjects(client, "Archivio") == []
        put(world, mailbox, "Archivio", 2)
        assert subjects(client, "Archivio") == [2]


def test_what_the_server_counts_of_folders_is_what_the_quota_knows(world, mailbox):
    with world.imap(mailbox) as client:
        client.create('"Uno"')
        for number in range(3):
            put(world, mailbox, "Uno", number)
    (outcome,) = world.maildir.put(
        [Put(mailbox=mailbox, name="n", octets=MESSAGE % 9, quota=len(MESSAGE % 9) * 3, folder="Uno")]
    )
    assert outcome == "over-quota"


def test_a_folder_renamed_again_and_again_under_delivery_loses_and_doubles_nothing(world, mailbox):
    """The message is where the folder is, or in the inbox: whichever way the race ends."""
    many = 60
    with world.imap(mailbox) as client:
        client.create('"Uno"')
        turns = 0
        with ThreadPoolExecutor(1) as threads:
            work = threads.submit(lambda: [put(world, mailbox, "Uno", number) for number in range(many)])
            while not work.done():
                there, other = ('"Uno"', '"Due"') if turns % 2 == 0 else ('"Due"', '"Uno"')
                assert client.rename(there, other)[0] == "OK"
                turns += 1
            work.result()
        assert turns > 1
        found = [subjects(client, wire) or [] for wire in ('"Uno"', '"Due"', "INBOX")]
    assert sorted(number for some in found for number in some) == list(range(many))


def test_a_folder_deleted_and_made_again_takes_only_what_was_in_it(world, mailbox):
    """Whatever is not in a folder that was deleted with it is in the inbox: nothing is put into one that is gone."""
    many = 60
    with world.imap(mailbox) as client:
        with ThreadPoolExecutor(1) as threads:
            work = threads.submit(lambda: [put(world, mailbox, "Uno", number) for number in range(many)])
            while not work.done():
                client.create('"Uno"')
                client.delete('"Uno"')
            work.result()
        client.create('"Uno"')
        put(world, mailbox, "Uno", many)
        found = [*(subjects(client, '"Uno"') or []), *(subjects(client, "INBOX") or [])]
        assert many in found
        assert len(found) == len(set(found))
