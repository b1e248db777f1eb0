"""Ordinary mail of the provider to a holder: plainly no PEC message, and never to be answered by a program.

It has no field of PEC, no attachment and no signature; `Auto-Submitted` and the null reverse path under which it
leaves keep programs from answering it (RFC 3834, RFC 5321, 4.5.5).

Clauses: MO-13.
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address as Named
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256

from ceralacca.base.instants import ROME
from ceralacca.core.model.address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeMail:
    """What is to be written."""

    key: str
    """Unique: the Message-ID is made of it."""
    provider: str
    """Name beside the sender's address."""
    sender: Address
    recipient: Address
    subject: str
    text: str
    instant: datetime
    language: str

    @property
    def message_id(self) -> str:
        """With angle brackets."""
        return f"<notice.{sha256(self.key.encode()).hexdigest()[:32]}@{self.sender.domain}>"


def compose_notice(mail: NoticeMail) -> bytes:
    """Return the message, CRLF, ASCII on the wire whatever the text."""
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["From"] = Named(display_name=mail.provider, addr_spec=mail.sender.text)
    message["To"] = Named(addr_spec=mail.recipient.text)
    message["Subject"] = mail.subject
    message["Date"] = mail.instant.astimezone(ROME)
    message["Message-ID"] = mail.message_id
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = mail.language
    message.set_content(mail.text, cte="quoted-printable")
    return bytes(message)
