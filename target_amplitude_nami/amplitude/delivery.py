"""Delivery of encoded events: lanes, batches and back-pressure.

The events of one Nami user stay in one lane, and in order. Small inputs use one lane
only, so that they do not become many small requests; the first full request opens the
others.
"""

from __future__ import annotations

import threading
import typing as t
import zlib

import msgspec

from target_amplitude_nami.amplitude.courier import Courier
from target_amplitude_nami.amplitude.lane import Barrier, Lane
from target_amplitude_nami.amplitude.outgoing import (
    Clock,
    Outgoing,
    RequestLimits,
    Sender,
    Settlement,
    Sifted,
    Stopped,
    Traffic,
)
from target_amplitude_nami.amplitude.pacing import Pace, Pacing

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import Refusal

MOST_BYTES_UNSETTLED: t.Final = 24_000_000
"""In RAM. When half of it waits for requests to fill, the fullest leaves as it is: many
lanes would else fill in step, and all wait at once."""
_QUEUED_BATCHES_PER_LANE = 1
_POLL_SECONDS = 0.2
"""How often the main thread looks up from waiting: signals must be served."""


class DeliveryOptions(msgspec.Struct, frozen=True):
    """How a run delivers to a project; the names are those of the settings."""

    lanes: int
    limits: RequestLimits
    batch_wait_seconds: float
    retry_for: float
    per_id_per_second: int


class _Batch:
    """The request that a lane is filling."""

    __slots__ = ("events", "room", "since")

    def __init__(self, room: int) -> None:
        self.events: list[Outgoing] = []
        self.room = room
        """How many bytes of events the request can still take."""
        self.since = 0.0


