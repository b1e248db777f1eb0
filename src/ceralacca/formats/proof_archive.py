"""The proof of a sent message as one ZIP: envelope, receipts, and a page that says what they prove and how to check.

Every message is in it octet for octet as it was sealed, under a name that says what it is; `pec verify` reads the ZIP
as it stands. The same content gives the same octets: members bear the instant that they tell of.

Clauses: 1.3 (what proves what), IP-15; users.md 1: the proof is message and receipts in original form.
"""

import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Final

from ceralacca.base.instants import ROME
from ceralacca.formats.splice import Octets

_PLAIN: Final = re.compile(r"[^A-Za-z0-9@._+-]+")
_OLDEST: Final = 1980
"""The first year that a ZIP can say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One message of the proof."""

    name: str
    """What it is, in a word or two, and about whom; becomes a file name."""
    octets: Octets
    instant: datetime


def write_proof(file: IO[bytes], exhibits: Iterable[Exhibit], *, readme: str, verdicts: object, at: datetime) -> None:
    """Write the archive; `verdicts` is any JSON value, `at` the instant at which they were given."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(exhibits, 1):
            archive.writestr(_member(f"{number:02d}-{file_name(one.name)}.eml", one.instant), one.octets)
        archive.writestr(_member("LEGGIMI.txt", at), readme.replace("\n", "\r\n").encode())
        told = json.dumps(verdicts, ensure_ascii=False, indent=2, sort_keys=True)
        archive.writestr(_member("verdetti.json", at), told.encode())


def file_name(text: str) -> str:
    """Return a text as part of a file name: plain ASCII, no separators, not long."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _PLAIN.sub("-", plain).strip("-.")[:100] or "messaggio"


def _member(name: str, instant: datetime) -> zipfile.ZipInfo:
    local = instant.astimezone(ROME)
    stamp = (max(local.year, _OLDEST), local.month, local.day, local.hour, local.minute, local.second)
    info = zipfile.ZipInfo(name, stamp)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info
