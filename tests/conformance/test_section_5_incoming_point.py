"""Section 5.2, clause by clause, on whole messages: octets in, classification out."""

import base64
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.incoming_point import MessageClass, Suspicion
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.envelope import Arrival as Composed
from ceralacca.formats.envelope import compose_anomaly_envelope
from ceralacca.lint.sealable import examine
from ceralacca.testing import good_drafts as good
from ceralacca.testing.arrivals import (
    ALFA_NAME,
    arrival_of,
    peers,
    sealed,
    sealed_good,
    with_parts,
)
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import CountingEntropy
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.testing.good_drafts import good_draft, with_certification, with_header
from ceralacca.trust.chain import TrustStore

ENVELOPE, DELIVERY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY
GOOD_ENVELOPE = good_draft(ENVELOPE)


def anomaly_of(arrival, found):
    """The message that the holder gets instead: composed, and passed by lint (BA-1)."""
    wrapped = compose_anomaly_envelope(
        Composed(octets=arrival.octets, reverse_path=arrival.reverse_path, forward_paths=arrival.recipients),
        provider=IssuingProvider(name="Gestore Beta S.r.l.", address=Address(good.BETA)),
        instant=good.INSTANT,
        entropy=CountingEntropy(),
        error=found.anomaly,
    )
    return examine(wrapped).draft


def swap(old, new):
    def change(whole):
        assert old in whole
        return whole.replace(old, new, 1)

    return change


def classified(octets, row=ENVELOPE, **changes):
    return replace(arrival_of(good_draft(row), octets=octets), **changes).classify()


@pytest.mark.requirement("IP-6", "IP-7", "IP-8", "IP-12", "IP-13", "IP-14", "IP-15")
@pytest.mark.parametrize("row", [row for row in MessageRow if row is not MessageRow.ANOMALY_ENVELOPE])
def test_good_message_of_every_row(row):
    found = arrival_of(good_draft(row)).classify()
    assert found.kind is (MessageClass.ENVELOPE if row is ENVELOPE else MessageClass.RECEIPT)
    assert (found.anomaly, found.suspicion, found.quarantine) == ("", None, False)


@pytest.mark.requirement("IP-6", "IP-10")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"multipart/signed", b"multipart/mixed"),
        (b'protocol="application/pkcs7-signature"', b'protocol="application/pgp-signature"'),
        (b"Content-Type: application/pkcs7-signature", b"Content-Type: application/octet-stream"),
        (b"\nMII", b"\nAAA"),
    ],
)
def test_existence_of_the_signature(old, new):
    message = sealed(GOOD_ENVELOPE)
    assert old in message
    found = classified(message.replace(old, new, 1))
    assert (found.kind, found.anomaly) == (MessageClass.ORDINARY, AnomalyReason.NO_SIGNATURE)


@pytest.mark.requirement("IP-6")
def test_three_parts_are_not_a_seal():
    message = sealed(GOOD_ENVELOPE)
    boundary = re.search(rb'boundary="(----=_pec[0-9a-f]+)"', message)[1]
    assert (
        classified(
            message.replace(b"\r\n--" + boundary + b"--", b"\r\n--" + boundary + b"\r\n\r\nx\r\n--" + boundary + b"--")
        ).kind
        is MessageClass.ORDINARY
    )


@pytest.mark.requirement("IP-6", "IP-11")
def test_opaque_seal_is_verified_and_then_fails_the_form():
    from ceralacca.testing.seals import Make, cms_seal

    entity = bytes(GOOD_ENVELOPE.entity)
    cms = cms_seal(entity, peers().alfa, good.INSTANT, Make(inside=entity))
    message = (
        bytes(GOOD_ENVELOPE.header)
        + b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n"
        + b"Content-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(cms).replace(b"\n", b"\r\n")
    )
    found = classified(message)
    assert found.kind is MessageClass.PEC_MALFORMED
    assert "la firma non e' separata dal contenuto" in found.anomaly


