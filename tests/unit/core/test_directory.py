"""The directory as a value: lookups, DI-9, and records that cannot be wrong."""

import dataclasses

import pytest

from ceralacca.core import directory as module
from ceralacca.core.directory import (
    BaseEntry,
    Directory,
    InvalidRecord,
    ProviderRecord,
    certificate_sha1,
    name_key,
)
from ceralacca.core.model.address import Address

ALFA_KEY, ALFA_OLD, BETA_KEY, STRANGER = b"alfa", b"alfa-old", b"beta", b"stranger"


def record(**changes: object) -> ProviderRecord:
    values: dict[str, object] = {
        "name": "Gestore Alfa S.p.A.",
        "certificates": (ALFA_KEY,),
        "receipt_mailbox": Address("ricevute@alfa.example"),
        "domains": ("alfa.example", "pec.alfa.example"),
    }
    return ProviderRecord(**(values | changes))  # type: ignore[arg-type]


ALFA = record(certificates=(ALFA_OLD, ALFA_KEY))
ALFA_SECOND = record(
    unit="Ambiente Secondario",
    receipt_mailbox=Address("ricevute@secondario.alfa.example"),
    domains=("personale.alfa.example",),
)
BETA = record(
    name="Beta S.r.l.",
    certificates=(BETA_KEY,),
    receipt_mailbox=Address("ricevute@beta.example"),
    domains=("beta.example",),
)
DIRECTORY = Directory(records=(ALFA, ALFA_SECOND, BETA), base=BaseEntry())


@pytest.mark.requirement("MO-8", "DI-7")
@pytest.mark.parametrize("domain", ["alfa.example", "ALFA.Example", "pec.alfa.example", "personale.alfa.example"])
def test_a_listed_domain_is_pec_in_any_case(domain: str) -> None:
    assert DIRECTORY.is_pec(domain)


@pytest.mark.requirement("MO-8", "DI-7")
@pytest.mark.parametrize(
    "domain",
    [
        "",
        "example",
        "sub.alfa.example",
        "xalfa.example",
        "alfa.example.",
        " alfa.example",
        "*.alfa.example",
        "alfa.example\n",
        "personale.alfa.example\0",
    ],
)
def test_no_parent_child_or_wildcard_makes_a_domain_pec(domain: str) -> None:
    assert not DIRECTORY.is_pec(domain)
    assert DIRECTORY.record_of_domain(domain) is None


@pytest.mark.requirement("DI-7")
def test_a_letter_that_lowers_to_ascii_is_another_letter() -> None:
    kelvin = "\u212aelvin.example"
    directory = Directory(records=(record(domains=("kelvin.example",)),))
    assert kelvin.lower() == "kelvin.example"
    assert not directory.is_pec(kelvin)
    assert directory.records_of_domain(kelvin) == ()
    assert not directory.owns(ALFA_KEY, kelvin)


@pytest.mark.requirement("DI-7")
def test_a_domain_leads_to_its_environment() -> None:
    assert DIRECTORY.record_of_domain("PEC.alfa.example") is ALFA
    assert DIRECTORY.record_of_domain("personale.alfa.example") is ALFA_SECOND


@pytest.mark.requirement("DI-8")
def test_a_hash_is_found_in_any_case_in_every_record_that_lists_it() -> None:
    sha1 = certificate_sha1(ALFA_KEY)
    assert sha1 == sha1.upper()
    assert DIRECTORY.records_of_certificate(sha1.lower()) == (ALFA, ALFA_SECOND)
    assert DIRECTORY.records_of_certificate(sha1) == (ALFA, ALFA_SECOND)
    assert DIRECTORY.records_of_certificate(certificate_sha1(STRANGER)) == ()


@pytest.mark.requirement("DI-8", "IP-7")
def test_a_certificate_with_a_listed_hash_but_other_octets_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "certificate_sha1", lambda certificate: "A" * 40)  # a collision
    directory = Directory(records=(record(certificates=(ALFA_KEY,)),))
    assert directory.records_of_certificate("a" * 40)
    assert directory.owners(ALFA_KEY)
    assert directory.owners(STRANGER) == ()
    assert directory.receipt_mailbox(STRANGER, "alfa.example") is None
    assert not directory.owns(STRANGER, "alfa.example")


