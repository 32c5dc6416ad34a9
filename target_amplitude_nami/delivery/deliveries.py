"""The deliveries of one run, one for each Amplitude project, ended together."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.delivery.waits import Waits

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.delivery import Delivery
    from target_amplitude_nami.outcomes import Project


class Deliveries:
    """The delivery of each project, started with its first event.

    All but `traffic` and `waits` are for the one thread that submits.
    """

    def __init__(self, start: Callable[[Project], Delivery]) -> None:
        """Initialise with the function that makes the delivery to a project."""
        self._start = start
        self._started: dict[Project, Delivery] = {}

    @property
    def traffic(self) -> Traffic:
        """What was sent to all projects so far."""
        return sum((one.traffic for one in self._all()), Traffic())

    @property
    def waits(self) -> Waits:
        """What they all wait for; any thread may ask."""
        return sum((one.waits for one in self._all()), Waits())

    def start(self, project: Project) -> Delivery:
        """Start the delivery to a project."""
        delivery = self._started[project] = self._start(project)
        return delivery

    def submit(self, project: Project, events: Sequence[EncodedEvent]) -> None:
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

    def flush(self) -> bool:
        """Deliver all that was submitted.

        Returns:
            Whether all is settled; False when the run's deadline came before.

        Raises:
            DeliveryError: When nothing more can be delivered to one of them.
        """
        deliveries = self._all()
        for delivery in deliveries:  # else the last would wait for the first
            delivery.urge()
        results = [delivery.flush() for delivery in deliveries]
        return all(results)

    def close(self, grace_seconds: float = 5.0) -> None:
        """Stop them all; requests in flight may end within the grace, each project's.

        What is not settled then stays so: the figures do not change any more.
        """
        for delivery in self._all():
            delivery.close(grace_seconds)

    def _all(self) -> list[Delivery]:
        return list(self._started.values())
