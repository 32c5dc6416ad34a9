"""Events that must wait although their lane goes on, each behind its own user."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent


@dataclasses.dataclass(slots=True, eq=False)
class _Hold:
    until: float
    keys: set[str]
    events: list[EncodedEvent]


class DeferredUsers:
    """The events held back, and when they may go on.

    An event waits behind whatever has one of its `order_keys`.
    """

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._by_key: dict[str, _Hold] = {}

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def begin(self, until: Mapping[str, float]) -> None:
        """Hold back the events of these keys until then (monotonic seconds)."""
        for key, moment in until.items():
            hold = self._by_key.setdefault(key, _Hold(moment, {key}, []))
            hold.until = max(hold.until, moment)

    def absorb(self, events: Sequence[EncodedEvent]) -> Sequence[EncodedEvent]:
        """Keep the events whose key is held back; return the others, in order."""
        if not self._by_key:
            return events
        self._spread(events)
        free = []
        for event in events:
            user, name = event.order_keys
            hold = self._by_key.get(user)
            if hold is None:
                free.append(event)
                continue
            other = self._by_key[name]
            if other is not hold:
                self._join(hold, other)
            hold.events.append(event)
        return free

    def _spread(self, events: Sequence[EncodedEvent]) -> None:
        """Hold back both keys of each event of which one is held back.

        Before any event is kept: one may bring its other key to events ahead of it,
        which would come to wait behind it when they are looked at again.
        """
        by_key = self._by_key
        pairs = [event.order_keys for event in events]
        if not any((user in by_key) is not (name in by_key) for user, name in pairs):
            return
        others: dict[str, list[str]] = {}
        for user, name in pairs:
            others.setdefault(user, []).append(name)
            others.setdefault(name, []).append(user)
        reached = [key for key in others if key in by_key]
        while reached:
            key = reached.pop()
            hold = by_key[key]
            for other in others.pop(key):
                if other not in by_key:
                    hold.keys.add(other)
                    by_key[other] = hold
                    reached.append(other)

    def _join(self, hold: _Hold, other: _Hold) -> None:
        """Make one of two, which had no user in common until now."""
        hold.until = max(hold.until, other.until)
        hold.keys |= other.keys
        hold.events += other.events
        for key in other.keys:
            self._by_key[key] = hold

    def take_due(self, now: float) -> list[EncodedEvent]:
        """Return and forget the events that may go on now, in order for each key."""
        due = {id(hold): hold for hold in self._by_key.values() if hold.until <= now}
        for hold in due.values():
            for key in hold.keys:
                del self._by_key[key]
        return [event for hold in due.values() for event in hold.events]

    def seconds_until_due(self, now: float) -> float | None:
        """Return how long until some events may go on; None when none are held."""
        if not self._by_key:
            return None
        return max(0.0, min(hold.until for hold in self._by_key.values()) - now)
