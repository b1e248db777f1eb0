"""Section 13, T-11 and T-12 and what is near them: wrong seals, wrong forms, wrong authors, in a whole circuit.

How each is classified is held by `test_section_5_incoming_point`; here the consequences are read: what lies in which
mailbox, what was issued to whom, and that no state moves.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.core.transaction import RecipientState
from ceralacca.formats.draft import Draft
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.received import read_received
from ceralacca.formats.splice import Splice
from ceralacca.testing import good_drafts as good
from ceralacca.testing.arrivals import sealed
from ceralacca.testing.authority import Authority, TestIdentity
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.testing.paper_cast import (
    ALFA_SERVICE,
    ANNA,
    BETA_SERVICE,
    BRUNO,
    GAMMA,
    MARIO,
    ORDINARY_RECIPIENT,
    VIRUS_MARK,
    submission,
)
from ceralacca.testing.paper_sender import Letter
from ceralacca.testing.scenario import ALFA, BETA, BOUNCE, INSTANT, Scenario
from ceralacca.testing.zoo import ADDRESS, Specimen, seal_anyway, zoo
from ceralacca.trust.chain import TrustStore

ENVELOPE, DELIVERY = MessageRow.TRANSPORT_ENVELOPE, MessageRow.DELIVERY
TAKING, ANOMALY = MessageRow.TAKING_IN_CHARGE, MessageRow.ANOMALY_ENVELOPE
_OUTER_MIME = {"mime-version", "content-type"}


@pytest.fixture
def circuit() -> Circuit:
    return Circuit.at()


def same(octets: bytes) -> bytes:
    return octets


def sealed_anew(
    letter: Letter,
    signer: TestIdentity,
    *,
    header: Callable[[bytes], bytes] = same,
    entity: Callable[[bytes], bytes] = same,
) -> Letter:
    """Change a message of the circuit and seal it again, by whoever holds a key."""
    signed = read_received(letter.octets).signed
    fields = b"".join(field.raw for field in read_head(letter.octets).fields if field.key not in _OUTER_MIME)
    draft = Draft(
        row=letter.row,
        instant=INSTANT,
        header=Splice.of(header(fields)),
        entity=Splice.of(entity(bytes(signed.entity))),
        message_id="",
        reverse_path=letter.reverse_path,
        forward_paths=letter.forward_paths,
    )
    return replace(letter, octets=sealed(draft, signer))


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(octets: bytes) -> bytes:
        assert old in octets
        return octets.replace(old, new)

    return change


def identity(circuit: Circuit, provider: IssuingProvider) -> TestIdentity:
    cast = circuit.cast
    return {ALFA: cast.alfa, BETA: cast.beta, GAMMA: cast.gamma}[provider]


def arrive(circuit: Circuit, octets: bytes, *, to: Address = ANNA, by: Address | None = MARIO) -> Letter:
    """Let a stranger send octets, whatever they claim to be."""
    letter = Letter(octets=octets, reverse_path=by, forward_paths=(to,))
    circuit.post(letter)
    circuit.carry()
    return letter


def only_wrapped(circuit: Circuit, octets: bytes) -> bool:
    """Whether the one thing that happened is an anomaly envelope around these octets, in Anna's mailbox."""
    (stored,) = circuit.mailbox(ANNA)
    found = read_received(stored)
    return circuit.told() == {ANNA: [7]} and found.row is ANOMALY and bytes(found.original) == octets


# -- T-11: seals that prove nothing ------------------------------------------------------------------------


ZOO = zoo(Authority.create(INSTANT))


