"""Holds the events of users who have to wait while their lane goes on."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent


@dataclasses.dataclass(slots=True, eq=False)
class _Deferral:
    until: float
    keys: set[str]
    events: list[EncodedEvent]


class DeferredUsers:
    """The users of one lane who are throttled or over their rate.

    They are known by `EncodedEvent.order_keys`; an event waits if one of its two does.
    """

    def __init__(self) -> None:
        """Start with no deferred user."""
        self._by_key: dict[str, _Deferral] = {}

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def defer(self, until: Mapping[str, float]) -> None:
        """Defer users, by order key, until some moment (monotonic seconds)."""
        for key, moment in until.items():
            deferral = self._by_key.setdefault(key, _Deferral(moment, {key}, []))
            deferral.until = max(deferral.until, moment)

    def withhold(self, events: Sequence[EncodedEvent]) -> Sequence[EncodedEvent]:
        """Keep the events of deferred users; return the others, in order."""
        if not self._by_key:
            return events
        self._spread(events)
        free = []
        for event in events:
            user, name = event.order_keys
            deferral = self._by_key.get(user)
            if deferral is None:
                free.append(event)
                continue
            other = self._by_key[name]
            if other is not deferral:
                self._join(deferral, other)
            deferral.events.append(event)
        return free

    def _spread(self, events: Sequence[EncodedEvent]) -> None:
        """Defer both keys of each event of which one is deferred.

        This comes before any event is kept: else an event could defer the other key of
        events ahead of it, which would then wait behind it.
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
            deferral = by_key[key]
            for other in others.pop(key):
                if other not in by_key:
                    deferral.keys.add(other)
                    by_key[other] = deferral
                    reached.append(other)

    def _join(self, one: _Deferral, other: _Deferral) -> None:
        """Join two deferrals that had no user in common until now."""
        one.until = max(one.until, other.until)
        one.keys |= other.keys
        one.events += other.events
        for key in other.keys:
            self._by_key[key] = one

    def take_due(self, now: float) -> list[EncodedEvent]:
        """Return and forget the events that may go now, in order for each user."""
        due = {id(one): one for one in self._by_key.values() if one.until <= now}
        for deferral in due.values():
            for key in deferral.keys:
                del self._by_key[key]
        return [event for deferral in due.values() for event in deferral.events]

    def waiting(self, now: float) -> tuple[int, float]:
        """Return how many have events here, and how many seconds the first has to wait.

        Any thread may ask: what it sees may be a moment old.
        """
        deferrals = {id(one): one for one in list(self._by_key.values())}
        users = {event.user_key for one in deferrals.values() for event in one.events}
        until = min((one.until for one in deferrals.values()), default=now)
        return len(users), max(0.0, until - now)

    def seconds_until_due(self, now: float) -> float | None:
        """Return in how many seconds a user may go on; None if none is deferred."""
        if not self._by_key:
            return None
        return max(0.0, min(one.until for one in self._by_key.values()) - now)
