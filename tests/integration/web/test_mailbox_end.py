"""A mailbox whose contract has ended, in a running nation: it is read and receives, and nothing leaves from it."""

import smtplib
import time
from datetime import UTC, datetime, timedelta

import pytest

from ceralacca.apps.demo.cast import CARLA, MARIO
from ceralacca.apps.demo.running import provider_of
from ceralacca.base.instants import legal_day

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.requirement("AP-2")]

WITHIN = 120.0


@pytest.fixture
def end_in(running):
    """Have Carla's contract end in so many days; it has no end when the test is over."""
    store = running.nation.store(provider_of(CARLA, running.nation.running))

    def end_in(days):
        ends = legal_day(datetime.now(UTC)) + timedelta(days=days)
        store.set_end(CARLA, ends)
        return ends

    yield end_in
    store.set_end(CARLA, None)
    store.close()


def form(one, subject):
    token = one.token("/write")
    return {"form_token": token, "to": MARIO.text, "subject": subject, "text": "testo", "what": "send"}


def test_after_the_end_a_mailbox_is_read_and_receives_and_sends_nothing(running, visitor, end_in, send):
    one = visitor(CARLA)
    assert one.http.get("/write").status_code == 200
    day = f"{end_in(-1):%d/%m/%Y}"
    page = one.http.get("/own")
    assert (page.status_code, day in page.text) == (200, True)
    assert 'id="barred"' in one.http.get("/write").text
    refused = one.http.post("/write", data=form(one, "dopo la fine"))
    assert refused.status_code == 422
    assert "Il contratto di questa casella è scaduto" in refused.text
    account = running.account(CARLA)
    with smtplib.SMTP_SSL(account.host, account.submission_port, context=account.tls()) as client:
        client.login(CARLA.text, account.password)
        code, said = client.mail(CARLA.text)
    assert (code, b"contratto della casella e' scaduto" in said) == (550, True)
    send(MARIO, CARLA, "arriva lo stesso 1907")
    give_up = time.monotonic() + WITHIN
    while "arriva lo stesso 1907" not in one.http.get("/mail").text:
        assert time.monotonic() < give_up, "the message in the mailbox that has ended"
        time.sleep(0.2)
    end_in(0)
    assert one.http.post("/write", data=form(one, "rinnovata")).status_code == 303, "without signing in again"


@pytest.mark.parametrize(("language", "phone"), [("it-IT", False), ("en-GB", True)])
def test_the_banner_is_accessible(open_screen, end_in, language, phone):
    name = f"{language[:2]}-end{'-phone' if phone else ''}"
    with open_screen(CARLA, language=language, phone=phone) as screen:
        end_in(12)
        page = screen.go("/own")
        assert page.is_visible("#ending")
        screen.is_accessible(f"{name}-1-near")
        end_in(-1)
        screen.go("/write")
        screen.is_accessible(f"{name}-2-over")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("innerWidth")
