"""Events that must wait although their lane goes on, each behind its own user."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_amplitude_nami.amplitude.outgoing import Outgoing


@dataclasses.dataclass(slots=True)
class _Hold:
    until: float
    events: list[Outgoing]


class Holds:
    """Per lane key, the events held back and when they may go on."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._holds: dict[str, _Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._holds)

    def begin(self, until: Mapping[str, float]) -> None:
        """Hold back the events of these keys until then (monotonic seconds)."""
        for key, moment in until.items():
            hold = self._holds.setdefault(key, _Hold(moment, []))
            hold.until = max(hold.until, moment)

    def absorb(self, events: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Keep the events whose key is held back; return the others, in order."""
        if not self._holds:
            return events
        free = []
        for event in events:
            hold = self._holds.get(event.lane_key)
            if hold is None:
                free.append(event)
            else:
                hold.events.append(event)
        return free

    def take_due(self, now: float) -> list[Outgoing]:
        """Return and forget the events that may go on now, in order for each key."""
        due = [key for key, hold in self._holds.items() if hold.until <= now]
        return [event for key in due for event in self._holds.pop(key).events]

    def seconds_until_due(self, now: float) -> float | None:
        """Return how long until some events may go on; None when none are held."""
        if not self._holds:
            return None
        return max(0.0, min(hold.until for hold in self._holds.values()) - now)
