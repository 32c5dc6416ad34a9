"""Reports outcomes, then gives up the places of the events in delivery."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.delivery.errors import Stopped

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.protocols import Outcomes, Undelivered
    from target_amplitude_nami.outcomes import Refusal


class EventSettler:
    """Settles events until it is closed: their outcome first, then their place.

    It is called from the lanes' threads, under no lock: an outcome may take a while.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        on_settled: Callable[[Sequence[EncodedEvent]], None],
    ) -> None:
        """Take who records outcomes, and who gives up the places of settled events."""
        self._outcomes = outcomes
        self._on_settled = on_settled
        self._is_closed = False

    def close(self) -> None:
        """Settle nothing more: the figures of the run are final."""
        self._is_closed = True

    def drop_delivered(self, events: Sequence[EncodedEvent]) -> Undelivered:
        """Settle the events that Amplitude has; return the others.

        Raises:
            Stopped: When it is closed.
        """
        self._raise_if_closed()
        undelivered = self._outcomes.drop_delivered(events)
        to_send, waiting = undelivered
        if len(to_send) + len(waiting) < len(events):
            left = {id(event) for event in (*to_send, *waiting)}
            self._on_settled([event for event in events if id(event) not in left])
        return undelivered

    def delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Settle events that Amplitude has taken.

        Raises:
            Stopped: When it is closed.
        """
        self._raise_if_closed()
        self._outcomes.delivered(events)
        self._on_settled(events)

    def rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Settle an event that Amplitude will not take.

        Raises:
            Stopped: When it is closed.
        """
        self._raise_if_closed()
        self._outcomes.rejected(event, refusal)
        self._on_settled([event])

    def _raise_if_closed(self) -> None:
        if self._is_closed:
            raise Stopped
