"""For every directory: written and read back it is the same; and no octets make the reader raise anything else."""

from datetime import timedelta

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ceralacca.core.directory import BaseEntry, Directory, InvalidRecord, ProviderRecord, certificate_sha1, name_key
from ceralacca.core.directory_refresh import RefusalReason, ReplacementRules, judge_replacement
from ceralacca.core.model.address import Address
from ceralacca.formats.directory_ldif import MalformedDirectory, read_directory, write_directory
from ceralacca.formats.distinguished_name import MalformedName, read_name, write_name
from ceralacca.formats.ldif import read_ldif, write_ldif
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import make_directory

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
LABEL = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,10}[A-Za-z0-9])?", fullmatch=True)
DOMAIN = st.builds("{}.{}".format, LABEL, st.sampled_from(["example", "Test", "pec.example"]))
MAILBOX = st.builds("{}@{}".format, st.from_regex(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,9}", fullmatch=True), DOMAIN)
CERTIFICATES = st.lists(st.binary(min_size=1, max_size=90), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def records(draw: st.DrawFn, name: str, unit: str | None) -> ProviderRecord:
    domains = draw(st.lists(DOMAIN, min_size=1, max_size=5, unique_by=str.lower))
    return ProviderRecord(
        name=name,
        unit=unit,
        certificates=draw(CERTIFICATES),
        receipt_mailbox=Address(draw(MAILBOX)),
        domains=tuple(domains),
        location=draw(st.none() | TEXT.map(str.strip)),
        description=tuple(text.strip() for text in draw(st.lists(TEXT, max_size=2))),
    )


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    made: list[ProviderRecord] = []
    for name in draw(st.lists(NAMES, max_size=4, unique_by=name_key)):
        units = draw(st.lists(NAMES, max_size=2, unique_by=name_key))
        made += [draw(records(name, unit)) for unit in (None, *units)]
    bases = st.builds(BaseEntry, location=st.none() | TEXT.map(str.strip), description=st.just(("d",)))
    return Directory(records=tuple(draw(st.permutations(made))), base=draw(st.none() | bases))


@pytest.mark.requirement("DI-2")
@given(directories())
def test_a_directory_is_read_back_as_it_was_written(directory: Directory) -> None:
    written = write_directory(directory)
    assert read_directory(written) == directory
    assert read_directory(written.replace(b"\n", b"\r\n")) == directory
    assert write_directory(read_directory(written)) == written
    assert all(len(line) <= 76 for line in written.split(b"\n"))


@pytest.mark.requirement("DI-7", "DI-8", "DI-9", "IP-14")
@given(directories())
def test_lookups_agree_with_a_plain_search(directory: Directory) -> None:
    every = directory.records
    for record in every:
        for domain in record.domains:
            assert directory.is_pec(domain.upper())
            assert set(directory.records_of_domain(domain)) == {each for each in every if domain in each.domains}
            assert not directory.is_pec("x." + domain) or any("x." + domain in each.domains for each in every)
        for certificate in record.certificates:
            sha1 = certificate_sha1(certificate)
            owners = {each for each in every if certificate in each.certificates}
            assert set(directory.owners(certificate)) == owners
            assert set(directory.records_of_certificate(sha1.lower())) == owners
            for domain in record.domains:
                assert directory.owns(certificate, domain)
                chosen = directory.receipt_record(certificate, domain)
                assert chosen in owners
                assert domain in chosen.domains
            elsewhere = directory.receipt_record(certificate, "nowhere.invalid")
            assert elsewhere is not None
            assert elsewhere.is_main or len(owners) == 1


@given(st.lists(st.tuples(st.sampled_from(["a", "b;binary", "description"]), st.binary(max_size=200)), min_size=1))
def test_any_values_survive_ldif(values: list[tuple[str, bytes]]) -> None:
    (entry,) = read_ldif(write_ldif([("o=x", values)]))
    found = [(";".join((each.name, *each.options)), each.value) for each in entry.attributes]
    assert found == values


@given(st.lists(st.tuples(st.sampled_from(["cn", "o"]), TEXT), min_size=1, max_size=4))
def test_any_name_survives_its_text(parts: list[tuple[str, str]]) -> None:
    assert read_name(write_name(*parts)) == tuple(parts)


@given(st.text(st.sampled_from('cno=, \\"+#;<>20Àe\0\n'), max_size=30))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        parts = read_name(text)
    except MalformedName:
        return
    assert read_name(write_name(*parts)) == parts


WORDS = [
    *(b"dn: providerName=A,o=postacert", b"dn: o=postacert", b"objectclass: provider", b"providerName: A", b"a: b"),
    *(b"managedDomains: a.example", b"mailReceipt: a@a.example", b"providerCertificate;binary:: YWJj", b" x"),
    *(b"providerCertificateHash: A9993E364706816ABA3E25717850C26C9CD0D89D", b"#", b"version: 1", b"a:< b"),
    *(b"", b"", b"\xff:\x00"),
]  # fmt: skip


@example(b"")
@given(st.binary(max_size=300) | st.lists(st.sampled_from(WORDS), max_size=20).map(b"\n".join))
def test_no_octets_make_the_reader_raise_anything_else(data: bytes) -> None:
    try:
        directory = read_directory(data)
    except MalformedDirectory as error:
        line = error.line
    else:
        line = 1
        assert read_directory(write_directory(directory)) == directory
    assert 1 <= line <= data.count(b"\n") + 1


@pytest.mark.requirement("DI-8", "DI-10")
@given(st.data())
def test_no_changed_octet_gives_a_certificate_that_was_not_there(data: st.DataObject) -> None:
    """T-17: hash and octets hold each other; a name or domain can change only under the seal (DI-2)."""
    whole = make_directory(providers=2, domains=4)
    written = bytearray(write_directory(whole))
    position = data.draw(st.integers(0, len(written) - 1))
    written[position] ^= data.draw(st.integers(1, 255))
    known = {certificate for record in whole.records for certificate in record.certificates}
    try:
        altered = read_directory(bytes(written))
    except MalformedDirectory:
        return
    assert {certificate for record in altered.records for certificate in record.certificates} <= known


@pytest.mark.requirement("DI-5")
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 100))
def test_the_share_of_vanished_records_is_never_passed(before: int, after: int, percent: int) -> None:
    directory = make_directory(providers=max(after, 1), domains=0, secondary_every=1000) if after else None
    assume(directory is not None)
    assert directory is not None
    count = len(directory.records)
    rules = ReplacementRules(own_name=directory.records[0].name, drop_percent=percent)
    refusal = judge_replacement(
        directory, rules, records_in_use=before, signed_at=NOON, in_use_signed_at=NOON - timedelta(1)
    )
    dropped_too_many = before > count and (before - count) / before > percent / 100 + 1e-12
    assert (refusal is not None) is dropped_too_many
    assert refusal is None or refusal.reason is RefusalReason.TOO_FEW_RECORDS


@given(TEXT)
def test_a_name_is_refused_or_read_back(name: str) -> None:
    try:
        record = ProviderRecord(
            name=name, certificates=(b"c",), receipt_mailbox=Address("a@b.example"), domains=("b.example",)
        )
    except InvalidRecord:
        return
    directory = Directory(records=(record,))
    assert read_directory(write_directory(directory)) == directory
