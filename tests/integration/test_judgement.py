"""What the answer depends on: anchors, lists, directory and instant; nothing is valid for want of a check."""

from datetime import timedelta

import pytest

from ceralacca.core.model.outcome import GOOD_VERDICTS, SealVerdict
from ceralacca.formats.directory_ldif import write_directory
from ceralacca.testing.authority import Authority, pem
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, provider_record
from ceralacca.testing.scenario import ALFA, BETA
from ceralacca.trust.directory_file import seal_directory_file

RECEIPT = "03-accettazione-completa.eml"
YEAR = timedelta(days=365)


def verdict(answer):
    return answer.message["seal"]["verdict"]


def step(answer, name):
    return next(one for one in answer.message["seal"]["steps"] if one["step"] == name)


@pytest.fixture
def revoked(world, tmp_path):
    """A folder of revocation lists that revoke Alfa's certificate from an instant on."""

    def lists(at, issued):
        entry = world.authority.revocation(world.identities[ALFA], at)
        for number, der in enumerate(world.authority.crls(at=issued, revoked=[entry])):
            (tmp_path / f"{number}.crl").write_bytes(der)
        (tmp_path / "root.pem").write_bytes(pem(world.authority.root.certificate))
        return tmp_path

    return lists


LACKING = [
    ([], {"path", "revocation", "directory", "sender-domain"}, ["No --trust", "No revocation", "No --directory"]),
    (["--directory"], {"path", "revocation"}, ["No --trust", "No revocation"]),
    (["--trust"], {"directory", "sender-domain"}, ["No --directory"]),
    (["--trust-without-lists", "--directory-plain"], {"revocation"}, ["No revocation"]),
]


@pytest.mark.requirement("TO-20", "IP-8")
@pytest.mark.parametrize(("given", "unknown", "said"), LACKING)
def test_without_something_to_judge_by_nothing_is_valid(pec, sample, given, unknown, said):
    options = {
        "--trust": ["--trust", sample / "pki"],
        "--trust-without-lists": ["--trust", sample / "pki" / "root.pem"],
        "--directory": ["--directory", sample / "igpec.ldif.p7m"],
        "--directory-plain": ["--directory", sample / "igpec.ldif"],
    }
    chosen = [one for name in given for one in options[name]]
    answer = pec("verify", "--json", *chosen, sample / RECEIPT)
    assert (answer.status, verdict(answer), answer.message["valid"]) == (1, "indeterminate", False)
    marks = {one["step"] for one in answer.message["seal"]["steps"] if one["mark"] == "unknown"}
    assert marks == unknown
    text = pec("verify", "--lang", "en", *chosen, sample / RECEIPT).out
    assert all(one in text for one in said)
    assert "CANNOT SAY" in text
    assert "If the seal holds: " in text
    assert "VALID" not in text


@pytest.mark.parametrize("form", ["igpec.ldif", "igpec.ldif.p7m"])
def test_the_directory_is_taken_plain_or_sealed(pec, sample, form):
    answer = pec("verify", "--json", "--trust", sample / "pki", "--directory", sample / form, sample / RECEIPT)
    assert (answer.status, answer.message["seal"]["provider"]) == (0, "Gestore Alfa S.p.A.")


def test_lists_and_anchors_may_lie_apart(pec, sample, tmp_path):
    for name in ("root.crl", "intermediate.crl"):
        (tmp_path / name).write_bytes((sample / "pki" / name).read_bytes())
    given = ["--trust", sample / "pki" / "root.pem", "--crl", tmp_path, "--directory", sample / "igpec.ldif"]
    assert pec("verify", *given, sample / RECEIPT).status == 0


@pytest.mark.requirement("SE-5")
def test_a_certificate_among_the_revocation_lists_is_trusted_by_nobody(pec, sample):
    answer = pec("verify", "--json", "--crl", sample / "pki", "--directory", sample / "igpec.ldif", sample / RECEIPT)
    assert verdict(answer) == "indeterminate"
    assert "no_trust" in answer.json["missing"]


@pytest.mark.requirement("DI-2", "DI-5")
def test_a_directory_whose_seal_does_not_hold_is_refused(pec, sample, save):
    octets = (sample / "igpec.ldif.p7m").read_bytes()
    at = octets.index(b"pec.alfa.example")
    path = save(octets[:at] + b"pec.alfx.example" + octets[at + 16 :], "igpec.ldif.p7m")
    answer = pec("verify", "--trust", sample / "pki", "--directory", path, sample / RECEIPT)
    assert answer.status == 2
    assert "the seal of the file does not hold (altered" in answer.err
    assert "fetch the file anew" in answer.err


@pytest.mark.requirement("DI-2")
def test_a_directory_sealed_by_a_stranger_is_refused(pec, sample, save, world):
    stranger = Authority.create(NOON, name="estranea").directory_manager()
    record = provider_record(ALFA.name, [ALFA.domain], certificates=[world.identities[ALFA].certificate])
    path = save(seal_directory_file(directory_of(record), stranger, NOON), "igpec.ldif.p7m")
    answer = pec("verify", "--trust", sample / "pki", "--directory", path, sample / RECEIPT)
    assert (answer.status, "untrusted" in answer.err) == (2, True)


