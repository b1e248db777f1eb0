"""A holder's mail client: writes a message, submits it, and sees what comes to the mailbox.

What `pec send` and the demonstration speak through. Only standard protocols and the standard library's
clients, so that nothing of the provider is known here: what these see, every mail client sees.
"""

import imaplib
import mimetypes
import re
import smtplib
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from ceralacca.base.errors import PeerError, UserError, WorldError
from ceralacca.core.model.address import Address
from ceralacca.core.model.notification import ReceiptKind

_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a holder types into a mail client."""

    address: Address
    password: str = field(repr=False)
    host: str
    submission_port: int
    """Implicit TLS."""
    imap_port: int
    """Implicit TLS."""
    ca_file: Path | None = None
    """Authority of the server's certificate; None: the system's."""
    name: str = ""
    """In the server's certificate; by default the host."""

    def tls(self) -> ssl.SSLContext:
        """Return the context that verifies the server. Raises UserError."""
        try:
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise UserError(f"{self.ca_file}: not a certificate file", remedy="give the authority with --ca") from error


class Refused(PeerError):
    """The server refuses to take the message, or to let us in; `answer` is what it said."""

    def __init__(self, what: str, answer: str) -> None:
        super().__init__(f"{what}: {answer}" if answer else what)
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment that is at hand as octets."""

    name: str
    content: bytes
    media_type: str = ""
    """Empty: guessed by the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What goes into a message."""

    sender: Address
    to: Sequence[Address]
    cc: Sequence[Address] = ()
    subject: str = ""
    text: str = ""
    attachments: Sequence[Path | File] = ()
    answers: str = ""
    """Message-ID of the message that this one answers; empty when it answers none."""
    receipt: ReceiptKind | None = None
    """Asked for in X-TipoRicevuta (AP-16)."""

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Every recipient once."""
        return tuple(dict.fromkeys((*self.to, *self.cc)))


def write(writing: Writing, *, message_id: str, instant: datetime) -> bytes:
    """Write a message as a client does. Raises UserError for an attachment that cannot be read."""
    message = EmailMessage(policy=SMTP_POLICY.clone(cte_type="7bit"))
    message["From"] = writing.sender.text
    message["To"] = ", ".join(one.text for one in writing.to)
    if writing.cc:
        message["Cc"] = ", ".join(one.text for one in writing.cc)
    message["Subject"] = writing.subject
    message["Date"] = format_datetime(instant)
    message["Message-ID"] = message_id
    if writing.receipt is not None:
        message["X-TipoRicevuta"] = writing.receipt.value
    if writing.answers:
        message["In-Reply-To"] = writing.answers
        message["References"] = writing.answers
    message.set_content(f"{writing.text}\n", cte="quoted-printable")
    for one in writing.attachments:
        file = _read(one) if isinstance(one, Path) else one
        main, _, sub = (file.media_type or mimetypes.guess_type(file.name)[0] or "").partition("/")
        if not sub or main in {"message", "multipart"}:
            main, sub = "application", "octet-stream"
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    return message.as_bytes()


def _read(path: Path) -> File:
    try:
        return File(name=path.name, content=path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="check the name of the attachment") from error


class _Submission(smtplib.SMTP_SSL):
    """Connects to the host of an account and asks for a certificate of its name."""

    def __init__(self, account: Account) -> None:
        self._certified_name = account.name or account.host
        super().__init__(
            account.host, account.submission_port, context=account.tls(), timeout=_SECONDS, local_hostname="localhost"
        )

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        plain = socket.create_connection((host, port), timeout)
        return self.context.wrap_socket(plain, server_hostname=self._certified_name)


def submit(account: Account, octets: bytes, *, recipients: Sequence[Address], sender: Address | None = None) -> str:
    """Submit a message and return the server's answer to it; all recipients or none.

    Raises Refused when the server says no, WorldError when it cannot be reached.
    """
    try:
        with _Submission(account) as smtp:
            smtp.login(account.address.text, account.password)
            _expect(smtp.mail((sender or account.address).text), "the sender is refused")
            for recipient in recipients:
                _expect(smtp.rcpt(recipient.text), f"the recipient {recipient} is refused")
            return _expect(smtp.data(octets), "the message is refused")
    except smtplib.SMTPAuthenticationError as error:
        raise Refused("the server does not let us in", _text(error.smtp_error)) from error
    except smtplib.SMTPResponseException as error:
        raise Refused("the server refuses", _text(error.smtp_error)) from error
    except (OSError, smtplib.SMTPException) as error:
        raise _unreached(account.host, account.submission_port, error) from error


def _expect(reply: tuple[int, bytes], what: str) -> str:
    code, text = reply
    if code >= 300:
        raise Refused(what, f"{code} {_text(text)}")
    return f"{code} {_text(text)}"


class Mailbox:
    """A mailbox seen through IMAP, from the moment it is opened: gives what is new, once."""

    def __init__(self, account: Account) -> None:
        """Sign in and open the inbox. Raises Refused, WorldError."""
        self._account = account
        self._highest = 0
        try:
            self._imap = imaplib.IMAP4_SSL(account.host, account.imap_port, ssl_context=account.tls(), timeout=_SECONDS)
        except OSError as error:
            raise _unreached(account.host, account.imap_port, error) from error
        try:
            self._imap.login(account.address.text, account.password)
            self._imap.select("INBOX", readonly=True)
        except (imaplib.IMAP4.error, OSError) as error:
            self._imap.shutdown()
            raise Refused("the mailbox does not open", str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def skip(self) -> None:
        """Pass over what is there already."""
        self._highest = max([self._highest, *self._uids()])

    def fresh(self) -> list[bytes]:
        """Return the messages that came since the last look, the oldest first. Raises WorldError."""
        found = []
        for uid in sorted(one for one in self._uids() if one > self._highest):
            found.append(self._fetch(uid))
            self._highest = uid
        return found

    def close(self) -> None:
        """Sign out."""
        try:
            self._imap.logout()
        except (imaplib.IMAP4.error, OSError):
            self._imap.shutdown()

    def _uids(self) -> list[int]:
        try:
            self._imap.noop()
            kind, data = self._imap.uid("SEARCH", f"UID {self._highest + 1}:*")
        except (imaplib.IMAP4.error, OSError) as error:
            raise _unreached(self._account.host, self._account.imap_port, error) from error
        return [int(one) for one in data[0].split()] if kind == "OK" and data and data[0] else []

    def _fetch(self, uid: int) -> bytes:
        try:
            _, data = self._imap.uid("FETCH", str(uid), "(BODY.PEEK[])")
        except (imaplib.IMAP4.error, OSError) as error:
            raise _unreached(self._account.host, self._account.imap_port, error) from error
        return next(bytes(one[1]) for one in data if isinstance(one, tuple))


def _unreached(host: str, port: int, error: Exception) -> WorldError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return WorldError(
            f"{host}:{port}: the certificate is not trusted ({error.verify_message})",
            remedy="give the authority of the server with --ca",
        )
    what = str(error) or type(error).__name__
    return WorldError(f"{host}:{port}: {what}", remedy="check host and port, and that the server runs")


def _text(octets: bytes | str) -> str:
    text = octets if isinstance(octets, str) else octets.decode("utf-8", "replace")
    return re.sub(r"\s+", " ", text).strip()


def new_message_id(entropy: bytes, address: Address) -> str:
    """Return a Message-ID of ours, made of random octets."""
    return f"<{entropy.hex()}@{address.domain or socket.gethostname()}>"
