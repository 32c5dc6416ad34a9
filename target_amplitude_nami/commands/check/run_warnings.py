"""Collects what a rehearsal warns of, for the checklist."""

from __future__ import annotations

import contextlib
import logging
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LOGGERS: t.Final = ("target-amplitude-nami", "singer_sdk")
_MOST_WARNINGS: t.Final = 20


class _Collector(logging.Handler):
    """Keeps the first warnings, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.messages) < _MOST_WARNINGS:
            self.messages[record.getMessage()] = None


@contextlib.contextmanager
def collected_warnings() -> Iterator[Iterable[str]]:
    """Collect what the rehearsal warns of, instead of having it logged."""
    collector = _Collector()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    propagates = [logger.propagate for logger in loggers]
    for logger in loggers:
        logger.propagate = False
        logger.addHandler(collector)
    try:
        yield collector.messages
    finally:
        for logger, before in zip(loggers, propagates, strict=True):
            logger.removeHandler(collector)
            logger.propagate = before
