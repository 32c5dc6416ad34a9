"""Decides when to send a request again, and when to give up."""

from __future__ import annotations

import math
import random
import typing as t

import msgspec

from target_amplitude_nami.errors import DeliveryError

if t.TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_BACKOFF_SECONDS: t.Final = 60

_LEAST_SECONDS_LEFT: t.Final = 0.001
"""With fewer left the time is up: sums of floats never meet a deadline exactly."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """How requests are repeated: attempts, time in all, and back-off in one place."""

    retry_for: float
    """For how many seconds requests may go on failing."""

    def delay(
        self,
        attempt: int,
        elapsed: float,
        *,
        at_least: float = 0.0,
        at_most: float = math.inf,
        jitter: float = 1.0,
    ) -> float | None:
        """Return how many seconds to wait before the next attempt; None: give up.

        Args:
            attempt: How many attempts have failed. The back-off doubles with each, from
                one second after the first; after none there is no back-off.
            elapsed: Seconds since requests began to fail.
            at_least: The wait that the server asked for.
            at_most: The longest wait that makes sense for this failure.
            jitter: A share of the back-off from 0 to 1, so that clients that failed
                together do not come back together.
        """
        left = self.retry_for - elapsed
        if left < _LEAST_SECONDS_LEFT:
            return None
        doublings = min(attempt, LONGEST_BACKOFF_SECONDS) - 1
        backoff = min(2.0**doublings, LONGEST_BACKOFF_SECONDS) if attempt else 0.0
        return min(max(backoff * jitter, at_least), at_most, left)


class Retries:
    """The failures of one lane since Amplitude last took something."""

    def __init__(
        self,
        policy: RetryPolicy,
        now: Callable[[], float],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Start without failures.

        Args:
            policy: Says how long to wait.
            now: Monotonic seconds.
            jitter: Returns a share of the back-off from 0 to 1.
        """
        self._policy = policy
        self._now = now
        self._jitter = jitter
        self._failing_since: float | None = None

    def succeed(self) -> None:
        """Forget the failures: Amplitude has understood a request."""
        self._failing_since = None

    def delay(
        self,
        message: str,
        *,
        attempt: int = 0,
        at_least: float = 0.0,
        at_most: float = math.inf,
    ) -> float:
        """Return how many seconds to wait after a failure: see `RetryPolicy.delay`.

        Args:
            message: What Amplitude answered last.
            attempt: How many attempts to send a request have failed.
            at_least: The wait that the server asked for.
            at_most: The longest wait that makes sense for this failure.

        Raises:
            DeliveryError: When requests have failed for too long.
        """
        now = self._now()
        if self._failing_since is None:
            self._failing_since = now
        elapsed = now - self._failing_since
        seconds = self._policy.delay(
            attempt,
            elapsed,
            at_least=at_least,
            at_most=at_most,
            jitter=self._jitter(),
        )
        if seconds is None:
            raise DeliveryError(
                f"Amplitude has taken nothing for {elapsed:,.0f} s, longer than "
                f"`retry_for` allows. Its last answer was: {message}. Nothing is lost: "
                f"run again when Amplitude can be reached, and what was not delivered "
                f"is sent then"
            )
        return seconds