def from_the_zoo(circuit: Circuit, specimen: Specimen) -> bytes:
    """Seal a sound envelope with a specimen that the directory lists for the sender's domain."""
    scenario = Scenario(sender_provider=IssuingProvider(name="Gestore Zoo S.p.A.", address=ADDRESS))
    listed = provider_record(
        "Gestore Zoo S.p.A.", ["pec.alfa.example"], certificates=[specimen.certificate], mailbox=ALFA_SERVICE.text
    )
    beta = identity(circuit, BETA)
    own = provider_record(BETA.name, ["pec.beta.example"], certificates=[beta.certificate])
    circuit.beta.desk.directory = directory_of(listed, own)
    circuit.beta.trust = TrustStore(anchors=specimen.anchors, crls=specimen.crls)
    circuit.clock.advance(specimen.seen_at - circuit.clock.now())
    return seal_anyway(scenario.transaction().envelope(), specimen, at=specimen.signed_at)


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("IP-8", "IP-10", "MO-13", "BA-1", "IP-5")
@pytest.mark.parametrize("name", ZOO)
def test_t_11_each_wrong_seal_owes_nothing(circuit, name):
    specimen = ZOO[name]
    octets = from_the_zoo(circuit, specimen)
    arrive(circuit, octets)
    if specimen.expected is SealVerdict.VALID:
        assert circuit.told() == {ALFA_SERVICE: [6], MARIO: [10]}
    elif specimen.expected is SealVerdict.INDETERMINATE:  # IP-5: 4xx, the peer keeps it
        assert circuit.issued == []
        assert [letter.octets for letter in circuit.wire] == [octets]
    else:
        assert only_wrapped(circuit, octets)


def forged_marker(octets: bytes) -> bytes:
    head = read_head(octets)
    return octets[: head.fields_end] + b"X-Trasporto: posta-certificata\r\n" + octets[head.fields_end :]


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("IP-10", "BA-1", "BA-2", "IP-20")
@pytest.mark.parametrize("forge", [same, forged_marker], ids=["unsigned", "forged marker"])
@pytest.mark.parametrize("author", [ORDINARY_RECIPIENT, None], ids=["ordinary mail", "null reverse path"])
def test_t_11_ordinary_mail_is_wrapped_and_never_answered(circuit, forge, author):
    octets = forge(submission(sender=ORDINARY_RECIPIENT))
    arrive(circuit, octets, by=author)
    assert only_wrapped(circuit, octets)
    assert circuit.issued[0].reverse_path == author


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("BA-1", "BA-3", "BA-4", "TO-19")
def test_t_11_bounce_of_an_ordinary_server_reaches_its_holder_wrapped(circuit):
    arrive(circuit, BOUNCE, by=None)
    assert only_wrapped(circuit, BOUNCE)
    assert circuit.issued[0].reverse_path is None


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("IP-20")
@pytest.mark.parametrize("infected", [True, False])
def test_t_11_ordinary_mail_is_discarded_by_policy_or_when_infected(circuit, infected):
    circuit.beta.wraps_ordinary_mail = infected
    arrive(
        circuit, submission(sender=ORDINARY_RECIPIENT, body=f"\r\n{VIRUS_MARK.decode()}\r\n" if infected else "\r\n")
    )
    assert circuit.told() == {}
    assert circuit.mailbox(ANNA) == circuit.beta.desk.infected == []


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("IP-10", "TI-7", "TI-8")
def test_t_11_altered_envelope_is_wrapped_and_the_sender_hears_of_it_by_time_alone(circuit):
    circuit.submit(submission())
    circuit.carry(holding=[ENVELOPE])
    envelope = circuit.take(ENVELOPE)
    altered = envelope.octets.replace(b"Buongiorno.", b"Buonasera..")
    circuit.post(replace(envelope, octets=altered))
    circuit.carry()
    for hours in (12, 11):
        circuit.pass_time(hours=hours)
    assert circuit.told() == {MARIO: [3, 5, 5], ANNA: [4, 7]}
    (stored,) = circuit.mailbox(ANNA)
    assert bytes(read_received(stored).original) == altered


@pytest.mark.scenario("T-11")
@pytest.mark.requirement("IP-10", "MO-13")
def test_t_11_altered_receipt_moves_no_state(circuit):
    circuit.submit(submission())
    circuit.carry(holding=[TAKING, DELIVERY])
    receipt = circuit.take(DELIVERY)
    circuit.post(
        replace(receipt, octets=receipt.octets.replace(b"CONSEGNA", b"MANCATA CONSEGNA").replace(b"Buon", b"buon"))
    )
    circuit.carry(holding=[TAKING])
    assert circuit.state(ANNA) is RecipientState.DISPATCHED
    assert circuit.told()[MARIO] == [3, 10, 7]