@pytest.mark.requirement("IP-7", "IP-10", "DI-8")
def test_origin_is_the_very_certificate_in_the_directory():
    stranger = Authority.create(good.INSTANT).provider("Gestore Delta", good.ALFA)  # right address, right authority
    found = classified(sealed(GOOD_ENVELOPE, stranger))
    assert (found.kind, found.anomaly) == (MessageClass.ORDINARY, AnomalyReason.UNTRUSTED_SIGNATURE)


@pytest.mark.requirement("IP-8", "IP-10")
def test_validity_altered_content():
    found = classified(sealed(GOOD_ENVELOPE).replace(b"Buongiorno.", b"Buonasera.."))
    assert (found.kind, found.anomaly) == (MessageClass.ORDINARY, AnomalyReason.NO_SIGNATURE)


@pytest.mark.requirement("IP-8", "IP-10")
def test_validity_revoked_expired_and_unknown_authority():
    world = peers()
    revoked = [world.authority.revocation(world.alfa, good.INSTANT - timedelta(hours=1))]
    trust = TrustStore(anchors=world.authority.anchors(), crls=world.authority.crls(revoked=revoked))
    assert classified(sealed(GOOD_ENVELOPE), trust=trust).anomaly == AnomalyReason.UNTRUSTED_SIGNATURE
    elsewhere = Authority.create(good.INSTANT, name="altrove")
    trust = TrustStore(anchors=elsewhere.anchors(), crls=elsewhere.crls())
    assert classified(sealed(GOOD_ENVELOPE), trust=trust).kind is MessageClass.ORDINARY
    year = timedelta(days=365)
    expired = world.authority.provider("Gestore Alfa", good.ALFA, valid=(good.INSTANT - 2 * year, good.INSTANT - year))
    record = provider_record(ALFA_NAME, ["pec.alfa.example"], certificates=[expired.certificate])
    found = classified(sealed(GOOD_ENVELOPE, expired), directory=directory_of(record))
    assert (found.kind, found.anomaly) == (MessageClass.ORDINARY, AnomalyReason.UNTRUSTED_SIGNATURE)


@pytest.mark.requirement("IP-5", "IP-9")
def test_temporary_trouble_never_classifies():
    world = peers()
    without_crls = TrustStore(anchors=world.authority.anchors())
    stale = TrustStore(
        anchors=world.authority.anchors(), crls=world.authority.crls(at=good.INSTANT - timedelta(days=30))
    )
    for changes in ({"trust": None}, {"directory": None}, {"trust": without_crls}, {"trust": stale}):
        assert classified(sealed(GOOD_ENVELOPE), **changes).kind is MessageClass.TEMPORARY
        ordinary = classified(b"From: a@b.example\r\n\r\nciao", **changes)
        assert ordinary.kind is MessageClass.ORDINARY


@pytest.mark.requirement("IP-10", "GE-8", "MO-14")
def test_forged_markers_on_ordinary_mail_change_nothing():
    for header in (
        b"X-Trasporto: posta-certificata\r\n",
        b"X-Ricevuta: avvenuta-consegna\r\n",
        b"X-Ceralacca-Class: envelope\r\n",
    ):
        found = classified(header + b"From: posta-certificata@gestore-alfa.example\r\n\r\nciao")
        assert found.kind is MessageClass.ORDINARY


TEXT = good.text_part(good.TEXTS[ENVELOPE])
XML = good.certification_part(good.certification(ENVELOPE))
ORIGINAL = good.original_part(good.ORIGINAL)


