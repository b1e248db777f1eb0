"""The judge of second factors in memory, and who may be judged."""

import pytest

from ceralacca.apps.second_factor.judge import FactorJudge
from ceralacca.apps.second_factor.passkeys import RelyingParty
from ceralacca.core.model.address import Address
from ceralacca.ports.mailbox import MailboxRecord
from ceralacca.store.sign_in_attempts import SignInAttempts
from ceralacca.testing.clock import NOON, FixedClock
from ceralacca.testing.memory_audit import MemoryAuditTrail
from ceralacca.testing.memory_second_factors import MemorySecondFactors
from ceralacca.trust.factor_key import FactorKey

ANNA, BRUNO = Address("anna.bianchi@pec.beta.example"), Address("bruno.verdi@pec.beta.example")
KEY = FactorKey(bytes(32))


@pytest.fixture
def records():
    return {one: MailboxRecord(address=one) for one in (ANNA, BRUNO)}


@pytest.fixture
def trail():
    return MemoryAuditTrail()


@pytest.fixture
def clock():
    return FixedClock(NOON)


@pytest.fixture
def judge(records, trail, clock, tmp_path):
    return FactorJudge(
        MemorySecondFactors(),
        KEY,
        attempts=SignInAttempts(tmp_path / "attempts"),
        mailbox=records.get,
        trail=trail,
        clock=clock,
        party=lambda: RelyingParty("https://pec.beta.example", "Beta"),
        host="host",
    )
