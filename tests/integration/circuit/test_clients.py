"""Independent clients: smtplib, imaplib and poplib see what a holder must see. Whole programs: `test_mail_programs`."""

import imaplib
import poplib
import smtplib
import ssl

import pytest

from ceralacca.apps.demo.cast import ALFA, ANNA, BRUNO, CARLA, MARIO
from ceralacca.apps.demo.messages import letter, present, with_attachment
from ceralacca.apps.mail_client import Writing, new_message_id, write
from ceralacca.base.identifiers import system_entropy
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow

from .conftest import sized

pytestmark = [pytest.mark.system, pytest.mark.slow]
SERVICE = ALFA.service_mailbox
USUAL = {MARIO: [3, 10], ANNA: [4], SERVICE: [6]}


@pytest.fixture
def tls(running):
    return ssl.create_default_context(cafile=str(running.nation.trusted))


@pytest.mark.requirement("AP-1")
def test_smtplib_submits_over_starttls(stage, running, tls, host):
    with smtplib.SMTP(host, running.nation.ports.provider("alfa").starttls) as smtp:
        smtp.ehlo("client.example")
        assert not smtp.has_extn("auth")
        smtp.starttls(context=tls)
        smtp.login(MARIO.text, running.nation.passwords[MARIO])
        assert smtp.sendmail(MARIO.text, [ANNA.text], letter()) == {}
    stage.settle(USUAL)


@pytest.mark.requirement("AP-1", "AP-2")
def test_smtplib_is_refused_without_password_and_under_another_name(running, tls, host):
    port = running.nation.ports.provider("alfa").submissions
    with smtplib.SMTP_SSL(host, port, context=tls) as smtp:
        smtp.ehlo()
        assert smtp.mail(MARIO.text)[0] == 530
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(MARIO.text, "not-the-password")
    with smtplib.SMTP_SSL(host, port, context=tls) as smtp:
        smtp.login(MARIO.text, running.nation.passwords[MARIO])
        code, text = smtp.mail(CARLA.text)
        if code == 250:
            code, text = smtp.rcpt(ANNA.text)
        assert code == 553
        assert b"not owned by user" in text


@pytest.mark.requirement("IP-3")
def test_the_incoming_port_relays_for_nobody(running, host):
    with smtplib.SMTP(host, running.nation.ports.provider("beta").incoming) as smtp:
        smtp.ehlo("mail.ditta.example")
        assert smtp.mail("info@ditta.example")[0] == 250
        assert smtp.rcpt("altri@altrove.example")[0] == 550


@pytest.mark.requirement("MO-4")
def test_nobody_signs_in_to_the_service_mailbox(running, tls, host):
    port = running.nation.ports.provider("alfa").imap
    with imaplib.IMAP4_SSL(host, port, ssl_context=tls) as imap, pytest.raises(imaplib.IMAP4.error):
        imap.login(SERVICE.text, "anything-at-all")


@pytest.mark.requirement("DP-7", "GE-9")
def test_imaplib_finds_receipts_by_the_clients_message_id(stage, running, tls, host):
    message_id = new_message_id(system_entropy(12), MARIO)
    writing = Writing(sender=MARIO, to=(ANNA,), subject="Prova IMAP", text="Buongiorno")
    stage.play(write(writing, message_id=message_id, instant=present()), USUAL)
    with imaplib.IMAP4_SSL(host, running.nation.ports.provider("alfa").imap, ssl_context=tls) as imap:
        imap.login(MARIO.text, running.nation.passwords[MARIO])
        imap.select("INBOX", readonly=True)
        _, found = imap.uid("SEARCH", "HEADER", "X-Riferimento-Message-ID", message_id)
        assert len(found[0].split()) == 2
        _, listed = imap.list()
        assert any(b"\\Sent" in line for line in listed)


@pytest.mark.requirement("DP-7")
def test_poplib_reads_the_envelope(stage, running, tls, host):
    came = stage.play(letter(to=[BRUNO]), {MARIO: [3, 10], BRUNO: [4], SERVICE: [6]})
    pop = poplib.POP3_SSL(host, running.nation.ports.provider("beta").pop3, context=tls)
    pop.user(BRUNO.text)
    pop.pass_(running.nation.passwords[BRUNO])
    number = len(pop.list()[1])
    octets = b"\r\n".join(pop.retr(number)[1]) + b"\r\n"
    pop.quit()
    assert octets == bytes(came.the(MessageRow.TRANSPORT_ENVELOPE).data)


# -- limits ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AP-13", "DR-1")
def test_fifty_recipients_have_fifty_outcomes(stage):
    many = [Address(f"utente{number}@pec.beta.example") for number in range(49)]
    expected = {MARIO: [3, 10, *[11] * 49], ANNA: [4], SERVICE: [6]}
    came = stage.play(letter(to=[ANNA, *many]), expected)
    notices = came.all(MessageRow.NON_DELIVERY)
    assert {one.facts.delivery_recipient for one in notices} == set(many)


@pytest.mark.requirement("AP-12", "AM-16")
def test_size_times_recipients_at_the_limit_and_one_octet_over(stage):
    limit = 30 * 2**20
    at_limit = sized(limit // 2, to=[ANNA, BRUNO])
    assert len(at_limit) == limit // 2
    stage.play(at_limit, {MARIO: [3, 10, 10], ANNA: [4], BRUNO: [4], SERVICE: [6]})
    came = stage.play(sized(limit // 2 + 1, to=[ANNA, BRUNO]), {MARIO: [1]})
    assert "ecceduta la dimensione massima" in came.facts(MessageRow.NON_ACCEPTANCE).error_detail


@pytest.mark.requirement("AP-12", "MO-9")
def test_thirty_megabytes_arrive_octet_for_octet(stage):
    content = bytes(range(256)) * (21 * 2**20 // 256)
    fields, body = with_attachment(content, "grande.bin")
    octets = letter(fields=fields, body=body)
    assert 28 * 2**20 < len(octets) <= 30 * 2**20
    came = stage.play(octets, USUAL)
    submitted = octets.partition(b"\r\n\r\n")[2]
    for row in (MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY):
        assert bytes(came.the(row).original).partition(b"\r\n\r\n")[2] == submitted
