"""The two envelopes: what they inherit, what they say, and that what they carry is not touched."""

from dataclasses import replace

import pytest

from ceralacca.base.errors import OurError
from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow, ReceiptKind
from ceralacca.formats.envelope import Arrival, compose_anomaly_envelope, compose_transport_envelope
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.original import prepare_original
from ceralacca.lint.reading import Reading
from ceralacca.lint.sealable import findings_in
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.scenario import BETA, BOUNCE, INSTANT, ORDINARY, SUBMITTED, Scenario

ANNA = Address("anna.bianchi@pec.beta.example")
INFO = Address("info@ditta.example")


def envelope(submitted=SUBMITTED, kind=None, **changes):
    return Scenario(submitted=submitted, **changes).transaction(kind).envelope()


LONG = b"E ancora una riga.\r\n" * 4000
"""What makes a message too long to be joined at once."""


def anomaly(octets=ORDINARY, *, reverse_path=INFO, error=AnomalyReason.NO_SIGNATURE, with_html=False):
    return compose_anomaly_envelope(
        Arrival(octets=octets, reverse_path=reverse_path, forward_paths=(ANNA,)),
        provider=BETA,
        instant=INSTANT,
        entropy=CountingEntropy(),
        error=error,
        with_html=with_html,
    )


def header(draft):
    return bytes(draft.header)


def embedded(draft):
    part = Reading.of(draft).parts[-1]
    assert part.type == "message/rfc822"
    return bytes(draft.entity)[part.start : part.end]


@pytest.mark.requirement("BT-1", "AP-21", "GE-9", "GE-10", "GE-11")
def test_transport_envelope_holds_text_data_and_prepared_original():
    sent = Scenario().transaction()
    draft = sent.envelope()
    assert [part.type for part in Reading.of(draft).parts] == ["text/plain", "application/xml", "message/rfc822"]
    assert embedded(draft) == bytes(sent.prepared.splice)
    assert Reading.of(draft).xml_text["identificativo"] == sent.original.identifier


@pytest.mark.requirement("GE-31")
def test_transport_envelope_holds_views_of_what_was_submitted():
    scenario = Scenario()
    sent = replace(scenario, submitted=scenario.submitted + LONG).transaction()
    mine = {id(piece) for piece in sent.prepared.splice}
    assert mine <= {id(piece) for piece in sent.envelope().entity}


@pytest.mark.requirement("GE-24", "GE-32", "AM-11")
def test_transport_envelope_inherits_octet_for_octet():
    received = (
        b"Return-Path:   <mario.rossi@pec.alfa.example>\r\n"
        b"Received: from b\r\n\tby c; Thu, 05 Nov 2026 10:15:02 +0100\r\n"
        b"RECEIVED:  from a by b (odd   spacing)\r\n ; Thu, 05 Nov 2026 10:15:01 +0100\r\n"
    )
    to = b"tO: =?iso-8859-1?q?Anna?=\r\n\t<anna.bianchi@pec.beta.example>\r\n"
    cc = b"CC:info@ditta.example \r\n"
    reply_to = b"Reply-To:  Ufficio <ufficio@pec.alfa.example>,\r\n  altri@pec.alfa.example\r\n"
    submitted = (
        received
        + b"Date: Thu, 05 Nov 2026 10:14:55 +0100\r\nSubject: Prova\r\nFrom: mario.rossi@pec.alfa.example\r\n"
        + reply_to
        + cc
        + to
        + b"X-Segreto: no\r\nSender: altro@pec.alfa.example\r\nMessage-ID: <1@client.alfa.example>\r\n\r\nCiao.\r\n"
    )
    octets = header(envelope(submitted))
    assert octets.startswith(received + b"X-Trasporto:")
    assert octets.count(to + cc + reply_to + b"Message-ID: ") == 1
    assert b"Segreto" not in octets  # GE-27
    assert b"\r\nSender" not in octets  # GE-26, AM-10


@pytest.mark.requirement("BT-3")
def test_reply_to_is_made_from_the_sender_only_when_there_is_none():
    assert b"\r\nReply-To: mario.rossi@pec.alfa.example\r\n" in header(envelope())
    asked = SUBMITTED.replace(b"X-Mailer:", b"Reply-To: ufficio@pec.alfa.example\r\nX-Mailer:")
    assert b"\r\nReply-To: ufficio@pec.alfa.example\r\n" in header(envelope(asked))
    assert header(envelope(asked)).count(b"Reply-To") == 1


