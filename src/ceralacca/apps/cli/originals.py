"""Hold the hashes of brief delivery receipts against the files that were sent (`--originals`, BR-5, AM-9).

The norm leaves open what exactly is hashed; every reading of AM-9 is tried, on each file of a
folder as it lies there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ceralacca.base.errors import UserError
from ceralacca.formats.message_summary import Attachment, MessageSummary
from ceralacca.formats.part_hash import HashForm, matching_hash

_SUFFIX = ".hash"
_DIGITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class HashCheck:
    """One hash file of a brief receipt and the file that it stands for."""

    name: str
    """Name of the file that was sent, as the receipt has it."""
    digest: str
    file: str | None
    """Path of the file that fits, None when none does."""
    form: HashForm | None


class Originals:
    """The files of one folder, each read when it is needed."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"--originals {folder}: no such folder", remedy="give the folder with the files sent")
        self._files = sorted(path for path in folder.rglob("*") if path.is_file())

    def check(self, original: MessageSummary) -> tuple[HashCheck, ...]:
        """Return what each hash of a reduced original fits."""
        return tuple(self._find(name, digest) for name, digest in _hashes(original))

    def _find(self, name: str, digest: str) -> HashCheck:
        likely_first = sorted(self._files, key=lambda path: path.name != name)
        for path in likely_first:
            form = matching_hash(path.read_bytes(), digest)
            if form is not None:
                return HashCheck(name=name, digest=digest, file=str(path), form=form)
        return HashCheck(name=name, digest=digest, file=None, form=None)


def _hashes(original: MessageSummary) -> Iterator[tuple[str, str]]:
    for attachment in original.attachments:
        digest = hash_of(attachment)
        if digest:
            yield (attachment.name or "").removesuffix(_SUFFIX), digest


def hash_of(attachment: Attachment) -> str:
    """Return the 40 hexadecimal digits that an attachment consists of; empty when it is no hash file (BR-3, BR-4)."""
    if not (attachment.name or "").lower().endswith(_SUFFIX) or len(attachment.body) > 4 * _DIGITS:
        return ""
    text = attachment.content().strip().decode("ascii", "replace").lower()
    return text if len(text) == _DIGITS and all(digit in "0123456789abcdef" for digit in text) else ""