@pytest.mark.requirement("DI-6")
def test_old_and_new_certificate_are_both_accepted() -> None:
    for certificate in (ALFA_OLD, ALFA_KEY):
        assert ALFA in DIRECTORY.owners(certificate)
        assert DIRECTORY.owns(certificate, "pec.alfa.example")


@pytest.mark.requirement("IP-14")
def test_a_certificate_owns_the_domains_of_its_records_only() -> None:
    assert DIRECTORY.owns(ALFA_KEY, "Personale.Alfa.Example")
    assert not DIRECTORY.owns(ALFA_OLD, "personale.alfa.example")
    assert not DIRECTORY.owns(BETA_KEY, "alfa.example")
    assert not DIRECTORY.owns(STRANGER, "alfa.example")


@pytest.mark.requirement("DI-9", "AM-25", "MO-4")
@pytest.mark.parametrize(
    ("certificate", "sender_domain", "mailbox"),
    [
        (ALFA_KEY, "alfa.example", "ricevute@alfa.example"),
        (ALFA_KEY, "PERSONALE.alfa.example", "ricevute@secondario.alfa.example"),
        (ALFA_KEY, "elsewhere.example", "ricevute@alfa.example"),
        (ALFA_KEY, "beta.example", "ricevute@alfa.example"),
        (ALFA_OLD, "personale.alfa.example", "ricevute@alfa.example"),
        (BETA_KEY, "", "ricevute@beta.example"),
    ],
)
def test_the_service_mailbox_is_that_of_the_senders_environment(
    certificate: bytes, sender_domain: str, mailbox: str
) -> None:
    assert DIRECTORY.receipt_mailbox(certificate, sender_domain) == Address(mailbox)


@pytest.mark.requirement("DI-9")
def test_nobody_answers_for_an_unlisted_certificate() -> None:
    assert DIRECTORY.receipt_mailbox(STRANGER, "alfa.example") is None


@pytest.mark.requirement("DI-9")
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_main_environment_is_chosen_wherever_it_stands_in_the_file(order: tuple[int, ...]) -> None:
    records = (ALFA, ALFA_SECOND, BETA)
    directory = Directory(records=tuple(records[index] for index in order))
    assert directory.receipt_mailbox(ALFA_KEY, "x.example") == ALFA.receipt_mailbox


@pytest.mark.requirement("DI-9")
def test_two_secondary_environments_fall_back_on_their_providers_main_one() -> None:
    main = record(certificates=(b"own",))
    seconds = [record(unit=unit, domains=(f"{unit}.example",)) for unit in ("uno", "due")]
    directory = Directory(records=(*seconds, main))
    assert directory.receipt_record(ALFA_KEY, "x.example") is main
    assert directory.receipt_record(ALFA_KEY, "due.example") is seconds[1]


def test_a_domain_of_two_providers_is_pec_but_nobodys_and_is_reported() -> None:
    rival = dataclasses.replace(BETA, domains=("beta.example", "alfa.example"))
    directory = Directory(records=(ALFA, rival))
    assert directory.is_pec("alfa.example")
    assert directory.record_of_domain("alfa.example") is None
    assert directory.records_of_domain("alfa.example") == (ALFA, rival)
    assert directory.owns(ALFA_KEY, "alfa.example")
    assert [(each.code, each.subject) for each in directory.deviations] == [
        ("domain-of-several-providers", "alfa.example")
    ]


def test_a_domain_of_two_environments_is_the_main_ones_and_is_reported() -> None:
    second = dataclasses.replace(ALFA_SECOND, domains=("alfa.example",))
    directory = Directory(records=(second, ALFA))
    assert directory.record_of_domain("alfa.example") is ALFA
    assert [each.code for each in directory.deviations] == ["domain-of-several-environments"]


