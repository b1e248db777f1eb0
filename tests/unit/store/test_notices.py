"""What holders want to be told of: read back as it was given, one change at a time, and known to the delivery."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.notices import NoticeKind
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.ports.notices import AddressInWaiting, Notice, NoticeWay, NoticeWishes, Trouble, WishesChanged
from ceralacca.ports.store import Commit, CommitOutcome, JobKind, NewJob
from ceralacca.testing.clock import NOON

ANNA = Address("Anna@beta.example")
HOME = Address("anna@casa.example")
WANTED = NoticeWishes(
    mailbox=ANNA,
    kinds=frozenset({NoticeKind.QUOTA, NoticeKind.NEW_MESSAGE}),
    language="en",
    email=HOME,
    waiting=AddressInWaiting(address=Address("a@ufficio.example"), code_hash="$argon2", since=NOON, tries=2),
    codes=3,
    codes_since=NOON - timedelta(hours=1),
    webhook="https://ganci.example/pec?x=1",
    secret=b"\x00\xff",
    troubles={NoticeWay.WEBHOOK: Trouble(instant=NOON, text="status 500 \x00")},
)


@pytest.fixture
def kept(store):
    store.add_domain("beta.example", now=NOON)
    store.put_mailbox(MailboxRecord(address=ANNA), now=NOON)
    return store.notices()


def test_a_mailbox_that_never_said_wants_nothing(kept, store):
    assert kept.of(ANNA) == NoticeWishes(mailbox=ANNA)
    assert store.mailbox(ANNA).notices == frozenset()


def test_wishes_are_read_back_under_any_spelling(kept):
    changed = kept.change(WANTED)
    assert changed == replace(WANTED, version=1)
    assert kept.of(Address("ANNA@BETA.example")) == changed


def test_who_changes_an_older_version_is_told(kept):
    kept.change(WANTED)
    with pytest.raises(WishesChanged):
        kept.change(WANTED)
    assert kept.change(replace(WANTED, version=1, kinds=frozenset())).version == 2


def test_the_mailbox_says_what_reaches_somebody_and_a_change_of_the_mailbox_leaves_it(kept, store):
    first = kept.change(WANTED)
    assert store.mailbox(ANNA).notices == WANTED.kinds
    store.put_mailbox(MailboxRecord(address=ANNA, quota=17), now=NOON)
    assert (store.mailbox(ANNA).quota, store.mailbox(ANNA).notices) == (17, WANTED.kinds)
    job = NewJob(key="1", kind=JobKind.DELIVERY, due=NOON, payload={"recipient": ANNA.text})
    store.commit([Commit(jobs=(job,))])
    ahead = store.ahead(store.jobs())
    assert ahead.mailbox(ANNA).notices == WANTED.kinds  # read with the mailbox: no question more
    kept.change(replace(first, email=None, webhook=""))
    assert store.mailbox(ANNA).notices == frozenset()


def test_trouble_stands_beside_the_wishes_and_changes_no_version(kept):
    kept.trouble(ANNA, NoticeWay.EMAIL, Trouble(instant=NOON, text="550"))  # nobody wants anything: nothing
    assert kept.of(ANNA).troubles == {}
    kept.change(replace(WANTED, troubles={}))
    kept.trouble(ANNA, NoticeWay.EMAIL, Trouble(instant=NOON, text="550"))
    assert kept.of(ANNA).troubles == {NoticeWay.EMAIL: Trouble(instant=NOON, text="550")}
    assert kept.of(ANNA).version == 1


def test_a_notice_is_made_once_until_it_is_forgotten(kept, store):
    def told(number):
        store.commit([Commit(jobs=(NewJob(key=str(number), kind=JobKind.NOTICE, due=NOON, payload={}),))])
        (job,) = store.jobs()
        notice = Notice(key="quota:80", mailbox=ANNA, kind=NoticeKind.QUOTA, instant=NOON)
        more = NewJob(key=f"relay {number}", kind=JobKind.NOTICE, due=NOON, payload={})
        (outcome,) = store.commit([Commit(done=job.id, instant=NOON, notices=(notice,), jobs=(more,))])
        left = store.jobs()
        store.commit([Commit(done=one.id) for one in left])
        return outcome, [one.key for one in left]

    assert told(1) == (CommitOutcome.DONE, ["relay 1"])
    assert told(2) == (CommitOutcome.REPEATED, [])
    assert kept.forget(before=NOON) == 0
    assert kept.forget(before=NOON + timedelta(days=1)) == 1
    assert told(3) == (CommitOutcome.DONE, ["relay 3"])


def test_it_is_known_which_notices_went_out(kept, store):
    keys = [f"notice:{number}" for number in range(3)] + [f"notice:{'x' * 700}"]  # a key as only long addresses make it
    for key in keys[1:]:
        notice = Notice(key=key, mailbox=ANNA, kind=NoticeKind.EXPIRY, instant=NOON)
        store.commit([Commit(instant=NOON, notices=(notice,))])
    assert kept.told(keys) == set(keys[1:])
    assert kept.told([*(f"other:{number}" for number in range(1200)), keys[1]]) == {keys[1]}
    assert kept.told([]) == frozenset()