@pytest.mark.requirement("IP-5")
@pytest.mark.parametrize("trouble", ["no directory", "no anchors"])
def test_what_cannot_be_decided_now_waits_at_the_peer(circuit, trouble):
    directory, trust = circuit.beta.desk.directory, circuit.beta.trust
    circuit.beta.desk.directory, circuit.beta.trust = (None, trust) if trouble == "no directory" else (directory, None)
    circuit.submit(submission())
    circuit.carry()
    assert [letter.row for letter in circuit.wire] == [ENVELOPE]
    assert circuit.told() == {MARIO: [3], ANNA: [4]}
    circuit.beta.desk.directory, circuit.beta.trust = directory, trust
    circuit.carry()
    assert circuit.told() == {MARIO: [3, 10], ANNA: [4], ALFA_SERVICE: [6]}


# -- T-12: a good seal over a wrong form ------------------------------------------------------------------


GOOD = good.good_draft(ENVELOPE)
TEXT, ORIGINAL = good.text_part(good.TEXTS[ENVELOPE]), good.original_part(good.ORIGINAL)


def with_certification(old: str, new: str) -> Draft:
    return good.with_certification(GOOD, lambda xml: xml.replace(old, new))


WRONG_FORMS = {
    "missing": replace(GOOD, entity=good.mixed(TEXT, ORIGINAL)),
    "not well-formed": with_certification("</postacert>", ""),
    "not valid": with_certification("<risposte>", "<altro/><risposte>"),
    "another kind": with_certification('tipo="posta-certificata"', 'tipo="avvenuta-consegna"'),
    "another identifier": with_certification(good.IDENTIFIER, f"x{good.IDENTIFIER}"),
    "another sender": with_certification(f"<mittente>{good.SENDER}", "<mittente>altri@pec.alfa.example"),
    "another recipient": with_certification(f">{good.ANNA}<", ">altri@pec.beta.example<"),
}


@pytest.mark.scenario("T-12")
@pytest.mark.requirement("IP-11", "IP-12", "BA-1", "TO-11", "MO-13")
@pytest.mark.parametrize("name", WRONG_FORMS)
def test_t_12_a_wrong_form_is_wrapped_for_the_recipient_and_owes_nothing(circuit, name):
    octets = sealed(WRONG_FORMS[name], identity(circuit, ALFA))
    assert octets != sealed(GOOD, identity(circuit, ALFA))
    arrive(circuit, octets)
    assert only_wrapped(circuit, octets)
    assert "il messaggio non e' conforme alle regole tecniche" in read_received(circuit.mailbox(ANNA)[0]).plain_text()


@pytest.mark.scenario("T-12")
@pytest.mark.requirement("IP-12")
def test_t_12_the_same_envelope_in_its_right_form_is_taken_in_charge(circuit):
    arrive(circuit, sealed(GOOD, identity(circuit, ALFA)))
    assert circuit.told() == {ALFA_SERVICE: [6], MARIO: [10]}


@pytest.mark.scenario("T-12")
@pytest.mark.requirement("IP-11", "TI-7")
def test_t_12_outer_header_may_not_contradict_what_is_sealed(circuit):
    circuit.submit(submission())
    circuit.carry(holding=[ENVELOPE])
    envelope = circuit.take(ENVELOPE)
    circuit.post(replace(envelope, octets=envelope.octets.replace(b"Message-ID: <pec", b"Message-ID: <cep", 1)))
    circuit.carry()
    assert circuit.told() == {MARIO: [3], ANNA: [4, 7]}
    assert circuit.state(ANNA) is RecipientState.DISPATCHED


# -- receipts of those who may not give them ----------------------------------------------------------------


