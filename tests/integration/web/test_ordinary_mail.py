"""What becomes of ordinary mail, chosen by the holder in a browser and done by the running provider."""

import smtplib
from contextlib import closing
from email.message import EmailMessage

import pytest

from ceralacca.apps.demo.cast import ANNA, BETA, CARLA, OUTSIDER
from ceralacca.apps.demo.ports import HOST
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import OrdinaryMail

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("IP-20")]

STRANGER = Address("qualcuno@altrove.example")


@pytest.fixture
def come(running):
    """Have an ordinary message come to Anna from outside PEC."""

    def come(subject):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = STRANGER.text, ANNA.text, subject
        message["Message-ID"] = f"<{subject.replace(' ', '-')}@altrove.example>"
        message.set_content("Un saluto.")
        port = running.nation.ports.provider(BETA.key).incoming
        with smtplib.SMTP(HOST, port, local_hostname="mail.altrove.example", timeout=30) as smtp:
            smtp.send_message(message, STRANGER.text, [ANNA.text])

    return come


@pytest.fixture
def stored(running):
    def stored():
        with closing(running.nation.store(BETA)) as store:
            record = store.mailbox(ANNA)
        return record.ordinary_mail, record.forward_to

    return stored


def choose(page, way, password, *, forward_to=""):
    page.check(f"#way-{way}")
    page.fill("#forward_to", forward_to)
    page.fill("#password", password)
    page.click("form[action='/ordinary-mail'] button[type=submit]")


def shows(screen, text):
    """Wait until the inbox has a message."""
    for _ in range(100):
        screen.go("/mail")
        if screen.page.locator(f".messages >> text={text}").count():
            return True
        screen.page.wait_for_timeout(200)
    return False


def test_a_holder_chooses_and_the_incoming_point_does_it(open_screen, running, come, stored):
    with open_screen(ANNA, scripts=False) as screen:
        page = screen.page
        assert stored() == (OrdinaryMail.ANOMALY, None)
        come("Saluto uno")
        assert shows(screen, "Saluto uno")
        screen.go("/rules")
        page.click("a[href='/ordinary-mail']")
        choose(page, "forward", screen.password, forward_to=CARLA.text)
        assert "indirizzo PEC" in page.inner_text("#fault")
        choose(page, "forward", "sbagliata del tutto", forward_to=OUTSIDER.text)
        assert "Non è cambiato nulla" in page.inner_text("#fault")
        assert stored() == (OrdinaryMail.ANOMALY, None)
        choose(page, "forward", screen.password, forward_to=OUTSIDER.text)
        assert "Salvato" in page.inner_text("[role=status]")
        assert stored() == (OrdinaryMail.FORWARD, OUTSIDER)
        come("Saluto due")
        for _ in range(100):
            if any(b"Subject: Saluto due" in octets for octets in running.ordinary.received(OUTSIDER)):
                break
            page.wait_for_timeout(200)
        else:
            raise AssertionError("nothing was passed on")
        screen.go("/ordinary-mail")
        assert page.input_value("#forward_to") == OUTSIDER.text
        choose(page, "reject", screen.password)
        assert stored() == (OrdinaryMail.REJECT, None)
        come("Saluto tre")
        screen.go("/ordinary-mail")
        choose(page, "anomaly", screen.password)
        assert stored() == (OrdinaryMail.ANOMALY, None)
        come("Saluto quattro")
        assert shows(screen, "Saluto quattro")
        told = page.inner_text(".messages")
        assert "Saluto due" not in told
        assert "Saluto tre" not in told
        assert "casella modificata" in screen.go("/safety/devices").inner_text("#accesses")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"way": "discard"}, 400),  # not among what the domain lets its holders choose
        ({"way": "nonsense"}, 400),
        ({}, 400),
        ({"way": "forward", "forward_to": "no address"}, 400),
        ({"way": "forward", "forward_to": f"x@{BETA.home}"}, 400),
        ({"way": "reject", "password": "x"}, 401),
    ],
)
def test_what_may_not_be_chosen_is_refused(visitor, stored, form, status):
    anna = visitor(ANNA)
    before = stored()
    sent = {"form_token": anna.token("/ordinary-mail"), "password": anna.password, **form}
    answer = anna.http.post("/ordinary-mail", data=sent)
    assert answer.status_code == status
    assert 'id="fault"' in answer.text
    assert stored() == before


def test_what_the_provider_has_chosen_stands_and_is_not_the_holders_to_redirect(visitor, running, stored):
    anna = visitor(ANNA)
    with closing(running.nation.store(BETA)) as store:
        store.set_ordinary_mail(ANNA, OrdinaryMail.DISCARD, None)
        try:
            page = anna.http.get("/ordinary-mail").text
            assert "scelto dal gestore" in page
            sent = {"form_token": anna.token("/ordinary-mail"), "password": anna.password, "way": "discard"}
            assert anna.http.post("/ordinary-mail", data=sent).is_redirect
            assert stored() == (OrdinaryMail.DISCARD, None)
        finally:
            store.set_ordinary_mail(ANNA, OrdinaryMail.ANOMALY, None)
