"""The supervisor: starts the roles of a provider in order, keeps them up, and ends them in the reverse order.

Each role is a child of its own (`apps.child`), in a session of its own, known by its process number only. A role is
*ready* when it says so; the roles of a stage start together, the next stage when all of them are ready. What
the roles of a stage need is loaded here before they are forked, while the stage before them starts: so memory is
one for all, and the first roles do not wait for what only the last ones need. A
role that ends is started again after a pause that grows; one that refuses its settings (exit status 2)
before it was ever ready ends the whole start. When a role dies, what it had started comes to the
supervisor, which ends it. Should the supervisor itself die, its end of a pipe closes, and every role ends.

Not here: what the roles do (`apps.roles`), and how a role hears of its end (`apps.duty`).
"""

import asyncio
import ctypes
import json
import os
import signal
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import structlog

from ceralacca.apps.child import Child, fork
from ceralacca.apps.loading import loading
from ceralacca.apps.status import born

_LOG = structlog.get_logger(__name__)
_SUBREAPER: Final = 36  # prctl(2): orphans of our children become our children
_REFUSED: Final = 2
_STRAY_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One process to keep up."""

    name: str
    main: Callable[[int, int], int]
    """What the child does, given the descriptors of its two pipes, ready and life (`apps.duty`); its exit status."""
    stage: int
    """Lower ones start first."""
    ends: int | None = None
    """Higher ones end first; by default as the stage says, the last to start being the first to end."""
    loads: tuple[str, ...] = ()
    """Modules that it needs."""
    once: bool = False
    """It does its work and ends with status 0; then it counts as ready."""
    silence: float | None = None
    """Seconds without a word after which it is taken to hang, and is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the supervisor waits for what, in seconds."""

    first_pause: float = 0.5
    """Before a role is started again; doubles with each end."""
    longest_pause: float = 30.0
    steady: float = 60.0
    """A role that has lived this long begins with the first pause again."""
    stop: float = 30.0
    """For a role to finish what it has in hand; then it is killed, and its leases run out."""
    start: float = 180.0
    """For a role to become ready; then it is killed and started again."""


@dataclass(slots=True)
class _Post:
    """A role at its work."""

    role: Role
    process: Child | None = None
    state: str = "waiting"
    facts: Mapping[str, Any] = field(default_factory=dict)
    starts: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Ready for the first time, or given up."""
    ready_since: float | None = None
    heard: float = 0.0


