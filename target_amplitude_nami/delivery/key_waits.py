"""Limits how long an event waits for another one with its key that is in flight."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

SHORTEST_WAIT_SECONDS: t.Final = 0.05
LONGEST_WAIT_SECONDS: t.Final = 1.0
"""Each wait is as long as all before it together, within these bounds: the other event
may be throttled for long, and many may wait."""


class KeyWaits:
    """Tracks since when the events of one lane wait for others with their keys."""

    def __init__(self) -> None:
        """Start with no event that waits."""
        self._since: dict[int, float] = {}
        """Monotonic seconds, by the identity of the event."""

    def __bool__(self) -> bool:
        return bool(self._since)

    def defer(
        self,
        events: Sequence[EncodedEvent],
        waiting: Sequence[EncodedEvent],
        now: float,
    ) -> dict[str, float]:
        """Return until when the users of waiting events are deferred, by order key.

        Args:
            events: All events of a request; those that wait no longer are forgotten.
            waiting: Those of them whose key is still in flight.
            now: Monotonic seconds.
        """
        before = {id(event): self._since.pop(id(event), now) for event in events}
        until: dict[str, float] = {}
        for event in waiting:
            since = self._since[id(event)] = before[id(event)]
            seconds = min(max(SHORTEST_WAIT_SECONDS, now - since), LONGEST_WAIT_SECONDS)
            until |= dict.fromkeys(event.order_keys, now + seconds)
        return until
