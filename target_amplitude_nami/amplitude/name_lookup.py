"""Tracks whether the host name that requests go to can be resolved."""

from __future__ import annotations

import math
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS_FOR_FIRST_LOOKUP: t.Final = 20
_SECONDS_BETWEEN_FIRST_LOOKUPS: t.Final = 5


class NameLookup:
    """Remembers whether the clients of a run have ever resolved the host name.

    A name that cannot be resolved from the beginning is most likely a wrong one; once
    it was resolved, a failing lookup is trouble of the resolver and worth waiting for.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Start without a lookup; `now` returns monotonic seconds."""
        self._now = now
        self._started_at: float | None = None
        self._has_succeeded = False

    def start(self) -> None:
        """Note that a request is about to look the name up."""
        if self._started_at is None:
            self._started_at = self._now()

    def succeed(self) -> None:
        """Note that a request got beyond the lookup."""
        self._has_succeeded = True

    @property
    def is_given_up(self) -> bool:
        """Whether every lookup has failed for long enough."""
        if self._has_succeeded or self._started_at is None:
            return False
        return self._now() - self._started_at >= _SECONDS_FOR_FIRST_LOOKUP

    @property
    def longest_wait(self) -> float:
        """The most seconds to wait before the next lookup."""
        return math.inf if self._has_succeeded else _SECONDS_BETWEEN_FIRST_LOOKUPS
