"""Whatever was sent or arrives, the envelope around it holds it octet for octet and passes lint."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.model.address import Address
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope
from ceralacca.formats.extract import embedded_original
from ceralacca.formats.mime.header import read_head
from ceralacca.lint.sealable import findings_in
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.scenario import BETA, INSTANT, ORDINARY, SUBMITTED, Scenario

ANNA = Address("anna.bianchi@pec.beta.example")

names = st.sampled_from(["From", "To", "Cc", "Subject", "Received", "Return-Path", "Message-ID", "X-Trasporto"]) | (
    st.sampled_from(["Reply-To", "Sender", "Content-Type", "Bcc", "x-ricevuta"])
)
bodies = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([b"", b" ", b"<1@x.example>", b"a@x.example, b@x.example", b"=?utf-8?q?=0A=C3=A0?=", b"x" * 1200]),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
line_ends = st.sampled_from([b"\r\n", b"\n", b"\r\n \r\n", b"\r\n\t", b"\r", b""])


@st.composite
def arrivals(draw):
    fields = draw(st.lists(st.tuples(names, st.sampled_from([b":", b": ", b" :"]), bodies, line_ends), max_size=8))
    header = b"".join(name.encode() + colon + body + end for name, colon, body, end in fields)
    return header + draw(st.sampled_from([b"\r\n", b"\n", b""])) + draw(st.binary(max_size=80))


reverse_paths = st.one_of(
    st.none(),
    st.sampled_from(["a@x.example", '"a\\"b"@x.example', "perché@x.example", "x" * 300 + "@x.example"]).map(Address),
)


def anomaly(octets, reverse_path, *, with_html=False):
    return compose_anomaly_envelope(
        Arrival(octets=octets, reverse_path=reverse_path, forward_paths=(ANNA,)),
        provider=BETA,
        instant=INSTANT,
        entropy=CountingEntropy(),
        error=AnomalyReason.NO_SIGNATURE,
        with_html=with_html,
    )


@pytest.mark.requirement("BA-1", "BA-2", "BA-3", "BA-5", "GE-16", "GE-25", "GE-31")
@given(octets=st.one_of(arrivals(), st.binary(max_size=200)), reverse_path=reverse_paths, with_html=st.booleans())
@example(octets=ORDINARY, reverse_path=None, with_html=False)
@example(octets=b"", reverse_path=None, with_html=True)
def test_any_octets_stand_whole_in_an_anomaly_envelope(octets, reverse_path, with_html):
    draft = anomaly(octets, reverse_path, with_html=with_html)
    assert bytes(draft.entity).count(octets) >= 1
    if b"\n--" + b"----=_pec" not in octets:
        assert bytes(embedded_original(bytes(draft.entity))) == octets
    trespass = ("Message-ID" if draft.message_id else "", "X-Trasporto", "From", "Subject", "Date")
    head = read_head(bytes(draft.header))
    assert all(len(head.all(name)) == 1 for name in trespass)
    assert not head.all("Sender")
    assert not head.all("Bcc")
    assert not head.all("X-Ricevuta")


@pytest.mark.requirement("GE-5", "SE-8")
@given(octets=arrivals())
def test_anomaly_envelope_of_any_mail_can_be_sealed(octets):
    assert findings_in(anomaly(octets, None)) == ()


words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30).map(str.strip)
folds = st.sampled_from(["", "\r\n ", "\r\n\t", "  "])


@pytest.mark.requirement("GE-24", "BT-1", "BT-3", "BT-5", "GE-31", "AP-21")
@given(
    display=words.filter(lambda text: '"' not in text and "\\" not in text),
    fold=folds,
    received=st.lists(words.filter(bool), max_size=3),
    reply_to=st.booleans(),
    body=st.binary(max_size=120).map(lambda octets: bytes(octet & 0x7F for octet in octets)),
    html=st.booleans(),
)
def test_transport_envelope_inherits_and_holds(display, fold, received, reply_to, body, html):
    to = f'To:{fold} "{display}"{fold or " "}<anna.bianchi@pec.beta.example>\r\n'.encode()
    trace = b"".join(f"Received: {line}\r\n".encode() for line in received)
    reply = f"Reply-To:  {display and 'Qualcuno'}{fold} <q@pec.alfa.example>\r\n".encode() if reply_to else b""
    safe = body.replace(b"\r", b".").replace(b"\n", b"\r\n").replace(b"\x00", b"0")
    submitted = (
        trace
        + b"From: mario.rossi@pec.alfa.example\r\nDate: Thu, 05 Nov 2026 10:14:55 +0100\r\n"
        + to
        + reply
        + b"Message-ID: <1@client.alfa.example>\r\n\r\n"
        + safe
    )
    sent = Scenario(submitted=submitted, with_html=html).transaction()
    draft = sent.envelope()
    header = bytes(draft.header)
    assert header.startswith(trace + b"X-Trasporto: posta-certificata\r\n")
    assert b"\r\n" + to in header
    assert b"\r\n" + (reply or b"Reply-To: mario.rossi@pec.alfa.example\r\n") in header
    assert bytes(embedded_original(bytes(draft.entity))) == bytes(sent.prepared.splice)
    assert bytes(sent.prepared.splice).endswith(b"\r\n\r\n" + safe)
    assert findings_in(draft) == ()


def test_all_recipients_get_the_same_octets():
    one, other = (Scenario(submitted=SUBMITTED).transaction().envelope() for _ in range(2))
    assert (bytes(one.header), bytes(one.entity)) == (bytes(other.header), bytes(other.entity))
