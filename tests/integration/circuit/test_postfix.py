"""Providers beside a real Postfix: the ordinary mail server of the world, and the foreign MX of a PEC domain.

It stands where the demonstration's own small server stands (`apps.demo.ordinary_mail`), with everything that a
server of the Internet does to mail: fields of its own, LF in its mailboxes, refusals, bounces, opportunistic TLS.
"""

import os
import re
import smtplib
import subprocess
import sys
import time

import pytest

from ceralacca.apps.demo.cast import (
    ALFA,
    ANNA,
    CARLA,
    FRANCO,
    GIADA,
    MARIO,
    ORDINARY_DOMAIN,
    OUTSIDER,
    POST_HOST,
    RUNNING,
)
from ceralacca.apps.demo.messages import letter, with_attachment
from ceralacca.apps.demo.nation import set_up
from ceralacca.apps.demo.ordinary_mail import BOUNCING
from ceralacca.apps.demo.running import RunningNation
from ceralacca.apps.mail_client import submit
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import ErrorKind
from ceralacca.core.model.notification import MessageRow, RecipientKind
from ceralacca.ports.store import JobKind
from ceralacca.testing import postfix as private_postfix

from .conftest import free_ports, passable_folder

pytestmark = [pytest.mark.system, pytest.mark.slow]
SERVICE = ALFA.service_mailbox
SLOW = Address(f"lenta@{ORDINARY_DOMAIN}")
UNKNOWN = Address(f"nessuno@{ORDINARY_DOMAIN}")
_THEIR_FIELDS = re.compile(
    rb"\AReturn-Path:.*\nX-Original-To:.*\nDelivered-To:.*\n"
    rb"Received:.*\n(?:\t.*\n)*?\tby \S+ \(Postfix\).*\n(?:\t.*\n)*"
)
# Reads the message to its end and says that there is no such user: so Postfix takes it first, and bounces it then.
_GONE = "gone unix - n n - 5 pipe user=nobody argv=/bin/sh -c { cat >/dev/null; exit 67 }"


def until(condition, what, within=30.0):
    """Wait until something holds; bounded."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.fixture(scope="module")
def running(postfix_parts):
    return postfix_parts[0]


@pytest.fixture(scope="module")
def postfix(postfix_parts):
    return postfix_parts[1]


@pytest.fixture(scope="module")
def postfix_parts():
    """A nation whose mail for ditta.example and for Gamma goes to a Postfix, which knows the way back."""
    why = private_postfix.why_not()
    if why:
        assert not os.environ.get("CI"), why
        pytest.skip(why)
    with passable_folder() as folder:
        nation = set_up(folder / "nation", free_ports())
        (folder / "postfix").mkdir(mode=0o755)
        server = private_postfix.Postfix(
            folder / "postfix", hostname=POST_HOST, tls=nation.folder / "ordinary" / "tls", services=[_GONE]
        )
        server.serve(ORDINARY_DOMAIN, ["info", "lenta", "rimbalza"])
        server.serve(FRANCO.domain, ["franco.viola"])
        server.route(BOUNCING.text, "gone:")
        for provider in RUNNING:
            for domain in provider.all_domains:
                server.route(domain, f"smtp:[127.0.0.1]:{nation.ports.provider(provider.key).incoming}")
            settings = nation.settings_path(provider)
            old, new = f"port = {nation.ports.ordinary}\n", f"port = {server.port}\n"
            assert old in settings.read_text()
            settings.write_text(settings.read_text().replace(old, new))
        with server, RunningNation(nation) as running:
            yield running, server


def restored(copy):
    """Return a message as it was on the wire: without what Postfix put before it, with CRLF."""
    return _THEIR_FIELDS.sub(b"", copy, count=1).replace(b"\n", b"\r\n")


# -- towards it ---------------------------------------------------------------------------------------------


@pytest.mark.scenario("T-07")
@pytest.mark.requirement("BT-5", "BT-6", "GE-31", "MO-11")
def test_the_envelope_of_a_mixed_message_lies_octet_for_octet_in_its_mailbox(stage, postfix):
    """F3, F4: one envelope for all; dots, long lines and an attachment are what servers like to touch."""
    before = postfix.number_received(OUTSIDER.text)
    fields, body = with_attachment(bytes(range(256)) * 40, "tutti.bin")
    body = body.replace("In allegato.", ".\r\n..\r\n.x\r\n \r\n" + "lunga " * 160 + "\r\n.")
    octets = letter(to=[ANNA, OUTSIDER], cc=[CARLA], fields=fields, body=body)
    came = stage.play(octets, {MARIO: [3, 10, 10], ANNA: [4], CARLA: [4], SERVICE: [6, 6]})
    kinds = {one.address: one.kind for one in came.facts(MessageRow.ACCEPTANCE).original.recipients}
    assert kinds[OUTSIDER] is RecipientKind.EXTERNAL
    until(lambda: postfix.number_received(OUTSIDER.text) == before + 1, "the envelope never came to Postfix")
    first, second = (one.sighting.octets for one in came.messages if one.row is MessageRow.TRANSPORT_ENVELOPE)
    copy = postfix.received(OUTSIDER.text)[-1]
    assert restored(copy) == first == second
    assert stage.checker.faults_of(restored(copy)) == ()
    assert stage.faults == []
    assert copy.startswith(b"Return-Path: <" + MARIO.text.encode() + b">\n")


@pytest.mark.requirement("SE-6")
def test_what_goes_there_is_encrypted(stage, postfix):
    before = postfix.number_received(OUTSIDER.text)
    stage.play(letter(to=[OUTSIDER]), {MARIO: [3]})
    until(lambda: postfix.number_received(OUTSIDER.text) == before + 1, "the envelope never came to Postfix")
    assert re.search(rb"\(using TLSv1\.[23] with cipher ", postfix.received(OUTSIDER.text)[-1])


@pytest.mark.requirement("AD-4")
def test_a_mailbox_that_it_does_not_have_gives_a_notice(stage, postfix):
    came = stage.play(letter(to=[UNKNOWN]), {MARIO: [3, 11]})
    facts = came.facts(MessageRow.NON_DELIVERY)
    assert (facts.issuer, facts.error) == (ALFA.name, ErrorKind.NO_RECIPIENT)
    assert facts.error_detail.startswith("5.1.1")


@pytest.mark.scenario("T-15")
@pytest.mark.requirement("AD-3", "BT-6", "SE-1")
def test_as_the_mx_of_a_pec_domain_it_takes_one_recipient_and_refuses_another(stage, postfix):
    """F12: over TLS that is verified by name; the outcome is each recipient's own."""
    came = stage.play(letter(to=[FRANCO, GIADA]), {MARIO: [3, 11]})
    facts = came.facts(MessageRow.NON_DELIVERY)
    assert (facts.issuer, facts.delivery_recipient, facts.error) == (ALFA.name, GIADA, ErrorKind.NO_RECIPIENT)
    until(lambda: postfix.number_received(FRANCO.text) == 1, "the envelope never came to Postfix")
    (copy,) = postfix.received(FRANCO.text)
    assert stage.checker.faults_of(restored(copy)) == ()
    assert b"(using TLSv1." in copy


