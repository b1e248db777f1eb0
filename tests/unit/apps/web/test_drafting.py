"""A message while it is written: what was typed comes back, and what the access point would refuse is said before."""

import pytest

from ceralacca.apps.mail_client import File
from ceralacca.apps.web.drafting import Draft, compose, failures, kept, known, read_recipients, taken_up
from ceralacca.core.access_point import AccessSettings
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, provider_record

MARIO = Address("mario.rossi@pec.alfa.example")
ID = "<1@pec.alfa.example>"


def test_recipients_are_read_as_people_type_them():
    found = read_recipients("a@x.example, Anna B <b@y.example>;\n c@z.example ,, A@X.example, nessuno, <d@e")
    assert [one.text for one in found.addresses] == ["a@x.example", "b@y.example", "c@z.example"]
    assert found.wrong == ("nessuno", "<d@e")


def test_a_draft_comes_back_as_it_was_typed():
    draft = Draft(
        to="mezzo indirizz, a@x.example",
        cc="Città <b@y.example>",
        subject="Però: è così",
        text="Riga\n\n.\nFrom me\n  spazi  \n€ 日本",
        receipt=ReceiptKind.BRIEF,
        answers="<9@y.example>",
        message_id=ID,
        files=(
            File(name="è uno.pdf", content=b"%PDF\x00\xff", media_type="application/pdf"),
            File(name="busta.eml", content=b"Subject: x\r\n\r\ny", media_type="message/rfc822"),
            File(name="testo.txt", content="à\n".encode()),
        ),
    )
    back = taken_up(kept(draft, MARIO, NOON))
    assert (back.to, back.cc, back.subject, back.text) == (draft.to, draft.cc, draft.subject, draft.text)
    assert (back.receipt, back.answers, back.message_id) == (ReceiptKind.BRIEF, "<9@y.example>", ID)
    assert [(one.name, one.content) for one in back.files] == [(one.name, one.content) for one in draft.files]


def test_each_recipient_is_written_to_once_and_to_wins():
    draft = Draft(to="a@x.example", cc="A@x.example, b@y.example", message_id=ID)
    assert [one.text for one in draft.recipients] == ["a@x.example", "b@y.example"]


@pytest.mark.requirement("AP-12", "AP-13")
def test_what_the_access_point_would_refuse_is_said_before():
    draft = Draft(to=", ".join(f"a{n}@x.example" for n in range(51)), subject="x", text="y", message_id=ID)
    settings = AccessSettings()
    found = failures(draft, compose(draft, MARIO, NOON), MARIO, settings)
    assert [one.requirement for one in found] == ["AP-13"]
    large = Draft(to="a@x.example", text="y", message_id=ID, files=(File(name="a", content=bytes(24 * 2**20)),))
    assert [one.requirement for one in failures(large, compose(large, MARIO, NOON), MARIO, settings)] == ["AP-12"]


@pytest.mark.requirement("AP-5", "AP-6", "AP-7")
@pytest.mark.parametrize("text", ["", "x" * 5000, "\x00\x01", "\r\n.\r\n", "€" * 400, "a\rb", "\ud7ff\u202e"])
def test_whatever_is_typed_makes_a_message_that_passes_the_formal_checks(text):
    draft = Draft(
        to="a@x.example", subject=text[:200], text=text, message_id=ID, files=(File(name="f", content=b"\xff\x00"),)
    )
    assert not failures(draft, compose(draft, MARIO, NOON), MARIO, AccessSettings())


@pytest.mark.requirement("MO-8")
def test_each_recipient_is_told_pec_or_not():
    domain = "pec.beta.example"
    directory = directory_of(provider_record("Gestore Beta", [domain]))
    draft = Draft(to=f"a@{domain.upper()}, b@ditta.example, c", message_id=ID)
    assert [(one.text, one.kind) for one in known(draft, directory)] == [
        ("c", "wrong"),
        (f"a@{domain.upper()}", "pec"),
        ("b@ditta.example", "ordinary"),
    ]
    assert {one.kind for one in known(draft, None)} == {"wrong", "unknown"}
