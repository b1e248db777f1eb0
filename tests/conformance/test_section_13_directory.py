"""Section 13, T-17: which mailReceipt a taking in charge goes to, whatever the state of the directory."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ceralacca.core.directory import Directory
from ceralacca.core.directory_refresh import AlarmCode, RefusalReason, ReplacementRules
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import MessageRow
from ceralacca.formats.directory_ldif import read_directory, write_directory
from ceralacca.store.directory_copy import DirectoryCopy
from ceralacca.testing.authority import TestIdentity
from ceralacca.testing.circuit import Circuit
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.testing.paper_cast import ALFA_SERVICE, ANNA, COUNCIL, MARIO, submission
from ceralacca.testing.scenario import ALFA, BETA, INSTANT
from ceralacca.trust.cms_writer import sign_opaque
from ceralacca.trust.directory_file import DirectoryFileOpener
from ceralacca.trust.sealer import Sealer
from ceralacca.trust.verifier import JudgedAt

YEAR = timedelta(days=365)
SECONDARY_SERVICE = Address("ricevute@secondario.alfa.example")


@pytest.fixture
def circuit() -> Circuit:
    return Circuit.at()


def ending(circuit: Circuit) -> TestIdentity:
    """Alfa under the certificate that it had before the one in the circuit: still in force for a month."""
    valid = (INSTANT - 3 * YEAR, INSTANT + YEAR / 12)
    return circuit.cast.authority.provider(ALFA.name, ALFA.address, serial=7, valid=valid)


def listing(circuit: Circuit, *alfa: TestIdentity) -> Directory:
    """List Alfa under these certificates, in two environments that share them."""
    certificates = [one.certificate for one in alfa]
    beta = circuit.cast.beta
    return directory_of(
        provider_record(ALFA.name, [ALFA.domain, MARIO.domain], certificates=certificates, mailbox=ALFA_SERVICE.text),
        provider_record(
            ALFA.name,
            [COUNCIL.domain],
            certificates=certificates,
            mailbox=SECONDARY_SERVICE.text,
            unit="Ambiente Secondario",
        ),
        provider_record(BETA.name, [BETA.domain, ANNA.domain], certificates=[beta.certificate]),
    )


def taken_to(circuit: Circuit) -> list[Address]:
    """Where the takings in charge went."""
    circuit.carry(holding=[MessageRow.TAKING_IN_CHARGE])
    return [path for letter in circuit.of(MessageRow.TAKING_IN_CHARGE) for path in letter.forward_paths]


@pytest.mark.scenario("T-17")
@pytest.mark.requirement("DI-6", "DI-8", "PC-2")
@pytest.mark.parametrize("old_one_seals", [True, False])
def test_t_17_both_certificates_of_a_renewal_are_the_providers(circuit, old_one_seals):
    old, new = ending(circuit), circuit.cast.alfa
    circuit.alfa.desk.directory = circuit.beta.desk.directory = listing(circuit, old, new)
    desk = circuit.alfa.desk
    desk.sealer = Sealer(old if old_one_seals else new, ALFA.address, desk.entropy)
    circuit.submit(submission())
    assert taken_to(circuit) == [ALFA_SERVICE]
    assert circuit.told()[MARIO] == [3, 10]


@pytest.mark.scenario("T-17")
@pytest.mark.requirement("DI-6", "DI-8", "IP-7")
def test_t_17_a_certificate_that_is_no_longer_listed_is_nobodys(circuit):
    old, new = ending(circuit), circuit.cast.alfa
    circuit.alfa.desk.directory, circuit.beta.desk.directory = listing(circuit, old), listing(circuit, new)
    circuit.alfa.desk.sealer = Sealer(old, ALFA.address, circuit.alfa.desk.entropy)
    circuit.submit(submission())
    assert taken_to(circuit) == []
    assert circuit.told() == {MARIO: [3], ANNA: [4, 7]}


@pytest.mark.scenario("T-17")
@pytest.mark.requirement("DI-9", "AM-25", "PC-2")
@pytest.mark.parametrize(("sender", "mailbox"), [(MARIO, ALFA_SERVICE), (COUNCIL, SECONDARY_SERVICE)])
def test_t_17_the_environment_of_the_senders_domain_is_told(circuit, sender, mailbox):
    circuit.beta.desk.directory = listing(circuit, circuit.cast.alfa)
    circuit.submit(submission(sender=sender))
    assert taken_to(circuit) == [mailbox]


@pytest.mark.scenario("T-17")
@pytest.mark.requirement("DI-8", "IP-7")
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_t_17_letters_of_the_hash_may_be_large_or_small(circuit, case):
    directory = listing(circuit, circuit.cast.alfa)
    ldif = write_directory(directory).decode("ascii")
    for sha1 in {each for record in directory.records for each in record.hashes}:
        assert sha1 in ldif
        ldif = ldif.replace(sha1, case(sha1))
    circuit.beta.desk.directory = read_directory(ldif.encode("ascii"))
    circuit.submit(submission())
    assert taken_to(circuit) == [ALFA_SERVICE]


@pytest.mark.scenario("T-17")
@pytest.mark.requirement("DI-2", "DI-5")
def test_t_17_a_tampered_directory_leaves_the_old_copy_in_use(circuit, tmp_path: Path):
    manager = circuit.cast.authority.directory_manager()
    directory = listing(circuit, circuit.cast.alfa)
    ldif = write_directory(directory)
    stolen = ldif.replace(ALFA_SERVICE.text.encode(), b"ricevute@gestore-elfa.example")
    sealed = sign_opaque(manager, ldif, INSTANT)
    copy, rules = DirectoryCopy(tmp_path / "directory"), ReplacementRules(own_name=BETA.name)
    opener = DirectoryFileOpener(pinned=(manager.certificate,), at=JudgedAt.now(INSTANT))
    assert copy.replace(sealed, opens=opener, rules=rules, instant=INSTANT).refusal is None
    gamma = replace(circuit.cast.gamma, name="Gestione")
    for candidate in (sealed.replace(ldif, stolen), sign_opaque(gamma, stolen, INSTANT)):
        assert candidate != sealed
        attempt = copy.replace(candidate, opens=opener, rules=rules, instant=INSTANT)
        assert attempt.refusal.reason is RefusalReason.SIGNATURE
        assert [alarm.code for alarm in attempt.alarms] == [AlarmCode.REFUSED]
    circuit.beta.desk.directory = copy.load().directory
    circuit.submit(submission())
    assert taken_to(circuit) == [ALFA_SERVICE]
