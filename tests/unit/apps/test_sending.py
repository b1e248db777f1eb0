"""What `pec send` writes, and how it understands a file."""

from email import message_from_bytes, policy

import pytest

from ceralacca.apps.mail_client import Writing, write
from ceralacca.apps.sending import Sent, outcome_known, prepare
from ceralacca.base.errors import UserError
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.core.story import RecipientOutcome
from ceralacca.formats.received import read_received
from ceralacca.testing.clock import NOON

MARIO, ANNA, INFO = map(Address, ("mario@pec.alfa.example", "anna@pec.beta.example", "info@ditta.example"))
NOTHING = {"to": (), "cc": (), "subject": "", "text": "", "attachments": (), "receipt": None}


def test_a_message_is_written_as_clients_write_it(tmp_path):
    (tmp_path / "atto è.pdf").write_bytes(b"%PDF-1.4\n\x00\xff")
    (tmp_path / "altro.eml").write_bytes(b"Subject: x\n\nx\n")
    octets = write(
        Writing(
            sender=MARIO,
            to=(ANNA,),
            cc=(INFO,),
            subject="Città ✓",
            text="è così",
            attachments=(tmp_path / "atto è.pdf", tmp_path / "altro.eml"),
            receipt=ReceiptKind.BRIEF,
        ),
        message_id="<1@alfa.example>",
        instant=NOON,
    )
    assert octets.isascii()
    assert b"\r\n" in octets
    assert octets.count(b"\n") == octets.count(b"\r\n")
    message = message_from_bytes(octets, policy=policy.default)
    assert (message["Subject"], message["X-TipoRicevuta"], message["Message-ID"]) == (
        "Città ✓", "breve", "<1@alfa.example>",
    )  # fmt: skip
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == ["atto è.pdf", "altro.eml"]
    assert next(message.iter_attachments()).get_content() == b"%PDF-1.4\n\x00\xff"


def test_a_file_is_sent_as_it_is_with_the_line_ends_of_smtp(tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(f"From: {MARIO}\nTo: {ANNA}\nCc: {INFO}\nMessage-ID: <7@x.example>\n\nuno\n.due\n".encode())
    sending = prepare(file=file, sender=None, **NOTHING)
    assert (sending.sender, sending.recipients, sending.message_id) == (MARIO, (ANNA, INFO), "<7@x.example>")
    assert sending.octets == file.read_bytes().replace(b"\n", b"\r\n")
    assert read_received(sending.octets).outer.to == (ANNA,)


@pytest.mark.parametrize(
    ("content", "options", "what"),
    [
        (None, {}, "sender and a recipient"),
        (b"Subject: x\n\nx\n", {}, "no From"),
        (f"From: {MARIO}\n\nx\n".encode(), {}, "no To"),
        (f"From: {MARIO}\nTo: {ANNA}\n\nx\n".encode(), {"subject": "x"}, "as it is"),
    ],
)
def test_what_cannot_be_sent_is_said(tmp_path, content, options, what):
    file = None
    if content is not None:
        file = tmp_path / "message.eml"
        file.write_bytes(content)
    with pytest.raises(UserError, match=what):
        prepare(file=file, sender=None, **(NOTHING | options))


@pytest.mark.parametrize(
    ("outcomes", "known", "delivered"),
    [
        ([], False, True),
        ([RecipientOutcome.ACCEPTED], False, False),
        ([RecipientOutcome.DELIVERED, RecipientOutcome.ACCEPTED_EXTERNAL], True, True),
        ([RecipientOutcome.DELIVERED, RecipientOutcome.NOT_DELIVERED], True, False),
        ([RecipientOutcome.REFUSED], True, False),
    ],
)
def test_when_the_outcome_is_known(outcomes, known, delivered):
    sent = Sent(message_id="<1@x>", outcomes={Address(f"{n}@x.example"): one for n, one in enumerate(outcomes)})
    assert (outcome_known(sent), sent.delivered) == (known, delivered)