@pytest.mark.requirement("BT-7", "AD-4")
def test_what_it_puts_off_waits_and_comes_once(stage, running, postfix):
    """A 450 for one recipient of two: the other has the message and gets no second one when the relay tries again."""
    before = postfix.number_received(OUTSIDER.text)
    postfix.refuse(SLOW.text, "450 4.2.0 mailbox is being moved")
    submit(running.account(MARIO), letter(to=[SLOW, OUTSIDER]), recipients=[SLOW, OUTSIDER])
    store = stage.lookout.stores[ALFA.key]

    def put_off():
        return [job for job in store.jobs(kind=JobKind.RELAY) if "#" in job.key and job.leased_until is None]

    until(put_off, "the relay never put it off")
    assert [one.payload["recipients"] for one in put_off()] == [SLOW.text]
    assert postfix.number_received(SLOW.text) == 0
    until(lambda: postfix.number_received(OUTSIDER.text) == before + 1, "the other recipient waits too")
    postfix.refuse(SLOW.text, "")
    pec = (sys.executable, "-c", "from ceralacca.apps.cli import main; main()")
    retry = [*pec, "queue", "retry", "--all", "--config", str(running.nation.settings_path(ALFA))]
    subprocess.run(retry, check=True, capture_output=True)
    stage.settle({MARIO: [3]})
    until(lambda: postfix.number_received(SLOW.text) == 1, "it never came")
    until(lambda: postfix.queued() == 0, "Postfix never came to rest")
    assert postfix.number_received(OUTSIDER.text) == before + 1


# -- from it ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("IP-1", "IP-10", "IP-20", "GE-25", "BA-1")
def test_its_ordinary_mail_becomes_an_anomaly(stage, postfix):
    """F8: and nothing goes back."""
    octets = letter(sender=OUTSIDER, fields="Subject: Offerta\r\nX-Trasporto: posta-certificata\r\n")
    with smtplib.SMTP(private_postfix.HOST, postfix.port) as smtp:
        assert smtp.sendmail(OUTSIDER.text, [ANNA.text], octets) == {}
    until(lambda: postfix.queued() == 0, "Postfix still has it")
    came = stage.settle({ANNA: [7]})
    anomaly = came.the(MessageRow.ANOMALY_ENVELOPE)
    assert anomaly.outer.subject == "ANOMALIA MESSAGGIO: Offerta"
    wrapped = bytes(anomaly.original)
    assert wrapped.endswith(octets)
    assert b"by " + POST_HOST.encode() + b" (Postfix)" in wrapped.partition(octets)[0]


@pytest.mark.requirement("IP-1", "SE-6")
def test_it_encrypts_what_it_sends_us(stage, postfix):
    with smtplib.SMTP(private_postfix.HOST, postfix.port) as smtp:
        smtp.sendmail(OUTSIDER.text, [ANNA.text], letter(sender=OUTSIDER))
    until(lambda: postfix.queued() == 0, "Postfix still has it")
    came = stage.settle({ANNA: [7]})
    assert came.all(MessageRow.ANOMALY_ENVELOPE)
    assert re.search(r"TLS connection established to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: TLSv1\.[23]", postfix.log())


@pytest.mark.requirement("IP-10", "MO-13", "DP-5")
def test_its_bounce_comes_back_as_an_anomaly_and_nothing_answers_it(stage, postfix):
    """F14: MAILER-DAEMON's report about an external recipient, with the null reverse path."""
    submit(stage.running.account(MARIO), letter(to=[BOUNCING]), recipients=[BOUNCING])
    until(lambda: "status=bounced" in postfix.log(), "Postfix never bounced it")
    until(lambda: postfix.queued() == 0, "the bounce is still there")
    came = stage.settle({MARIO: [3, 7]})
    anomaly = came.the(MessageRow.ANOMALY_ENVELOPE)
    assert anomaly.outer.subject == "ANOMALIA MESSAGGIO: Undelivered Mail Returned to Sender"
    wrapped = bytes(anomaly.original)
    assert b"MAILER-DAEMON" in wrapped
    assert b"multipart/report; report-type=delivery-status" in wrapped
    assert postfix.log().count("from=<>") == 1  # its own bounce, and none of ours
    assert postfix.queued() == 0
