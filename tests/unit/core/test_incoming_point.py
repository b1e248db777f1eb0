"""Does the classification follow the seal first, the form second, and nobody's claims?"""

from dataclasses import FrozenInstanceError, replace
from itertools import product

import pytest

from ceralacca.core.anomaly import AnomalyReason
from ceralacca.core.incoming_point import (
    Classification,
    IncomingFacts,
    MessageClass,
    MessageFamily,
    Suspicion,
    classify,
)
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import CertificationData, OriginalData, Recipient
from ceralacca.core.model.notification import ErrorKind, NotificationKind, ReceiptKind, RecipientKind
from ceralacca.core.model.outcome import CertificateFacts, Mark, SealReport, SealStep, SealVerdict, StepOutcome
from ceralacca.testing.authority import Authority
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.trust.certificate import read_certificate

AUTHORITY = Authority.create(NOON)
IDENTITIES = {
    name: AUTHORITY.provider(f"Gestore {name}", f"posta-certificata@gestore-{name}.example")
    for name in ("alfa", "beta", "gamma")
}
DIRECTORY = directory_of(
    *(
        provider_record(f"Gestore {name}", [f"pec.{name}.example"], certificates=[identity.certificate])
        for name, identity in IDENTITIES.items()
    )
)
SENDER, ANNA = Address("mario@pec.alfa.example"), Address("anna@pec.beta.example")


def facts_of(identity) -> CertificateFacts:
    return read_certificate(identity.certificate).facts


def seal(*, by="beta", verdict=SealVerdict.VALID, **marks) -> SealReport:
    steps = dict.fromkeys(SealStep, Mark.PASSED) | {SealStep[name.upper()]: mark for name, mark in marks.items()}
    return SealReport(
        verdict=verdict,
        steps=tuple(StepOutcome(step=step, mark=mark, requirements=()) for step, mark in steps.items()),
        signer=facts_of(IDENTITIES[by]) if by else None,
    )


def certification(kind, *, error=ErrorKind.NONE, recipient: Address | None = None, taken=()) -> CertificationData:
    return CertificationData(
        kind=kind,
        error=error,
        original=OriginalData(
            sender=SENDER,
            recipients=(Recipient(address=ANNA, kind=RecipientKind.CERTIFIED),),
            reply_to=SENDER.text,
            subject="Prova",
            identifier="pec1@gestore-alfa.example",
            client_message_id=None,
        ),
        issuer="Gestore",
        instant=NOON,
        requested_receipt=ReceiptKind.COMPLETE if kind is NotificationKind.TRANSPORT_ENVELOPE else None,
        delivery_recipient=recipient,
        taken_recipients=taken,
    )


GOOD_FORM = (StepOutcome(step="marker", mark=Mark.PASSED, requirements=("IP-12",)),)
ENVELOPE = IncomingFacts(
    seal=seal(by="alfa"),
    family=MessageFamily.ENVELOPE,
    form=GOOD_FORM,
    certification=certification(NotificationKind.TRANSPORT_ENVELOPE),
    directory=DIRECTORY,
    own_provider="Gestore beta",
    to_service_mailbox=False,
)


def receipt(kind, *, signer, **named) -> IncomingFacts:
    return replace(
        ENVELOPE,
        seal=seal(by=signer),
        family=MessageFamily.RECEIPT,
        certification=certification(kind, **named),
        own_provider="Gestore alfa",
    )


DELIVERY = receipt(NotificationKind.DELIVERY, signer="beta", recipient=ANNA)


@pytest.mark.requirement("IP-12", "DR-1")
def test_sound_envelope_is_an_envelope_and_owes_receipts():
    found = classify(ENVELOPE)
    assert found == Classification(kind=MessageClass.ENVELOPE)
    assert found.receipt_due
    assert not found.moves_state


@pytest.mark.requirement("IP-13", "MO-13")
def test_sound_receipt_is_a_receipt_and_is_never_answered():
    found = classify(DELIVERY)
    assert found == Classification(kind=MessageClass.RECEIPT)
    assert found.moves_state
    assert not found.receipt_due


ORIGIN = ["shape", "signer", "digest", "signature", "key", "path", "revocation", "validity", "directory"]


@pytest.mark.requirement("IP-6", "IP-7", "IP-8", "IP-10")
@pytest.mark.parametrize("step", ORIGIN)
def test_any_negative_test_of_the_seal_makes_it_ordinary(step):
    found = classify(replace(ENVELOPE, seal=seal(by="alfa", verdict=SealVerdict.FORGED, **{step: Mark.FAILED})))
    assert found.kind is MessageClass.ORDINARY
    authentic = step in {"key", "path", "revocation", "validity", "directory"}
    assert found.anomaly == (AnomalyReason.UNTRUSTED_SIGNATURE if authentic else AnomalyReason.NO_SIGNATURE)
    assert not found.receipt_due


