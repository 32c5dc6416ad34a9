"""The events that wait for the next request of their lane."""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from itertools import accumulate

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.deferred_users import DeferredUsers
    from target_amplitude_nami.delivery.packing import RequestLimits


class Backlog:
    """A lane's events in order, and whether a request of them may leave.

    The condition of the delivery guards it.
    """

    def __init__(self, limits: RequestLimits) -> None:
        """Start empty, with how much one request may hold."""
        self.events: list[EncodedEvent] = []
        self.memory_bytes = 0
        self.since = 0.0
        """When the first event came, or the request before it left."""
        self._limits = limits
        self._body_bytes = 0
        self._urged = 0

    def __len__(self) -> int:
        return len(self.events)

    @property
    def is_full(self) -> bool:
        """Whether the events fill a request."""
        return (
            len(self.events) >= self._limits.events
            or self._body_bytes > self._limits.event_bytes
        )

    @property
    def requests(self) -> float:
        """How many requests the events fill."""
        return max(
            len(self.events) / self._limits.events,
            self._body_bytes / self._limits.event_bytes,
        )

    @property
    def is_urged(self) -> bool:
        """Whether events leave that do not fill a request."""
        return self._urged > 0

    @property
    def is_ready(self) -> bool:
        """Whether a request may leave now."""
        return self.is_urged or self.is_full

    def put(self, events: Sequence[EncodedEvent], now: float) -> None:
        """Take further events."""
        if not self.events:
            self.since = now
        self.events.extend(events)
        self._body_bytes += _body_bytes_of(events)
        self.memory_bytes += memory_of(events)

    def urge(self) -> None:
        """Let all present events leave, however few their request then holds."""
        self._urged = len(self.events)

    def has_room_for(self, other: Backlog) -> bool:
        """Whether the events of both fit in one request."""
        return (
            len(self) + len(other) <= self._limits.events
            and self._body_bytes + other._body_bytes <= self._limits.event_bytes
        )

    def clear(self) -> list[EncodedEvent]:
        """Return and forget all events."""
        events = self.events
        self._keep([])
        return events

    def take(self, deferred: DeferredUsers, now: float) -> list[EncodedEvent]:
        """Return and forget the events of one request, if one may leave.

        Events of deferred users move to `deferred` instead, and the next events fill
        their places: else those users would make many small requests of one.
        """
        while self.is_ready:
            if deferred and self.withhold(deferred):
                continue
            request = self.events[: self._limits.events]
            ends = list(accumulate([len(event.body) + 1 for event in request]))
            count = max(1, bisect_right(ends, self._limits.event_bytes))
            del request[count:]
            self._keep(self.events[count:])
            self.since = now
            return request
        return []

    def withhold(self, deferred: DeferredUsers) -> bool:
        """Move the events of deferred users out; return whether there were any."""
        free = deferred.withhold(self.events)
        if len(free) == len(self.events):
            return False
        self._keep(list(free))
        return True

    def _keep(self, events: list[EncodedEvent]) -> None:
        self._urged = max(0, self._urged - len(self.events) + len(events))
        self.events = events
        self._body_bytes = _body_bytes_of(events)
        self.memory_bytes = memory_of(events)


def memory_of(events: Sequence[EncodedEvent]) -> int:
    """Return how much memory events take together until they are settled."""
    return sum([event.memory_bytes for event in events])


def _body_bytes_of(events: Sequence[EncodedEvent]) -> int:
    """Return the bytes of the events with a comma behind each."""
    return sum([len(event.body) for event in events]) + len(events)
