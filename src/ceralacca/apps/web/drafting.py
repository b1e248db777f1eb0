"""A message while it is written: what was typed, the files so far, and how it is kept among the drafts meanwhile.

A draft is a message in the folder of drafts, as other clients keep theirs; what was typed as recipients is kept beside
the addresses, for it may be half an address. Files stay in the draft, so that a page without scripts can be sent back
and forth without choosing them again.

Clauses: AP-5 to AP-16 (checked before sending, by the rules of the access point), AP-11 (no Bcc).
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from ceralacca.apps.cli.safe_names import safe_name
from ceralacca.apps.mail_client import File, Writing, write
from ceralacca.core.access_point import AccessSettings, FormalFailure, formal_failures
from ceralacca.core.directory import Directory
from ceralacca.core.model.address import Address, InvalidAddress
from ceralacca.core.model.notification import ReceiptKind
from ceralacca.formats.mime.header import read_head
from ceralacca.formats.neutral import one_line
from ceralacca.formats.readable import header_line, read_for_people
from ceralacca.formats.submission import read_submission

_TYPED_TO: Final = "X-Bozza-A"
_TYPED_CC: Final = "X-Bozza-Cc"
_SEPARATOR: Final = re.compile(r"[,;\n]+")
_BRACKETS: Final = re.compile(r".*<([^<>]*)>\s*\Z", re.DOTALL)
_LONGEST: Final = 20_000
"""Characters of a field of recipients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """What was typed into a field of recipients."""

    addresses: tuple[Address, ...]
    wrong: tuple[str, ...]
    """What is no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that is being written."""

    to: str = ""
    """As typed, like `cc`."""
    cc: str = ""
    subject: str = ""
    text: str = ""
    receipt: ReceiptKind = ReceiptKind.COMPLETE
    answers: str = ""
    message_id: str
    files: tuple[File, ...] = ()

    @property
    def primary(self) -> Recipients:
        """The recipients of To."""
        return read_recipients(self.to)

    @property
    def copied(self) -> Recipients:
        """The recipients of Cc that are not in To."""
        found, primary = read_recipients(self.cc), self.primary.addresses
        return replace(found, addresses=tuple(one for one in found.addresses if one not in primary))

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Every recipient once."""
        return (*self.primary.addresses, *self.copied.addresses)

    @property
    def wrong(self) -> tuple[str, ...]:
        """What was typed and is no address."""
        return (*self.primary.wrong, *self.copied.wrong)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not (self.to.strip() or self.cc.strip() or self.subject.strip() or self.text.strip() or self.files)


def read_recipients(typed: str) -> Recipients:
    """Read addresses parted by commas, semicolons or lines, each alone or behind a name in angle brackets."""
    addresses: dict[Address, None] = {}
    wrong = []
    for piece in _SEPARATOR.split(typed[:_LONGEST]):
        named = _BRACKETS.match(piece)
        text = (named[1] if named else piece).strip()
        if not text:
            continue
        try:
            addresses[Address.parse(text)] = None
        except InvalidAddress:
            wrong.append(piece.strip())
    return Recipients(addresses=tuple(addresses), wrong=tuple(wrong))


def compose(draft: Draft, sender: Address, instant: datetime) -> bytes:
    """Return the message as it would be submitted."""
    writing = Writing(
        sender=sender,
        to=draft.primary.addresses,
        cc=draft.copied.addresses,
        subject=one_line(draft.subject),
        text=draft.text.replace("\r\n", "\n"),
        attachments=draft.files,
        answers=draft.answers,
        receipt=draft.receipt,
    )
    return write(writing, message_id=draft.message_id, instant=instant)


def failures(draft: Draft, octets: bytes, sender: Address, settings: AccessSettings) -> Sequence[FormalFailure]:
    """Return why the access point would refuse the message: the same checks, made before it is handed in."""
    submission = read_submission(octets, reverse_path=sender, forward_paths=draft.recipients)
    return formal_failures(submission.facts, settings)


def kept(draft: Draft, sender: Address, instant: datetime) -> bytes:
    """Return the draft as it is put among the drafts."""
    typed = b"".join(
        b"%b: %b\r\n" % (name.encode(), base64.b64encode(text.encode("utf-8", "replace"))[:60_000])
        for name, text in ((_TYPED_TO, draft.to[:_LONGEST]), (_TYPED_CC, draft.cc[:_LONGEST]))
        if text
    )
    return typed + compose(draft, sender, instant)


def taken_up(octets: bytes) -> Draft:
    """Read a draft, our own or another client's. Raises UnreadableMessage."""
    head, seen = read_head(octets), read_for_people(octets)
    return Draft(
        to=_typed(header_line(head, _TYPED_TO)) or seen.to,
        cc=_typed(header_line(head, _TYPED_CC)) or seen.cc,
        subject=seen.subject,
        text=(seen.text or "").rstrip("\n"),
        receipt=ReceiptKind.requested_by(header_line(head, "X-TipoRicevuta") or None),
        answers=header_line(head, "In-Reply-To"),
        message_id=seen.message_id,
        files=tuple(
            File(name=safe_name(one.name, fallback="allegato.bin"), content=one.content(), media_type=one.media_type)
            for one in seen.files
        ),
    )


def _typed(encoded: str) -> str:
    try:
        return base64.b64decode("".join(encoded.split()), validate=True).decode("utf-8")
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One recipient, and what the providers directory says of the domain."""

    text: str
    kind: str
    """`pec`, `ordinary`, `wrong`, or `unknown` while the directory cannot be read."""
    provider: str = ""


def known(draft: Draft, directory: Directory | None) -> list[Known]:
    """Return for each recipient whether it is PEC (MO-8)."""
    found = [Known(text=text, kind="wrong") for text in draft.wrong]
    for address in draft.recipients:
        if directory is None:
            found.append(Known(text=address.text, kind="unknown"))
            continue
        record = directory.record_of_domain(address.domain)
        kind = "pec" if directory.is_pec(address.domain) else "ordinary"
        found.append(Known(text=address.text, kind=kind, provider=record.name if record else ""))
    return found