@pytest.mark.requirement("IP-10", "GE-8")
def test_unsigned_mail_is_ordinary_whatever_it_claims():
    for family in MessageFamily:
        facts = replace(ENVELOPE, family=family, seal=seal(by=None, verdict=SealVerdict.UNSIGNED))
        assert classify(facts).kind is MessageClass.ORDINARY
        assert classify(facts).anomaly == AnomalyReason.NO_SIGNATURE


@pytest.mark.requirement("IP-8")
def test_seal_that_was_good_once_is_not_good_at_reception():
    found = classify(replace(ENVELOPE, seal=seal(by="alfa", verdict=SealVerdict.VALID_WHEN_SIGNED)))
    assert (found.kind, found.anomaly) == (MessageClass.ORDINARY, AnomalyReason.UNTRUSTED_SIGNATURE)


@pytest.mark.requirement("IP-5", "IP-9")
@pytest.mark.parametrize(("step", "mark"), list(product(ORIGIN, [Mark.UNKNOWN, Mark.NOT_REACHED])))
def test_what_could_not_be_checked_is_temporary_and_claims_nothing(step, mark):
    found = classify(replace(ENVELOPE, seal=seal(by="alfa", verdict=SealVerdict.INDETERMINATE, **{step: mark})))
    assert found == Classification(kind=MessageClass.TEMPORARY)


@pytest.mark.requirement("IP-5")
def test_directory_that_cannot_be_read_is_temporary():
    assert classify(replace(ENVELOPE, directory=None)).kind is MessageClass.TEMPORARY
    assert classify(replace(ENVELOPE, directory=None, to_service_mailbox=True)).quarantine is False


@pytest.mark.requirement("IP-10", "IP-5")
def test_what_is_refused_needs_no_certainty_about_the_rest():
    """A broken seal stays broken when the CRL is away: no reason to make the peer try again."""
    marks = {"signature": Mark.FAILED, "revocation": Mark.UNKNOWN, "directory": Mark.UNKNOWN}
    assert classify(replace(ENVELOPE, seal=seal(verdict=SealVerdict.FORGED, **marks))).kind is MessageClass.ORDINARY
    unsigned = replace(ENVELOPE, directory=None, seal=seal(by=None, verdict=SealVerdict.UNSIGNED))
    assert classify(unsigned).kind is MessageClass.ORDINARY


@pytest.mark.requirement("IP-11")
@pytest.mark.parametrize("facts", [ENVELOPE, DELIVERY])
def test_good_seal_over_a_wrong_form_must_be_delivered_as_an_anomaly(facts):
    wrong = StepOutcome(step="kind", mark=Mark.FAILED, requirements=(), reason="kind-not-marker")
    found = classify(replace(facts, form=(*GOOD_FORM, wrong)))
    assert found.kind is MessageClass.PEC_MALFORMED
    assert found.anomaly.startswith(
        "il messaggio non e' conforme alle regole tecniche: il tipo nei dati di certificazione"
    )


@pytest.mark.requirement("IP-11", "IP-12")
@pytest.mark.parametrize(
    "change",
    [
        {"form": ()},
        {"certification": None},
        {"family": MessageFamily.NONE},
        {"family": MessageFamily.ANOMALY},
        {"form": (StepOutcome(step="x", mark=Mark.FAILED, requirements=(), reason="of-a-later-version"),)},
        {"seal": seal(by="alfa", verdict=SealVerdict.WRONG_ADDRESS, address=Mark.FAILED)},
    ],
)
def test_nothing_is_claimed_of_a_form_that_was_not_checked_or_does_not_fit(change):
    found = classify(replace(ENVELOPE, **change))
    assert found.kind is MessageClass.PEC_MALFORMED
    assert found.anomaly.startswith("il messaggio non e' conforme alle regole tecniche: ")


@pytest.mark.requirement("IP-14", "AM-24")
@pytest.mark.parametrize("signer", ["beta", "gamma"])
def test_envelope_sealed_by_a_provider_of_other_domains(signer):
    found = classify(replace(ENVELOPE, seal=seal(by=signer)))
    assert (found.kind, found.anomaly) == (MessageClass.PEC_MALFORMED, "dominio mittente non di posta certificata")


@pytest.mark.requirement("IP-7", "IP-14")
def test_hash_alone_does_not_make_an_owner():
    """SHA-1 can be made to collide: the other digest must fit the listed octets too."""
    certificate = replace(facts_of(IDENTITIES["alfa"]), sha256="00" * 32)
    found = classify(replace(ENVELOPE, seal=replace(seal(by="alfa"), signer=certificate)))
    assert found.kind is MessageClass.PEC_MALFORMED
    found = classify(replace(DELIVERY, seal=replace(seal(), signer=None)))
    assert found.suspicion is Suspicion.NOT_RECIPIENT_PROVIDER