@pytest.mark.requirement("BT-2", "GE-3", "MO-3")
def test_from_speaks_for_the_sender_address():
    octets = header(envelope())
    assert (
        b'From: "Per conto di: mario.rossi@pec.alfa.example"\r\n <posta-certificata@gestore-alfa.example>\r\n' in octets
    )


@pytest.mark.requirement("BT-2")
def test_display_name_is_never_folded_inside_nor_broken_by_quotes():
    sender = b'"Mario \\" R\\\\ossi"@pec.alfa.example'
    draft = envelope(SUBMITTED.replace(b'"Mario Rossi" <mario.rossi@pec.alfa.example>', b"<" + sender + b">"))
    assert (
        b'From: "Per conto di: \\"Mario \\\\\\" R\\\\\\\\ossi\\"@pec.alfa.example"'
        b"\r\n <posta-certificata@gestore-alfa.example>\r\n"
    ) in header(draft)


@pytest.mark.requirement("BT-4", "AP-16", "TO-12")
@pytest.mark.parametrize(
    ("asked", "issued"),
    [
        (b"", b"completa"),
        (b"X-TipoRicevuta: BREVE\r\n", b"breve"),
        (b"X-Tiporicevuta:  sintetica \r\n", b"sintetica"),
        (b"X-TipoRicevuta: complet\r\n", b"completa"),
    ],
)
def test_kind_of_receipt_is_always_said(asked, issued):
    draft = envelope(asked + SUBMITTED)
    assert header(draft).count(b"X-TipoRicevuta: " + issued + b"\r\n") == 1
    assert Reading.of(draft).certified.requested == issued.decode()


@pytest.mark.requirement("GE-24")
@pytest.mark.parametrize("before", [b"", b"Return-Path: <a@b.example>\r\nReceived: from x\r\n by y; z\r\nBcc:\r\n"])
def test_the_header_of_the_submission_will_do_with_the_trace_put_before_it(before):
    trace, data, sent = (
        b"Received: from client.example\r\n by mx.example; z\r\n",
        before + SUBMITTED,
        Scenario().transaction(),
    )
    made = prepare_original(data, identifier=sent.original.identifier, client_message_id="<c@d>", trace=trace)

    def envelope_of(head, **more):
        issuance, requested = replace(sent.by_sender(), entropy=CountingEntropy()), ReceiptKind.COMPLETE
        return compose_transport_envelope(issuance, original=made.splice, head=head, requested=requested, **more)

    ours = envelope_of(read_head(data), trace=trace)
    assert header(ours).startswith(trace)
    assert header(ours) == header(envelope_of(made.head))


@pytest.mark.requirement("BT-5", "MO-11", "AM-30")
def test_paths_are_unaltered():
    sent = Scenario().transaction()
    draft = sent.envelope()
    assert draft.reverse_path == sent.original.sender
    assert draft.forward_paths == (ANNA, INFO)
    prepared = sent.prepared
    doubled = compose_transport_envelope(
        sent.by_sender(),
        original=prepared.splice,
        head=prepared.head,
        requested=ReceiptKind.COMPLETE,
        forward_paths=(INFO, ANNA, Address("INFO@ditta.example")),
    )
    assert doubled.forward_paths == (INFO, ANNA)


@pytest.mark.requirement("AP-22", "AP-23", "GE-22")
def test_reference_is_the_client_identifier_or_else_the_pec_one():
    assert b"X-Riferimento-Message-ID: <20261105091455.4711@client.alfa.example>\r\n" in header(envelope())
    draft = envelope(SUBMITTED.replace(b"Message-ID: <2026", b"X-Altro: <2026"))
    assert b"X-Riferimento-Message-ID: " + draft.message_id.encode() + b"\r\n" in header(draft)
    assert b"X-Riferimento" not in embedded(draft)


@pytest.mark.requirement("GE-28", "TO-16")
def test_subject_prefix_is_added_also_where_there_is_one():
    again = SUBMITTED.replace(b"Subject: =", b"Subject: POSTA CERTIFICATA: =")
    assert b"Subject: POSTA CERTIFICATA: POSTA CERTIFICATA: =?utf-8?q?Citt=C3=A0?=" in header(envelope(again))


