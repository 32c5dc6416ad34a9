"""Keeps the parts of one batch that are left to send."""

from __future__ import annotations

import typing as t
from collections import deque

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent


class SplitPlan:
    """The parts of a batch that still have to be sent, in order."""

    def __init__(self, events: Sequence[EncodedEvent]) -> None:
        """Start with the whole batch as one part."""
        self._parts = deque([events] if events else [])
        self._has_shrunk = False

    def __bool__(self) -> bool:
        return bool(self._parts)

    def take(self) -> Sequence[EncodedEvent]:
        """Return and forget the next part to send."""
        return self._parts.popleft()

    def again(self, events: Sequence[EncodedEvent]) -> None:
        """Put events before all other parts."""
        if events:
            self._parts.appendleft(events)

    def again_in_halves(self, events: Sequence[EncodedEvent]) -> None:
        """Put events before all other parts, as two halves."""
        middle = (len(events) + 1) // 2
        self.again(events[middle:])
        self.again(events[:middle])

    def again_without_some(self, events: Sequence[EncodedEvent]) -> None:
        """Send again what is left of a part after Amplitude named some of it.

        HTTP V2 may name only the first event that it refuses. All the rest go again
        once; if it refuses more, halves keep a good event from going again for each.
        """
        if self._has_shrunk:
            self.again_in_halves(events)
        else:
            self.again(events)
        self._has_shrunk = True

    def probe(self, most: int, *, besides: Sequence[EncodedEvent]) -> None:
        """Send some events from all over the batch alone, before all others.

        Args:
            most: How many; each is the first of its user.
            besides: Events whose users are left out.
        """
        seen = {key for event in besides for key in event.order_keys}
        firsts: list[EncodedEvent] = []
        for part in self._parts:
            for event in part:
                if seen.isdisjoint(event.order_keys):
                    firsts.append(event)
                seen.update(event.order_keys)
        probes = firsts[:: max(1, len(firsts) // most)][:most]
        chosen = {id(event) for event in probes}
        rest = [[e for e in part if id(e) not in chosen] for part in self._parts]
        self._parts = deque([*([event] for event in probes), *filter(None, rest)])
