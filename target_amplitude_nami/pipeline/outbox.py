"""Collects the events of several records, for delivery to take at once."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Project

_LARGE_EVENT_BYTES = 1 << 16
"""Larger ones do not wait for others: a few hundred would take too much memory."""
_FAR_FUTURE = 1 << 62
"""Later than any time, ms."""


class Outbox:
    """The events that delivery does not have yet."""

    def __init__(
        self,
        submit: Callable[[Project, Sequence[EncodedEvent]], None],
        note_time: Callable[[int], None],
    ) -> None:
        """Start with no event.

        Args:
            submit: Hands events to delivery, in order; may wait.
            note_time: Called with the time of the oldest event, ms.
        """
        self._submit = submit
        self._note_time = note_time
        self._events: dict[Project, list[EncodedEvent]] = {"main": [], "sandbox": []}
        self._oldest_ms = _FAR_FUTURE

    def add(self, event: EncodedEvent, project: Project, time: int | None) -> None:
        """Add an event; a large one is submitted at once, with those before it.

        Args:
            event: The event.
            project: The Amplitude project that it goes to.
            time: When it happened, ms; None where its age does not matter.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        self._events[project].append(event)
        if time is not None and time < self._oldest_ms:
            self._oldest_ms = time
        if event.memory_bytes > _LARGE_EVENT_BYTES:
            self.submit()

    def submit(self) -> None:
        """Hand all events to delivery, each project's in order.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        if self._oldest_ms != _FAR_FUTURE:
            self._note_time(self._oldest_ms)
            self._oldest_ms = _FAR_FUTURE
        for project, events in self._events.items():
            if events:
                self._events[project] = []
                self._submit(project, events)
