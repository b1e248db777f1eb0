"""Diagnostics: one JSON line a step on standard error, for operators and their tools.

Never an address, a subject or content: a transaction identifier leads to the message log, which has them.
This is neither that log (evidence, in the store) nor an audit trail.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from ceralacca.apps.settings.sections import LogSection
from ceralacca.base.errors import UserError

_OPENED: list[TextIO] = []
"""Log files once opened stay so: a child that closed its parent's descriptors must never close them again."""
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _Both:
    """Writes each line whole to every stream, so that lines of several processes never mix."""

    def __init__(self, streams: list[TextIO]) -> None:
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            os.write(stream.fileno(), text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def configure(log: LogSection, *, role: str) -> None:
    """Set up the diagnostics of this process. Raises UserError when the file cannot be written."""
    streams = [sys.stderr] if log.stderr else []
    if log.file is not None:
        try:
            _OPENED.append(log.file.open("a", encoding="utf-8"))
        except OSError as error:
            raise UserError(
                f"log.file {log.file}: {error.strerror}", remedy="name a file that can be written"
            ) from error
        streams.append(_OPENED[-1])

    def named(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"role": role, **event}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            named,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[log.level]),
        logger_factory=structlog.WriteLoggerFactory(file=_Both(streams)),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )


def quiet() -> None:
    """For commands: say on standard error what is a warning or worse, in words."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
