"""The deliveries of one run, one for each Amplitude project, ended together."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.delivery.outgoing import Traffic

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.delivery import Delivery

_Project = t.TypeVar("_Project")


class Deliveries(t.Generic[_Project]):
    """Each project's delivery, started with its first event.

    All methods but `traffic` are for the one thread that submits.
    """

    def __init__(self, start: Callable[[_Project], Delivery]) -> None:
        """Take what makes the delivery to a project."""
        self._start = start
        self._started: dict[_Project, Delivery] = {}

    @property
    def traffic(self) -> Traffic:
        """What was sent to all projects so far."""
        return sum((one.traffic for one in self._all()), Traffic())

    def start(self, project: _Project) -> Delivery:
        """Return the delivery to a project."""
        delivery = self._started[project] = self._start(project)
        return delivery

    def submit(self, project: _Project, events: Sequence[EncodedEvent]) -> None:
        """Take events for a project in order; wait while its lanes are full.

        Raises:
            DeliveryError: When nothing more can be delivered to it.
        """
        delivery = self._started.get(project) or self.start(project)
        delivery.submit(events)

    def tick(self) -> None:
        """Send what has waited long enough for its request to fill; call it often.

        Raises:
            DeliveryError: When nothing more can be delivered to one of them.
        """
        for delivery in self._all():
            delivery.tick()

    def finish(self, seconds_left: Callable[[], float | None]) -> bool:
        """Deliver all that was submitted.

        Args:
            seconds_left: Asked again and again; None means as long as it takes.

        Returns:
            Whether all is settled; False when the time was up before.

        Raises:
            DeliveryError: When nothing more can be delivered to one of them.
        """
        deliveries = self._all()
        for delivery in deliveries:  # else the last would wait for the first
            delivery.flush()
        is_complete = True
        for delivery in deliveries:
            is_complete &= delivery.finish(seconds_left)
        return is_complete

    def close(self, grace_seconds: float = 5.0) -> None:
        """Stop them all; requests in flight may end within the grace, each project's.

        What is not settled then stays so: the figures do not change any more.
        """
        for delivery in self._all():
            delivery.close(grace_seconds)

    def _all(self) -> list[Delivery]:
        return list(self._started.values())
