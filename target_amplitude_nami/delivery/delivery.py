"""Delivery of encoded events: lanes, batches and back-pressure.

The events of one user stay in one lane, and in order (`routing` says how). Small inputs
share one request, so that they do not become many small ones: only when it is full are
the lanes used. Nothing waits for that request to end but its own users.
"""

from __future__ import annotations

import threading
import typing as t

import msgspec

from target_amplitude_nami.delivery.batch_sender import BatchSender
from target_amplitude_nami.delivery.lane import Lane, join_small_backlogs
from target_amplitude_nami.delivery.outgoing import (
    Clock,
    RequestLimits,
    Sender,
    Settlement,
    Sifted,
    Stopped,
    Traffic,
    memory_of,
)
from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter, RateLimiter
from target_amplitude_nami.delivery.router import Router

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Refusal

MOST_BYTES_UNSETTLED: t.Final = 24_000_000
"""In RAM, with the events of users who have to wait: once those take all of it, reading
waits for them, and so does everybody. When half of it waits for requests to fill, the
fullest leaves as it is: many lanes would else fill in step, and all wait at once."""
_MOST_REQUESTS_WAITING_PER_LANE = 2
"""On average: one slow lane keeps the others from nothing before all have so many."""
_POLL_SECONDS = 0.2
"""How often the main thread looks up from waiting: signals must be served."""


