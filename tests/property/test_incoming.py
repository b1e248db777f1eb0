"""What arrives may be anything: it is looked at, checked and classified, and never believed for free."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceralacca.base.errors import UnreadableMessage
from ceralacca.core.incoming_point import (
    IncomingFacts,
    MessageClass,
    MessageFamily,
    classify,
)
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import Mark, SealReport, SealStep, SealVerdict, StepOutcome
from ceralacca.formats.received import read_received
from ceralacca.lint.contradictions import contradictions
from ceralacca.lint.form import FormStep, check_form, family_of
from ceralacca.testing.arrivals import arrival_of, peers, sealed_good
from ceralacca.testing.good_drafts import good_draft
from ceralacca.trust.certificate import read_certificate

SEALED = {row: sealed_good(row) for row in MessageRow}
FACTS = arrival_of(good_draft(MessageRow.TRANSPORT_ENVELOPE)).facts()
ALFA = read_certificate(peers().alfa.certificate).facts


def look_at(octets):
    try:
        received = read_received(octets)
    except UnreadableMessage:
        return None
    outcomes = check_form(received)
    assert [outcome.step for outcome in outcomes] == list(FormStep)
    assert all(outcome.reason or outcome.mark in {Mark.PASSED, Mark.NOT_REACHED} for outcome in outcomes)
    for found in contradictions(received):
        assert found.certified != found.other
        assert (found.certified + found.other).isprintable()
    received.plain_text()
    received.html_text()
    assert len(list(received.nested())) <= 50
    return received


@pytest.mark.requirement("IP-16", "TO-11")
@settings(max_examples=100)
@given(octets=st.binary(max_size=400))
def test_any_octets_are_looked_at(octets):
    look_at(octets)


@pytest.mark.requirement("IP-8", "IP-10", "IP-16")
@settings(max_examples=120)
@given(row=st.sampled_from(list(MessageRow)), data=st.data())
def test_a_damaged_message_is_looked_at_and_never_becomes_another_one(row, data):
    octets = SEALED[row]
    at = data.draw(st.integers(0, len(octets)))
    until = data.draw(st.integers(at, min(len(octets), at + 200)))
    damaged = octets[:at] + data.draw(st.binary(max_size=40)) + octets[until:]
    look_at(damaged)
    arrival = arrival_of(good_draft(row), octets=damaged)
    try:
        kind = arrival.classify().kind
    except UnreadableMessage:
        return
    expected = {
        MessageRow.TRANSPORT_ENVELOPE: MessageClass.ENVELOPE,
        MessageRow.ANOMALY_ENVELOPE: MessageClass.PEC_MALFORMED,
    }.get(row, MessageClass.RECEIPT)
    assert kind in {expected, MessageClass.PEC_MALFORMED, MessageClass.ORDINARY}


@pytest.mark.requirement("TO-16", "SE-7")
def test_nesting_is_followed_only_so_deep():
    octets = b"From: a@b.example\r\nSubject: fondo\r\n\r\nx\r\n"
    for level in range(120):
        mark = b"L%d" % level
        head = b"X-Trasporto: errore\r\nContent-Type: multipart/mixed; boundary=" + mark + b"\r\n\r\n--" + mark
        between = b"\r\n\r\ntesto\r\n--" + mark + b"\r\nContent-Type: message/rfc822\r\n\r\n"
        octets = head + between + octets + b"\r\n--" + mark + b"--\r\n"
    assert len(list(read_received(octets).nested())) == 50


marks = st.sampled_from(list(Mark))
reports = st.builds(
    lambda verdict, chosen, signed: SealReport(
        verdict=verdict,
        steps=tuple(
            StepOutcome(step=step, mark=mark, requirements=()) for step, mark in zip(SealStep, chosen, strict=True)
        ),
        signer=ALFA if signed else None,
    ),
    st.sampled_from(list(SealVerdict)),
    st.lists(marks, min_size=len(SealStep), max_size=len(SealStep)),
    st.booleans(),
)
forms = st.lists(marks, max_size=4).map(
    lambda chosen: tuple(StepOutcome(step="x", mark=mark, requirements=(), reason="no-marker") for mark in chosen)
)


@pytest.mark.requirement("IP-5", "IP-10", "IP-11", "MO-13", "IP-22")
@settings(max_examples=400)
@given(
    seal=reports,
    form=forms,
    family=st.sampled_from(list(MessageFamily)),
    certified=st.booleans(),
    listed=st.booleans(),
    service=st.booleans(),
)
def test_claims_need_every_proof(seal, form, family, certified, listed, service):
    facts = IncomingFacts(
        seal=seal,
        family=family,
        form=form,
        certification=FACTS.certification if certified else None,
        directory=peers().directory if listed else None,
        own_provider="Gestore Alfa S.p.A.",
        to_service_mailbox=service,
    )
    found = classify(facts)
    by_step = {outcome.step: outcome.mark for outcome in seal.steps}
    tests_of_the_seal = [by_step[step] for step in SealStep if step not in {SealStep.ADDRESS, SealStep.SENDER_DOMAIN}]
    proven = all(mark in {Mark.PASSED, Mark.TOLERATED} for mark in tests_of_the_seal)
    sound = form and all(outcome.mark is not Mark.FAILED for outcome in form)
    if found.kind in {MessageClass.ENVELOPE, MessageClass.RECEIPT}:
        assert proven
        assert sound
        assert certified
        assert listed
        assert found.anomaly == ""
    if found.kind is MessageClass.TEMPORARY:
        assert Mark.FAILED not in tests_of_the_seal
        assert not found.quarantine
    if found.kind in {MessageClass.ORDINARY, MessageClass.PEC_MALFORMED}:
        assert found.anomaly
        assert not found.receipt_due
    if Mark.FAILED in tests_of_the_seal:
        assert found.kind is MessageClass.ORDINARY


@pytest.mark.requirement("IP-13")
@given(
    marks=st.lists(
        st.tuples(
            st.sampled_from([b"X-Ricevuta", b"X-Trasporto", b"x-ricevuta"]),
            st.sampled_from([b"accettazione", b"posta-certificata", b"errore", b"consegna", b"", b"\xff"]),
        ),
        max_size=3,
    )
)
def test_a_message_passes_its_marker_only_with_exactly_one_of_the_closed_list(marks):
    received = read_received(b"".join(name + b": " + value + b"\r\n" for name, value in marks) + b"\r\nx")
    outcome = next(outcome for outcome in check_form(received) if outcome.step == FormStep.MARKER)
    good = {
        (b"x-ricevuta", b"accettazione"),
        (b"x-trasporto", b"posta-certificata"),
        (b"x-trasporto", b"errore"),
    }
    right = len(marks) == 1 and (marks[0][0].lower(), marks[0][1]) in good
    assert (outcome.mark is Mark.PASSED) is right
    assert family_of(received) is not MessageFamily.NONE or not marks
