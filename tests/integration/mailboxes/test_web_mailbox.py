"""A mailbox as the web pages see it, over a real Dovecot: the inbox that stays open hides nothing that others do."""

import pytest

from ceralacca.net.imap_mailbox import ImapMailbox, MailServer, NotInMailbox
from ceralacca.net.imap_pool import ImapPool
from ceralacca.testing.clock import NOON

from .conftest import PASSWORD

pytestmark = pytest.mark.system


def message(number, *, subject=None):
    return f"From: Uno <a@b.example>\r\nSubject: {subject or f'Numero {number}'}\r\n\r\ntesto {number}\r\n".encode()


@pytest.fixture
def web(world, mailbox):
    """Ask as a session of the pages does: over connections that are kept."""
    pool, made = ImapPool(now=lambda: 0.0), []

    def connect():
        server = MailServer(host="127.0.0.1", port=world.port, name="localhost", tls=world.context)
        made.append(ImapMailbox(server, str(mailbox), PASSWORD.encode()))
        return made[-1]

    def web(question):
        return pool.ask("a", connect, question)

    web.connections = made
    yield web
    pool.close()


def appended(web, *, count, folder="INBOX"):
    for number in range(count):
        web(lambda box, number=number: box.append(folder, message(number), flags="", instant=NOON))


def page(folder="INBOX", *, start=0, count=3):
    return lambda box: box.page(folder, start=start, count=count)


def numbers(found):
    return [int(one.header.partition(b"Numero ")[2].split()[0]) for one in found.messages]


def test_what_others_do_to_the_open_inbox_is_on_the_next_page(world, mailbox, web):
    appended(web, count=5)
    assert numbers(web(page())) == [4, 3, 2]
    world.deliver(mailbox, message(5))
    assert web(page()).total == 6
    assert numbers(web(page())) == [5, 4, 3]
    with world.imap(mailbox) as other:
        other.select("INBOX")
        other.store("6", "+FLAGS", r"(\Seen)")
        assert [one.seen for one in web(page()).messages] == [True, False, False]
        other.store("2,5", "+FLAGS", r"(\Deleted)")
        other.expunge()
    found = web(page())
    assert (found.total, numbers(found)) == (4, [5, 3, 2])
    assert numbers(web(page(start=3))) == [0]
    world.deliver(mailbox, message(6))
    with world.imap(mailbox) as other:  # one goes and one comes between two questions
        other.select("INBOX")
        other.store("1", "+FLAGS", r"(\Deleted)")
        other.expunge()
    found = web(page())
    assert (found.total, numbers(found)) == (4, [6, 5, 3])
    assert len(web.connections) == 1


def test_a_folder_deleted_and_made_again_elsewhere_is_the_new_one(world, mailbox, web):
    web(lambda box: box.create("Pratiche"))
    appended(web, count=3, folder="Pratiche")
    first = web(page("Pratiche"))
    assert first.total == 3
    with world.imap(mailbox) as other:
        other.delete("Pratiche")
        other.create("Pratiche")
    again = web(page("Pratiche"))
    assert again.total == 0
    assert again.validity != first.validity
    with world.imap(mailbox) as other:
        other.delete("Pratiche")
    with pytest.raises(NotInMailbox):
        web(page("Pratiche"))


def test_one_message_read_marked_moved_and_gone(web):
    appended(web, count=3)
    assert web(lambda box: box.fetch("INBOX", 2)).endswith(b"testo 1\r\n")
    assert not web(lambda box: box.one("INBOX", 2))[0].seen
    web(lambda box: box.mark("INBOX", [2], flag=r"\Seen", on=True))
    listed, validity = web(lambda box: box.one("INBOX", 2))
    assert listed.seen
    assert validity == web(page()).validity
    web(lambda box: box.move("INBOX", [2], target="Archivio"))
    assert numbers(web(page())) == [2, 0]
    with pytest.raises(NotInMailbox):
        web(lambda box: box.fetch("INBOX", 2))
    web(lambda box: box.delete("INBOX", [1]))
    assert numbers(web(page())) == [2]
    assert numbers(web(page("Archivio"))) == [1]


def test_the_inbox_is_not_opened_again(world, mailbox, web, monkeypatch):
    opened, real = [], ImapMailbox._open_anew

    def open_anew(box, folder, *, readonly):
        opened.append(folder)
        return real(box, folder, readonly=readonly)

    monkeypatch.setattr(ImapMailbox, "_open_anew", open_anew)
    world.deliver(mailbox, message(0))
    for _ in range(3):
        web(page())
        web(lambda box: box.fetch("INBOX", 1))
    assert opened == ["INBOX"]
