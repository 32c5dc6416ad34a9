"""Describes how far a run is: its figures, its rate, and what it waits for."""

from __future__ import annotations

import typing as t
from collections import deque

from target_amplitude_nami.accounting.counts import OUTCOMES
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.delivery.waits import Waits

_RATE_SECONDS: t.Final = 10.0
"""The rate is that of the last so many seconds, or a little more: a look is late."""
_IDLE_SECONDS: t.Final = 0.9
"""When nothing was read for so long, the run waits for input."""


class ProgressText:
    """Describes a run again and again; it knows what it saw the last times."""

    def __init__(self) -> None:
        """Start with what every run begins with: nothing is read."""
        self._seen: deque[tuple[float, int]] = deque([(0.0, 0)])
        """Seconds since the start, and how many records were delivered then."""
        self._read = 0
        self._read_at = 0.0

    def look(self, report: Report) -> None:
        """Note when something was read; call it about every half a second."""
        if report.read != self._read:
            self._read, self._read_at = report.read, report.seconds

    def describe(self, report: Report, waits: Waits) -> str:
        """Return a line on how far a run is.

        Args:
            report: The figures so far.
            waits: What delivery waits for.
        """
        now = report.seconds
        self.look(report)
        parts = [_figures(report), f"{counted(round(self._rate(report)), 'event')}/s"]
        if (newest := report.newest_event) is not None:
            parts.append(f"newest event of {newest:%Y-%m-%d %H:%M:%S} UTC")
        parts += _waits(waits, is_idle=now - self._read_at > _IDLE_SECONDS)
        return "; ".join(parts)

    def _rate(self, report: Report) -> float:
        """Return how many records were delivered a second, in the last ten."""
        now, seen = report.seconds, self._seen
        seen.append((now, report.delivered))
        while now - seen[0][0] > _RATE_SECONDS + _IDLE_SECONDS:
            seen.popleft()
        then, delivered = seen[0]
        return (report.delivered - delivered) / (now - then) if now > then else 0.0


def _figures(report: Report) -> str:
    parts = [
        f"{count:,} {outcome}"
        for outcome in OUTCOMES
        if (count := getattr(report, outcome)) or outcome == "delivered"
    ]
    if report.counts.open:
        parts.append(f"{report.counts.open:,} on the way")
    return f"{counted(report.read, 'record')} read: {', '.join(parts)}"


def _waits(waits: Waits, *, is_idle: bool) -> Iterator[str]:
    if waits.failure:
        yield f"sends again in {waits.retry_seconds:.0f} s ({waits.failure})"
    if waits.deferred_users:
        users = counted(
            waits.deferred_users,
            "user over a limit of Amplitude's waits",
            "users over a limit of Amplitude's wait",
        )
        yield f"{users} {waits.deferred_seconds:.0f} s more"
    if not waits.keeps_reader:
        if is_idle:
            yield "waits for input"
    elif waits.requests:
        yield "waits for Amplitude"
    elif waits.is_paced:
        yield "waits for `max_events_per_second`"
