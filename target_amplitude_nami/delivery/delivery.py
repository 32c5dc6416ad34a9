"""Delivers the encoded events of one project, with back-pressure."""

from __future__ import annotations

import contextlib
import sys
import threading
import typing as t

import msgspec

from target_amplitude_nami.delivery.backlog import memory_of
from target_amplitude_nami.delivery.batch_sender import BatchSender
from target_amplitude_nami.delivery.clock import Clock
from target_amplitude_nami.delivery.event_settler import EventSettler
from target_amplitude_nami.delivery.lane import Lane
from target_amplitude_nami.delivery.lanes import Lanes
from target_amplitude_nami.delivery.packing import RequestLimits
from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter, RateLimiter
from target_amplitude_nami.delivery.retry_policy import RetryPolicy
from target_amplitude_nami.shutdown import Shutdown

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.protocols import Outcomes, Sender
    from target_amplitude_nami.delivery.traffic import Traffic
    from target_amplitude_nami.delivery.waits import Waits
    from target_amplitude_nami.settings.options import DeliveryOptions

MOST_BYTES_UNSETTLED: t.Final = 24_000_000
"""With the events of deferred users: once those take all of it, reading waits for them.
When half of it waits for requests to fill, the fullest leaves as it is: else many lanes
would fill in step, and all wait at once."""
_MOST_REQUESTS_WAITING_PER_LANE = 2
"""On average: reading goes on past one slow lane until all have so many."""
_POLL_SECONDS = 0.2
"""How often the submitting thread looks up from waiting: it has to serve signals."""


