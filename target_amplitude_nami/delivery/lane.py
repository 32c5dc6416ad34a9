"""A lane: a thread that delivers the events of its users in order."""

from __future__ import annotations

import threading
import typing as t

from target_amplitude_nami.delivery.backlog import Backlog
from target_amplitude_nami.delivery.errors import Stopped

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.batch_sender import BatchSender
    from target_amplitude_nami.delivery.clock import Clock
    from target_amplitude_nami.delivery.packing import RequestLimits
    from target_amplitude_nami.delivery.router import Router
    from target_amplitude_nami.delivery.traffic import Traffic
    from target_amplitude_nami.delivery.waits import Waits


class Lane(threading.Thread):
    """Sends its backlog in order, with one request in flight."""

    def __init__(  # noqa: PLR0913
        self,
        name: str,
        *,
        batch_sender: Callable[[Callable[[float], None]], BatchSender],
        limits: RequestLimits,
        batch_wait_seconds: float,
        clock: Clock,
        condition: threading.Condition,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a lane; its first events start its thread.

        Args:
            name: The thread's name.
            batch_sender: Makes the lane's sender, given how to pause.
            limits: How much one request may hold.
            batch_wait_seconds: How long events wait for their request to fill.
            clock: The time.
            condition: Guards the backlogs and states of all lanes; notified on changes.
            on_idle: Called under the condition whenever the lane looks for work.
        """
        super().__init__(name=name, daemon=True)
        self.backlog = Backlog(limits)
        self.failure: BaseException | None = None
        self._limits = limits
        self._batch_wait_seconds = batch_wait_seconds
        self._on_idle = on_idle
        self._clock = clock
        self._condition = condition
        self.is_sending = False
        """Whether it is at work on a request; under the condition."""
        self.is_stopping = False
        self._is_turn_of_deferred = True
        self._batch_sender = batch_sender(self._pause)

    @property
    def traffic(self) -> Traffic:
        """What the lane has sent so far."""
        return self._batch_sender.traffic

    @property
    def waits(self) -> Waits:
        """What the lane waits for; any thread may ask."""
        return self._batch_sender.waits

    @property
    def is_free(self) -> bool:
        """Whether it has no request to send; asked under the condition."""
        return not (self.is_sending or self.backlog.is_ready)

    def put(self, events: Sequence[EncodedEvent], now: float) -> None:
        """Take further events; start the thread with the first; under the condition."""
        self.backlog.put(events, now)
        if self.ident is None and not self.is_stopping:
            self.start()

    def withhold(self) -> None:
        """Take the events of this lane's deferred users out of the backlog.

        Under the condition, while the lane is free.
        """
        self.backlog.withhold(self._batch_sender.deferred)

    def stop(self) -> None:
        """End as soon as possible, leaving unsettled what is; under the condition."""
        self.is_stopping = True
        self._condition.notify_all()

    def run(self) -> None:
        """Deliver until stopped, or until nothing more can be delivered."""
        try:
            while True:
                self._deliver(self._next_requests())
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - `Delivery` raises it again
            self.failure = error
        finally:
            self._batch_sender.close()
            with self._condition:
                self.is_sending = False
                self._condition.notify_all()

    def _deliver(self, requests: list[list[EncodedEvent]]) -> None:
        # A method of its own, so that a waiting lane refers to no delivered event.
        for request in requests:
            self._batch_sender.deliver(request)

    def _next_requests(self) -> list[list[EncodedEvent]]:
        """Wait for events that may go."""
        with self._condition:
            self.is_sending = False
            self._on_idle()
            self._condition.notify_all()
            while not self.is_stopping:
                now = self._clock.now()
                waiting = len(self.backlog)
                requests = self._choose(now)
                if len(self.backlog) < waiting:  # there is room for more
                    self._condition.notify_all()
                if requests:
                    self.is_sending = True
                    return requests
                self._clock.wait(self._condition, self._seconds_until_some_may_go(now))
        raise Stopped

    def _choose(self, now: float) -> list[list[EncodedEvent]]:
        """Return requests of deferred users who may go now, or one of the backlog.

        In turn, so that neither keeps the other waiting.
        """
        if self.backlog.events and now >= self.backlog.since + self._batch_wait_seconds:
            self.backlog.urge()
        deferred = self._batch_sender.deferred
        for _ in range(2):
            is_turn_of_deferred = self._is_turn_of_deferred
            self._is_turn_of_deferred = not is_turn_of_deferred
            if is_turn_of_deferred:
                requests = list(self._limits.pack(deferred.take_due(now)))
            else:
                request = self.backlog.take(deferred, now)
                requests = [request] if request else []
            if requests:
                return requests
        return []

    def _seconds_until_some_may_go(self, now: float) -> float | None:
        moments = []
        if self.backlog.events:
            moments.append(self.backlog.since + self._batch_wait_seconds - now)
        if (seconds := self._batch_sender.deferred.seconds_until_due(now)) is not None:
            moments.append(seconds)
        return max(0.0, min(moments)) if moments else None

    def _pause(self, seconds: float) -> None:
        """Wait some seconds, or less when the lane is stopped.

        Raises:
            Stopped: When the lane is stopped meanwhile.
        """
        if seconds <= 0 and not self.is_stopping:
            return
        until = self._clock.now() + seconds
        with self._condition:
            while not self.is_stopping:
                left = until - self._clock.now()
                if left <= 0:
                    return
                self._clock.wait(self._condition, left)
        raise Stopped


def join_small_backlogs(lanes: Iterable[Lane], router: Router) -> None:
    """Join the backlogs of free lanes into few requests; under the condition."""
    small = [lane for lane in lanes if lane.is_free and lane.backlog.events]
    for lane in small:
        lane.withhold()
    small.sort(key=lambda lane: len(lane.backlog))
    for number, lane in enumerate(small):
        for larger in reversed(small[number + 1 :]):
            if larger.backlog.has_room_for(lane.backlog):
                events = lane.backlog.clear()
                router.move(events)
                larger.backlog.put(events, larger.backlog.since)
                break