class DeliveryOptions(msgspec.Struct, frozen=True):
    """How a run delivers to a project; the names are those of the settings."""

    lanes: int
    limits: RequestLimits
    batch_wait_seconds: float
    retry_for: float
    per_id_per_second: int


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
        pace: RateLimiter | None = None,
        log: Callable[[str], None],
        is_interrupted: Callable[[], bool] = lambda: False,
        clock: Clock | None = None,
    ) -> None:
        """Prepare the lanes; they start with the first event.

        Args:
            senders: Makes the connection of a lane.
            options: How events go.
            settlement: SentState what became of them, from the lanes' threads.
            pace: The pace of the run, which other deliveries may share.
            log: Takes a line about trouble that is being waited out.
            is_interrupted: Whether the run shall end, so that `submit` must not wait.
            clock: The time.
        """
        self._options = options
        self._limits = options.limits
        pace = pace or RateLimiter()
        if pace.per_second is not None:
            # A request of many seconds' worth would be a burst, then a long silence.
            self._limits = msgspec.structs.replace(
                options.limits, events=min(options.limits.events, pace.per_second)
            )
        self._clock = clock or Clock()
        self._condition = threading.Condition()
        self._settlement = settlement
        self._is_interrupted = is_interrupted
        pacing = PerIdRateLimiter(
            per_id_per_second=options.per_id_per_second, pace=pace
        )
        # What follows is read and written under the condition.
        self._unsettled_bytes = 0
        self._unsettled_events = 0
        self._is_flushing = False
        self._is_closed = False

        def courier(pause: Callable[[float], None]) -> BatchSender:
            return BatchSender(
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
                batch_wait_seconds=options.batch_wait_seconds,
                clock=self._clock,
                condition=self._condition,
                on_idle=self._go_on_flushing,
            )
            for number in range(options.lanes)
        ]
        self._router = Router(options.lanes)
        self._uses_all_lanes = options.lanes == 1
        self._is_started = False

    @property
    def traffic(self) -> Traffic:
        """What was sent so far."""
        return sum((lane.traffic for lane in self._lanes), Traffic())

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
        self._raise_failure()
        with self._condition:
            self._urge_overdue()

    def flush(self) -> None:
        """Send all that was submitted, however few events a request then holds."""
        with self._condition:
            self._is_flushing = True
            self._go_on_flushing()
            self._condition.notify_all()  # The lanes look at the time again.

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
            self.flush()
            while self._unsettled_events:
                self._raise_failure()
                left = seconds_left()
                if left is not None and left <= 0:
                    return False
                self._go_on_flushing()
                self._urge_overdue()
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

    def sift(self, events: Sequence[EncodedEvent]) -> Sifted:
        """Pass on, and let the submitting thread go on."""
        if self._is_closed:
            raise Stopped
        sifted = self._settlement.sift(events)
        if len(sifted.fresh) + len(sifted.waiting) < len(events):
            kept = {id(event) for event in (*sifted.fresh, *sifted.waiting)}
            self._settle([event for event in events if id(event) not in kept])
        return sifted

    def delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Pass on, and let the submitting thread go on."""
        if self._is_closed:
            raise Stopped
        self._settlement.delivered(events)
        self._settle(events)

    def rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Pass on, and let the submitting thread go on."""
        if self._is_closed:
            raise Stopped
        self._settlement.rejected(event, refusal)
        self._settle([event])

    def _settle(self, events: Sequence[EncodedEvent]) -> None:
        with self._condition:
            self._unsettled_bytes -= memory_of(events)
            self._unsettled_events -= len(events)
            if parked := self._router.settle(events):
                self._put_in_lanes(parked)
                self._go_on_flushing()
            self._condition.notify_all()

    # From here on all is done under the condition.

    def _take(self, events: Sequence[EncodedEvent]) -> None:
        more = memory_of(events)
        if self._unsettled_bytes + more > MOST_BYTES_UNSETTLED:
            if len(events) > 1:  # there may be room for some
                for event in events:
                    self._take([event])
                return
            self._wait_for_memory(more)
        self._wait_while_lanes_are_full()
        if not self._is_started:
            for lane in self._lanes:
                lane.start()
            self._is_started = True
        self._is_flushing = False
        self._unsettled_bytes += more
        self._unsettled_events += len(events)
        if not self._uses_all_lanes:
            events = self._put_in_first_request(events)
        if events:
            self._put_in_lanes(events)
        self._leave_memory_to_what_is_on_its_way()

    def _put_in_first_request(
        self, events: Sequence[EncodedEvent]
    ) -> Sequence[EncodedEvent]:
        """Put events in the request that all lanes share; return those left over."""
        first = self._lanes[0].backlog
        count = first.count_that_fit(events)
        self._router.share(events[:count])
        first.put(events[:count], self._clock.now())
        if first.is_full or count < len(events):
            self._use_all_lanes()
        return events[count:]

    def _use_all_lanes(self) -> None:
        """Let the first request leave, and fill one in each lane from now on."""
        self._uses_all_lanes = True
        self._lanes[0].backlog.urge()
        self._condition.notify_all()

    def _put_in_lanes(self, events: Sequence[EncodedEvent]) -> None:
        now = self._clock.now()
        is_ready = False
        for lane, routed in zip(self._lanes, self._router.route(events), strict=True):
            if routed:
                lane.backlog.put(routed, now)
                is_ready |= lane.backlog.is_ready
        if is_ready:
            self._condition.notify_all()

    # Letting requests leave that are not full

    def _go_on_flushing(self) -> None:
        """Let all leave, if that is wanted.

        While events are parked, what is on its way may set them free to leave with the
        others: else an input would end in twice as many small requests. A run that is
        stopped has no time for that.
        """
        if not self._is_flushing:
            return
        may_wait = self._router.has_parked and not self._is_interrupted()
        if may_wait and not all(lane.is_free for lane in self._lanes):
            return
        join_small_backlogs(self._lanes, self._router)
        self._urge(self._lanes)

    def _urge_overdue(self) -> None:
        overdue = self._clock.now() - self._options.batch_wait_seconds
        self._urge(
            lane
            for lane in self._lanes
            if lane.is_free and lane.backlog.since <= overdue
        )

    def _urge(self, lanes: Iterable[Lane]) -> None:
        """Let all leave that waits in these lanes."""
        has_urged = False
        for lane in lanes:
            if lane.backlog.events:
                lane.backlog.urge()
                has_urged = True
        if has_urged:
            self._condition.notify_all()

    def _leave_memory_to_what_is_on_its_way(self) -> None:
        filling = [lane.backlog for lane in self._lanes if not lane.backlog.is_ready]
        waiting = sum([backlog.memory_bytes for backlog in filling])
        if waiting <= MOST_BYTES_UNSETTLED // 2:
            return
        if not self._uses_all_lanes:
            self._use_all_lanes()
        max(filling, key=len).urge()
        self._condition.notify_all()

    # Waiting

    def _wait_for_memory(self, more: int) -> None:
        """Let free lanes send what there is, and wait until so many bytes find room."""
        most = max(MOST_BYTES_UNSETTLED - more, 0)
        while self._unsettled_bytes > most and not self._is_interrupted():
            self._raise_failure()
            if not self._uses_all_lanes:
                self._use_all_lanes()
            self._urge(lane for lane in self._lanes if lane.is_free)
            self._clock.wait(self._condition, _POLL_SECONDS)
        self._raise_failure()

    def _wait_while_lanes_are_full(self) -> None:
        most = _MOST_REQUESTS_WAITING_PER_LANE * len(self._lanes) * self._limits.events
        while (
            sum([len(lane.backlog) for lane in self._lanes]) >= most
            and not self._is_interrupted()
        ):
            self._raise_failure()
            self._urge_overdue()
            self._clock.wait(self._condition, _POLL_SECONDS)
        self._raise_failure()

    def _raise_failure(self) -> None:
        for lane in self._lanes:
            if lane.failure is not None:
                raise lane.failure