@pytest.mark.requirement("GE-28")
def test_without_subject_the_prefix_stands_alone():
    draft = envelope(SUBMITTED.replace(b"Subject: ", b"X-Oggetto: "))
    assert b"\r\nSubject: POSTA CERTIFICATA:\r\n" in header(draft)
    assert Reading.of(draft).xml_text["oggetto"] is None


@pytest.mark.requirement("GE-32")
def test_order_of_the_transport_envelope():
    assert list(Reading.of(envelope()).head.keys) == [
        "received",
        "x-trasporto",
        "x-tiporicevuta",
        "x-riferimento-message-id",
        "date",
        "subject",
        "from",
        "to",
        "cc",
        "reply-to",
        "message-id",
    ]


def test_8_bit_original_is_labelled_so_and_stopped_by_lint():
    sent = Scenario().transaction()
    draft = compose_transport_envelope(
        sent.by_sender(),
        original=bytes(sent.prepared.splice) + b"\xe8",
        head=sent.prepared.head,
        requested=ReceiptKind.COMPLETE,
    )
    assert b"Content-Transfer-Encoding: 8bit" in bytes(draft.entity)
    assert findings_in(draft) != ()


def test_sender_that_no_field_can_hold_is_our_error():
    sent = Scenario().transaction()
    bad = replace(sent.by_sender(), original=replace(sent.original, sender=Address("a@b.example, c@d.example")))
    with pytest.raises(OurError):
        compose_transport_envelope(
            bad, original=sent.prepared.splice, head=sent.prepared.head, requested=ReceiptKind.COMPLETE
        )


# Anomaly


@pytest.mark.requirement("BA-1", "GE-16", "GE-31", "AM-20")
def test_anomaly_envelope_holds_text_and_the_whole_message_and_nothing_else():
    long = ORDINARY + LONG
    assert any(piece is long for piece in anomaly(long).entity)
    draft = anomaly()
    assert [part.type for part in Reading.of(draft).parts] == ["text/plain", "message/rfc822"]
    assert embedded(draft) == ORDINARY
    assert b'name="postacert.eml"' in bytes(draft.entity)
    assert findings_in(draft) == ()


@pytest.mark.requirement("GE-25", "BA-3", "GE-32")
def test_anomaly_envelope_inherits_octet_for_octet():
    octets = header(anomaly())
    trace = ORDINARY[: ORDINARY.index(b"Date:")]
    assert octets.startswith(trace + b"X-Trasporto: errore\r\nDate: Thu, 05 Nov 2026 10:15:02 +0100\r\n")
    assert b"\r\nTo: anna.bianchi@pec.beta.example\r\nCc: ufficio@ditta.example\r\n" in octets
    assert octets.endswith(b"\r\nMessage-ID: <4712@ditta.example>\r\n")
    assert anomaly().message_id == "<4712@ditta.example>"


@pytest.mark.requirement("BA-2", "MO-11")
@pytest.mark.parametrize("reverse_path", [INFO, None])
def test_anomaly_envelope_keeps_the_paths(reverse_path):
    draft = anomaly(reverse_path=reverse_path)
    assert (draft.reverse_path, draft.forward_paths) == (reverse_path, (ANNA,))


@pytest.mark.requirement("BA-3")
@pytest.mark.parametrize("field", [b"", b"Message-ID:\r\n", b"Message-ID: \r\n \r\n"])
def test_missing_identifier_is_made(field):
    octets = field + BOUNCE
    draft = anomaly(octets)
    assert draft.message_id.endswith("@gestore-beta.example>")
    assert header(draft).count(b"Message-ID") == 1
    assert embedded(draft) == octets


@pytest.mark.requirement("BA-3")
def test_of_several_identifiers_the_first_is_inherited():
    draft = anomaly(b"Message-ID: <0@ditta.example>\r\n" + ORDINARY)
    assert draft.message_id == "<0@ditta.example>"
    assert header(draft).count(b"Message-ID") == 1


@pytest.mark.requirement("BA-4")
@pytest.mark.parametrize(
    ("octets", "reverse_path", "shown"),
    [
        (ORDINARY, Address("busta@ditta.example"), "busta@ditta.example"),
        (ORDINARY, None, "info@ditta.example"),
        (BOUNCE, None, "MAILER-DAEMON@ditta.example"),
        (b"\r\nciao", None, "mittente sconosciuto"),
        (b"From: nessuno\r\n\r\nciao", None, "mittente sconosciuto"),
    ],
)
def test_sender_is_the_reverse_path_or_else_the_author(octets, reverse_path, shown):
    draft = anomaly(octets, reverse_path=reverse_path)
    assert f'"Per conto di: {shown}"'.encode() in header(draft)
    assert f'proveniente da "{shown}"\n' in Reading.of(draft).plain


