"""Shows how far a load is: in one line of the terminal, or in the log."""

from __future__ import annotations

import time
import typing as t
from collections import deque

from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from target_amplitude_nami.accounting.live_line import LiveLine

_LOG_SECONDS: t.Final = 10.0
_LINE_SECONDS: t.Final = 0.5
_RATE_SECONDS: t.Final = 60.0
"""The rate, and what it makes of the rest, is that of the last so many seconds."""
_MINUTE: t.Final = 60
_HOUR: t.Final = 3600
_LEAST_LEFT: t.Final = 90
"""Less than so many seconds are said in seconds, or so many minutes in minutes."""


class LoadProgress:
    """The progress of a load, by the rows that were read."""

    def __init__(
        self,
        rows: int,
        logger: logging.Logger,
        live: LiveLine | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            rows: How many rows there are to deliver.
            logger: Takes a line from time to time, where there is no live one.
            live: The line of a terminal.
            now: Monotonic seconds.
        """
        self._rows = rows
        self._logger = logger
        self._live = live
        self._now = now
        start = now()
        self._seen: deque[tuple[float, int]] = deque([(start, 0)])
        self._next = start + (_LOG_SECONDS if live is None else 0.0)

    def look(self, rows: int) -> None:
        """Show how many rows are read, when it is time to."""
        now = self._now()
        if now < self._next:
            return
        self._next = now + (_LOG_SECONDS if self._live is None else _LINE_SECONDS)
        text = self._describe(now, rows)
        if self._live is None:
            self._logger.info("So far: %s", text)
        else:
            self._live.show(text)

    def end(self) -> None:
        """Show no more."""
        if self._live is not None:
            self._live.close()

    def _describe(self, now: float, rows: int) -> str:
        self._seen.append((now, rows))
        while now - self._seen[0][0] > _RATE_SECONDS:
            self._seen.popleft()
        then, rows_then = self._seen[0]
        rate = (rows - rows_then) / (now - then) if now > then else 0.0
        text = f"{rows:,} of {counted(self._rows, 'row')} read; {rate:,.0f} rows/s"
        if rate > 0:
            text += f"; about {_duration((self._rows - rows) / rate)} left"
        return text


def _duration(seconds: float) -> str:
    if seconds < _LEAST_LEFT:
        return f"{seconds:.0f} s"
    if seconds < _LEAST_LEFT * _MINUTE:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
