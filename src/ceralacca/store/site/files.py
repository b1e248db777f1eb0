"""What lies outside the database, written into both sites before the commit that names it.

Each class is the one that it stands for, and does the same again in the other site's folder; when that cannot be,
the whole act fails, and is done again later: every one of them is harmless when done twice. Here comes first, so that
what is at the mirror has always been here.

Clauses: SL-6, AP-25, DP-3, VI-1, LO-5.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.base.failpoints import reach
from ceralacca.core.log_chain import stamp_name
from ceralacca.formats.splice import Octets
from ceralacca.ports.log_seal import LogKey
from ceralacca.ports.mail_store import Put, PutOutcome
from ceralacca.ports.store import InfectedMessage, Settle
from ceralacca.ports.vault import VaultCipher
from ceralacca.store.blobs import Blob, BlobFolder, blob_of
from ceralacca.store.durable_files import copy_file, make_folder
from ceralacca.store.log_folder import FileLogFolder
from ceralacca.store.maildir import Maildir
from ceralacca.store.maildir_aside import Aside
from ceralacca.store.maildir_files import Owner
from ceralacca.store.packs import Packs
from ceralacca.store.site.state import Site, at_mirror
from ceralacca.store.virus_vault import VaultEvent, VirusVault


class MirroredBlobs(BlobFolder):
    """Blobs of two sites."""

    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder)
        self._site, self._there = site, site.in_mirror(folder)

    def put(self, blobs: Sequence[Blob]) -> None:
        """Make blobs durable in both sites. Raises WorldError, also without blobs when this site may not write."""
        with self._site.writing() as mirror:
            super().put(blobs)
            if mirror is None or not blobs:
                return
            reach("site.blobs.before")
            with at_mirror():
                BlobFolder(self._there).put(blobs)
            reach("site.blobs.after")

    def read(self, digest: str, size: int) -> Octets:
        """Return the octets; what is not whole here is brought back from the other site. Raises WorldError."""
        try:
            return super().read(digest, size)
        except WorldError:
            found = self._read_there(digest, size)
            if found is None:
                raise
        super().put([found])
        return found.octets  # type: ignore[return-value]  # it was read as one piece

    def _read_there(self, digest: str, size: int) -> Blob | None:
        try:
            self._site.other()
            blob = blob_of(BlobFolder(self._there).read(digest, size))
        except WorldError:
            return None
        return blob if blob.digest == digest else None

    def remove(self, digest: str) -> None:
        """Remove octets in both sites; there first, for what is gone here is not looked for again."""
        with self._site.writing() as mirror:
            if mirror is not None:
                with at_mirror():
                    BlobFolder(self._there).remove(digest)
            super().remove(digest)


class MirroredPacks(Packs):
    """Packs that were written when there was one site: `site.repair` copies them; nothing is added to them."""

    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder)
        self._site, self._there = site, Packs(site.in_mirror(folder))

    def read(self, place: str, size: int, digest: str) -> bytes:
        """Return the octets, from the other site when they are not whole here. Raises WorldError."""
        try:
            return super().read(place, size, digest)
        except WorldError:
            self._site.other()
            return self._there.read(place, size, digest)

    def let_go(self, place: str, size: int) -> None:
        """Let go in both sites; there first, for what is gone here is not looked for again. Raises WorldError."""
        with self._site.writing() as mirror:
            if mirror is not None:
                with at_mirror():
                    self._there.let_go(place, size)
            super().let_go(place, size)


class MirroredMail(Maildir):
    """Mailboxes of two sites: a delivered message is in both before its receipt can be issued (DP-3).

    What holders do with it (seen, moved, deleted) follows later: `site.mail`.
    """

    def __init__(self, root: Path, site: Site, *, clock: Clock, owner: Owner | None = None) -> None:
        super().__init__(root, clock=clock, owner=owner)
        self._site = site
        self._there = Maildir(site.in_mirror(root), clock=clock, owner=owner, mirror=True)

    def show(self, messages: list[Put], aside: Aside | None = None) -> tuple[list[PutOutcome], Settle]:
        """Store messages durably in both sites; the quota is judged here. Raises WorldError."""
        with self._site.writing() as mirror:
            outcomes, settle = super().show(messages, aside)
            settle()
            stored = [
                put for put, outcome in zip(messages, outcomes, strict=True) if outcome is not PutOutcome.OVER_QUOTA
            ]
            if mirror is not None and stored:
                reach("site.mail.before")
                with at_mirror():
                    self._there.put(stored)
                reach("site.mail.after")
            return outcomes, settle

    def forget_deliveries(self, *, before: datetime) -> int:
        """Remove old records of deliveries in both sites. Raises WorldError."""
        with self._site.writing() as mirror:
            if mirror is not None:
                with at_mirror():
                    self._there.forget_deliveries(before=before)
            return super().forget_deliveries(before=before)


class MirroredVault(VirusVault):
    """The virus storage of two sites. The journal of each says what was done with it there; it follows later."""

    def __init__(self, folder: Path, cipher: VaultCipher, site: Site) -> None:
        super().__init__(folder, cipher)
        self._site = site

    def put(self, facts: InfectedMessage, octets: Octets) -> None:
        """Keep a message in both sites. Raises WorldError, ValueError."""
        with self._site.writing() as mirror:
            super().put(facts, octets)
            self._copy(facts.key, mirror)

    def holds(self, key: str) -> bool:
        """Say whether a message is kept, in both sites; one that is kept here is copied there first."""
        with self._site.writing() as mirror:
            return super().holds(key) and self._copy(key, mirror)

    def delete_expired(
        self,
        instant: datetime,
        *,
        log: Callable[[VaultEvent], None],
        keep: Callable[[InfectedMessage], bool] = lambda _: False,
    ) -> int:
        """Delete in both sites; there first, for what is gone here is not looked for again. Raises WorldError."""
        with self._site.writing() as mirror:

            def logged(event: VaultEvent) -> None:
                log(event)
                path = self._find(event.key)
                if mirror is not None and path is not None:
                    with at_mirror():
                        self._site.in_mirror(path).unlink(missing_ok=True)

            return super().delete_expired(instant, log=logged, keep=keep)

    def _copy(self, key: str, mirror: Path | None) -> bool:
        path = self._find(key)
        if path is not None and mirror is not None:
            reach("site.vault.before")
            copy_across(self._site, path)
            reach("site.vault.after")
        return path is not None


class MirroredLogFolder(FileLogFolder):
    """Sealed files of the log in two sites, before the row that says that they are sealed (LO-5)."""

    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder)
        self._site, self._here = site, folder

    def write(self, name: str, lines: Iterable[bytes], key: LogKey, instant: datetime) -> tuple[str, int]:
        """Write a sealed file in both sites. Raises WorldError."""
        with self._site.writing() as mirror:
            said = super().write(name, lines, key, instant)
            if mirror is not None:
                copy_across(self._site, self._here / name)
            return said

    def put_stamp(self, name: str, reply: bytes) -> None:
        """Put a stamp beside a file in both sites. Raises WorldError."""
        with self._site.writing() as mirror:
            super().put_stamp(name, reply)
            if mirror is not None:
                copy_across(self._site, self._here / stamp_name(name))


def copy_across(site: Site, path: Path) -> None:
    """Make a file at the mirror what it is here, durably. Raises MirrorAway."""
    there = site.in_mirror(path)
    with at_mirror():
        for folder in reversed(there.relative_to(site.mirror).parents[:-1]):
            make_folder(site.mirror / folder)
        copy_file(path, there)
