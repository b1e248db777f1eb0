"""The way between the providers of a crash campaign: the relay's real client, with a book of what went.

Serves: IP-21, TI-10.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets
from ceralacca.net.mail_exchangers import Exchanger, LookupDeferred, NoSuchDomain
from ceralacca.net.smtp_client import SmtpClient
from ceralacca.ports.mail_sender import RcptOutcome, RcptResult


@dataclass(slots=True, kw_only=True)
class Postman:
    """The relay's way out, with a book of what it was told; some replies are lost on the way back."""

    client: SmtpClient
    folder: Path
    lost: int

    def send(
        self,
        domain: str,
        *,
        reverse_path: Address | None,
        recipients: Sequence[Address],
        octets: Octets,
        require_tls: bool,
    ) -> Mapping[Address, RcptOutcome]:
        """Send, and write down what went and what was answered."""
        digest = sha256(octets).hexdigest()
        with suppress(FileExistsError), (self.folder / digest).open("xb") as file:
            file.write(bytes(octets))
        said = self.client.send(
            domain, reverse_path=reverse_path, recipients=recipients, octets=octets, require_tls=require_tls
        )
        codes = {one.text: outcome.code for one, outcome in said.items()}
        _add_line(self.folder / "book", {"domain": domain, "digest": digest, "codes": codes})
        if self.lost <= 0:
            return said
        self.lost -= 1
        return {one: RcptOutcome(result=RcptResult.DEFERRED, text="reply lost") for one in recipients}


def _add_line(path: Path, words: Mapping[str, Any]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, json.dumps(words).encode() + b"\n")
    finally:
        os.close(handle)


@dataclass(slots=True, kw_only=True)
class Routes:
    """Where the incoming points of this life listen."""

    by_domain: dict[str, Exchanger]
    away: frozenset[str] = frozenset()

    def find(self, domain: str) -> tuple[Exchanger, ...]:
        """Return the host of a domain. Raises NoSuchDomain or LookupDeferred."""
        if domain in self.away:
            raise LookupDeferred(domain)
        if domain not in self.by_domain:
            raise NoSuchDomain(domain)
        return (self.by_domain[domain],)
