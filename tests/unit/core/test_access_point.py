import dataclasses

import pytest

from ceralacca.base.errors import OurError, UserError
from ceralacca.core.access_point import (
    SERVICE_UNAVAILABLE,
    SMALLEST_LIMIT,
    Accepted,
    AccessSettings,
    FormalFailure,
    FormDefect,
    Refused,
    SubmissionFacts,
    classify_recipients,
    decide,
    failure_description,
    formal_failures,
)
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import RecipientKind

ROSSI = Address("mario.rossi@pec.alfa.example")
BIANCHI = Address("anna.bianchi@pec.beta.example")
VERDI = Address("v.verdi@posta.gamma.example")
SETTINGS = AccessSettings()
SOUND = SubmissionFacts(
    reverse_path=ROSSI, forward_paths=(BIANCHI, VERDI), octets=1200, senders=(ROSSI,), to=(BIANCHI,), cc=(VERDI,)
)


class Domains:
    def is_pec(self, domain):
        return domain.startswith("pec.")


def failures_with(settings=SETTINGS, **changes):
    return formal_failures(dataclasses.replace(SOUND, **changes), settings)


def clauses(failures):
    return [failure.requirement for failure in failures]


def only(failures):
    assert len(failures) == 1
    return failures[0].requirement, failures[0].text


def test_a_sound_submission_has_no_failure():
    assert formal_failures(SOUND, SETTINGS) == ()


@pytest.mark.requirement("AP-1")
def test_a_clear_channel_is_a_failure():
    assert only(failures_with(channel_protected=False)) == ("AP-1", "non e' stata utilizzata la cifratura del canale")


@pytest.mark.requirement("AP-2")
def test_a_reverse_path_not_owned_by_the_identity_is_a_failure():
    assert only(failures_with(sender_owned=False)) == (
        "AP-2",
        "le credenziali di autenticazione non sono compatibili con l'indirizzo del mittente",
    )


@pytest.mark.requirement("AP-5", "AP-15", "SE-7")
@pytest.mark.parametrize("defect", FormDefect)
def test_each_defect_of_form_fails_with_the_one_wording_and_its_own_hint(defect):
    (failure,) = failures_with(defects=frozenset({defect}))
    assert failure.text == "il messaggio non e' conforme alle specifiche RFC 5322"
    assert (failure.requirement, failure.detail) == (defect.requirement, defect.hint)


@pytest.mark.requirement("AP-5")
def test_defects_of_one_clause_are_one_failure_that_names_them_all():
    failures = failures_with(defects=frozenset({FormDefect.NUL, FormDefect.NO_DATE, FormDefect.LIMITS}))
    assert clauses(failures) == ["AP-5", "SE-7"]
    assert failures[0].detail == f"{FormDefect.NO_DATE.hint}; {FormDefect.NUL.hint}"


@pytest.mark.requirement("AP-5", "NA-3")
def test_a_header_that_could_not_be_read_fails_once_and_says_nothing_of_fields():
    failures = failures_with(header_read=False, senders=(), to=(), cc=(), bcc_filled=True)
    assert clauses(failures) == ["AP-5"]


@pytest.mark.requirement("AP-6", "AM-13")
@pytest.mark.parametrize("senders", [(), (ROSSI, VERDI), (ROSSI, ROSSI)])
def test_from_must_hold_exactly_one_address(senders):
    assert only(failures_with(senders=senders)) == (
        "AP-6",
        "il campo From e' assente o non contiene un indirizzo valido",
    )


@pytest.mark.requirement("AP-7")
def test_to_must_hold_an_address_even_when_cc_has_all_recipients():
    failures = failures_with(to=(), cc=(BIANCHI, VERDI))
    assert only(failures) == ("AP-7", "il campo To e' assente o non contiene indirizzi validi")


@pytest.mark.requirement("AP-8")
def test_the_reverse_path_must_be_the_from_address():
    assert only(failures_with(reverse_path=VERDI)) == (
        "AP-8",
        "l'indirizzo del mittente v.verdi@posta.gamma.example non coincide con quello del campo From",
    )


@pytest.mark.requirement("AP-8", "AM-14")
def test_the_reverse_path_may_differ_from_the_from_address_in_case():
    assert failures_with(reverse_path=Address("Mario.Rossi@PEC.Alfa.Example")) == ()