class Delivery:
    """Takes encoded events from one thread and delivers them with several.

    All methods are for the one thread that submits.
    """

    def __init__(  # noqa: PLR0913
        self,
        senders: Callable[[], Sender],
        options: DeliveryOptions,
        settlement: Settlement,
        *,
        pace: Pace | None = None,
        log: Callable[[str], None],
        is_interrupted: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        """Prepare the lanes; they start with the first event.

        Args:
            senders: Makes the connection of a lane.
            options: How events go.
            settlement: Told what became of them, from the lanes' threads.
            pace: The pace of the run, which other deliveries may share.
            log: Takes a line about trouble that is being waited out.
            is_interrupted: Whether the run shall end, so that `submit` must not wait.
            clock: The time.
        """
        self._options = options
        self._limits = options.limits
        pace = pace or Pace()
        if pace.per_second is not None:
            # A request of many seconds' worth would be a burst, then a long silence.
            self._limits = msgspec.structs.replace(
                options.limits, events=min(options.limits.events, pace.per_second)
            )
        self._clock = clock or Clock()
        self._condition = threading.Condition()
        self._settlement = settlement
        self._is_interrupted = is_interrupted
        pacing = Pacing(per_id_per_second=options.per_id_per_second, pace=pace)
        self._filling_bytes = 0  # written by the submitting thread only
        self._in_lanes_bytes = 0  # written under the condition
        self._is_closed = False

        def courier(pause: Callable[[float], None]) -> Courier:
            return Courier(
                senders(),
                self,
                pacing,
                retry_for=options.retry_for,
                now=self._clock.now,
                pause=pause,
                log=log,
            )

        self._lanes = [
            Lane(
                f"lane-{number}",
                courier=courier,
                limits=self._limits,
                clock=self._clock,
                condition=self._condition,
            )
            for number in range(options.lanes)
        ]
        self._filling = [_Batch(self._limits.event_bytes) for _ in self._lanes]
        self._lanes_in_use = 1
        self._is_started = False

    @property
    def traffic(self) -> Traffic:
        """What was sent so far."""
        return sum((lane.traffic for lane in self._lanes), Traffic())

    def submit(self, events: Sequence[Outgoing]) -> None:
        """Take events in order; wait while the lanes are full.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        more = _memory_bytes_of(events)
        if self._unsettled_bytes + more > MOST_BYTES_UNSETTLED:
            if len(events) > 1:  # there may be room for some
                for event in events:
                    self.submit([event])
                return
            self._wait_for_memory(more)
        self._filling_bytes += more
        for event in events:
            self._put_in_batch(event)
        if self._filling_bytes > MOST_BYTES_UNSETTLED // 2:
            self._hand_over_fullest()

    def _put_in_batch(self, event: Outgoing) -> None:
        number = 0
        if self._lanes_in_use > 1:
            number = zlib.crc32(event.lane_key.encode("utf-8", "surrogatepass"))
            number %= self._lanes_in_use
        batch = self._filling[number]
        events = batch.events
        room = batch.room - len(event.body) - 1
        if not events:
            batch.since = self._clock.now()
        elif room < 0 or len(events) == self._limits.events:
            self._seal(number)
            self._open_all_lanes()
            self._put_in_batch(event)
            return
        events.append(event)
        batch.room = room

    def tick(self) -> None:
        """Send what has waited long enough for its request to fill; call it often.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        self._raise_failure()
        with self._condition:
            self._hand_over_overdue()

    def flush(self) -> None:
        """Send all that was submitted, however few events a request then holds."""
        with self._condition:
            self._hand_over_all()

    def finish(self, seconds_left: Callable[[], float | None]) -> bool:
        """Deliver all that was submitted.

        Args:
            seconds_left: Asked again and again; None means as long as it takes.

        Returns:
            Whether all is settled; False when the time was up before.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        with self._condition:
            self._hand_over_all()
            while not all(lane.is_idle for lane in self._lanes):
                self._raise_failure()
                left = seconds_left()
                if left is not None and left <= 0:
                    return False
                self._clock.wait(self._condition, _POLL_SECONDS)
        self._raise_failure()
        return True

    def close(self, grace_seconds: float = 5.0) -> None:
        """Stop the lanes; a request in flight may end within the grace.

        What is not settled then stays so: the figures do not change any more.
        """
        with self._condition:
            for lane in self._lanes:
                lane.stop()
        if self._is_started:
            until = self._clock.now() + grace_seconds
            for lane in self._lanes:
                lane.join(max(0.0, until - self._clock.now()))
        self._is_closed = True

    # What the lanes report

    def sift(self, events: Sequence[Outgoing]) -> Sifted:
        """Pass on, and let the submitting thread go on."""
        if self._is_closed:
            raise Stopped
        sifted = self._settlement.sift(events)
        if len(sifted.fresh) < len(events):
            self._release(
                _memory_bytes_of(events)
                - _memory_bytes_of(sifted.fresh)
                - _memory_bytes_of(sifted.waiting)
            )
        return sifted

    def delivered(self, events: Sequence[Outgoing]) -> None:
        """Pass on, and let the submitting thread go on."""
        if self._is_closed:
            raise Stopped
        self._settlement.delivered(events)
        self._release(_memory_bytes_of(events))

    def rejected(self, event: Outgoing, refusal: Refusal) -> None:
        """Pass on, and let the submitting thread go on."""
        if self._is_closed:
            raise Stopped
        self._settlement.rejected(event, refusal)
        self._release(event.memory_bytes)

    def _release(self, memory_bytes: int) -> None:
        with self._condition:
            self._in_lanes_bytes -= memory_bytes
            self._condition.notify_all()

    @property
    def _unsettled_bytes(self) -> int:
        return self._filling_bytes + self._in_lanes_bytes

    # Handing batches to lanes

    def _wait_for_memory(self, more: int) -> None:
        """Give free lanes what there is, and wait until so many bytes find room."""
        most = max(MOST_BYTES_UNSETTLED - more, 0)
        with self._condition:
            while self._unsettled_bytes > most:
                if self._is_interrupted():
                    break
                self._raise_failure()
                for number, batch in enumerate(self._filling):
                    if batch.events and self._lanes[number].is_free:
                        self._hand_over(number)
                self._clock.wait(self._condition, _POLL_SECONDS)
        self._raise_failure()
        self._open_all_lanes()

    def _hand_over_fullest(self) -> None:
        lanes = range(len(self._lanes))
        fullest = min(lanes, key=lambda number: self._filling[number].room)
        with self._condition:
            if not self._is_full(self._lanes[fullest]):
                self._hand_over(fullest)
        self._open_all_lanes()

    def _seal(self, number: int) -> None:
        """Hand a lane its batch as soon as it has room for it."""
        with self._condition:
            while self._is_full(self._lanes[number]) and not self._is_interrupted():
                self._raise_failure()
                self._hand_over_overdue()
                self._clock.wait(self._condition, _POLL_SECONDS)
            self._raise_failure()
            self._hand_over(number)

    def _hand_over_overdue(self) -> None:
        overdue = self._clock.now() - self._options.batch_wait_seconds
        for number, batch in enumerate(self._filling):
            is_overdue = batch.events and batch.since <= overdue
            if is_overdue and not self._is_full(self._lanes[number]):
                self._hand_over(number)

    def _hand_over_all(self) -> None:
        for number, batch in enumerate(self._filling):
            if batch.events:
                self._hand_over(number)

    def _hand_over(self, number: int) -> None:
        if not self._is_started:
            for lane in self._lanes:
                lane.start()
            self._is_started = True
        batch = self._filling[number]
        self._filling[number] = _Batch(self._limits.event_bytes)
        memory_bytes = _memory_bytes_of(batch.events)
        self._filling_bytes -= memory_bytes
        self._in_lanes_bytes += memory_bytes
        self._lanes[number].queue.append(batch.events)
        self._condition.notify_all()

    def _is_full(self, lane: Lane) -> bool:
        return len(lane.queue) >= _QUEUED_BATCHES_PER_LANE

    def _open_all_lanes(self) -> None:
        """Use all lanes from now on, if the first one has all that was submitted.

        That comes first: its users may belong to another lane from here.
        """
        if self._lanes_in_use == len(self._lanes) or self._filling[0].events:
            return
        barrier = Barrier(self._lanes[0])
        with self._condition:
            for lane in self._lanes:
                lane.queue.append(barrier)
            self._condition.notify_all()
        self._lanes_in_use = len(self._lanes)

    def _raise_failure(self) -> None:
        for lane in self._lanes:
            if lane.failure is not None:
                raise lane.failure


def _memory_bytes_of(events: Sequence[Outgoing]) -> int:
    return sum([event.memory_bytes for event in events])
