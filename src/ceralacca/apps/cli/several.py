"""Many files judged by several processes, each by one of them, and told in the order in which they were given.

An archive of ten thousand messages is work for every processor; a handful is done sooner than a process begins. Only
what the end of the answer needs comes back from a process: the text, whether it is valid, and what the transactions
are told from. Not for work that writes files: that knows what it has written before.
"""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from ceralacca.base.errors import UserError, WorldError
from ceralacca.core.story import Witness
from ceralacca.services.verify_message import MessageReport

MANY = 200
"""From so many files on, several processes judge them."""
_MOST_PROCESSES = 16
_FILES_AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is kept of a message that has been judged and told."""

    valid: bool
    within: int
    """How many PEC messages are inside it."""
    witnesses: tuple[Witness, ...]
    """What it and those inside it say of their transactions."""

    @classmethod
    def of(cls, report: MessageReport) -> "Told":
        """Keep of a report what the end of the answer needs."""
        return cls(
            valid=report.valid,
            within=len(report.nested),
            witnesses=tuple(
                Witness(name=one.name, certification=one.certification, proven=one.proven)
                for one in (report, *report.nested)
                if one.certification is not None
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswer:
    """What one file gave: a text for each message, or why it could not be read."""

    name: str
    messages: tuple[tuple[Told, str], ...]
    error: UserError | None = None


LooksAtFile = Callable[[str], FileAnswer]

_look: LooksAtFile | None = None
"""Of a process that judges for another: set as it begins."""


def processes_for(files: list[str]) -> int:
    """Return how many processes are worth their beginning; 1 where this process had better do it alone."""
    if len(files) < MANY or "-" in files or not hasattr(os, "sched_getaffinity"):
        return 1  # the only system that lets us ask is also the one where a fork is cheap and safe
    return min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)


@contextmanager
def judged_apart(files: list[str], look: LooksAtFile, processes: int) -> Iterator[Iterator[FileAnswer]]:
    """Look at the files in so many processes; gives the answers in the order of the files.

    The processes are copies of this one, so `look` may hold anything; it must write nothing. Raises WorldError when
    one of them is ended from outside.
    """
    executor = ProcessPoolExecutor(processes, mp_context=get_context("fork"), initializer=_begin, initargs=(look,))
    try:
        yield executor.map(_answer, files, chunksize=_FILES_AT_ONCE)
    except BrokenProcessPool as error:
        raise WorldError(
            "a process that judged messages was ended", remedy="give fewer files, or free memory"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)


def _begin(look: LooksAtFile) -> None:
    global _look  # noqa: PLW0603 the one thing that a process of a pool can be given
    _look = look
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began this one hears it and ends both
    gc.freeze()


def _answer(name: str) -> FileAnswer:
    assert _look is not None
    return _look(name)
