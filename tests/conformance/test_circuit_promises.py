"""What a provider promises beside the flows of section 1: one test a promise, played by the live services."""

import re
from dataclasses import replace

import pytest

from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.core.model.log import LogEvent
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.received import read_received
from ceralacca.ports.letters import Inbound, Point
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.testing.clock import NOON
from ceralacca.testing.memory_world import LiveCircuit
from ceralacca.testing.paper_cast import ANNA, BRUNO, MARIO, NOBODY, ORDINARY_RECIPIENT, submission
from ceralacca.testing.scenario import ORDINARY

ENVELOPE = MessageRow.TRANSPORT_ENVELOPE


@pytest.fixture
def live():
    return LiveCircuit.at()


def arrive_in_clear(live, transaction):
    beta = live.beta
    inbound = Inbound(
        key="in-clear",
        point=Point.INCOMING,
        octets=transaction.octets,
        reverse_path=transaction.reverse_path,
        forward_paths=transaction.forward_paths,
        received=transaction.received,
        peer="peer.example",
        tls="",
    )
    beta.store.receive([inbound], now=beta.clock.now())
    live.carry()


def ordinary(live, *recipients):
    inbound = Inbound(
        key="ordinary",
        point=Point.INCOMING,
        octets=ORDINARY,
        reverse_path=Address("info@ditta.example"),
        forward_paths=recipients,
        received=live.clock.now(),
        peer="ditta.example",
        tls="",
    )
    live.beta.store.receive([inbound], now=live.clock.now())
    live.carry()


@pytest.mark.requirement("IP-4")
@pytest.mark.parametrize("required", [False, True])
def test_pec_traffic_in_clear_is_flagged_and_if_so_set_wrapped(live, required):
    live.beta.office = replace(live.beta.office, require_tls_for_pec=required)
    live.submit(submission())
    live.carry(holding=[ENVELOPE])
    arrive_in_clear(live, live.take(ENVELOPE))

    (arrival,) = live.beta.events(LogEvent.ARRIVAL)
    assert (arrival.tls, arrival.detail.endswith("over an unprotected connection")) == ("", True)
    (got,) = live.mailbox(ANNA)
    wanted = MessageRow.ANOMALY_ENVELOPE if required else ENVELOPE
    assert read_received(got).row is wanted
    assert (live.state(ANNA) is RecipientState.DELIVERED) is not required


@pytest.mark.requirement("MO-2")
def test_no_mailbox_is_opened_in_a_domain_that_is_not_served(live):
    with pytest.raises(UserError):
        live.beta.store.put_mailbox(MailboxRecord(address=Address("a@ordinary.example")), now=NOON)


@pytest.mark.requirement("MO-2", "AM-23", "IP-20")
def test_ordinary_mail_is_never_in_a_mailbox_but_as_an_anomaly_envelope(live):
    ordinary(live, ANNA)
    (got,) = live.mailbox(ANNA)
    assert read_received(got).row is MessageRow.ANOMALY_ENVELOPE
    assert MailboxRecord(address=ANNA).ordinary_mail.value == "anomaly", "unless the holder wants another"


@pytest.mark.requirement("AM-22")
def test_an_unknown_recipient_gets_a_notice_of_ours_and_no_smtp_error(live):
    live.submit(submission(to=[ANNA, NOBODY]))
    live.carry()
    assert live.state(NOBODY) is RecipientState.FAILED
    assert live.told()[MARIO] == [3, 10, 11]


@pytest.mark.requirement("DP-9")
def test_the_certified_recipient_is_the_address_of_the_transaction(live):
    spelt = Address(ANNA.text.replace("anna", "ANNA"))
    live.submit(submission(to=[ANNA]), recipients=(spelt,), sender=MARIO)
    live.carry()
    receipts = [read_received(one) for one in live.mailbox(MARIO)]
    (delivery,) = [one.facts for one in receipts if one.row is MessageRow.DELIVERY]
    assert delivery.delivery_recipient == ANNA
    assert [len(live.mailbox(one)) for one in (ANNA, BRUNO)] == [1, 0], "no alias, no group, no second mailbox"


@pytest.mark.requirement("AM-26")
def test_an_original_that_the_holder_encrypted_is_certified_as_any_other(live):
    head, _, _ = submission().partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-", b"mime-"))]
    kind = [
        b"MIME-Version: 1.0",
        b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
        b"Content-Transfer-Encoding: base64",
    ]
    live.submit(b"\r\n".join([*kept, *kind]) + b"\r\n\r\nMIAGCSqGSIb3DQEHA6CAMIACAQAxggE=\r\n")
    live.carry()
    assert live.told()[MARIO] == [3, 10]
    assert b"enveloped-data" in live.mailbox(ANNA)[0]


@pytest.mark.requirement("AM-32")
def test_the_kind_of_receipt_is_asked_for_in_the_original_and_repeated_nowhere(live):
    wished = submission().replace(b"Subject:", b"X-TipoRicevuta: sintetica\r\nSubject:", 1)
    live.submit(wished)
    live.carry()
    (receipt,) = live.of(MessageRow.DELIVERY)
    assert not re.search(rb"(?im)^X-TipoRicevuta", bytes(receipt))
    assert read_received(bytes(receipt)).facts.requested_receipt.value == "sintetica"


@pytest.mark.requirement("SL-5", "AD-2")
@pytest.mark.parametrize("trouble", ["refused", "silent", "mailbox", "scanner"])
def test_whatever_goes_wrong_the_sender_knows_within_twenty_four_hours(live, trouble):
    if trouble == "refused":
        said = RcptOutcome(result=RcptResult.FAILED, code=550, enhanced="5.1.1", text="no", host="mx", tls="TLSv1.3")
        live.wire.answers[ANNA] = said
    elif trouble == "silent":
        live.wire.unreachable.add(ANNA.domain)
    elif trouble == "mailbox":
        live.beta.mail.broken.add(ANNA)
    live.submit(submission())
    live.carry(holding=[ENVELOPE] if trouble == "scanner" else [])
    if trouble == "scanner":
        live.beta.scanner.away = True
        live.carry()
    for _ in range(24 * 4 - 1):
        live.pass_time(minutes=15)
        live.carry()
    assert live.state(ANNA) in {RecipientState.FAILED, RecipientState.EXPIRED}
    told = [read_received(one).facts for one in live.mailbox(MARIO)]
    assert any(one.kind.value in {"errore-consegna", "preavviso-errore-consegna"} for one in told)


@pytest.mark.requirement("DP-8")
def test_nobody_but_the_provider_answers_an_envelope(live):
    live.submit(submission(to=[ANNA, BRUNO]))
    live.carry()
    for mailbox in (ANNA, BRUNO):
        (got,) = live.mailbox(mailbox)
        assert read_received(got).row is ENVELOPE
    assert live.told()[MARIO] == [3, 10, 10]
    assert live.wire.outside == [], "nothing is forwarded"


@pytest.mark.requirement("SE-6")
def test_the_log_says_how_mail_for_ordinary_recipients_was_protected(live):
    live.submit(submission(to=[ORDINARY_RECIPIENT]))
    live.carry()
    (row,) = live.alfa.events(LogEvent.RELAYED)
    assert (row.tls, row.peer) == ("TLSv1.3", f"mx.{ORDINARY_RECIPIENT.domain}")
    assert live.wire.asked == [(ORDINARY_RECIPIENT.domain, False)]