OWN = [
    NotificationKind.ACCEPTANCE,
    NotificationKind.NON_ACCEPTANCE,
    NotificationKind.DELIVERY_TIMEOUT,
]


@pytest.mark.requirement("IP-15")
@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize(("signer", "suspicion"), [("alfa", None), ("beta", Suspicion.NOT_OWN_PROVIDER)])
def test_rows_of_the_senders_provider(kind, signer, suspicion):
    found = classify(receipt(kind, signer=signer, recipient=ANNA))
    assert found.kind is MessageClass.RECEIPT
    assert found.suspicion is suspicion
    assert found.moves_state is (suspicion is None)


@pytest.mark.requirement("IP-15")
@pytest.mark.parametrize(
    ("kind", "signer", "named", "suspicion"),
    [
        (NotificationKind.DELIVERY, "gamma", {"recipient": ANNA}, Suspicion.NOT_RECIPIENT_PROVIDER),
        (NotificationKind.DELIVERY, "alfa", {"recipient": ANNA}, Suspicion.NOT_RECIPIENT_PROVIDER),
        (NotificationKind.DELIVERY, "beta", {}, Suspicion.NO_RECIPIENT),
        (NotificationKind.VIRUS_DETECTION, "beta", {"recipient": ANNA, "error": ErrorKind.VIRUS}, None),
        (NotificationKind.VIRUS_DETECTION, "gamma", {"recipient": ANNA}, Suspicion.NOT_RECIPIENT_PROVIDER),
        (NotificationKind.TAKING_IN_CHARGE, "beta", {"taken": (ANNA,)}, None),
        (NotificationKind.TAKING_IN_CHARGE, "beta", {}, Suspicion.NO_RECIPIENT),
        (
            NotificationKind.TAKING_IN_CHARGE,
            "beta",
            {"taken": (ANNA, Address("x@pec.gamma.example"))},
            Suspicion.NOT_RECIPIENT_PROVIDER,
        ),
        (NotificationKind.NON_DELIVERY, "beta", {"recipient": ANNA, "error": ErrorKind.OTHER}, None),
        (NotificationKind.NON_DELIVERY, "alfa", {"recipient": ANNA, "error": ErrorKind.OTHER}, None),
        (NotificationKind.NON_DELIVERY, "gamma", {"recipient": ANNA}, Suspicion.NOT_RECIPIENT_PROVIDER),
        (
            NotificationKind.NON_DELIVERY,
            "beta",
            {"recipient": ANNA, "error": ErrorKind.VIRUS},
            Suspicion.NOT_OWN_PROVIDER,
        ),
        (NotificationKind.NON_DELIVERY, "alfa", {"recipient": ANNA, "error": ErrorKind.VIRUS}, None),
    ],
)
def test_rows_about_a_recipient(kind, signer, named, suspicion):
    found = classify(receipt(kind, signer=signer, **named))
    assert (found.kind, found.suspicion) == (MessageClass.RECEIPT, suspicion)


@pytest.mark.requirement("IP-22")
@pytest.mark.parametrize(
    ("facts", "quarantine"),
    [
        (receipt(NotificationKind.TAKING_IN_CHARGE, signer="beta", taken=(ANNA,)), False),
        (receipt(NotificationKind.VIRUS_DETECTION, signer="beta", recipient=ANNA), False),
        (DELIVERY, True),
        (ENVELOPE, True),
        (replace(ENVELOPE, seal=seal(by=None, verdict=SealVerdict.UNSIGNED)), True),
        (replace(receipt(NotificationKind.TAKING_IN_CHARGE, signer="beta", taken=(ANNA,)), form=()), True),
    ],
)
def test_service_mailbox_takes_valid_receipts_of_two_rows_only(facts, quarantine):
    assert classify(replace(facts, to_service_mailbox=True)).quarantine is quarantine
    assert classify(facts).quarantine is False


@pytest.mark.requirement("MO-14")
def test_classification_is_a_value_that_cannot_be_changed():
    found = classify(ENVELOPE)
    with pytest.raises(FrozenInstanceError):
        found.kind = MessageClass.ORDINARY


# -- unprotected channels ---------------------------------------------------------------------------


@pytest.mark.requirement("IP-4")
def test_pec_traffic_without_tls_is_malformed_where_the_provider_asks_for_tls():
    found = classify(replace(ENVELOPE, lacks_tls=True))
    assert found.kind is MessageClass.PEC_MALFORMED
    assert "non protetta" in found.anomaly
    assert classify(replace(DELIVERY, lacks_tls=True)).kind is MessageClass.PEC_MALFORMED
    unsigned = replace(ENVELOPE, seal=seal(by=None, verdict=SealVerdict.UNSIGNED), lacks_tls=True)
    assert classify(unsigned).kind is MessageClass.ORDINARY, "ordinary mail may come as it can (IP-1)"