@pytest.mark.requirement("AP-14")
def test_the_null_reverse_path_is_never_accepted():
    assert only(failures_with(reverse_path=None)) == (
        "AP-8",
        "l'indirizzo del mittente <> non coincide con quello del campo From",
    )
    assert failures_with(reverse_path=None, senders=())


@pytest.mark.requirement("AP-9", "AM-5")
def test_each_recipient_hidden_from_to_and_cc_is_listed_as_spelled_in_smtp():
    hidden = Address("Nascosto@pec.beta.example")
    failures = failures_with(forward_paths=(hidden, BIANCHI, VERDI, hidden))
    assert only(failures) == ("AP-9", "l'indirizzo email Nascosto@pec.beta.example non appare nei campi To o Cc")


@pytest.mark.requirement("AP-10", "AM-5")
def test_each_header_address_that_is_no_recipient_is_listed_unless_set_otherwise():
    failures = failures_with(forward_paths=(BIANCHI,))
    assert only(failures) == (
        "AP-10",
        "l'indirizzo v.verdi@posta.gamma.example presente nei campi To o Cc non e' tra i destinatari del messaggio",
    )
    assert failures_with(AccessSettings(strict_header_recipients=False), forward_paths=(BIANCHI,)) == ()


@pytest.mark.requirement("AP-11")
def test_a_bcc_with_a_value_is_a_failure():
    assert only(failures_with(bcc_filled=True)) == (
        "AP-11",
        "il messaggio contiene destinatari in copia nascosta (Bcc)",
    )


@pytest.mark.requirement("AP-12", "AM-16")
@pytest.mark.parametrize(
    ("octets", "recipients", "accepted"),
    [
        (30 * 2**20, 1, True),
        (30 * 2**20 + 1, 1, False),
        (15 * 2**20, 2, True),
        (15 * 2**20 + 1, 2, False),
        (629_145, 50, True),
        (629_146, 50, False),
    ],
)
def test_size_times_recipients_stays_within_the_limit(octets, recipients, accepted):
    paths = tuple(Address(f"u{n}@pec.beta.example") for n in range(recipients))
    failures = failures_with(octets=octets, forward_paths=paths, to=paths, cc=())
    assert clauses(failures) == ([] if accepted else ["AP-12"])
    if not accepted:
        assert failures[0].text == "ecceduta la dimensione massima del messaggio"


