from dataclasses import replace
from datetime import date, timedelta

import pytest

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import MailboxRecord, MailboxStatus, OrdinaryMail
from ceralacca.ports.store import Store
from ceralacca.testing.clock import NOON

MARIO = Address("Mario@alfa.example")


def test_domains_are_served_in_lower_case_and_once(store: Store):
    assert store.domains() == frozenset()
    store.add_domain("Alfa.EXAMPLE", now=NOON)
    store.add_domain("alfa.example", now=NOON)

    assert store.domains() == {"alfa.example"}


def test_a_mailbox_is_found_in_any_case_and_spelt_as_given(store: Store):
    store.add_domain("alfa.example", now=NOON)
    store.put_mailbox(MailboxRecord(address=MARIO, password_hash="$argon2id$x"), now=NOON)
    found = store.mailbox(Address("MARIO@ALFA.example"))

    assert found == MailboxRecord(address=MARIO, password_hash="$argon2id$x", created=NOON)
    assert found is not None
    assert found.address.text == "Mario@alfa.example"
    assert store.mailbox(Address("nobody@alfa.example")) is None


def test_a_mailbox_changes_and_keeps_its_birth(store: Store):
    store.add_domain("alfa.example", now=NOON)
    store.put_mailbox(MailboxRecord(address=MARIO), now=NOON)
    changed = MailboxRecord(
        address=MARIO,
        status=MailboxStatus.CLOSED,
        quota=2**40,
        ordinary_mail=OrdinaryMail.REJECT,
        is_service=True,
        created=NOON + timedelta(days=1),
    )
    store.put_mailbox(changed, now=NOON + timedelta(days=1))

    found = store.mailbox(MARIO)
    assert found is not None
    assert found.created == NOON
    assert (found.status, found.quota, found.ordinary_mail, found.is_service) == (
        MailboxStatus.CLOSED,
        2**40,
        OrdinaryMail.REJECT,
        True,
    )


@pytest.mark.requirement("IP-20")
def test_where_ordinary_mail_goes_is_kept_and_taken_back(store: Store):
    store.add_domain("alfa.example", now=NOON)
    target = Address("Mario.Rossi@posta.example")
    forwarding = MailboxRecord(address=MARIO, ordinary_mail=OrdinaryMail.FORWARD, forward_to=target, created=NOON)
    store.put_mailbox(forwarding, now=NOON)
    assert store.mailbox(MARIO) == forwarding
    store.put_mailbox(MailboxRecord(address=MARIO), now=NOON)

    assert store.mailbox(MARIO) == MailboxRecord(address=MARIO, created=NOON)


def test_what_becomes_of_ordinary_mail_is_changed_and_nothing_else(store: Store):
    store.add_domain("beta.example", now=NOON)
    record = MailboxRecord(address=Address("anna@beta.example"), status=MailboxStatus.CLOSED, password_hash="a hash")
    store.put_mailbox(record, now=NOON)
    target = Address("anna@posta.example")
    store.set_ordinary_mail(Address("Anna@BETA.example"), OrdinaryMail.FORWARD, target)
    changed = replace(record, ordinary_mail=OrdinaryMail.FORWARD, forward_to=target, created=NOON)
    assert store.mailbox(record.address) == changed
    with pytest.raises(ValueError, match="forward"):
        store.set_ordinary_mail(record.address, OrdinaryMail.REJECT, target)
    assert store.mailbox(record.address) == changed
    with pytest.raises(UserError, match="no such mailbox"):
        store.set_ordinary_mail(Address("bruno@beta.example"), OrdinaryMail.REJECT, None)


def test_the_last_day_of_a_mailbox_is_changed_and_nothing_else(store: Store):
    store.add_domain("beta.example", now=NOON)
    record = MailboxRecord(address=Address("anna@beta.example"), password_hash="a hash", ends=date(2026, 12, 31))
    store.put_mailbox(record, now=NOON)
    born = replace(record, created=NOON)
    assert store.mailbox(record.address) == born
    for ends in (date(2028, 2, 29), None, date(2027, 1, 1)):
        store.set_end(Address("Anna@BETA.example"), ends)
        assert store.mailbox(record.address) == replace(born, ends=ends)
    store.put_mailbox(replace(record, quota=17), now=NOON)  # whoever had read it before the end was moved
    assert store.mailbox(record.address) == replace(born, quota=17, ends=date(2027, 1, 1))
    with pytest.raises(UserError, match="no such mailbox"):
        store.set_end(Address("bruno@beta.example"), None)


def test_the_mailboxes_that_end_within_some_days_are_found(store: Store):
    store.add_domain("beta.example", now=NOON)
    first, last = date(2026, 9, 30), date(2026, 10, 2)
    for number in range(-1, 5):
        ends = first + timedelta(days=number)
        store.put_mailbox(MailboxRecord(address=Address(f"m{number}@beta.example"), ends=ends), now=NOON)
    store.put_mailbox(MailboxRecord(address=Address("endless@beta.example")), now=NOON)
    assert [each.ends for each in store.ending(first, last)] == [first, date(2026, 10, 1), last]


@pytest.mark.requirement("AP-2")
def test_a_mailbox_sends_while_it_is_active_and_its_end_is_not_over():
    today, yesterday = NOON.date(), NOON.date() - timedelta(days=1)
    record = MailboxRecord(address=MARIO)
    assert record.sends(NOON)
    assert replace(record, ends=today).sends(NOON)
    assert not replace(record, ends=yesterday).sends(NOON)
    assert not replace(record, status=MailboxStatus.RECEIVE_ONLY).sends(NOON)


def test_a_mailbox_may_bring_its_birth_along(store: Store):
    store.add_domain("alfa.example", now=NOON)
    born = NOON - timedelta(days=1)
    store.put_mailbox(MailboxRecord(address=MARIO, created=born), now=NOON)

    assert [each.created for each in store.mailboxes()] == [born]


def test_a_mailbox_needs_its_domain(store: Store):
    with pytest.raises(UserError):
        store.put_mailbox(MailboxRecord(address=MARIO), now=NOON)

    assert store.mailboxes() == []


def test_mailboxes_are_listed_by_address(store: Store):
    for domain in ("alfa.example", "due.example"):
        store.add_domain(domain, now=NOON)
    for text in ("b@due.example", "Z@alfa.example", "a@alfa.example", "b_c@alfa.example", "b-c@alfa.example"):
        store.put_mailbox(MailboxRecord(address=Address(text)), now=NOON)

    in_alfa = ["a@alfa.example", "b-c@alfa.example", "b_c@alfa.example", "Z@alfa.example"]
    assert [each.address.text for each in store.mailboxes("alfa.example")] == in_alfa
    assert len(store.mailboxes()) == 5
    assert store.mailboxes("other.example") == []