def test_a_directory_that_cannot_be_judged_to_the_end_is_not_used(pec, sample):
    trust = ["--trust", sample / "pki" / "root.pem"]
    answer = pec("verify", "--json", *trust, "--directory", sample / "igpec.ldif.p7m", sample / RECEIPT)
    assert (answer.status, verdict(answer)) == (1, "indeterminate")
    assert answer.json["missing"] == ["no_crl", "unsealed_directory"]
    assert step(answer, "directory")["mark"] == "unknown"


@pytest.mark.requirement("DI-8", "IP-7")
def test_a_signer_that_is_not_in_the_directory_is_no_provider(pec, sample, save, world):
    record = provider_record(BETA.name, ["pec.beta.example"], certificates=[world.identities[BETA].certificate])
    path = save(write_directory(directory_of(record)), "beta.ldif")
    answer = pec("verify", "--json", "--trust", sample / "pki", "--directory", path, sample / RECEIPT)
    assert (answer.status, verdict(answer)) == (1, "not-in-directory")


@pytest.mark.requirement("TO-21")
def test_a_certificate_that_expired_since_was_good_when_it_signed(pec, sample):
    answer = pec.judge(sample / RECEIPT, present=NOON + 3 * YEAR)
    assert (answer.status, verdict(answer), answer.message["valid"]) == (0, "valid-when-signed", True)
    assert step(answer, "validity")["reason"] == "expired-since"
    text = pec.verify(sample / RECEIPT, present=NOON + 3 * YEAR).out
    assert "VALID WHEN SEALED" in text
    assert "what was proven stays proven" in text


@pytest.mark.requirement("TO-21", "IP-8")
@pytest.mark.parametrize(
    ("at", "present", "expected"),
    [
        ("now", NOON + timedelta(days=1), "valid"),
        ("now", NOON + 3 * YEAR, "expired"),
        ("signing", NOON + 3 * YEAR, "valid-when-signed"),
        ("2026-11-05T13:00:00+01:00", NOON + timedelta(days=1), "valid"),
        ("2026-11-05 13:00", NOON + timedelta(days=1), "valid"),
        ("2029-11-05", NOON + 3 * YEAR, "expired"),
        ("2020-01-01", NOON + timedelta(days=1), "not-yet-valid"),
    ],
)
def test_the_instant_of_judgement_is_chosen(pec, sample, at, present, expected):
    answer = pec.judge("--at", at, sample / RECEIPT, present=present)
    assert verdict(answer) == expected
    assert answer.status == (0 if expected.startswith("valid") else 1)


@pytest.mark.requirement("TO-21", "IP-8")
def test_a_certificate_revoked_since_was_good_when_it_signed(pec, sample, revoked):
    later = NOON + timedelta(days=30)
    folder = revoked(at=NOON + timedelta(days=10), issued=later)
    given = ["verify", "--json", "--trust", folder, "--directory", sample / "igpec.ldif", sample / RECEIPT]
    answer = pec(*given, present=later)
    assert (answer.status, verdict(answer)) == (0, "valid-when-signed")
    assert step(answer, "revocation")["reason"] == "revoked-since"
    assert verdict(pec(*given, "--at", "now", present=later)) == "revoked"


@pytest.mark.requirement("IP-8", "IP-9")
def test_a_certificate_revoked_before_it_signed_proves_nothing(pec, sample, revoked):
    folder = revoked(at=NOON - timedelta(days=10), issued=NOON)
    answer = pec("verify", "--json", "--trust", folder, "--directory", sample / "igpec.ldif", sample / RECEIPT)
    assert (answer.status, verdict(answer)) == (1, "revoked")


@pytest.mark.requirement("TO-21")
def test_a_history_of_revocation_that_is_missing_is_unknown_not_invalid(pec, sample):
    """Lists issued long after the certificate expired say nothing about the day of sealing."""
    answer = pec.judge("--at", "now", sample / RECEIPT, present=NOON + timedelta(days=60))
    assert verdict(answer) == "indeterminate"
    assert step(answer, "revocation")["reason"] in {"revocation-stale", "revocation-unknown"}


def test_every_verdict_names_its_reason_or_is_good(pec, sample):
    answer = pec("verify", "--json", sample / RECEIPT)
    assert answer.message["seal"]["reason"] == "no-anchors"
    assert pec.judge(sample / RECEIPT).message["seal"]["reason"] == ""


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Acceptance receipt", "VALID", "What it proves"]),
        ("it", ["Ricevuta di accettazione", "VALIDO"]),
    ],
)
def test_both_languages_say_it(pec, sample, language, words):
    out = pec("verify", *pec.judged_by, "--lang", language, sample / RECEIPT).out
    assert all(word in out for word in words)


def test_the_locale_chooses_the_language(pec, sample, monkeypatch):
    monkeypatch.setenv("LC_ALL", "it_IT.UTF-8")
    assert "VALIDO" in pec("verify", *pec.judged_by, sample / RECEIPT).out


def test_the_verdicts_that_count_as_good_are_two():
    assert {SealVerdict.VALID, SealVerdict.VALID_WHEN_SIGNED} == GOOD_VERDICTS
