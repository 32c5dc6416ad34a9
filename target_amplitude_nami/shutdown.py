"""Carries the request to stop a run, and the deadline of its end."""

from __future__ import annotations

import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable


class Shutdown:
    """Holds the request to stop and the deadline, for every part of a run.

    It takes no lock, as a signal may come at any moment.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start with no request to stop and no deadline.

        Args:
            now: Monotonic seconds.
        """
        self._now = now
        self._is_requested = False
        self._deadline: float | None = None

    @property
    def is_requested(self) -> bool:
        """Whether a stop was asked for."""
        return self._is_requested

    def request(self, grace_seconds: float) -> None:
        """Ask for a stop; only the first request sets the deadline."""
        self._is_requested = True
        self.limit(grace_seconds)

    def limit(self, grace_seconds: float) -> None:
        """Set the deadline without asking for a stop, unless there is one."""
        if self._deadline is None:
            self._deadline = self._now() + grace_seconds

    def seconds_left(self) -> float | None:
        """Return the seconds until the deadline; None: as long as it takes."""
        if self._deadline is None:
            return None
        return self._deadline - self._now()
