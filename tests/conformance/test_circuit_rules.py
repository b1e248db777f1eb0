"""Rules at the delivery point: where each kind of message goes, and that no rule ever stands in a message's way."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ceralacca.core.delivery_rules import MessageSort, Rule
from ceralacca.core.model.address import Address
from ceralacca.ports.delivery_rules import RuleBook
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.store import JobKind
from ceralacca.testing.paper_cast import ANNA, BETA_SERVICE, BRUNO, MARIO, NOBODY, submission
from ceralacca.testing.scenario import INSTANT

from .circuit_scripts import ENVELOPE, from_outside

pytestmark = pytest.mark.requirement("DP-2", "DP-8")


def want(live, holder, **conditions):
    """Give a holder one rule."""
    books = live.home(holder).store.rule_books()
    rule = Rule(key="1", name="regola", folder="Altrove", **conditions)
    books.change(RuleBook(mailbox=holder, version=books.current(holder).version, rules=(rule,)), now=INSTANT)


def elsewhere(live, holder):
    """How many messages of a holder went into the folder, of how many."""
    mail = live.home(holder).mail
    return len(mail.folders.get(holder, {})), len(mail.letters(holder))


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"sorts": frozenset({MessageSort.CERTIFIED})}, 1),
        ({"sorts": frozenset({MessageSort.ANOMALY})}, 0),
        ({"sender": "MARIO.ROSSI@"}, 1),
        ({"sender": "posta-certificata@"}, 0),
        ({"recipient": "bruno"}, 1),
        ({"subject": "POSTA CERTIFICATA: "}, 1),
        ({"files": False}, 1),
        ({"files": True}, 0),
        ({"at_least": 10**6}, 0),
    ],
)
def test_a_certified_message_goes_where_its_reader_wants_it_as_it_was_sealed(live, conditions, count):
    want(live, ANNA, **conditions)
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry()
    assert elsewhere(live, ANNA) == (count, 1)
    assert elsewhere(live, BRUNO) == (0, 1)
    assert live.mailbox(ANNA) == live.mailbox(BRUNO) == live.of(ENVELOPE)
    assert live.told()[MARIO] == [3, 10, 10]


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"sorts": frozenset({MessageSort.ACCEPTANCE})}, 1),
        ({"sorts": frozenset({MessageSort.DELIVERY})}, 1),
        ({"sorts": frozenset({MessageSort.NOTICE})}, 1),
        ({"sorts": frozenset({MessageSort.DELIVERY, MessageSort.NOTICE}), "recipient": ANNA.text}, 1),
        ({"recipient": NOBODY.text}, 2),  # the acceptance names all, the notice is about one
        ({"sender": "posta-certificata@"}, 3),
        ({"files": True}, 0),
    ],
)
def test_receipts_go_where_their_reader_wants_them(live, conditions, count):
    want(live, MARIO, **conditions)
    live.submit(submission(to=[ANNA, NOBODY]))
    live.carry()
    assert elsewhere(live, MARIO) == (count, 3)


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({"sorts": frozenset({MessageSort.ANOMALY})}, 1),
        ({"sorts": frozenset({MessageSort.CERTIFIED})}, 0),
        ({"sender": "info@ditta.example"}, 1),
        ({"subject": "offerta"}, 1),
        ({"files": True}, 1),
    ],
)
def test_ordinary_mail_goes_by_what_was_wrapped(live, conditions, count):
    want(live, ANNA, **conditions)
    head = b"From: info@ditta.example\r\nTo: anna@x.example\r\nSubject: Un'offerta\r\nMIME-Version: 1.0\r\n"
    body = b'Content-Type: text/plain; name="listino.txt"\r\n\r\nciao\r\n'
    from_outside(head + body, Address("info@ditta.example"), ANNA)(live)
    live.carry()
    assert elsewhere(live, ANNA) == (count, 1)


def test_the_service_mailbox_has_no_rules(live):
    want(live, BETA_SERVICE, at_least=0)
    live.submit(submission(sender=ANNA, to=[MARIO]), sender=ANNA, recipients=(MARIO,))
    live.carry()
    done, there = elsewhere(live, BETA_SERVICE)
    assert (done, there > 0) == (0, True)


@pytest.mark.parametrize("trouble", ["rules", "message"])
def test_whatever_is_wrong_with_rules_the_message_is_in_the_inbox_at_once(live, monkeypatch, trouble):
    want(live, ANNA, at_least=0)
    name = "rules" if trouble == "rules" else "unused"

    def broken(*_):
        raise ValueError("a sort of a later release; anna@pec.beta.example")

    if trouble == "rules":
        monkeypatch.setattr(type(live.beta.store), name, broken)
    else:
        monkeypatch.setattr("ceralacca.services.choose_folder.traits_of", broken)
    with capture_logs() as lines:
        live.submit(submission())
        live.carry()
    assert elsewhere(live, ANNA) == (0, 1)
    assert live.told()[MARIO] == [3, 10]
    told = [one for one in lines if one["event"] == "rules left out"]
    assert told
    assert all(one["error"] == "ValueError" and "@" not in str(one) for one in told)


def test_a_rule_changed_between_two_tries_delivers_once(live):
    want(live, ANNA, at_least=0)
    live.submit(submission())
    live.carry(holding=[ENVELOPE])
    live.wire.hand_over(live.take(ENVELOPE))
    live.beta.work(kinds=[JobKind.ARRIVAL])
    (job,) = live.beta.claim(kinds=[JobKind.DELIVERY])
    live.beta.decide([job])  # stored, and then the process dies before its commit
    want(live, ANNA, subject="niente di simile")
    live.clock.advance(timedelta(hours=1))
    live.carry()
    assert elsewhere(live, ANNA) == (1, 1)
    assert live.told()[MARIO] == [3, 10]


def test_a_full_mailbox_is_full_in_every_folder(live):
    live.beta.store.put_mailbox(MailboxRecord(address=ANNA, quota=10), now=INSTANT)
    want(live, ANNA, at_least=0)
    live.submit(submission())
    live.carry()
    assert elsewhere(live, ANNA) == (0, 0)
    assert live.told()[MARIO] == [3, 11]
