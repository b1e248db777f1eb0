"""Hold the hashes of brief delivery receipts against the files that were sent (`--originals`, BR-5, AM-9).

The norm leaves open what exactly is hashed; every reading of AM-9 is tried, on each file of a
folder as it lies there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ceralacca.base.errors import UserError
from ceralacca.formats.message_summary import Attachment, MessageSummary
from ceralacca.formats.part_hash import HashForm, hash_forms

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
    """The files of one folder, read once, when the first receipt asks for them."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UserError(f"--originals {folder}: no such folder", remedy="give the folder with the files sent")
        self._folder = folder

    def check(self, original: MessageSummary) -> tuple[HashCheck, ...]:
        """Return what each hash of a reduced original fits. Raises UserError when a file cannot be read."""
        return tuple(self._find(name, digest) for name, digest in _hashes(original))

    @cached_property
    def _known(self) -> dict[str, list[tuple[Path, HashForm]]]:
        """Every hash that a file of the folder has under some reading, with those files by path."""
        known: dict[str, list[tuple[Path, HashForm]]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                for form, digest in hash_forms(_read(path)):
                    known.setdefault(digest, []).append((path, form))
        return known

    def _find(self, name: str, digest: str) -> HashCheck:
        fitting = self._known.get(digest, [])
        path, form = min(fitting, key=lambda one: one[0].name != name, default=(None, None))
        return HashCheck(name=name, digest=digest, file=None if path is None else str(path), form=form)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", remedy="check that you may read it") from error


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
