"""The local copy on disk: DI-5 refusals, the audit trail, tampering, and a power cut at every act."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ceralacca.core.directory import Directory
from ceralacca.core.directory_refresh import AlarmCode, RefusalReason, ReplacementRules
from ceralacca.formats.directory_ldif import write_directory
from ceralacca.ports.directory_source import UntrustedDirectoryFile, VerifiedContent
from ceralacca.store.directory_copy import (
    DamagedDirectoryCopy,
    DirectoryCopy,
    DirectoryNotStored,
    NoDirectoryCopy,
    Replacement,
)
from ceralacca.store.durable_files import UnprotectedFile
from ceralacca.testing.clock import NOON
from ceralacca.testing.directory import directory_of, make_directory, provider_record

DAY = timedelta(days=1)
OLD = make_directory(providers=5, domains=20)
NEW = make_directory(providers=6, domains=25)
RULES = ReplacementRules(own_name=OLD.records[0].name)
SEAL = b"SEALED "


def sealed(directory: Directory) -> bytes:
    return SEAL + write_directory(directory)


def opens(p7m: bytes, signed: datetime | None = None) -> VerifiedContent:
    """Stand in for the manager's seal: a prefix."""
    if not p7m.startswith(SEAL):
        raise UntrustedDirectoryFile("not sealed", reason="signature-does-not-hold")
    return VerifiedContent(ldif=p7m.removeprefix(SEAL), signing_time=signed)


def put(copy: DirectoryCopy, p7m: bytes, *, instant: datetime = NOON, signed: datetime | None = None) -> Replacement:
    return copy.replace(p7m, opens=lambda octets: opens(octets, signed), rules=RULES, instant=instant)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "directory"


@pytest.fixture
def copy(folder: Path) -> DirectoryCopy:
    """A copy with OLD in use."""
    copy = DirectoryCopy(folder)
    assert put(copy, sealed(OLD)).refusal is None
    return copy


def test_at_first_there_is_none(folder: Path) -> None:
    with pytest.raises(NoDirectoryCopy):
        DirectoryCopy(folder).load()


@pytest.mark.requirement("DI-3", "DI-10")
def test_what_is_put_in_use_is_loaded_by_anybody_later(copy: DirectoryCopy, folder: Path) -> None:
    loaded = DirectoryCopy(folder).load()
    assert loaded.directory == OLD
    assert loaded.copy.replaced == NOON
    assert loaded.copy.records == len(OLD.records)


@pytest.mark.requirement("DI-10")
def test_only_we_can_enter_folder_and_files(copy: DirectoryCopy, folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.requirement("DI-5")
def test_a_newer_file_replaces_and_both_are_kept_for_audit(copy: DirectoryCopy) -> None:
    result = put(copy, sealed(NEW), instant=NOON + DAY)
    assert result.refusal is None
    assert result.alarms == ()
    assert result.in_use == copy.load()
    assert copy.load().directory == NEW
    first, second = copy.history()
    assert first.startswith("20261105T120000")
    assert copy.p7m_of(first) == sealed(OLD)
    assert copy.p7m_of(second) == sealed(NEW)


@pytest.mark.requirement("DI-3")
def test_the_same_content_again_only_renews_the_refresh(copy: DirectoryCopy) -> None:
    result = put(copy, sealed(OLD), instant=NOON + DAY, signed=NOON)
    assert result.refusal is None
    loaded = copy.load()
    assert loaded.copy.refreshed == NOON + DAY
    assert loaded.copy.replaced == NOON
    assert loaded.copy.signed == NOON
    assert len(copy.history()) == 1


WITHOUT_BASE = Directory(records=NEW.records)
WITHOUT_US = directory_of(*(record for record in NEW.records if record.name != RULES.own_name))
TOO_FEW = directory_of(*OLD.records[:3])


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (b"UNSEALED " + write_directory(NEW), RefusalReason.SIGNATURE),
        (b"", RefusalReason.SIGNATURE),
        (SEAL + write_directory(NEW)[:-40], RefusalReason.MALFORMED),
        (SEAL, RefusalReason.NO_BASE_ENTRY),
        (sealed(WITHOUT_BASE), RefusalReason.NO_BASE_ENTRY),
        (sealed(WITHOUT_US), RefusalReason.NO_OWN_RECORD),
        (sealed(TOO_FEW), RefusalReason.TOO_FEW_RECORDS),
    ],
)
def test_what_di_5_forbids_leaves_the_old_copy_and_raises_an_alarm(
    copy: DirectoryCopy, folder: Path, candidate: bytes, reason: RefusalReason
) -> None:
    before = copy.load()
    pointer = (folder / "current").read_bytes()
    result = put(copy, candidate, instant=NOON + DAY)
    assert result.refusal is not None
    assert result.refusal.reason is reason
    assert [alarm.code for alarm in result.alarms] == [AlarmCode.REFUSED]
    assert result.alarms[0].evidence["reason"] == reason.value
    assert result.alarms[0].instant == NOON + DAY
    assert result.in_use == before
    assert (folder / "current").read_bytes() == pointer
    assert len(copy.history()) == 1