class Delivery:
    """Takes encoded events from one thread and delivers them with several.

    All methods are for the one thread that submits.
    """

    def __init__(  # noqa: PLR0913
        self,
        senders: Callable[[], Sender],
        options: DeliveryOptions,
        outcomes: Outcomes,
        *,
        rate_limiter: RateLimiter | None = None,
        log: Callable[[str], None],
        shutdown: Shutdown | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare the lanes; each starts with its first events.

        Args:
            senders: Makes the connection of a lane.
            options: How to deliver.
            outcomes: Records what became of the events, from the lanes' threads.
            rate_limiter: The limit of the run, which other deliveries may share.
            log: Takes a line about each failure that is waited out.
            shutdown: Whether the run has a deadline; then `submit` does not wait.
            clock: The time.
        """
        self._options = options
        self._limits = RequestLimits(options.events_per_request, options.event_bytes)
        rate_limiter = rate_limiter or RateLimiter()
        if (per_second := rate_limiter.per_second) is not None:
            # A request of many seconds' worth would be a burst, then a long silence.
            self._limits = msgspec.structs.replace(
                self._limits, events=min(self._limits.events, max(1, int(per_second)))
            )
        self._clock = clock or Clock()
        self._condition = threading.Condition()
        self._shutdown = shutdown or Shutdown()
        self._settler = EventSettler(outcomes, self._release)
        # What follows is read and written under the condition.
        self._unsettled_bytes = 0
        self._unsettled_events = 0
        self._keeps_reader = False
        id_limiter = PerIdRateLimiter(
            per_id_per_second=options.events_per_second_per_id or sys.maxsize,
            run_limiter=rate_limiter,
        )

        def batch_sender(pause: Callable[[float], None]) -> BatchSender:
            return BatchSender(
                senders(),
                self._settler,
                id_limiter,
                retry_policy=RetryPolicy(options.retry_for),
                now=self._clock.now,
                pause=pause,
                log=log,
            )

        self._lanes = Lanes(
            [
                Lane(
                    f"lane-{number}",
                    batch_sender=batch_sender,
                    limits=self._limits,
                    batch_wait_seconds=options.batch_wait_seconds,
                    clock=self._clock,
                    condition=self._condition,
                    on_idle=self._go_on_flushing,
                )
                for number in range(options.lanes)
            ],
            batch_wait_seconds=options.batch_wait_seconds,
            clock=self._clock,
            condition=self._condition,
            has_deadline=self._has_deadline,
        )

    @property
    def traffic(self) -> Traffic:
        """What was sent so far."""
        return self._lanes.traffic

    @property
    def waits(self) -> Waits:
        """What it waits for; any thread may ask."""
        waits = self._lanes.waits
        return msgspec.structs.replace(waits, keeps_reader=self._keeps_reader)

    def submit(self, events: Sequence[EncodedEvent]) -> None:
        """Take events in order; wait while the lanes are full.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        with self._condition:
            for start in range(0, len(events), self._limits.events):
                self._take(events[start : start + self._limits.events])

    def tick(self) -> None:
        """Send what has waited long enough for its request to fill; call it often.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        with self._condition:
            self._lanes.raise_failure()
            self._lanes.urge_overdue()

    def urge(self) -> None:
        """Let all that was submitted leave, however few events a request then has."""
        with self._condition:
            self._lanes.flush()

    def flush(self) -> bool:
        """Deliver all that was submitted.

        Returns:
            Whether all is settled; False when the run's deadline came before.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        with self._condition, self._keeping_reader():
            self._lanes.flush()
            while self._unsettled_events:
                self._lanes.raise_failure()
                left = self._shutdown.seconds_left()
                if left is not None:
                    if left <= 0:
                        return False
                    self._lanes.help_at_once()
                self._lanes.go_on_flushing()
                self._lanes.urge_overdue()
                self._clock.wait(self._condition, _POLL_SECONDS)
            self._lanes.raise_failure()
        return True

    def close(self, grace_seconds: float = 5.0) -> None:
        """Stop the lanes; a request in flight may end within the grace.

        What is not settled then stays so: the figures do not change any more.
        """
        with self._condition:
            self._lanes.stop()
        self._lanes.join(grace_seconds)
        self._settler.close()

    def _release(self, events: Sequence[EncodedEvent]) -> None:
        """Give up the places of settled events; called from the lanes' threads."""
        with self._condition:
            self._unsettled_bytes -= memory_of(events)
            self._unsettled_events -= len(events)
            self._lanes.settle(events)
            self._condition.notify_all()

    # What follows runs under the condition.

    def _go_on_flushing(self) -> None:
        self._lanes.go_on_flushing()

    def _take(self, events: Sequence[EncodedEvent]) -> None:
        more = memory_of(events)
        if self._unsettled_bytes + more > MOST_BYTES_UNSETTLED:
            if len(events) > 1:  # there may be room for some
                for event in events:
                    self._take([event])
                return
            self._wait_for_memory(more)
        self._wait_while_lanes_are_full()
        self._unsettled_bytes += more
        self._unsettled_events += len(events)
        self._lanes.put(events)
        if self._lanes.filling_bytes > MOST_BYTES_UNSETTLED // 2:
            self._lanes.urge_fullest()

    def _wait_for_memory(self, more: int) -> None:
        """Let free lanes send what they have, and wait until so many bytes fit."""
        most = max(MOST_BYTES_UNSETTLED - more, 0)
        with self._keeping_reader():
            while self._unsettled_bytes > most and not self._has_deadline():
                self._lanes.raise_failure()
                self._lanes.urge_free()
                self._clock.wait(self._condition, _POLL_SECONDS)
        self._lanes.raise_failure()

    def _wait_while_lanes_are_full(self) -> None:
        lanes = self._options.lanes
        most = _MOST_REQUESTS_WAITING_PER_LANE * lanes * self._limits.events
        with self._keeping_reader():
            while self._lanes.waiting_events >= most and not self._has_deadline():
                self._lanes.raise_failure()
                self._lanes.urge_overdue()
                self._clock.wait(self._condition, _POLL_SECONDS)
        self._lanes.raise_failure()

    @contextlib.contextmanager
    def _keeping_reader(self) -> Iterator[None]:
        """Note that reading waits, for whoever watches."""
        self._keeps_reader = True
        try:
            yield
        finally:
            self._keeps_reader = False

    def _has_deadline(self) -> bool:
        return self._shutdown.seconds_left() is not None