@pytest.mark.scenario("T-12")
@pytest.mark.requirement("IP-11", "IP-12", "TO-11", "BA-1")
@pytest.mark.parametrize(
    ("draft", "detail"),
    [
        (with_header(GOOD_ENVELOPE, swap(b"X-Trasporto", b"X-Trasportox")), "X-Trasporto"),
        (with_header(GOOD_ENVELOPE, swap(b"X-Trasporto", b"X-Ricevuta: accettazione\r\nX-Trasporto")), "X-Ricevuta"),
        (with_header(GOOD_ENVELOPE, swap(b"Subject:", b"X-Subject:")), "manca un'intestazione"),
        (with_header(GOOD_ENVELOPE, swap(b"<posta-certificata@", b"<altri@")), "campo From"),
        (with_header(GOOD_ENVELOPE, swap(b"Message-ID: <pec2", b"Message-ID: <pec3")), "Message-ID"),
        (with_parts(ENVELOPE, (TEXT, ORIGINAL)), "mancano i dati di certificazione"),
        (with_parts(ENVELOPE, (TEXT, XML, XML, ORIGINAL)), "presenti piu' volte"),
        (with_parts(ENVELOPE, (TEXT, XML)), "manca il messaggio originale"),
        (with_parts(ENVELOPE, (TEXT, XML, ORIGINAL, ORIGINAL)), "presente piu' volte"),
        (with_parts(ENVELOPE, (XML, ORIGINAL)), "manca il testo"),
        (with_certification(GOOD_ENVELOPE, swap("<oggetto>", "<soggetto>")), "non sono validi"),
        (with_certification(GOOD_ENVELOPE, swap("<risposte>", "<altro/><risposte>")), "non sono validi"),
        (with_certification(GOOD_ENVELOPE, swap('tipo="posta-certificata"', 'tipo="accettazione"')), "il tipo"),
        (with_certification(GOOD_ENVELOPE, swap(f"<mittente>{good.SENDER}", "<mittente>x@pec.alfa.example")), "SMTP"),
        (with_certification(GOOD_ENVELOPE, swap(f">{good.ANNA}<", ">x@pec.beta.example<")), "destinatario SMTP"),
    ],
)
def test_wrong_form_under_a_good_seal(draft, detail):
    arrival = arrival_of(draft)
    found = arrival.classify()
    assert found.kind is MessageClass.PEC_MALFORMED
    assert found.anomaly.startswith("il messaggio non e' conforme alle regole tecniche: ")
    assert detail in found.anomaly
    assert not found.receipt_due
    assert arrival.octets in bytes(anomaly_of(arrival, found).entity)


@pytest.mark.requirement("IP-12")
@pytest.mark.parametrize(
    "changes",
    [
        {"reverse_path": None},
        {"reverse_path": Address("altri@pec.alfa.example")},
        {"recipients": (Address(good.ANNA), Address("altri@pec.beta.example"))},
    ],
)
def test_envelope_that_does_not_fit_its_transaction(changes):
    assert classified(sealed(GOOD_ENVELOPE), **changes).kind is MessageClass.PEC_MALFORMED


@pytest.mark.requirement("IP-12", "AM-14")
def test_comparison_is_without_case():
    changes = {"reverse_path": Address(good.SENDER.upper()), "recipients": (Address(good.ANNA.upper()),)}
    assert classified(sealed(GOOD_ENVELOPE), **changes).kind is MessageClass.ENVELOPE


@pytest.mark.requirement("IP-13")
@pytest.mark.parametrize(
    "draft",
    [
        with_header(good_draft(DELIVERY), swap(b"avvenuta-consegna", b"errore-consegna")),
        with_header(good_draft(DELIVERY), swap(b"X-Ricevuta:", b"X-Ricevuta: avvenuta-consegna\r\nX-Ricevuta:")),
        with_header(good_draft(DELIVERY), swap(b"avvenuta-consegna", b"consegna")),
        with_parts(DELIVERY, (good.text_part(good.TEXTS[DELIVERY]), ORIGINAL)),
        with_header(good_draft(DELIVERY), swap(b"To: mario", b"To: luigi")),
    ],
)
def test_receipt_of_the_wrong_form(draft):
    assert arrival_of(draft).classify().kind is MessageClass.PEC_MALFORMED


@pytest.mark.requirement("IP-13", "MO-5")
def test_message_between_providers_never_reaches_a_holder():
    taking = arrival_of(good_draft(MessageRow.TAKING_IN_CHARGE))
    assert replace(taking, recipients=(Address(good.SENDER),)).classify().kind is MessageClass.PEC_MALFORMED


@pytest.mark.requirement("IP-14", "AM-24")
def test_envelope_for_a_domain_of_another_provider():
    draft = with_header(GOOD_ENVELOPE, swap(good.ALFA.encode(), b"posta-certificata@gestore-gamma.example"))
    found = arrival_of(draft, signer=peers().gamma).classify()
    assert (found.kind, found.anomaly) == (MessageClass.PEC_MALFORMED, "dominio mittente non di posta certificata")


