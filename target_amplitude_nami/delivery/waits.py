"""What delivery waits for at a moment, for whoever watches a run."""

from __future__ import annotations

import msgspec


class Pause(msgspec.Struct, frozen=True):
    """Why a lane sends nothing until some moment."""

    until: float
    """Monotonic seconds."""
    failure: str = ""
    """What went wrong, so that the same bytes go again; empty: nothing did, the lane
    keeps to `max_events_per_second`."""


class Waits(msgspec.Struct, frozen=True):
    """What delivery waits for at a moment."""

    keeps_reader: bool = False
    """Whether reading waits until delivery has got further."""
    requests: int = 0
    """Requests in flight."""
    failure: str = ""
    """Why a request will be sent again; empty: none will."""
    retry_seconds: float = 0.0
    """When it will be."""
    is_paced: bool = False
    """Whether a lane keeps to `max_events_per_second`."""
    deferred_users: int = 0
    """Users over a limit of Amplitude's, whose events wait."""
    deferred_seconds: float = 0.0
    """When the first of them may go on."""

    def __add__(self, other: Waits) -> Waits:
        """Return what two deliveries wait for."""
        return Waits(
            keeps_reader=self.keeps_reader or other.keeps_reader,
            requests=self.requests + other.requests,
            failure=self.failure or other.failure,
            retry_seconds=_first(
                (self.failure, self.retry_seconds), (other.failure, other.retry_seconds)
            ),
            is_paced=self.is_paced or other.is_paced,
            deferred_users=self.deferred_users + other.deferred_users,
            deferred_seconds=_first(
                (self.deferred_users, self.deferred_seconds),
                (other.deferred_users, other.deferred_seconds),
            ),
        )


def _first(*waits: tuple[object, float]) -> float:
    """Return the shortest of those waits that there are."""
    return min((seconds for is_one, seconds in waits if is_one), default=0.0)