@pytest.mark.requirement("AP-12", "AM-30")
def test_a_recipient_named_twice_counts_once_in_the_size():
    assert failures_with(octets=SMALLEST_LIMIT // 2, forward_paths=(BIANCHI, VERDI, BIANCHI)) == ()


@pytest.mark.requirement("AP-13")
@pytest.mark.parametrize(("recipients", "accepted"), [(50, True), (51, False)])
def test_the_number_of_recipients_stays_within_the_maximum(recipients, accepted):
    paths = tuple(Address(f"u{n}@pec.beta.example") for n in range(recipients))
    failures = failures_with(forward_paths=paths, to=paths, cc=())
    assert [failure.text for failure in failures] == ([] if accepted else ["ecceduto il numero massimo di destinatari"])


@pytest.mark.requirement("AP-12", "AP-13")
@pytest.mark.parametrize("wrong", [{"limit_octets": SMALLEST_LIMIT - 1}, {"recipients": 49}])
def test_no_setting_goes_below_what_the_law_makes_us_accept(wrong):
    with pytest.raises(UserError) as refused:
        AccessSettings(**wrong)
    assert next(iter(wrong)) in refused.value.remedy


def test_settings_may_go_above_the_floor():
    settings = AccessSettings(limit_octets=100 * 2**20, recipients=500)
    assert failures_with(settings, octets=50 * 2**20) == ()


@pytest.mark.requirement("NA-1")
def test_all_failures_are_listed_in_the_order_of_the_clauses():
    paths = tuple(Address(f"u{n}@pec.beta.example") for n in range(51))
    failures = failures_with(
        channel_protected=False,
        sender_owned=False,
        defects=frozenset({FormDefect.EIGHT_BIT_SIGNED, FormDefect.LIMITS, FormDefect.LINE_END}),
        senders=(VERDI,),
        to=(),
        cc=(BIANCHI,),
        forward_paths=paths,
        bcc_filled=True,
        octets=SMALLEST_LIMIT,
    )
    hidden = ["AP-9"] * 51
    assert clauses(failures) == [
        *("AP-1", "AP-2", "AP-5", "SE-7", "AP-15", "AP-7", "AP-8"),
        *(*hidden, "AP-10", "AP-11", "AP-12", "AP-13"),
    ]


def test_one_failure_is_described_by_its_text():
    assert failure_description(failures_with(bcc_filled=True)) == (
        "il messaggio contiene destinatari in copia nascosta (Bcc)"
    )


@pytest.mark.requirement("NA-1")
def test_several_failures_are_described_one_a_line_under_a_heading():
    assert failure_description(failures_with(bcc_filled=True, to=(), forward_paths=(VERDI,))) == (
        "Sono state riscontrate le seguenti anomalie:\n"
        "  - il campo To e' assente o non contiene indirizzi validi\n"
        "  - il messaggio contiene destinatari in copia nascosta (Bcc)"
    )


def test_a_wording_shared_by_two_clauses_is_described_once():
    failures = failures_with(defects=frozenset({FormDefect.NUL, FormDefect.EIGHT_BIT_SIGNED}))
    assert len(failures) == 2
    assert failure_description(failures) == "il messaggio non e' conforme alle specifiche RFC 5322"


def test_hints_never_enter_the_certified_wording():
    assert failure_description([FormalFailure(requirement="AP-5", text="testo", detail="dettaglio")]) == "testo"


def test_nothing_to_describe_is_our_error():
    with pytest.raises(OurError):
        failure_description(())


def test_the_wording_for_a_service_away_exists():
    assert SERVICE_UNAVAILABLE == "il servizio non e' disponibile"


def test_facts_without_a_recipient_are_our_error():
    with pytest.raises(OurError):
        dataclasses.replace(SOUND, forward_paths=())


@pytest.mark.requirement("AM-30", "MO-6", "AM-14")
def test_recipients_stand_to_before_cc_once_each_and_as_routed():
    facts = dataclasses.replace(
        SOUND,
        forward_paths=(VERDI, Address("Anna.Bianchi@pec.beta.example"), BIANCHI, ROSSI),
        to=(BIANCHI, VERDI),
        cc=(VERDI,),
    )
    assert [str(address) for address in facts.recipients] == [
        "Anna.Bianchi@pec.beta.example",
        "v.verdi@posta.gamma.example",
        "mario.rossi@pec.alfa.example",
    ]


@pytest.mark.requirement("AP-24")
def test_the_domain_alone_makes_a_recipient_certified_or_external():
    recipients = classify_recipients((Address("X@PEC.beta.example"), VERDI), Domains())
    assert [recipient.kind for recipient in recipients] == [RecipientKind.CERTIFIED, RecipientKind.EXTERNAL]


@pytest.mark.requirement("AP-20", "AP-26")
def test_every_decision_is_one_of_two_and_carries_the_identifier():
    recipients = classify_recipients(SOUND.recipients, Domains())
    accepted = decide(SOUND, SETTINGS, identifier="pec1@alfa.example", recipients=recipients)
    assert isinstance(accepted, Accepted)
    assert [str(r.address) for r in accepted.recipients] == [str(BIANCHI), str(VERDI)]
    refused = decide(
        dataclasses.replace(SOUND, bcc_filled=True), SETTINGS, identifier="pec2@alfa.example", recipients=recipients
    )
    assert isinstance(refused, Refused)
    assert (accepted.identifier, refused.identifier) == ("pec1@alfa.example", "pec2@alfa.example")
    assert refused.description == "il messaggio contiene destinatari in copia nascosta (Bcc)"


@pytest.mark.requirement("AM-6", "NA-3")
def test_a_refusal_on_recipients_lists_the_forward_path():
    facts = dataclasses.replace(SOUND, header_read=False, senders=(), to=(), cc=(), forward_paths=(VERDI, BIANCHI))
    recipients = classify_recipients(facts.recipients, Domains())
    refused = decide(facts, SETTINGS, identifier="pec3@alfa.example", recipients=recipients)
    assert [recipient.address for recipient in refused.recipients] == [VERDI, BIANCHI]
