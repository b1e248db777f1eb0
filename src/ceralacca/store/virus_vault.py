"""Virus storage: infected messages, encrypted, in a folder of their own, for thirty months (VI-1, VI-2).

    <year>-<month>/<name>.vault   one message, encrypted; the name is a digest of its key
    journal                       one JSON line for each storing, retrieval and deletion, written before the act

What is known of a message (VI-1) is encrypted in front of its octets, so that the storage speaks
for itself even without the database. There is no way to list or search content, and none to get a
message but by its key and with a purpose, which is in the journal before the octets are given.

A line of the journal has no addresses and no content: the key leads to them. Nothing here puts a
message back into the mail; the caller decides who may ask.

Clauses: VI-1, VI-2, AP-20, IP-18.
"""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from ceralacca.base.errors import UserError, WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.model.address import Address
from ceralacca.formats.splice import Octets
from ceralacca.ports.store import InfectedMessage
from ceralacca.ports.vault import SpoiltVaultFile, VaultCipher
from ceralacca.store.durable_files import check_folder, make_folder, put_file, read_protected

RETENTION_MONTHS: Final = 30  # VI-1
_MOST_OCTETS: Final = 256 * 2**20
_HEAD: Final = struct.Struct("!I")


class VaultAct(StrEnum):
    """What was done to a message."""

    STORED = "stored"
    RETRIEVED = "retrieved"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultEvent:
    """One line of the journal."""

    instant: datetime
    act: VaultAct
    key: str
    digest: str
    purpose: str = ""
    """Why it was retrieved, in the words of who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultedMessage:
    """A message taken out."""

    facts: InfectedMessage
    octets: bytes


class VirusVault:
    """The folder. One process stores and deletes at a time; acts are harmless when done again."""

    def __init__(self, folder: Path, cipher: VaultCipher) -> None:
        self._folder = folder
        self._cipher = cipher

    def put(self, facts: InfectedMessage, octets: Octets) -> None:
        """Keep a message durably; one that is there under its key is left as it is. Raises WorldError.

        Raises ValueError when the octets are not those of `facts.digest`.
        """
        if hashlib.sha256(octets).hexdigest() != facts.digest:
            raise ValueError("the octets are not those of the digest")
        path = self._path(facts.key, facts.found)
        if self._find(facts.key) is not None:
            return
        head = json.dumps(_written(facts)).encode()
        sealed = self._cipher.seal(b"".join((_HEAD.pack(len(head)), head, octets)), bound=path.name.encode())
        try:
            for folder in (self._folder, path.parent):
                make_folder(folder)
                check_folder(folder)
            self._note(VaultEvent(instant=facts.found, act=VaultAct.STORED, key=facts.key, digest=facts.digest))
            reach("virus_vault.put.before")
            put_file(path, sealed)
            reach("virus_vault.put.after")
        except OSError as error:
            raise _disk(error) from error

    def take(self, key: str, *, purpose: str, instant: datetime) -> VaultedMessage:
        """Return a message, once the journal says who wanted it for what.

        Raises UserError without a purpose or when there is no such message, SpoiltVaultFile, WorldError.
        """
        if not purpose.strip():
            raise UserError("an infected message is given out for a stated purpose only", remedy="say what it is for")
        path = self._find(key)
        if path is None:
            raise UserError("there is no such message in the virus storage", remedy="look for its key in the log")
        message = self._read(path)
        try:
            self._note(
                VaultEvent(
                    instant=instant, act=VaultAct.RETRIEVED, key=key, digest=message.facts.digest, purpose=purpose
                )
            )
        except OSError as error:
            raise _disk(error) from error
        return message

    def holds(self, key: str) -> bool:
        """Say whether a message is kept under the key."""
        return self._find(key) is not None

    def delete_expired(
        self,
        instant: datetime,
        *,
        log: Callable[[VaultEvent], None],
        keep: Callable[[InfectedMessage], bool] = lambda _: False,
    ) -> int:
        """Delete what is older than thirty months and return how many; each is logged before it goes (VI-2).

        `log` makes the event durable in the message log; `keep` says what a legal hold keeps. Raises WorldError.
        """
        count = 0
        for path in list(self._files()):
            if _month_of(path) >= _months_before(instant):
                continue
            try:
                facts = self._read(path).facts
            except SpoiltVaultFile:
                continue  # for people to look at: it is not known what would be deleted
            if _expires(facts.found) > instant or keep(facts):
                continue
            event = VaultEvent(instant=instant, act=VaultAct.DELETED, key=facts.key, digest=facts.digest)
            try:
                log(event)
                self._note(event)
                reach("virus_vault.delete.before")
                path.unlink(missing_ok=True)
                reach("virus_vault.delete.after")
            except OSError as error:
                raise _disk(error) from error
            count += 1
        return count

    def journal(self) -> tuple[VaultEvent, ...]:
        """Return the journal, oldest line first; a line that a cut left half is left out."""
        try:
            lines = (self._folder / "journal").read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        return tuple(_event(json.loads(line)) for line in lines if line.endswith(b"}"))

    def _read(self, path: Path) -> VaultedMessage:
        try:
            sealed = read_protected(path, limit=_MOST_OCTETS)
        except OSError as error:
            raise _disk(error) from error
        octets = memoryview(self._cipher.open(sealed, bound=path.name.encode()))
        (length,) = _HEAD.unpack_from(octets)
        end = _HEAD.size + length
        facts = _read_facts(json.loads(bytes(octets[_HEAD.size : end])))
        return VaultedMessage(facts=facts, octets=bytes(octets[end:]))

    def _path(self, key: str, found: datetime) -> Path:
        return self._folder / f"{found.astimezone(UTC):%Y-%m}" / f"{hashlib.sha256(key.encode()).hexdigest()}.vault"

    def _find(self, key: str) -> Path | None:
        name = f"{hashlib.sha256(key.encode()).hexdigest()}.vault"
        return next(iter(self._folder.glob(f"[0-9]*-[0-9]*/{name}")), None)

    def _files(self) -> Iterator[Path]:
        return iter(sorted(self._folder.glob("[0-9]*-[0-9]*/*.vault")))

    def _note(self, event: VaultEvent) -> None:
        """Add a line to the journal, durably; a half line left by a cut is closed first."""
        line = json.dumps(
            {
                "instant": event.instant.isoformat(),
                "act": event.act.value,
                "key": event.key,
                "digest": event.digest,
                "purpose": event.purpose,
            }
        )
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(self._folder / "journal", flags, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, b"\n" * torn + line.encode() + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)


def _written(facts: InfectedMessage) -> dict[str, Any]:
    return {
        "key": facts.key,
        "digest": facts.digest,
        "identifier": facts.identifier,
        "found": facts.found.isoformat(),
        "sender": facts.sender and facts.sender.text,
        "recipients": [address.text for address in facts.recipients],
        "virus": facts.virus,
        "engine": facts.engine,
    }


def _read_facts(values: dict[str, Any]) -> InfectedMessage:
    return InfectedMessage(
        key=values["key"],
        digest=values["digest"],
        identifier=values["identifier"],
        found=datetime.fromisoformat(values["found"]),
        sender=None if values["sender"] is None else Address(values["sender"]),
        recipients=tuple(Address(text) for text in values["recipients"]),
        virus=values["virus"],
        engine=values["engine"],
    )


def _event(values: dict[str, Any]) -> VaultEvent:
    return VaultEvent(
        instant=datetime.fromisoformat(values["instant"]),
        act=VaultAct(values["act"]),
        key=values["key"],
        digest=values["digest"],
        purpose=values["purpose"],
    )


def _expires(found: datetime) -> datetime:
    """Return the instant thirty months later; a day that month does not have becomes the next month's first."""
    utc = found.astimezone(UTC)
    years, month = divmod(utc.month - 1 + RETENTION_MONTHS, 12)
    try:
        return utc.replace(year=utc.year + years, month=month + 1)
    except ValueError:
        return utc.replace(year=utc.year + years + (month == 11), month=(month + 1) % 12 + 1, day=1)


def _months_before(instant: datetime) -> str:
    """Return the first month of which something must still be kept for certain."""
    utc = instant.astimezone(UTC)
    years, month = divmod(utc.year * 12 + utc.month - 1 - RETENTION_MONTHS + 1, 12)
    return f"{years:04d}-{month + 1:02d}"


def _month_of(path: Path) -> str:
    return path.parent.name


def _disk(error: OSError) -> WorldError:
    return WorldError(f"the virus storage cannot be used: {error.strerror}", remedy="look at its disk and folder")