@pytest.mark.requirement("BA-1")
def test_reply_to_is_kept_or_made():
    assert b"Reply-To: info@ditta.example\r\n" in header(anomaly())
    mine = b"Reply-To: a@ditta.example\r\n"
    assert header(anomaly(mine + ORDINARY)).count(b"Reply-To") == header(anomaly(mine + ORDINARY)).count(mine) == 1
    assert b"Reply-To" not in header(anomaly(b"\r\nciao", reverse_path=None))


@pytest.mark.requirement("BA-5", "TO-19")
def test_8_bit_message_is_embedded_as_it_came():
    draft = anomaly(BOUNCE, reverse_path=None)
    assert embedded(draft) == BOUNCE
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\nReceived:" in bytes(draft.entity)
    assert b"Content-Transfer-Encoding: 7bit\r\n\r\nReturn-Path:" in bytes(anomaly().entity)


@pytest.mark.requirement("BA-1")
@pytest.mark.parametrize("error", [*AnomalyReason, "il messaggio non e' conforme alle regole tecniche: manca X"])
def test_reason_stands_in_the_text(error):
    expected = f"Tali dati non sono stati certificati per il seguente errore:\n{error}\n"
    assert expected in Reading.of(anomaly(error=error)).plain


@pytest.mark.requirement("GE-12", "GE-13")
def test_anomaly_with_html():
    draft = anomaly(with_html=True)
    assert Reading.of(draft).html is not None
    assert findings_in(draft) == ()


@pytest.mark.requirement("GE-25", "SE-8")
def test_inherited_octets_that_would_break_the_header_are_neutralised():
    octets = (
        b"Received: from a\n by b\r\n"
        b"To: a\x00b@x.example\rX-Trasporto: posta-certificata\r\n"
        b"Cc: perch\xe9@x.example\r\n"
        b"From: a@x.example\r\n"
        b"\r\n"
    )
    draft = anomaly(octets, reverse_path=None)
    lines = header(draft).split(b"\r\n")
    assert lines[:2] == [b"Received: from a", b" by b"]
    assert b"To: a b@x.example X-Trasporto: posta-certificata" in lines
    assert b"Cc: perch\xe9@x.example" in lines
    assert header(draft).count(b"\nX-Trasporto: ") == 1
    assert embedded(draft) == octets
    assert findings_in(draft) == ()


@pytest.mark.requirement("SE-8", "AM-15")
@pytest.mark.parametrize("address", ["perché@ditta.example", "a" * 500 + "@ditta.example", "a, b@ditta.example"])
def test_strange_sender_is_shown_and_never_answered(address):
    draft = anomaly(reverse_path=Address(address))
    assert b"Reply-To" not in header(draft)
    assert all(len(line) < 998 for line in header(draft).split(b"\r\n"))
    assert header(draft).isascii()


@pytest.mark.requirement("SE-7")
def test_header_over_the_limit_still_makes_an_envelope():
    octets = b"To: anna.bianchi@pec.beta.example\r\n" + b"X-Lungo: x\r\n" * 50_000 + b"Cc: tardi@x.example\r\n\r\nciao"
    draft = anomaly(octets)
    assert b"\r\nTo: anna.bianchi@pec.beta.example\r\n" in header(draft)
    assert b"tardi@x.example" not in header(draft)
    assert embedded(draft) == octets
    one_line = b"X-Lungo: " + b"x" * 1_048_576
    assert embedded(anomaly(one_line)) == one_line


@pytest.mark.requirement("TO-4")
def test_message_with_lf_line_ends_is_embedded_whole():
    octets = ORDINARY.replace(b"\r\n", b"\n")
    draft = anomaly(octets)
    assert embedded(draft) == octets
    assert header(draft) == header(anomaly())
    assert read_head(header(draft)).defects == read_head(header(anomaly())).defects


def test_rows():
    assert (envelope().row, anomaly().row) == (MessageRow.TRANSPORT_ENVELOPE, MessageRow.ANOMALY_ENVELOPE)
