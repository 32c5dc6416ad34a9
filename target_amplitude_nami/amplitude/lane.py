"""One lane: a thread that delivers its users' events in order."""

from __future__ import annotations

import threading
import typing as t
from collections import deque

from target_amplitude_nami.amplitude.outgoing import Stopped

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.courier import Courier
    from target_amplitude_nami.amplitude.outgoing import (
        Clock,
        Outgoing,
        RequestLimits,
        Traffic,
    )


class Barrier:
    """A place in the lanes' queues: nothing behind it goes before all ahead of it.

    Only the events ahead in the owner's queue count.
    """

    def __init__(self, owner: Lane) -> None:
        """Close the barrier until `owner` has settled what it has."""
        self.owner = owner
        self.is_open = False


class Lane(threading.Thread):
    """Sends the batches of its queue in order, one request in flight."""

    def __init__(
        self,
        name: str,
        *,
        courier: Callable[[Callable[[float], None]], Courier],
        limits: RequestLimits,
        clock: Clock,
        condition: threading.Condition,
    ) -> None:
        """Prepare a lane; `start` sets it going.

        Args:
            name: The thread's name.
            courier: Makes the lane's courier, given how to pause.
            limits: How much one request may hold.
            clock: The time.
            condition: Guards all lanes' queues and states; notified on every change.
        """
        super().__init__(name=name, daemon=True)
        self.queue: deque[list[Outgoing] | Barrier] = deque()
        self.failure: BaseException | None = None
        self._limits = limits
        self._clock = clock
        self._condition = condition
        self._is_busy = False
        self._is_stopping = False
        self._courier = courier(self._pause)

    @property
    def traffic(self) -> Traffic:
        """What the lane has sent so far."""
        return self._courier.traffic

    @property
    def is_free(self) -> bool:
        """Whether it would send at once what it is given; asked under the condition."""
        return not (self.queue or self._is_busy)

    @property
    def is_idle(self) -> bool:
        """Whether all that it was given is settled; asked under the condition."""
        return self.is_free and not self._courier.holds

    def stop(self) -> None:
        """End as soon as possible, leaving unsettled what is; under the condition."""
        self._is_stopping = True
        self._condition.notify_all()

    def run(self) -> None:
        """Deliver until stopped, or until nothing more can be delivered."""
        try:
            while True:
                self._deliver(self._next_events())
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - `Delivery` raises it again
            self.failure = error
        finally:
            self._courier.close()
            with self._condition:
                self._is_busy = False
                self._condition.notify_all()

    def _deliver(self, events: list[Outgoing]) -> None:
        # By itself, so that a lane that waits keeps nothing of what it delivered.
        for request in self._limits.pack(events):
            self._courier.deliver(request)

    def _next_events(self) -> list[Outgoing]:
        """Wait for events that may go: first those held back whose time has come."""
        with self._condition:
            self._is_busy = False
            self._condition.notify_all()
            while not self._is_stopping:
                now = self._clock.now()
                events = self._courier.holds.take_due(now) or self._dequeue()
                if events:
                    self._is_busy = True
                    return events
                seconds = self._courier.holds.seconds_until_due(now)
                self._clock.wait(self._condition, seconds)
        raise Stopped

    def _dequeue(self) -> list[Outgoing]:
        while self.queue:
            item = self.queue[0]
            if isinstance(item, Barrier):
                if item.owner is self and not self._courier.holds:
                    item.is_open = True
                    self._condition.notify_all()
                if not item.is_open:
                    return []
                self.queue.popleft()
            else:
                self.queue.popleft()
                return item
        return []

    def _pause(self, seconds: float) -> None:
        """Wait so long.

        Raises:
            Stopped: When the lane is stopped meanwhile.
        """
        if seconds <= 0 and not self._is_stopping:
            return
        until = self._clock.now() + seconds
        with self._condition:
            while not self._is_stopping:
                left = until - self._clock.now()
                if left <= 0:
                    return
                self._clock.wait(self._condition, left)
        raise Stopped
