"""Notices at the delivery point and after it: who is told of what, once, and that no message waits for it."""

from dataclasses import replace
from datetime import timedelta
from email import policy
from email.parser import BytesParser

import pytest

from ceralacca.apps.notices import notice_words
from ceralacca.core.model.address import Address
from ceralacca.core.notices import LIFETIME, WINDOW, NoticeKind
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.notices import NoticeWay, NoticeWishes
from ceralacca.ports.store import Commit, JobKind, MailboxRecord, MailboxStatus
from ceralacca.services.notice_jobs import notice_job
from ceralacca.services.office import NoticeParts
from ceralacca.testing.paper_cast import ANNA, BRUNO, MARIO, submission
from ceralacca.testing.scenario import INSTANT

pytestmark = pytest.mark.requirement("DP-8", "MO-13")

HOME = Address("anna.privata@casa.example")
SENDER = Address("no-reply@gestore.example")
PEOPLE = ("Mario", "mario", "rossi", "Contratto")


@pytest.fixture
def live(live):
    for home in (live.alfa, live.beta):
        parts = NoticeParts(
            wishes=home.store.notices(),
            words=notice_words,
            web=lambda: "https://web.example",
            provider=home.office.provider.name,
            sender=SENDER,
        )
        home.office = replace(home.office, notices=parts)
    return live


def want(live, holder, *kinds, **more):
    """Have a holder want to be told."""
    wishes = NoticeWishes(mailbox=holder, kinds=frozenset(kinds), **{"email": HOME, "language": "en", **more})
    live.home(holder).store.notices().change(wishes)


def later(live, by=WINDOW):
    live.clock.advance(by)
    live.beta.work(kinds=[JobKind.NOTICE])


def mail(live, holder=ANNA):
    """The notices that wait for the relay of a holder's provider."""
    store = live.home(holder).store
    letters = [store.letter(job.payload["letter"]) for job in store.jobs(kind=JobKind.RELAY) if "notice" in job.payload]
    return [(one, bytes(store.octets(one.digest))) for one in letters]


def test_a_certified_message_is_told_of_once_in_five_minutes_and_nothing_is_said_of_it(live):
    want(live, ANNA, NoticeKind.NEW_MESSAGE)
    for _ in range(3):
        live.submit(submission(to=[ANNA, BRUNO]))
    live.carry()
    assert live.told()[MARIO].count(10) == 6
    assert mail(live) == []
    later(live)
    ((letter, octets),) = mail(live)
    assert (letter.reverse_path, letter.forward_paths, letter.row) == (None, (HOME,), None)
    message = BytesParser(policy=policy.default).parsebytes(octets)
    assert (message["From"].addresses[0].addr_spec, message["To"]) == (SENDER.text, HOME.text)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == letter.message_id
    assert ANNA.text in message.get_content()
    assert not any(one in octets.decode() + message.get_content() for one in PEOPLE)
    assert not any(name.lower().startswith(("x-ricevuta", "x-trasporto", "x-tipo")) for name in message)
    assert (
        not message["Subject"]
        .upper()
        .startswith(("POSTA CERTIFICATA", "ACCETTAZIONE", "CONSEGNA", "AVVISO", "ANOMALIA"))
    )


def test_another_message_after_that_is_told_of_again(live):
    want(live, ANNA, NoticeKind.NEW_MESSAGE)
    for _ in range(2):
        live.submit(submission(to=[ANNA]))
        live.carry()
        later(live)
    assert len(live.beta.store.notices().sent) == 2


def test_who_asked_for_nothing_leaves_no_job(live):
    live.submit(submission(to=[ANNA]))
    live.carry()
    assert live.beta.store.jobs(kind=JobKind.NOTICE) == []


def test_receipts_are_no_news(live):
    want(live, MARIO, NoticeKind.NEW_MESSAGE)
    live.submit(submission(to=[ANNA]))
    live.carry()
    assert live.alfa.store.jobs(kind=JobKind.NOTICE) == []


