"""A mailbox as the web pages see it, over a real Dovecot: the inbox that stays open hides nothing that others do,
and a search among headers that are known finds what the server's SEARCH finds.
"""

import pytest

from ceralacca.net import imap_mailbox
from ceralacca.net.imap_mailbox import ImapMailbox, MailServer, NotInMailbox
from ceralacca.net.imap_pool import ImapPool
from ceralacca.net.imap_search import Wanted
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
        made.append(ImapMailbox(server, str(mailbox), PASSWORD.encode(), known=pool.headers.of("a")))
        return made[-1]

    def web(question):
        return pool.ask("a", connect, question)

    web.connections, web.known = made, pool.headers.of("a")
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


# -- searching --------------------------------------------------------------------------------------

FROM = (
    '"Mario Rossi" <mario.rossi@comune.example>',
    "Mario.Rossi <mario.rossi@comune.example>",
    "MARIO ROSSI <m@x.example>",
    "m.rossi@comune.example (Mario, Rossi)",
    "mario . rossi @ comune.example",
    "Mario\r\n Rossi\r\n\t<mario@comune.example>",
    '"Per conto di: mario.rossi@comune.example"\r\n <posta-certificata@gestore.example>',
    r'"Ma\rio \"Il\" Rossi" <mario@comune.example>',
    "gruppo: mario@comune.example, rossi@comune.example;",
    "mario@comune.example, rossi@comune.example",
    "=?utf-8?q?Mario_R=C3=B3ssi?= <mario@comune.example>",
    "=?iso-8859-1?q?Mario_R=F3ssi?= <mario@comune.example>",
    "=?utf-8?b?TWFyaW8gUm9zc2k=?= <mario@comune.example>",
    "Mario R\u00f3ssi <mario@comune.example>",
    "ma(x)rio@comune.example",
    "mario",
    "<@via.example:mario@comune.example>",
    "",
)
SUBJECT = (
    "Pratica 77 del Comune di Citta di Castello",
    "PRATICA   77",
    "Pratica\r\n 77",
    "Pratica\t77",
    "Pratica:77",
    "Prat ica 77",
    "=?utf-8?q?Pratica_77_Citt=C3=A0?=",
    "=?utf-8?q?Prat?= =?utf-8?q?ica_77?=",
    "=?utf-8?b?UHJhdGljYSA3Nw==?=",
    "=?unknown-8bit?q?Pratica_77?=",
    "Pratica =?not a word",
    "Pratica 77 Citt\u00e0",
    "Citta\u0300",
    "Ufficio \ufb01sco",
    "Ufficio fisco \u2116 77",
    "from: mario",
    "",
)
WANTED = (
    "mario rossi", "Mario Rossi", "mario.rossi", "rossi@comune", "mario", "M", '"Mario', "<mario", "il rossi",
    "mario r\u00f3ssi", "rossi mario", "pratica 77", "PRATICA 77", "pratica  77", "pratica\t77", "pratica:77",
    "pratica77", "prat", "77", "citt\u00e0", "citta", "Citta\u0300", "CITT\u00c0 DI", "\ufb01sco", "fisco",
    "fi\u017fco", "\u2116 77", "no 77", "castello", "subject", "from: mario", "missing_domain", "MISSING", "=?utf-8",
    "?", " ", "-", "\u212aomune", "comune.example", "conto di: mario", "via.example", "gruppo", "nessuno",
)  # fmt: skip


def test_a_search_of_known_headers_finds_what_the_server_finds(web, monkeypatch):
    monkeypatch.setattr(imap_mailbox, "WORTH", 10)
    heads = [f"From: {sender}\r\nSubject: Altro\r\n" for sender in FROM]
    heads += [f"Subject: {subject}\r\nFrom: altri@y.example\r\n" for subject in SUBJECT]
    heads += [
        "Subject: Pratica 77\r\nSubject: Castello\r\n",
        "To: mario@x.example\r\n",
        "from : mario <m@x.example>\r\n",
    ]
    heads += [f"From: n{n}@y.example\r\nSubject: Altro {n}\r\n" for n in range(100)]
    for head in heads:
        web(lambda box, head=head: box.append("INBOX", f"{head}\r\ntesto\r\n".encode(), flags="", instant=NOON))
    wanted = [Wanted(**{name: text}) for text in WANTED for name in ("text", "sender", "subject")]
    wanted += [
        Wanted(text="77", unseen=True),
        Wanted(sender="mario", subject="altro"),
        Wanted(text="castello", kind="delivery"),
    ]

    def found(one):
        return [listed.uid for listed in web(lambda box: box.page("INBOX", start=0, count=500, wanted=one)).messages]

    plain = [found(one) for one in wanted]
    assert web.known.get("INBOX", web(page()).validity) is None
    web(lambda box: box.learn("INBOX"))
    index = web.known.get("INBOX", web(page()).validity)
    assert index.known == len(heads)
    narrowed = [index.possible(one.headers) is not None for one in wanted]
    assert sum(narrowed) > len(wanted) * 3 // 4
    assert [found(one) for one in wanted] == plain
    assert sum(map(bool, plain)) > len(plain) // 2
    assert len(web.connections) == 1


def test_messages_that_come_and_go_after_the_headers_were_learnt(world, mailbox, web, monkeypatch):
    monkeypatch.setattr(imap_mailbox, "WORTH", 10)
    appended(web, count=30)

    def search(text):
        return numbers(web(lambda box: box.page("INBOX", start=0, count=50, wanted=Wanted(text=text))))

    web(lambda box: box.learn("INBOX"))
    assert search("numero 2") == [29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 2]
    world.deliver(mailbox, message(201))
    assert search("numero 20") == [201, 20]
    web(lambda box: box.delete("INBOX", [21]))
    assert search("numero 20") == [201]
    appended(web, count=5)
    web(lambda box: box.learn("INBOX"))
    assert search("numero 2") == [2, 201, 29, 28, 27, 26, 25, 24, 23, 22, 21, 2]
    assert web.known.get("INBOX", web(page()).validity).known == 36


def test_a_small_folder_is_not_learnt(web):
    appended(web, count=3)
    web(lambda box: box.learn("INBOX"))
    assert web.known.get("INBOX", web(page()).validity) is None