class Supervisor:
    """Keeps roles up. `status` is a file that always says how they are, for doctors and tests."""

    def __init__(
        self,
        roles: Sequence[Role],
        *,
        status: Path | None = None,
        patience: Patience | None = None,
        shared: Collection[int] = (),
    ) -> None:
        """Keep these roles up; `shared` are descriptors that every one of them keeps open, such as that of a lock."""
        self._posts = [_Post(role) for role in roles]
        self._status = status
        self._patience = patience or Patience()
        self._shared = frozenset(shared)
        self._ending = asyncio.Event()
        self._refused = False
        self._life: tuple[int, int] = (-1, -1)
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._others: frozenset[int] = frozenset()

    def end(self) -> None:
        """Ask for a clean stop."""
        self._ending.set()

    async def run(self, *, on_ready: Callable[[], None] = lambda: None) -> int:
        """Start, keep and at last end every role; return the exit status. Ends on SIGTERM, SIGINT or `end`."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self.end)
        self._others = frozenset(_children())
        _adopt_orphans(True)
        self._life = os.pipe2(os.O_CLOEXEC)
        try:
            if await self._start():
                _LOG.info("supervisor.ready", roles=len(self._posts))
                on_ready()
            await self._ending.wait()
        finally:
            await self._stop()
            for descriptor in self._life:
                os.close(descriptor)
            _adopt_orphans(False)
            for sign in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(sign)
        return _REFUSED if self._refused else 0

    async def _start(self) -> bool:
        """Start stage after stage; True when all are ready."""
        stages = _grouped(self._posts, lambda role: role.stage)
        for posts, following in zip(stages, [*stages[1:], []], strict=True):
            _load(posts)
            for post in posts:
                keeper = asyncio.create_task(self._keep(post))
                keeper.add_done_callback(self._kept)
                self._keepers[post.role.name] = keeper
            await asyncio.sleep(0)  # each keeper forks its role
            _load(following)
            await self._until_ending(asyncio.gather(*(post.settled.wait() for post in posts)))
            if self._ending.is_set():
                return False
        return True

    async def _stop(self) -> None:
        """End the last stage first, so that nothing comes in while the rest is finished."""
        self._ending.set()
        for posts in reversed(_grouped(self._posts, _end_of)):
            await asyncio.gather(*(self._end(post) for post in posts))
        await asyncio.gather(*self._keepers.values())
        await self._end_strays()
        self._write_status()

    async def _end(self, post: _Post) -> None:
        process = post.process
        if process is None or process.returncode is not None:
            return
        process.signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self._patience.stop)
        except TimeoutError:
            _LOG.error("supervisor.killed", role=post.role.name, reason="did not end in time")
            process.signal(signal.SIGKILL)
            await process.wait()

    async def _keep(self, post: _Post) -> None:
        """Keep one role up until everything ends."""
        pause = self._patience.first_pause
        while not self._ending.is_set():
            status = await self._live(post)
            lived = _now() - post.ready_since if post.ready_since is not None else 0.0
            if self._ending.is_set() or self._given_up(post, status):
                break
            if lived >= self._patience.steady:
                pause = self._patience.first_pause
            _LOG.warning("supervisor.restart", role=post.role.name, status=status, pause=pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            pause = min(pause * 2, self._patience.longest_pause)
        self._tell(post, "done" if post.role.once else "ended")

    def _kept(self, keeper: "asyncio.Task[None]") -> None:
        if not keeper.cancelled() and keeper.exception() is not None:  # a defect of ours must not look like peace
            self.end()

    def _given_up(self, post: _Post, status: int) -> bool:
        """Say whether the role is not started again: its work is done, or it refuses its settings."""
        if post.role.once and status == 0:
            post.settled.set()
            return True
        if status == _REFUSED and not post.settled.is_set():
            _LOG.error("supervisor.refused", role=post.role.name)
            self._refused = True
            post.settled.set()
            self.end()
            return True
        return False

    async def _live(self, post: _Post) -> int:
        """Start the role and stay with it until it has ended; return its exit status."""
        hears, says = os.pipe2(os.O_CLOEXEC)
        life = self._life[0]
        try:
            post.process = fork(
                partial(post.role.main, says, life), name=post.role.name, keep={says, life, *self._shared}
            )
        finally:
            os.close(says)
        if self._ending.is_set():
            post.process.signal(signal.SIGTERM)
        post.starts, post.ready_since, post.heard = post.starts + 1, None, _now()
        self._tell(post, "starting")
        listener = asyncio.create_task(self._listen(post, hears))
        guard = asyncio.create_task(self._guard(post, post.process))
        status = await post.process.wait()
        guard.cancel()
        await asyncio.gather(listener, guard, return_exceptions=True)
        self._tell(post, "down")
        await self._end_strays()
        return status

    async def _listen(self, post: _Post, hears: int) -> None:
        """Read what the role says of itself."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(hears, "rb", buffering=0)
        )
        try:
            async for line in reader:
                post.heard = _now()
                facts = _facts(line)
                if facts is not None:
                    post.facts, post.ready_since = facts, _now()
                    self._tell(post, "ready")
                    post.settled.set()
        finally:
            transport.close()

    async def _guard(self, post: _Post, process: Child) -> None:
        """Kill a role that does not become ready, or falls silent."""
        while True:
            limit = self._patience.start if post.ready_since is None else post.role.silence
            left = None if limit is None or post.role.once else post.heard + limit - _now()
            if left is not None and left <= 0:
                _LOG.error("supervisor.killed", role=post.role.name, reason="silent")
                process.signal(signal.SIGKILL)
                return
            await asyncio.sleep(1.0 if left is None else min(left, 1.0))

    async def _end_strays(self) -> None:
        """End what a role that died had started and left behind."""
        known = {post.process.pid for post in self._posts if post.process} | self._others
        strays = [pid for pid in _children() if pid not in known]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in strays:
                _signal(pid, sign)
            until = _now() + _STRAY_SECONDS
            while strays and _now() < until:
                strays = [pid for pid in strays if not _reaped(pid)]
                await asyncio.sleep(0.01 if strays else 0)

    async def _until_ending(self, waited: "asyncio.Future[Any]") -> None:
        ending = asyncio.create_task(self._ending.wait())
        await asyncio.wait({waited, ending}, return_when=asyncio.FIRST_COMPLETED)
        for task in (waited, ending):
            task.cancel()
        await asyncio.gather(waited, ending, return_exceptions=True)

    def _tell(self, post: _Post, state: str) -> None:
        post.state = state
        pid = post.process.pid if post.process else None
        _LOG.info(f"role.{state}", role=post.role.name, pid=pid, starts=post.starts, facts=dict(post.facts))
        self._write_status()

    def _write_status(self) -> None:
        if self._status is None:
            return
        roles = {
            post.role.name: {
                "state": post.state,
                "pid": post.process.pid if post.process and post.process.returncode is None else None,
                "starts": post.starts,
                "facts": dict(post.facts),
            }
            for post in self._posts
        }
        fresh = self._status.with_suffix(".new")
        fresh.write_text(
            json.dumps({"supervisor": os.getpid(), "born": born(os.getpid()), "roles": roles}, indent=1) + "\n"
        )
        fresh.replace(self._status)


def _grouped(posts: Sequence[_Post], number: Callable[[Role], int]) -> list[list[_Post]]:
    """Return the posts whose roles have the same number together, the lowest first."""
    return [
        [post for post in posts if number(post.role) == each] for each in sorted({number(post.role) for post in posts})
    ]


def _end_of(role: Role) -> int:
    return role.stage if role.ends is None else role.ends


def _load(posts: Sequence[_Post]) -> None:
    """Load what these roles need; the collector of a child leaves those pages alone."""
    with loading():
        for name in dict.fromkeys(name for post in posts for name in post.role.loads):
            import_module(name)


def _adopt_orphans(adopt: bool) -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, int(adopt), 0, 0, 0)


def _facts(line: bytes) -> Mapping[str, Any] | None:
    """Return the facts of a `ready` line; None for a sign of life, and for what is no line of ours."""
    try:
        words = json.loads(line)
    except ValueError:
        return None
    return words.get("ready") if isinstance(words, dict) else None


def _children() -> Iterable[int]:
    """Return the process numbers of all our children, those of every thread."""
    found: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found.update(map(int, listed.read_text().split()))
    return found


def _signal(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, sign)


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()