def test_a_certificate_of_two_providers_is_reported() -> None:
    directory = Directory(records=(ALFA, dataclasses.replace(BETA, certificates=(ALFA_KEY,))))
    assert [each.code for each in directory.deviations] == ["certificate-of-several-providers"]
    assert directory.receipt_mailbox(ALFA_KEY, "beta.example") == BETA.receipt_mailbox


def test_environments_may_share_a_certificate() -> None:
    assert DIRECTORY.deviations == ()


def test_deviations_are_told_once_when_a_directory_is_copied() -> None:
    directory = Directory(records=(ALFA, dataclasses.replace(BETA, certificates=(ALFA_KEY,))))
    assert dataclasses.replace(directory).deviations == directory.deviations


@pytest.mark.requirement("DI-1")
def test_a_provider_publishes_all_its_records_and_no_other() -> None:
    part = DIRECTORY.of_provider("gestore  ALFA s.p.a.")
    assert part.records == (ALFA, ALFA_SECOND)
    assert part.base is None
    assert DIRECTORY.of_provider("nobody").records == ()


def test_the_main_record_is_found_by_name_without_case_or_spaces() -> None:
    assert DIRECTORY.main_record("GESTORE  alfa S.P.A.") is ALFA
    assert DIRECTORY.main_record("Alfa") is None
    assert name_key("  Gestore   Alfa ") == "gestore alfa"


def test_domains_are_kept_in_lower_case() -> None:
    assert record(domains=("ALFA.Example",)).domains == ("alfa.example",)


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [
        ({"name": ""}, "providerName"),
        ({"name": " Alfa"}, "providerName"),
        ({"name": "Alfa\r\nBcc: x"}, "providerName"),
        ({"unit": "a\0b"}, "providerUnit"),
        ({"unit": ""}, "providerUnit"),
        ({"certificates": ()}, "providerCertificateHash"),
        ({"certificates": (ALFA_KEY, ALFA_KEY)}, "providerCertificateHash"),
        ({"domains": ()}, "managedDomains"),
        ({"domains": ("a.example", "A.EXAMPLE")}, "managedDomains"),
        ({"domains": ("a.example", "a..example")}, "managedDomains"),
        ({"domains": (".example",)}, "managedDomains"),
        ({"domains": ("a.example.",)}, "managedDomains"),
        ({"domains": ("a b.example",)}, "managedDomains"),
        ({"domains": ("a.example\n",)}, "managedDomains"),
        ({"domains": ("\u212a.example",)}, "managedDomains"),
        ({"domains": ("x." * 127 + "example",)}, "managedDomains"),
        ({"receipt_mailbox": Address("nobody")}, "mailReceipt"),
        ({"receipt_mailbox": Address("<r@alfa.example>")}, "mailReceipt"),
        ({"receipt_mailbox": Address("r(x)@alfa.example")}, "mailReceipt"),
        ({"receipt_mailbox": Address('"r"@alfa.example')}, "mailReceipt"),
    ],
)
def test_a_record_against_the_schema_cannot_exist(changes: dict[str, object], attribute: str) -> None:
    with pytest.raises(InvalidRecord) as caught:
        record(**changes)
    assert caught.value.attribute == attribute


def test_the_position_of_a_wrong_domain_is_told() -> None:
    with pytest.raises(InvalidRecord) as caught:
        record(domains=("a.example", "b.example", "c d"))
    assert caught.value.position == 2


def test_a_secondary_environment_needs_its_main_one() -> None:
    with pytest.raises(InvalidRecord, match="without its main"):
        Directory(records=(ALFA_SECOND,))


def test_one_environment_has_one_record() -> None:
    with pytest.raises(InvalidRecord, match="two records"):
        Directory(records=(ALFA, record(name="GESTORE ALFA S.P.A.", domains=("other.example",))))


def test_an_empty_directory_knows_nobody() -> None:
    empty = Directory(records=())
    assert not empty.is_pec("alfa.example")
    assert empty.receipt_mailbox(ALFA_KEY, "alfa.example") is None