@pytest.mark.requirement("DI-5")
def test_an_older_seal_is_refused_after_a_newer_one(copy: DirectoryCopy) -> None:
    put(copy, sealed(OLD), signed=NOON)
    result = put(copy, sealed(NEW), signed=NOON - DAY, instant=NOON + DAY)
    assert result.refusal is not None
    assert result.refusal.reason is RefusalReason.OLDER
    assert copy.load().directory == OLD


def test_a_first_copy_may_be_refused_too(folder: Path) -> None:
    copy = DirectoryCopy(folder)
    result = put(copy, b"junk")
    assert result.refusal is not None
    assert result.in_use is None
    with pytest.raises(NoDirectoryCopy):
        copy.load()


def test_new_deviations_are_an_alarm_but_no_refusal(copy: DirectoryCopy) -> None:
    rival = provider_record("Rivale", ["rivale.example", OLD.records[0].domains[1]])
    result = put(copy, sealed(directory_of(*OLD.records, rival)))
    assert result.refusal is None
    (alarm,) = result.alarms
    assert alarm.code is AlarmCode.DEVIATIONS
    assert alarm.evidence == {"domain-of-several-providers": OLD.records[0].domains[1]}


def _ldif(folder: Path) -> Path:
    return next((folder / "copies").glob("*.ldif"))


def _flip(path: Path) -> None:
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def _to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.requirement("DI-10", "SE-5")
@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (lambda folder: _flip(_ldif(folder)), DamagedDirectoryCopy),
        (lambda folder: _ldif(folder).write_bytes(b""), DamagedDirectoryCopy),
        (lambda folder: _ldif(folder).unlink(), DamagedDirectoryCopy),
        (lambda folder: _link(_ldif(folder)), DamagedDirectoryCopy),
        (lambda folder: _to_pipe(_ldif(folder)), UnprotectedFile),
        (lambda folder: _flip(folder / "current"), DamagedDirectoryCopy),
        (lambda folder: (folder / "current").write_bytes(b""), DamagedDirectoryCopy),
        (lambda folder: (folder / "current").write_bytes(b"x" * 5000), UnprotectedFile),
        (lambda folder: _link(folder / "current"), DamagedDirectoryCopy),
        (lambda folder: (folder / "current").chmod(0o620), UnprotectedFile),
        (lambda folder: _ldif(folder).chmod(0o602), UnprotectedFile),
        (lambda folder: folder.chmod(0o770), UnprotectedFile),
        (lambda folder: (folder / "copies").chmod(0o777), UnprotectedFile),
    ],
)
def test_a_touched_copy_is_not_loaded(
    copy: DirectoryCopy, folder: Path, harm: Callable[[Path], None], error: type[Exception]
) -> None:
    put(copy, sealed(OLD))
    harm(folder)
    with pytest.raises(error) as caught:
        copy.load()
    assert caught.value.remedy


@pytest.mark.requirement("DI-10")
def test_a_note_with_a_good_checksum_and_a_wrong_content_is_refused(copy: DirectoryCopy, folder: Path) -> None:
    import hashlib

    current = folder / "current"
    good = current.read_bytes().partition(b"\n")[2]
    for body in (b"[]", b"{}", b"nonsense", b'{"stem": 1}', good.replace(b'"stem": "', b'"stem": "../')):
        current.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        with pytest.raises(DamagedDirectoryCopy):
            copy.load()


