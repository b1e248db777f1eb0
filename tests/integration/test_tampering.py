"""Whatever somebody changes in a sealed message is seen: every octet under the seal, the seal itself, the header."""

import base64
import random
import re

import pytest

from ceralacca.apps.cli.judgement import prepare
from ceralacca.core.model.outcome import SealVerdict
from ceralacca.formats.cms import read_signed_data
from ceralacca.formats.smime import split_signed
from ceralacca.lint.sealable import examine
from ceralacca.services.verify_message import verify_message
from ceralacca.testing.clock import NOON
from ceralacca.testing.scenario import ALFA, Scenario, all_drafts
from ceralacca.trust.sealer import Sealer

ENVELOPE = "04-busta-di-trasporto-completa.eml"
RECEIPT = "03-accettazione-completa.eml"
# What is no longer a message with a seal, or names its own end otherwise, cannot be called altered.
UNSEALED = {SealVerdict.ALTERED, SealVerdict.MALFORMED, SealVerdict.UNSIGNED}


@pytest.fixture(scope="module")
def judgement(sample):
    return prepare(trust=[sample / "pki"], crls=[], directory=sample / "igpec.ldif.p7m", at="signing", present=NOON)


def signed_span(octets):
    signed = split_signed(octets)
    return signed.entity_start, signed.entity_start + len(signed.entity)


def flipped(octets, at, mask=1):
    changed = bytearray(octets)
    changed[at] ^= mask
    return bytes(changed)


def verdict(octets, judgement):
    return verify_message("x", octets, judgement.verify).seal.verdict


@pytest.mark.slow
@pytest.mark.requirement("IP-8", "GE-5")
def test_every_octet_of_the_signed_part_counts(sample, judgement):
    octets = (sample / RECEIPT).read_bytes()
    start, end = signed_span(octets)
    wrong = {at for at in range(start, end) if verdict(flipped(octets, at), judgement) is not SealVerdict.ALTERED}
    assert wrong == set()


@pytest.mark.requirement("IP-8", "GE-5")
@pytest.mark.parametrize("name", [ENVELOPE, RECEIPT, "07-busta-di-anomalia-rimbalzo.eml"])
def test_the_first_the_last_and_many_octets_of_the_signed_part_count(sample, judgement, name):
    octets = (sample / name).read_bytes()
    start, end = signed_span(octets)
    some = random.Random(name).sample(range(start, end), 40)
    for at in (start, start + 1, end - 1, *some):
        for mask in (0x01, 0x20, 0x80):
            assert verdict(flipped(octets, at, mask), judgement) is SealVerdict.ALTERED, (at, mask)


@pytest.mark.requirement("IP-8")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_the_command_says_altered_and_what_to_do(pec, sample, save, share):
    octets = (sample / ENVELOPE).read_bytes()
    start, end = signed_span(octets)
    answer = pec.verify(save(flipped(octets, start + int(share * (end - 1 - start)))))
    assert answer.status == 1
    assert "ALTERED" in answer.out
    assert "Proves nothing" in answer.out
    assert "Take the file anew" in answer.out


