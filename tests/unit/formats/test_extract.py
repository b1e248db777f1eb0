"""The original found in received envelopes, however its part is labelled."""

import base64

import pytest

from ceralacca.formats.extract import OriginalNotFound, embedded_original
from ceralacca.formats.mime.entity import look
from ceralacca.testing.scenario import SUBMITTED, Scenario

ORIGINAL = b"Subject: Prova\r\nMessage-ID: <1@gestore-alfa.example>\r\n\r\nCiao.\r\n"


def framed(*parts):
    mixed = (
        b'Content-Type: multipart/mixed; boundary="M"\r\n\r\n'
        + b"".join(b"--M\r\n" + part + b"\r\n" for part in (b"Content-Type: text/plain\r\n\r\nTesto", *parts))
        + b"--M--\r\n"
    )
    return (
        b"X-Trasporto: posta-certificata\r\n"
        b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary="S"\r\n\r\n'
        b"This is an S/MIME signed message\r\n"
        b"--S\r\n" + mixed + b"\r\n--S\r\n"
        b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n\r\nMIIB\r\n--S--\r\n'
    )


def part(headers, body=ORIGINAL):
    return headers + b"\r\n" + body


NAMED = part(
    b'Content-Type: message/rfc822; name="postacert.eml"\r\nContent-Disposition: inline; filename="postacert.eml"\r\n'
)


@pytest.mark.requirement("DR-3", "GE-31")
def test_original_is_a_view_of_the_envelope():
    envelope = framed(NAMED)
    found = embedded_original(envelope)
    assert bytes(found) == ORIGINAL
    assert found.obj is envelope
    assert embedded_original(envelope, look(envelope)) == found


@pytest.mark.requirement("DR-3", "BT-1")
def test_what_was_put_in_comes_out():
    sent = Scenario().transaction()
    draft = sent.envelope()
    message = (
        bytes(draft.header)
        + b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary="S"\r\n\r\n--S\r\n'
        + bytes(draft.entity)
        + b"\r\n--S\r\nContent-Type: application/pkcs7-signature\r\n\r\nMIIB\r\n--S--\r\n"
    )
    assert bytes(embedded_original(message)) == bytes(sent.prepared.splice)


@pytest.mark.requirement("TO-17")
@pytest.mark.parametrize(
    "labelled",
    [
        part(b"Content-Type: message/rfc822\r\n"),
        part(b'Content-Type: message/rfc822; name="Prova.eml"\r\nContent-Disposition: inline\r\n'),
        part(b'Content-Type: MESSAGE/RFC822; name="Postacert.EML"\r\nContent-Transfer-Encoding: 8bit\r\n'),
        part(b'Content-Type: application/octet-stream; name="postacert.eml"\r\n'),
        part(b"Content-Disposition: attachment; filename=postacert.eml\r\nContent-Transfer-Encoding: binary\r\n"),
        part(
            b'Content-Type: application/octet-stream; name="postacert.eml"\r\nContent-Transfer-Encoding: base64\r\n',
            base64.encodebytes(ORIGINAL).replace(b"\n", b"\r\n"),
        ),
    ],
)
def test_labels_of_other_providers(labelled):
    xml = part(b'Content-Type: application/octet-stream; name="daticert.xml"\r\n', b"<postacert/>")
    assert bytes(embedded_original(framed(xml, labelled))) == ORIGINAL
    assert bytes(embedded_original(framed(labelled, xml))) == ORIGINAL


@pytest.mark.requirement("TO-17")
def test_the_named_message_wins_over_others():
    other = part(b"Content-Type: message/rfc822; name=altro.eml\r\n", b"Subject: Altro\r\n\r\n")
    assert bytes(embedded_original(framed(other, NAMED))) == ORIGINAL


@pytest.mark.requirement("TO-16")
def test_an_original_that_is_itself_an_envelope_is_not_opened():
    inner = (
        framed(NAMED).replace(b'"S"', b'"T"').replace(b"--S", b"--T").replace(b'"M"', b'"N"').replace(b"--M", b"--N")
    )
    outer = framed(part(b'Content-Type: message/rfc822; name="postacert.eml"\r\n', inner))
    assert bytes(embedded_original(outer)) == inner
    assert bytes(embedded_original(outer, look(outer))) == inner


@pytest.mark.parametrize(
    "envelope", [framed(), framed(NAMED, NAMED), ORIGINAL, b"", SUBMITTED.replace(b"rfc822", b"x")]
)
def test_none_or_more_than_one_is_said(envelope):
    with pytest.raises(OriginalNotFound):
        embedded_original(envelope)


def test_an_unsigned_draft_can_be_read_too():
    draft = Scenario().transaction().envelope()
    assert bytes(embedded_original(bytes(draft.entity))).startswith(b"Received:")
