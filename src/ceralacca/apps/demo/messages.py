"""The messages of the scenarios: what holders write, and what a provider on paper seals.

Holders' messages are put together octet by octet, since some of them must be wrong in one place. Gamma's
are composed by the product's own composers and sealed with Gamma's key without any lint, so
that they may be wrong as well.
"""

import base64
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from ceralacca.apps.demo.cast import ANNA, GAMMA, MARIO
from ceralacca.base.clock import SystemClock
from ceralacca.base.identifiers import system_entropy
from ceralacca.base.instants import to_the_second
from ceralacca.core.delivery_point import DeliveryFailure
from ceralacca.core.model.address import Address
from ceralacca.core.model.certification import OriginalData
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.core.model.provider import IssuingProvider
from ceralacca.formats.draft import Draft
from ceralacca.formats.issuance import Issuance
from ceralacca.formats.receipt import compose_delivery, compose_non_delivery, compose_virus_detection
from ceralacca.formats.smime_writer import frame
from ceralacca.formats.splice import Splice
from ceralacca.ports.signer import Signer
from ceralacca.testing.scenario import Scenario
from ceralacca.trust.cms_writer import SealTemplate

PAPER: Final = IssuingProvider(name=GAMMA.name, address=GAMMA.address)
_numbers = itertools.count(1)
_CLOCK = SystemClock()


def present() -> datetime:
    """Return the instant, to the second."""
    return to_the_second(_CLOCK.now())


def letter(
    *,
    sender: Address = MARIO,
    to: Collection[Address] = (ANNA,),
    cc: Collection[Address] = (),
    fields: str = "Subject: Prova\r\n",
    body: str = "\r\nBuongiorno.\r\n",
) -> bytes:
    """Write a message as a client submits it; `fields` are more header fields, `body` begins after them."""
    folded = ",\r\n "
    own_id = f"{system_entropy(8).hex()}.{next(_numbers)}@{sender.domain}"
    head = f"Date: {format_datetime(present())}\r\nMessage-ID: <{own_id}>\r\n"
    head += f"From: {sender}\r\n"
    head += f"To: {folded.join(map(str, to))}\r\n" if to else ""
    head += f"Cc: {folded.join(map(str, cc))}\r\n" if cc else ""
    return (head + fields + body).encode("latin-1")


def with_attachment(content: bytes, name: str) -> tuple[str, str]:
    """Return `fields` and `body` for a text with one attachment."""
    fields = 'Subject: Prova\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="P"\r\n'
    coded = base64.encodebytes(content).decode().replace("\n", "\r\n")
    body = (
        "\r\n--P\r\nContent-Type: text/plain\r\n\r\nIn allegato.\r\n--P\r\n"
        f'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="{name}"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{coded}--P--\r\n"
    )
    return fields, body


# -- Gamma ------------------------------------------------------------------------------------------------


def paper_envelope(octets: bytes, domains: Collection[str]) -> Draft:
    """Compose the envelope that Gamma would put around a message of one of its holders."""
    scenario = Scenario(
        sender_provider=PAPER,
        pec_domains=frozenset(domains),
        submitted=octets,
        instant=present(),
        entropy=system_entropy,
    )
    return scenario.transaction().envelope()


def sealed_by(signer: Signer, draft: Draft) -> bytes:
    """Seal a draft of any kind, right or wrong."""
    digest = sha256(bytes(draft.entity))
    cms = SealTemplate(signer).sign(digest.digest(), draft.instant)
    return bytes(frame(draft.header, draft.entity, cms, boundary=f"----=_pec{digest.hexdigest()[:32]}"))


def paper_delivery(original: OriginalData, recipient: Address, octets: bytes) -> Draft:
    """Compose Gamma's delivery receipt for a message that came to it."""
    return compose_delivery(
        _by_paper(original),
        recipient=recipient,
        requested=ReceiptKind.COMPLETE,
        issued=ReceiptKind.COMPLETE,
        original=octets,
    )


def paper_failure(original: OriginalData, recipient: Address) -> Draft:
    """Compose Gamma's notice that it could not deliver."""
    return compose_non_delivery(_by_paper(original), recipient=recipient, failure=DeliveryFailure.NO_MAILBOX)


def paper_virus(original: OriginalData, recipient: Address, service_mailbox: Address) -> Draft:
    """Compose Gamma's report that what came to it is infected."""
    return compose_virus_detection(
        _by_paper(original), recipient=recipient, virus="Prova-TEST", service_mailbox=service_mailbox
    )


def _by_paper(original: OriginalData) -> Issuance:
    subject = (original.subject or "").encode("ascii", "replace")
    return Issuance(provider=PAPER, instant=present(), entropy=system_entropy, original=original, subject_body=subject)


# -- what is wrong with a draft ------------------------------------------------------------------------------

_CERTIFICATION_PART = re.compile(
    rb"(?P<head>Content-Type: application/xml[^\x00]*?Content-Transfer-Encoding: base64[^\x00]*?\r\n\r\n)"
    rb"(?P<coded>[A-Za-z0-9+/=\r\n]+?)(?P<end>\r\n--)",
)


def with_certification(draft: Draft, change: Callable[[bytes], bytes]) -> Draft:
    """Return the draft with its certification data changed."""

    def changed(match: "re.Match[bytes]") -> bytes:
        xml = base64.b64decode(match["coded"])
        new = change(xml)
        assert new != xml, "the change changes something"
        return match["head"] + base64.encodebytes(new).strip().replace(b"\n", b"\r\n") + match["end"]

    entity, count = _CERTIFICATION_PART.subn(changed, bytes(draft.entity), count=1)
    assert count == 1, "an envelope has its certification data in base64"
    return replace(draft, entity=Splice.of(entity))


def without_certification(draft: Draft) -> Draft:
    """Return the draft without its certification data."""
    octets = bytes(draft.entity)
    match = re.search(rb'boundary="?([^";\r\n]+)', octets)
    assert match is not None, "an envelope is a multipart"
    line = b"--" + match[1]
    first, *parts = octets.split(line)
    kept: Sequence[bytes] = [part for part in parts if b"daticert.xml" not in part.partition(b"\r\n\r\n")[0]]
    assert len(kept) == len(parts) - 1, "one part is left out"
    return replace(draft, entity=Splice.of(first + line + line.join(kept)))