@pytest.mark.requirement("IP-8")
def test_octets_added_or_taken_away_alter_the_message(sample, judgement):
    octets = (sample / RECEIPT).read_bytes()
    start, end = signed_span(octets)
    for at in (start, (start + end) // 2, end):
        assert verdict(octets[:at] + b"x" + octets[at:], judgement) is SealVerdict.ALTERED
    for at in (start, (start + end) // 2, end - 1):
        assert verdict(octets[:at] + octets[at + 1 :], judgement) in UNSEALED


def with_cms(octets, cms):
    """Return the message with another signature, in the same frame."""
    start = octets.index(b"\r\n\r\n", signed_span(octets)[1]) + 4
    end = octets.index(b"\r\n--", start)
    return octets[:start] + base64.encodebytes(cms).replace(b"\n", b"\r\n").strip() + octets[end:]


def proof(cms):
    """What the seal says and who says it; around it stand version numbers, hints and certificates of authorities."""
    (info,) = read_signed_data(cms).signers
    return info.attributes.octets, info.signature


@pytest.mark.slow
@pytest.mark.requirement("IP-6", "IP-7", "IP-8")
def test_no_octet_of_the_signature_can_be_changed_so_that_it_says_something_else(sample, judgement):
    octets = (sample / RECEIPT).read_bytes()
    cms = bytes(split_signed(octets).cms)
    assert with_cms(octets, cms) == octets
    sound = verify_message("x", octets, judgement.verify)
    for at in range(0, len(cms), 7):
        changed = flipped(cms, at)
        report = verify_message("x", with_cms(octets, changed), judgement.verify)
        if report.seal.good:
            assert (proof(changed), report.seal.signer) == (proof(cms), sound.seal.signer), at


OUTER = [
    ("X-Ricevuta", b"X-Ricevuta: non-accettazione", RECEIPT, "outer-kind"),
    ("X-Ricevuta", b"X-Trasporto: posta-certificata", RECEIPT, "outer-kind"),
    ("X-Trasporto", b"X-Trasporto: errore", ENVELOPE, "outer-kind"),
    ("Subject", b"Subject: CONSEGNA: Citta'", RECEIPT, "outer-subject-prefix"),
    ("Subject", b"Subject: ACCETTAZIONE: altro", RECEIPT, "outer-subject"),
    ("Subject", b"Subject: POSTA CERTIFICATA: altro", ENVELOPE, "outer-subject"),
    ("To", b"To: altri@pec.alfa.example", RECEIPT, "outer-to"),
    ("Date", b"Date: Thu, 01 Jan 2026 10:00:00 +0100", RECEIPT, "outer-date"),
    ("Date", b"Date: yesterday", ENVELOPE, "outer-date"),
    ("Message-ID", b"Message-ID: <other@gestore-alfa.example>", ENVELOPE, "outer-message-id"),
    ("X-Riferimento-Message-ID", b"X-Riferimento-Message-ID: <other@x.example>", RECEIPT, "outer-reference"),
    ("From", b'From: "Per conto di: altri@pec.alfa.example" <posta-certificata@gestore-alfa.example>',
     ENVELOPE, "outer-from"),
]  # fmt: skip


def with_field(octets, name, line):
    changed, count = re.subn(rb"(?m)^%s: .*\r\n(?:[ \t].*\r\n)*" % name.encode(), line + b"\r\n", octets, count=1)
    assert count == 1
    return changed


@pytest.mark.requirement("TO-20", "GE-8")
@pytest.mark.parametrize(("name", "line", "message", "subject"), OUTER)
def test_a_changed_outer_header_is_told_and_the_message_is_not_valid(pec, sample, save, name, line, message, subject):
    path = save(with_field((sample / message).read_bytes(), name, line))
    answer = pec.judge(path)
    assert answer.status == 1
    assert answer.message["valid"] is False
    assert answer.message["seal"]["verdict"] == "valid"  # the seal does not cover the header, and is as good as before
    assert subject in [one["subject"] for one in answer.message["contradictions"]]
    text = pec.verify(path)
    assert (text.status, "IRREGULAR" in text.out, "Contradictions:" in text.out) == (1, True, True)


@pytest.mark.requirement("TO-20", "GE-3")
@pytest.mark.parametrize("message", [RECEIPT, ENVELOPE])
def test_another_from_is_not_the_signer(pec, sample, save, message):
    octets = with_field((sample / message).read_bytes(), "From", b"From: posta-certificata@gestore-beta.example")
    answer = pec.judge(save(octets))
    assert (answer.status, answer.message["seal"]["verdict"]) == (1, "wrong-address")


@pytest.mark.requirement("TO-20", "GE-8")
def test_what_a_message_is_comes_from_the_seal_not_from_the_header(pec, sample, save):
    octets = (sample / "11-mancata-consegna-no-mailbox.eml").read_bytes()
    octets = with_field(octets, "X-Ricevuta", b"X-Ricevuta: avvenuta-consegna")
    octets = with_field(octets, "Subject", b"Subject: CONSEGNA: tutto bene")
    answer = pec.judge(save(octets))
    assert (answer.status, answer.message["row"], answer.message["kind"]) == (1, 11, "non_delivery")


@pytest.mark.requirement("TO-20")
def test_a_seal_moved_to_another_message_does_not_hold(pec, sample, save):
    one, other = ((sample / name).read_bytes() for name in (RECEIPT, "03-accettazione-breve.eml"))
    (start, end), (start2, end2) = signed_span(one), signed_span(other)
    moved = one[:start] + other[start2:end2] + one[end:]
    assert pec.judge(save(moved)).message["seal"]["verdict"] == "altered"


@pytest.mark.requirement("IP-14", "IP-15")
def test_a_provider_that_is_not_in_charge_proves_nothing(pec, sample, save, world):
    """Alfa seals a delivery receipt for a recipient of Beta."""
    scenario = Scenario(instant=NOON, recipient_provider=ALFA)
    draft = all_drafts(scenario)["10-avvenuta-consegna-completa"]
    sealed = Sealer(world.identities[ALFA], ALFA.address, scenario.entropy).seal(examine(draft))
    answer = pec.judge(save(bytes(sealed.octets)))
    assert (answer.status, answer.message["seal"]["verdict"]) == (1, "wrong-provider")