@pytest.mark.requirement("IP-15")
def test_delivery_receipt_of_a_provider_that_is_not_the_recipients():
    draft = with_header(good_draft(DELIVERY), swap(good.BETA.encode(), b"posta-certificata@gestore-gamma.example"))
    found = arrival_of(draft, signer=peers().gamma).classify()
    assert (found.kind, found.suspicion) == (MessageClass.RECEIPT, Suspicion.NOT_RECIPIENT_PROVIDER)
    assert not found.moves_state


@pytest.mark.requirement("IP-15")
def test_acceptance_receipt_that_is_not_our_own():
    draft = with_header(good_draft(MessageRow.ACCEPTANCE), swap(good.ALFA.encode(), good.BETA.encode()))
    found = arrival_of(draft, signer=peers().beta).classify()
    assert (found.kind, found.suspicion) == (MessageClass.RECEIPT, Suspicion.NOT_OWN_PROVIDER)


@pytest.mark.requirement("IP-22")
@pytest.mark.parametrize(
    "octets",
    [
        b"From: a@b.example\r\n\r\nofferta",
        sealed_good(DELIVERY),
        sealed(good_draft(MessageRow.VIRUS_DETECTION)).replace(b"Ident", b"ident"),
    ],
)
def test_service_mailbox_quarantines_everything_else(octets):
    found = classified(octets, row=MessageRow.TAKING_IN_CHARGE)
    assert found.quarantine
    assert not found.receipt_due


def eleven():
    """Unsigned, forged marker, unknown signer, revoked, expired, altered (T-11)."""
    world, year = peers(), timedelta(days=365)
    stranger = Authority.create(good.INSTANT, name="altrove").provider(ALFA_NAME, good.ALFA)
    expired = world.authority.provider("Gestore Alfa", good.ALFA, valid=(good.INSTANT - 2 * year, good.INSTANT - year))
    revoked = [world.authority.revocation(world.alfa, good.INSTANT - timedelta(hours=1))]
    with_revoked = TrustStore(anchors=world.authority.anchors(), crls=world.authority.crls(revoked=revoked))
    listed = directory_of(provider_record(ALFA_NAME, ["pec.alfa.example"], certificates=[expired.certificate]))
    return [
        (b"From: a@b.example\r\n\r\nciao", {}),
        (b"X-Trasporto: posta-certificata\r\nFrom: posta-certificata@gestore-alfa.example\r\n\r\nciao", {}),
        (sealed(GOOD_ENVELOPE, stranger), {}),
        (sealed(GOOD_ENVELOPE), {"trust": with_revoked}),
        (sealed(GOOD_ENVELOPE, expired), {"directory": listed}),
        (sealed(GOOD_ENVELOPE).replace(b"Buongiorno.", b"Buonasera.."), {}),
    ]


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("IP-10", "BA-1", "BA-2", "MO-13")
@pytest.mark.parametrize(("octets", "changes"), eleven())
def test_what_is_not_proven_becomes_an_anomaly_envelope_and_owes_nothing(octets, changes):
    arrival = replace(arrival_of(GOOD_ENVELOPE, octets=octets), **changes)
    found = arrival.classify()
    assert found.kind is MessageClass.ORDINARY
    assert not found.receipt_due
    assert not found.moves_state
    draft = anomaly_of(arrival, found)
    assert octets in bytes(draft.entity)
    assert (draft.reverse_path, draft.forward_paths) == (arrival.reverse_path, arrival.recipients)


@pytest.mark.requirement("MO-13", "BA-2")
@pytest.mark.parametrize("row", [row for row in MessageRow if row is not ENVELOPE])
def test_only_an_envelope_is_ever_answered(row):
    assert not arrival_of(good_draft(row)).classify().receipt_due


@pytest.mark.requirement("SE-7", "IP-11")
def test_content_past_the_limits_under_a_good_seal():
    draft = with_parts(ENVELOPE, (TEXT, XML, ORIGINAL, *[b"\r\nx"] * 1100))
    found = arrival_of(draft).classify()
    assert found.kind is MessageClass.PEC_MALFORMED
    assert "limiti" in found.anomaly