def test_a_mailbox_that_fills_up_is_told_of_at_each_step_once_a_month(live):
    want(live, ANNA, NoticeKind.QUOTA)
    live.submit(submission(to=[ANNA]))
    live.carry()
    used = live.beta.mail.used(ANNA, quota=0)

    def look(quota):
        live.beta.store.put_mailbox(MailboxRecord(address=ANNA, quota=quota), now=INSTANT)
        job = notice_job(ANNA, NoticeKind.QUOTA, live.clock.now())
        live.beta.store.commit([Commit(jobs=(job,), instant=live.clock.now())])
        later(live)
        return len(mail(live))

    assert look(used * 2) == 0
    assert look(used * 100 // 81) == 1
    assert look(used * 100 // 85) == 1
    assert look(used * 100 // 91) == 2
    assert look(used * 100 // 81) == 2
    assert look(used) == 3
    live.clock.advance(timedelta(days=31))
    assert look(used) == 4


@pytest.mark.parametrize("change", ["kinds", "closed", "pec", "no-sender"])
def test_nothing_goes_out_when_it_is_wanted_no_more_or_cannot_be(live, change):
    want(live, ANNA, NoticeKind.NEW_MESSAGE)
    live.submit(submission(to=[ANNA]))
    live.carry()
    store = live.beta.store
    now = store.notices().of(ANNA)
    if change == "kinds":
        store.notices().change(replace(now, kinds=frozenset()))
    elif change == "closed":
        store.put_mailbox(MailboxRecord(address=ANNA, status=MailboxStatus.CLOSED), now=INSTANT)
    elif change == "pec":
        store.notices().change(replace(now, email=MARIO))
    else:
        live.beta.office = replace(live.beta.office, notices=replace(live.beta.office.notices, sender=None))
    later(live)
    assert mail(live) == []
    assert store.jobs(kind=JobKind.NOTICE) == []
    assert (NoticeWay.EMAIL in store.notices().of(ANNA).troubles) is (change in {"pec", "no-sender"})


@pytest.mark.parametrize("how", ["refused", "expired"])
def test_a_notice_that_does_not_get_through_is_told_on_the_page_and_nowhere_else(live, how):
    want(live, ANNA, NoticeKind.NEW_MESSAGE)
    live.submit(submission(to=[ANNA]))
    live.carry()
    later(live)
    rows = len(live.beta.store.log)
    refused = how == "refused"
    answer = RcptResult.FAILED if refused else RcptResult.DEFERRED
    live.wire.answers = {HOME: RcptOutcome(result=answer, host="mx.casa.example", code=550, text="nobody")}
    live.beta.work(kinds=[JobKind.RELAY])
    if not refused:
        live.clock.advance(LIFETIME)
        live.beta.work(kinds=[JobKind.RELAY])
    live.beta.work(kinds=[JobKind.NOTICE])
    (trouble,) = live.beta.store.notices().of(ANNA).troubles.values()
    assert trouble.text == ("550 nobody" if refused else "expired in the queue")
    assert len(live.beta.store.log) == rows
    assert [job for job in live.beta.store.jobs() if job.kind is not JobKind.DEADLINE] == []


def test_a_step_that_is_done_twice_tells_once(live):
    want(live, ANNA, NoticeKind.NEW_MESSAGE)
    live.submit(submission(to=[ANNA]))
    live.carry()
    live.clock.advance(WINDOW)
    (job,) = live.beta.claim(kinds=[JobKind.NOTICE])
    once, again = live.beta.decide([job]), live.beta.decide([job])
    live.beta.store.commit(once)
    live.beta.store.commit(again)
    assert len(mail(live)) == 1


def test_a_server_is_called_beside_the_mail_or_instead_of_it(live):
    calls = []

    def call(mailbox, *, key, body):
        calls.append((mailbox, key, body))

    live.beta.office = replace(live.beta.office, calls=call)
    want(live, ANNA, NoticeKind.NEW_MESSAGE, email=None, webhook="https://ganci.example/")
    live.submit(submission(to=[ANNA]))
    live.carry()
    later(live)
    assert (mail(live), calls) == ([], [])
    live.beta.work(kinds=[JobKind.WEBHOOK])
    ((mailbox, _, body),) = calls
    assert mailbox == ANNA
    assert ANNA.text in body.decode()
    assert not any(one in body.decode() for one in PEOPLE)
