"""Notices at the delivery point and after it: who is told of what, once, and that no message waits for it."""

import json
from dataclasses import replace
from datetime import date, timedelta
from email import policy
from email.parser import BytesParser

import pytest

from ceralacca.apps.notices import notice_words
from ceralacca.core.model.address import Address
from ceralacca.core.notices import LIFETIME, WINDOW, NoticeKind
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus
from ceralacca.ports.notices import NoticeWay, NoticeWishes
from ceralacca.ports.store import Commit, JobKind
from ceralacca.services.notice_jobs import notice_job
from ceralacca.services.office import NoticeParts
from ceralacca.services.watch_ends import watch_ends
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


# -- the end of a mailbox -----------------------------------------------------------------------------

END = date(2027, 3, 31)
DAY = timedelta(days=1)


def watch(live):
    return watch_ends(live.beta.store, live.beta.store.notices(), live.clock.now())


def on(live, days_before, ends=END):
    """Move the clock on to so many days before an end, look at the calendar twice, and do what it left."""
    live.clock.advance(ends - days_before * DAY - live.clock.now().date())
    for _ in range(2):
        watch(live)
        live.beta.work(kinds=[JobKind.NOTICE])
    return len(mail(live))


def test_a_holder_is_told_of_the_end_thirty_seven_and_one_days_before_each_once(live):
    want(live, ANNA, NoticeKind.EXPIRY)
    live.beta.store.set_end(ANNA, END)
    told = {left: on(live, left) for left in (31, 30, 29, 8, 7, 6, 2, 1, 0, -1, -30)}
    assert told == {31: 0, 30: 1, 29: 1, 8: 1, 7: 2, 6: 2, 2: 2, 1: 3, 0: 3, -1: 3, -30: 3}
    assert live.beta.store.jobs(kind=JobKind.NOTICE) == []
    messages = [BytesParser(policy=policy.default).parsebytes(octets) for _, octets in mail(live)]
    texts = [one.get_content() for one in messages]
    assert [(f"days left: {left}" in text) for left, text in zip((30, 7, 1), texts, strict=True)] == [True] * 3
    assert {one["Subject"] for one in messages} == {"Your PEC mailbox ends on 31/03/2027"}
    assert {one["To"] for one in messages} == {HOME.text}


def test_what_was_missed_is_told_late_and_once(live):
    want(live, ANNA, NoticeKind.EXPIRY)
    live.beta.store.set_end(ANNA, END)
    assert [on(live, left) for left in (12, 5, 4, 0)] == [1, 2, 2, 3]


def test_an_end_that_was_moved_is_not_told_of_and_the_new_one_is(live):
    want(live, ANNA, NoticeKind.EXPIRY)
    store = live.beta.store
    store.set_end(ANNA, END)
    live.clock.advance(END - 7 * DAY - live.clock.now().date())
    assert watch(live) == 1
    store.set_end(ANNA, END + timedelta(days=365))
    live.beta.work(kinds=[JobKind.NOTICE])
    assert mail(live) == []
    later = END + timedelta(days=365)
    assert [on(live, left, later) for left in (31, 30, 7, 1, 0)] == [0, 1, 2, 3, 3]
    store.set_end(ANNA, None)
    assert watch(live) == 0


def test_a_day_that_is_put_back_is_not_told_of_again(live):
    want(live, ANNA, NoticeKind.EXPIRY)
    live.beta.store.set_end(ANNA, END)
    assert on(live, 30) == 1
    live.beta.store.set_end(ANNA, END + DAY)
    live.beta.store.set_end(ANNA, END)
    assert on(live, 29) == 1


def test_a_step_that_waited_too_long_gives_way_to_the_next(live):
    want(live, ANNA, NoticeKind.EXPIRY)
    live.beta.store.set_end(ANNA, END)
    live.clock.advance(END - 30 * DAY - live.clock.now().date())
    assert watch(live) == 1
    assert on(live, 7) == 1
    assert "days left: 7" in BytesParser(policy=policy.default).parsebytes(mail(live)[0][1]).get_content()


@pytest.mark.parametrize("change", ["nobody asked", "closed", "pec"])
def test_nobody_is_told_of_an_end_who_did_not_ask_or_cannot_be(live, change):
    if change != "nobody asked":
        want(live, ANNA, NoticeKind.EXPIRY, email=MARIO if change == "pec" else HOME)
    if change == "closed":
        live.beta.store.put_mailbox(MailboxRecord(address=ANNA, status=MailboxStatus.CLOSED), now=INSTANT)
    live.beta.store.set_end(ANNA, END)
    assert [on(live, left) for left in (30, 7, 1)] == [0, 0, 0]
    assert (NoticeWay.EMAIL in live.beta.store.notices().of(ANNA).troubles) is (change == "pec")


def test_a_server_is_called_about_an_end_too(live):
    want(live, ANNA, NoticeKind.EXPIRY, email=None, webhook="https://ganci.example/")
    live.beta.store.set_end(ANNA, END)
    assert [on(live, left) for left in (30, 29)] == [0, 0]
    (job,) = live.beta.store.jobs(kind=JobKind.WEBHOOK)
    body = json.loads(job.payload["body"])
    assert (body["about"], body["mailbox"], body["ends"], body["days"]) == ("expiry", ANNA.text, "2027-03-31", "30")
    assert "day" not in body


@pytest.mark.requirement("DP-3", "DP-6")
def test_a_mailbox_whose_contract_has_ended_still_receives(live):
    live.beta.store.set_end(ANNA, INSTANT.date() - DAY)
    live.submit(submission(to=[ANNA]))
    live.carry()
    assert live.told()[MARIO].count(10) == 1
