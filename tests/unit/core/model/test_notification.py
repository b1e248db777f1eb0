"""The closed lists of the norm and the table of who sends what (1.1, 2.3, 4.12)."""

import pytest

from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import (
    ErrorKind,
    MessageRow,
    NotificationKind,
    ReceiptKind,
    RecipientKind,
    TransportKind,
)
from ceralacca.core.model.provider import IssuingProvider


@pytest.mark.requirement("IP-13", "XM-1")
def test_the_words_of_the_wire():
    assert set(NotificationKind) == {
        "accettazione",
        "non-accettazione",
        "presa-in-carico",
        "avvenuta-consegna",
        "posta-certificata",
        "errore-consegna",
        "preavviso-errore-consegna",
        "rilevazione-virus",
    }
    assert set(ErrorKind) == {"nessuno", "no-dest", "no-dominio", "virus", "altro"}
    assert set(ReceiptKind) == {"completa", "breve", "sintetica"}
    assert set(RecipientKind) == {"certificato", "esterno"}
    assert set(TransportKind) == {"posta-certificata", "errore"}


@pytest.mark.requirement("AP-16", "TO-12")
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, ReceiptKind.COMPLETE),
        ("", ReceiptKind.COMPLETE),
        ("complet", ReceiptKind.COMPLETE),
        ("normale", ReceiptKind.COMPLETE),
        (" BREVE\t", ReceiptKind.BRIEF),
        ("Sintetica", ReceiptKind.CONCISE),
    ],
)
def test_the_receipt_requested_in_a_header(value, kind):
    assert ReceiptKind.requested_by(value) is kind


@pytest.mark.requirement("ER-1")
@pytest.mark.parametrize(
    ("row", "kind", "errors"),
    [
        (1, "non-accettazione", {"altro"}),
        (2, "non-accettazione", {"virus"}),
        (3, "accettazione", {"nessuno"}),
        (4, "posta-certificata", {"nessuno"}),
        (5, "preavviso-errore-consegna", {"altro"}),
        (6, "presa-in-carico", {"nessuno"}),
        (7, None, {"nessuno"}),
        (8, "rilevazione-virus", {"virus"}),
        (9, "errore-consegna", {"virus"}),
        (10, "avvenuta-consegna", {"nessuno"}),
        (11, "errore-consegna", {"no-dest", "no-dominio", "altro"}),
    ],
)
def test_kind_and_error_of_each_row(row, kind, errors):
    (facts,) = (member.facts for member in MessageRow if member.facts.number == row)
    assert facts.kind == kind
    assert facts.errors == errors
    assert facts.security == (row in {2, 9})
    assert facts.to_service_mailbox == (row in {6, 8})
    assert facts.is_envelope == (row in {4, 7})


def test_there_are_eleven_rows():
    assert [row.facts.number for row in MessageRow] == list(range(1, 12))


@pytest.mark.requirement("ER-1")
@pytest.mark.parametrize("row", [row for row in MessageRow if row.facts.kind is not None])
def test_kind_and_error_lead_back_to_the_row(row):
    assert {MessageRow.of(row.facts.kind, error) for error in row.facts.errors} == {row}


@pytest.mark.requirement("MO-3", "GE-29")
def test_a_provider_names_identifiers_by_the_domain_of_its_address():
    provider = IssuingProvider(name="Gestore Alfa", address=Address.parse("posta-certificata@Gestore-Alfa.example"))
    assert provider.domain == "gestore-alfa.example"
