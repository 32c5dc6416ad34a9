"""The time, and waiting for it: a seam for tests."""

from __future__ import annotations

import time
import typing as t

if t.TYPE_CHECKING:
    import threading


class Clock:
    """The monotonic clock of the machine."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait until the condition is notified, at most some seconds."""
        condition.wait(seconds)