def from_gamma(circuit: Circuit, letter: Letter, author: IssuingProvider = BETA) -> Letter:
    change = swap(author.address.text.encode(), GAMMA.address.text.encode())
    return sealed_anew(letter, identity(circuit, GAMMA), header=change)


@pytest.mark.scenario("T-16")
@pytest.mark.requirement("IP-15", "IP-19")
@pytest.mark.parametrize("row", [DELIVERY, TAKING])
def test_receipt_of_a_provider_not_in_charge_is_delivered_and_moves_no_state(circuit, row):
    circuit.submit(submission())
    circuit.carry(holding=[TAKING, DELIVERY])
    genuine = {each: circuit.take(each) for each in (TAKING, DELIVERY)}[row]
    forged = from_gamma(circuit, genuine)
    circuit.post(forged)
    circuit.carry()
    assert circuit.state(ANNA) is RecipientState.DISPATCHED
    assert circuit.mailbox(genuine.forward_paths[0])[-1] == forged.octets
    assert circuit.alfa.desk.remarks == ["suspicious: not-recipient-provider"]
    circuit.post(genuine)
    circuit.carry()
    assert circuit.state(ANNA) is not RecipientState.DISPATCHED


@pytest.mark.requirement("IP-15", "AM-8")
@pytest.mark.parametrize("row", [MessageRow.NON_DELIVERY, MessageRow.VIRUS_DETECTION])
def test_notice_of_a_provider_not_in_charge_ends_nothing(circuit, row):
    circuit.submit(submission())
    circuit.carry(holding=[TAKING, DELIVERY])
    drafted = replace(good.good_draft(row), instant=INSTANT)
    known = circuit.sent().original.identifier
    notice = good.with_certification(drafted, lambda xml: xml.replace(good.IDENTIFIER, known))
    letter = Letter(
        octets=sealed(notice, identity(circuit, BETA)),
        reverse_path=notice.reverse_path,
        forward_paths=notice.forward_paths,
        row=row,
    )
    circuit.post(from_gamma(circuit, letter))
    circuit.carry(holding=[TAKING, DELIVERY])
    assert circuit.state(ANNA) is RecipientState.DISPATCHED
    assert circuit.told()[MARIO] == [3, 10]
    circuit.post(letter)
    circuit.carry(holding=[TAKING, DELIVERY])
    assert circuit.state(ANNA).is_final


@pytest.mark.requirement("MV-2", "IP-22")
def test_virus_notice_about_a_message_never_accepted_is_ignored(circuit):
    notice = good.good_draft(MessageRow.VIRUS_DETECTION)
    arrive(circuit, sealed(notice, identity(circuit, BETA)), to=notice.forward_paths[0], by=notice.reverse_path)
    assert circuit.told() == {}
    assert circuit.alfa.desk.remarks == ["ignored: rilevazione-virus"]


@pytest.mark.requirement("IP-22", "MO-5")
@pytest.mark.parametrize("what", ["ordinary", "envelope", "receipt for a holder"])
def test_service_mailbox_takes_nothing_but_what_is_meant_for_it(circuit, what):
    circuit.submit(submission())
    circuit.carry(holding=[DELIVERY])
    held = {"envelope": circuit.of(ENVELOPE)[0], "receipt for a holder": circuit.of(DELIVERY)[0]}.get(what)
    before = circuit.told()
    octets = submission() if held is None else held.octets
    letter = arrive(circuit, octets, to=BETA_SERVICE, by=held.reverse_path if held else None)
    assert circuit.told() == before
    assert circuit.mailbox(BETA_SERVICE) == []
    assert [one.octets for one in circuit.beta.quarantine] == [letter.octets]


@pytest.mark.requirement("MO-13", "IP-19")
def test_nothing_that_anybody_issues_is_ever_answered_but_the_envelope(circuit):
    circuit.submit(submission(to=[ANNA, BRUNO]))
    circuit.carry()
    circuit.pass_time(hours=24)
    issued = [*circuit.issued]
    for letter in issued:
        if letter.row is not ENVELOPE:
            circuit.post(letter)
    circuit.carry()
    assert circuit.issued == issued
