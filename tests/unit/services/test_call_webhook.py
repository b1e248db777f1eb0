"""Calls of a holder's server: the same octets until they are taken, given up after a day and told on the page."""

import json
from datetime import timedelta

import pytest

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.notices import LIFETIME, NoticeKind
from ceralacca.ports.notices import NoWebhook
from ceralacca.ports.store import Job, JobKind
from ceralacca.services.call_webhook import call_webhook, webhook_job
from ceralacca.services.retry import NotYet
from ceralacca.testing.clock import NOON

pytestmark = pytest.mark.requirement("DP-8")

ANNA = Address("anna#1@beta.example")
NEW = webhook_job(ANNA, NoticeKind.QUOTA, key="quota:80", web="https://web.example", now=NOON, percent="80")


def claimed(new):
    return Job(id=7, key=new.key, kind=new.kind, due=new.due, payload=new.payload, attempts=1, created=NOON)


class Server:
    def __init__(self, *answers):
        self.answers, self.calls = list(answers), []

    def __call__(self, mailbox, *, key, body):
        self.calls.append((mailbox, key, body))
        if self.answers and (answer := self.answers.pop(0)) is not None:
            raise answer


def test_a_call_names_the_mailbox_and_nothing_of_a_message():
    server = Server()
    commit = call_webhook(claimed(NEW), calls=server, now=NOON)
    ((mailbox, key, body),) = server.calls
    assert (mailbox, key, commit.done, commit.jobs) == (ANNA, "quota:80", 7, ())
    assert json.loads(body) == {
        "about": "quota",
        "mailbox": ANNA.text,
        "instant": NOON.isoformat(),
        "web": "https://web.example",
        "percent": "80",
    }


@pytest.mark.parametrize("trouble", [WorldError("status 500"), UserError("not public", remedy="x")])
def test_what_fails_is_called_again_with_the_same_octets_and_given_up_after_a_day(trouble):
    server, job, now = Server(*[trouble] * 200), NEW, NOON
    waits = []
    while job.kind is JobKind.WEBHOOK:
        (later,) = call_webhook(claimed(job), calls=server, now=now).jobs
        waits.append(later.due - now)
        job, now = later, later.due
    assert waits[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert now == NOON + LIFETIME
    assert (job.kind, job.payload["way"], job.payload["mailbox"]) == (JobKind.NOTICE, "webhook", ANNA.text)
    assert len(set(server.calls)) == 1


def test_who_has_no_webhook_any_more_is_called_no_more():
    commit = call_webhook(claimed(NEW), calls=Server(NoWebhook("none", remedy="x")), now=NOON)
    assert (commit.done, commit.jobs) == (7, ())


def test_while_others_are_called_it_waits_without_a_try_and_not_for_ever():
    with pytest.raises(NotYet):
        call_webhook(claimed(NEW), calls=Server(NotYet("others")), now=NOON)
    (given_up,) = call_webhook(claimed(NEW), calls=Server(NotYet("others")), now=NOON + LIFETIME).jobs
    assert given_up.kind is JobKind.NOTICE