@pytest.mark.requirement("DI-10")
def test_another_users_file_is_not_loaded(copy: DirectoryCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = os.geteuid()
    real = os.fstat

    def foreign(handle: int) -> os.stat_result:
        values = list(real(handle))
        values[4] = mine + 4242
        return os.stat_result(values)

    monkeypatch.setattr(os, "fstat", foreign)
    with pytest.raises(UnprotectedFile, match="another user"):
        copy.load()


@pytest.mark.requirement("DI-5", "DI-10")
def test_a_damaged_copy_is_healed_by_the_next_good_file_and_told(copy: DirectoryCopy, folder: Path) -> None:
    _flip(_ldif(folder))
    result = put(copy, sealed(OLD), instant=NOON + DAY)
    assert [alarm.code for alarm in result.alarms] == [AlarmCode.COPY_DAMAGED]
    assert copy.load().directory == OLD


@pytest.mark.requirement("DI-5")
def test_a_damaged_copy_still_says_how_many_records_it_had(copy: DirectoryCopy, folder: Path) -> None:
    _flip(_ldif(folder))
    result = put(copy, sealed(TOO_FEW))
    assert [alarm.code for alarm in result.alarms] == [AlarmCode.COPY_DAMAGED, AlarmCode.REFUSED]
    assert result.in_use is None


def test_halves_left_by_a_cut_are_swept(copy: DirectoryCopy, folder: Path) -> None:
    half = folder / "copies" / "20200101T000000.000000Z-0.p7m.new"
    half.write_bytes(b"half")
    put(copy, sealed(NEW))
    assert not half.exists()


def test_nothing_is_written_where_others_may_write(copy: DirectoryCopy, folder: Path) -> None:
    folder.chmod(0o777)
    with pytest.raises(UnprotectedFile):
        put(copy, sealed(NEW))
    folder.chmod(0o700)
    assert copy.load().directory == OLD


class PowerCut(BaseException):
    """The machine is gone: no handler of ours runs on."""


class Disk:
    """The acts on disk, counted; fails at one of them, and then forgets what was never synced."""

    def __init__(self, fail_at: int, failure: BaseException) -> None:
        self.acts = 0
        self._fail_at, self._failure = fail_at, failure
        self._paths: dict[int, Path] = {}
        self._unsynced: set[Path] = set()
        self._renames: list[tuple[Path, Path, bytes | None]] = []
        self._real: dict[str, Any] = {
            name: getattr(os, name) for name in ("open", "write", "fsync", "rename", "unlink", "mkdir")
        }

    @contextmanager
    def underneath(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in self._real:
                patch.setattr(os, name, getattr(self, name))
            yield

    def _act(self) -> None:
        self.acts += 1
        if self.acts == self._fail_at:
            raise self._failure

    def open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        if flags & os.O_CREAT:
            self._act()
        handle: int = self._real["open"](path, flags, mode, **more)
        self._paths[handle] = Path(path)
        return handle

    def write(self, handle: int, octets: Any) -> int:
        self._unsynced.add(self._paths[handle])
        self._act()
        return int(self._real["write"](handle, octets[: max(7, len(octets) // 2)]))  # writes may be short

    def fsync(self, handle: int) -> None:
        self._act()
        path = self._paths[handle]
        self._unsynced.discard(path)
        self._renames = [rename for rename in self._renames if rename[1].parent != path]

    def rename(self, source: Any, target: Any) -> None:
        self._act()
        source, target = Path(source), Path(target)
        before = target.read_bytes() if target.exists() else None
        self._real["rename"](source, target)
        if source in self._unsynced:
            self._unsynced ^= {source, target}
        self._renames.append((source, target, before))

    def unlink(self, path: Any, **more: Any) -> None:
        self._act()
        self._real["unlink"](path, **more)

    def mkdir(self, path: Any, *more: Any, **named: Any) -> None:
        self._act()
        self._real["mkdir"](path, *more, **named)

    def forget_octets(self) -> None:
        for path in self._unsynced:
            if path.exists():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def forget_names(self) -> None:
        for source, target, before in reversed(self._renames):
            target.rename(source)
            if before is not None:
                target.write_bytes(before)
                target.chmod(0o600)


def attempt(folder: Path, disk: Disk) -> BaseException | None:
    """Try to put NEW in use; return what ended it before its time."""
    with disk.underneath():
        try:
            put(DirectoryCopy(folder), sealed(NEW), instant=NOON + DAY)
        except (PowerCut, DirectoryNotStored) as end:
            return end
    return None


LOSSES: list[tuple[Callable[[Disk], None], ...]] = [
    (),
    (Disk.forget_octets,),
    (Disk.forget_names,),
    (Disk.forget_octets, Disk.forget_names),
]


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("losses", LOSSES)
def test_a_power_cut_at_any_act_leaves_the_old_copy_or_the_new_one(
    tmp_path: Path, first: bool, losses: tuple[Callable[[Disk], None], ...]
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    if not first:
        put(DirectoryCopy(before / "directory"), sealed(OLD))
    seen = set()
    for ordinal in range(1, 200):
        home = tmp_path / str(ordinal)
        shutil.copytree(before, home)
        folder = home / "directory"
        disk = Disk(ordinal, PowerCut())
        cut = attempt(folder, disk)
        for loss in losses:
            loss(disk)
        if cut is None:  # all done: a cut after the end must not cost anything either
            assert _state(folder) == "new"
            break
        seen.add(_state(folder))
        assert put(DirectoryCopy(folder), sealed(NEW), instant=NOON + DAY).refusal is None  # once more, undisturbed
        assert _state(folder) == "new"
    else:
        pytest.fail("never came to the end")
    assert ordinal > 20
    assert seen <= {"none" if first else "old", "new"}
    assert ("none" if first else "old") in seen


def _state(folder: Path) -> str:
    try:
        directory = DirectoryCopy(folder).load().directory
    except NoDirectoryCopy:
        return "none"
    return {OLD: "old", NEW: "new"}[directory]


@pytest.mark.requirement("DI-5")
@pytest.mark.parametrize("number", [5, 28])
def test_a_failing_act_is_an_error_of_the_world_and_leaves_a_whole_copy(tmp_path: Path, number: int) -> None:
    for ordinal in range(1, 200):
        folder = tmp_path / str(ordinal)
        put(DirectoryCopy(folder), sealed(OLD))
        failure = attempt(folder, Disk(ordinal, OSError(number, os.strerror(number))))
        if failure is None:
            break
        assert isinstance(failure, DirectoryNotStored)
        assert os.strerror(number) in str(failure)
        assert failure.remedy
        assert _state(folder) in ("old", "new")
    assert ordinal > 20
    assert _state(folder) == "new"
