"""A mail server outside PEC, small enough to read: keeps what it takes, refuses whom it does not know, bounces.

    info@ditta.example          is kept in a Maildir
    rimbalza@ditta.example      is taken, and then comes back as a bounce, as from many a real server
    anybody else there          550 at RCPT
    Gamma's mail                is kept, for Gamma has no machine: what a provider on paper is told can be read
    chiuso.gamma.example        554 at RCPT, whoever asks: the peer that refuses for good

On loopback only, with STARTTLS under a certificate of the sandbox. Nothing is durable here, nothing is
checked: it stands for the rest of the world.

Serves: F3, F8, F12, F14 and the scenarios T-07, T-11, T-15.
"""

import asyncio
import itertools
import logging
import os
import smtplib
import ssl
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from ceralacca.apps.demo.cast import GAMMA, ORDINARY_DOMAIN, OUTSIDER, POST_HOST, REFUSED
from ceralacca.core.model.address import Address

BOUNCING: Final = Address(f"rimbalza@{ORDINARY_DOMAIN}")
_LARGEST: Final = 100 * 2**20
_KEPT_DOMAINS: Final = frozenset(GAMMA.all_domains) - {REFUSED.domain}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a bounce finds back: host, port and the authority of its certificate."""

    host: str
    port: int
    ca_file: Path


@dataclass(kw_only=True)  # no slots: aiosmtpd reads every attribute, and before Python 3.11.3 one of them raises
class OrdinaryMail:
    """The server while it runs; use it in a `with`."""

    folder: Path
    """A Maildir for each address that it keeps mail for."""
    port: int
    tls: Path
    """Folder of `certificate.pem` and `key.pem`."""
    ways: dict[str, Way] = field(default_factory=dict)
    """Where mail for a domain goes."""
    host: str = "127.0.0.1"
    _controller: Controller | None = None
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __enter__(self) -> Self:
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd tells of every client
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.tls / "certificate.pem", self.tls / "key.pem")
        self._controller = Controller(
            self, hostname=self.host, port=self.port, tls_context=context, data_size_limit=_LARGEST, ident=POST_HOST
        )
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._controller is not None:
            self._controller.stop()

    def maildir(self, address: Address) -> Path:
        """Return the folder of one address."""
        return self.folder / address.key

    def received(self, address: Address) -> list[bytes]:
        """Return what came for an address, in order of arrival, as it stood on the wire."""
        return [path.read_bytes() for path in sorted((self.maildir(address) / "new").glob("*"))]

    # -- the names that aiosmtpd calls ----------------------------------------------------------------

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        """Say whether there is such an address."""
        del server, session, options
        recipient = Address(address)
        if recipient.domain == REFUSED.domain:
            return "554 5.7.1 this host takes mail from nobody"
        if recipient.domain not in _KEPT_DOMAINS and recipient not in {OUTSIDER, BOUNCING}:
            return "550 5.1.1 there is no such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 recipient ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message, or send it back."""
        del server, session
        octets = envelope.original_content or b""
        for recipient in map(Address, envelope.rcpt_tos):
            if recipient != BOUNCING:
                await asyncio.to_thread(self._keep, recipient, octets)
            elif envelope.mail_from:
                await asyncio.to_thread(self._bounce, Address(envelope.mail_from), octets)
        return "250 2.0.0 taken"

    # -- inside --------------------------------------------------------------------------------------

    def _keep(self, recipient: Address, octets: bytes) -> None:
        home = self.maildir(recipient)
        for name in ("cur", "new", "tmp"):
            (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.time_ns()}.{os.getpid()}_{next(self._numbers)}.{POST_HOST}"
        (home / "tmp" / name).write_bytes(octets)
        (home / "tmp" / name).rename(home / "new" / name)

    def _bounce(self, author: Address, octets: bytes) -> None:
        """Send a bounce with the null reverse path (RFC 5321, 6.1); where there is no way back it is lost."""
        way = self.ways.get(author.domain)
        if way is None:
            return
        with smtplib.SMTP(way.host, way.port, local_hostname=POST_HOST, timeout=20) as back:
            back.starttls(context=ssl.create_default_context(cafile=str(way.ca_file)))
            back.sendmail("", [author.text], bounce(author, octets))


def bounce(author: Address, octets: bytes) -> bytes:
    """Return the notice that an ordinary server writes about a message it could not deliver."""
    notice = EmailMessage(policy=SMTP_POLICY)
    notice["From"] = f"Mail Delivery System <MAILER-DAEMON@{POST_HOST}>"
    notice["To"] = author.text
    notice["Subject"] = "Undelivered Mail Returned to Sender"
    notice["Date"] = formatdate()
    notice["Message-ID"] = f"<{time.time_ns()}@{POST_HOST}>"
    head = octets.partition(b"\r\n\r\n")[0].decode("latin-1")
    notice.set_content(f"The message could not be delivered to {BOUNCING}.\n\n{head}\n", cte="quoted-printable")
    return notice.as_bytes()
