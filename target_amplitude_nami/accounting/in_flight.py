"""Keeps the events in flight of one project by their dedup key."""

from __future__ import annotations

import threading
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import DedupKey


class InFlight:
    """The first event of each key that was let go and has no outcome yet.

    Any lane may ask and change it.
    """

    def __init__(self) -> None:
        """Start with no event in flight."""
        self._lock = threading.Lock()
        self._by_key: dict[DedupKey, EncodedEvent] = {}

    def add(self, events: Sequence[EncodedEvent]) -> set[int]:
        """Add events; return the identities of those whose key another one has."""
        by_key = self._by_key
        with self._lock:
            return {
                id(event)
                for event in events
                if by_key.setdefault(event.sent_event.key, event) is not event
            }

    def first_with(self, key: DedupKey) -> EncodedEvent | None:
        """Return the event in flight that has a key."""
        return self._by_key.get(key)

    def remove(self, events: Iterable[EncodedEvent]) -> None:
        """Remove events, where they are among those in flight."""
        by_key = self._by_key
        with self._lock:
            for event in events:
                key = event.sent_event.key
                if by_key.get(key) is event:
                    del by_key[key]
