"""Limits how many events fit in one request."""

from __future__ import annotations

import typing as t

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent


class RequestLimits(msgspec.Struct, frozen=True):
    """How much one request may hold."""

    events: int
    event_bytes: int
    """Bytes of the events and the commas between them."""

    def pack(self, events: Sequence[EncodedEvent]) -> Iterator[list[EncodedEvent]]:
        """Split events, in order, into as few requests as the limits allow."""
        if self._have_room_for(events):
            yield list(events)
            return
        request: list[EncodedEvent] = []
        size = 0
        for event in events:
            more = len(event.body) + 1
            is_full = len(request) == self.events or size + more > self.event_bytes
            if request and is_full:
                yield request
                request, size = [], 0
            request.append(event)
            size += more
        if request:
            yield request

    def _have_room_for(self, events: Sequence[EncodedEvent]) -> bool:
        count = len(events)
        if not 0 < count <= self.events:
            return False
        return sum([len(event.body) for event in events]) + count <= self.event_bytes
