"""What a listener received is made durable before `250`: many connections, one sync (AP-25, IP-21).

The group-commit writer. A message that finds the store idle goes at once, unless others are arriving
at this moment: then it waits for them a millisecond or so. What comes while the store is busy goes
together with the next call. The store blocks, so it is called in a thread of its own.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

import structlog

from ceralacca.base.clock import Clock
from ceralacca.base.errors import WorldError
from ceralacca.ports.letters import Inbound

_LOG = structlog.get_logger(__name__)
_MOST_OCTETS = 32 * 2**20
"""Of one batch: what the store maps and copies at once. A larger message goes alone."""


class Receives(Protocol):
    """The part of `ports.store.Store` that a listener needs for a message."""

    def receive(self, messages: Sequence[Inbound], *, now: datetime) -> None:
        """Make messages and their jobs durable, all with one sync. Raises WorldError."""
        ...


class Reception:
    """Hands messages to the store in batches; lives on one event loop.

    `wait` is how many seconds a batch is collected at most, `most` how many messages it may hold.
    """

    def __init__(self, store: Receives, clock: Clock, *, wait: float = 0.0015, most: int = 64) -> None:
        self._store, self._clock = store, clock
        self._wait, self._most = wait, most
        self._queue: list[tuple[Inbound, asyncio.Future[None]]] = []
        self._arriving = 0
        self._filled, self._all_here = asyncio.Event(), asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reception")

    def arriving(self) -> None:
        """Learn that a message has begun to arrive; `gone` or `receive` ends it."""
        self._arriving += 1

    def gone(self) -> None:
        """Learn that a message that had begun to arrive is not coming, or has been received."""
        self._arriving -= 1

    async def receive(self, message: Inbound) -> None:
        """Return when the message is durable. Raises WorldError when it is not: then it is as if it had never come."""
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        durable = asyncio.get_running_loop().create_future()
        self._queue.append((message, durable))
        self._filled.set()
        if len(self._queue) >= self._arriving:
            self._all_here.set()
        await durable

    async def close(self) -> None:
        """End the writer, after what it holds has been written."""
        while self._queue:
            await asyncio.wait([future for _, future in self._queue])
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)
        self._thread.shutdown()

    async def _write(self) -> None:
        while True:
            if not self._queue:
                self._filled.clear()
                await self._filled.wait()
            await self._collect()
            await self._commit(self._next_batch())

    async def _collect(self) -> None:
        """Wait a moment for the messages that are arriving, until all of them are here."""
        if self._arriving <= len(self._queue) or len(self._queue) >= self._most:
            return
        self._all_here.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait):
                await self._all_here.wait()

    def _next_batch(self) -> list[tuple[Inbound, asyncio.Future[None]]]:
        octets = count = 0
        for message, _ in self._queue[: self._most]:
            octets += len(message.octets)
            if count and octets > _MOST_OCTETS:
                break
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        return batch

    async def _commit(self, batch: list[tuple[Inbound, asyncio.Future[None]]]) -> None:
        error = await self._try([message for message, _ in batch])
        if error is not None and not isinstance(error, WorldError) and len(batch) > 1:
            for one in batch:  # a message that the store chokes on fails alone; keys make a redo harmless
                await self._commit([one])
            return
        for _, durable in batch:
            if durable.done():  # the client is gone; its message stays, as the reply may have been lost anyway
                continue
            if error is None:
                durable.set_result(None)
            else:
                durable.set_exception(WorldError("the message is not durable", remedy="try again later"))

    async def _try(self, messages: list[Inbound]) -> BaseException | None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._receive, messages)
        except Exception as error:  # noqa: BLE001 whatever the store raises, each client gets its 451
            _LOG.error("reception.failed", messages=len(messages), error=type(error).__name__)
            return error
        return None

    def _receive(self, messages: list[Inbound]) -> None:
        self._store.receive(messages, now=self._clock.now())
