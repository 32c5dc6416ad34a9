"""Distributes events to the lanes, and lets requests leave that are not full."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.delivery.lane import join_small_backlogs
from target_amplitude_nami.delivery.router import Router
from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.delivery.waits import Waits

if t.TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.clock import Clock
    from target_amplitude_nami.delivery.lane import Lane

_MOST_REQUESTS_BEHIND: t.Final = 4
"""So many that wait for the first lane show that one is not enough: two or three gather
while it writes to the disk."""

_SECONDS_FOR_AN_ANSWER: t.Final = 1.0
"""So long a full request waits for the first lane to end another one."""


class Lanes:
    """The lanes of a delivery: the first one alone, and all once that falls behind.

    One lane makes the fewest requests, and takes the least time and memory: nobody has
    to note which lane each user's events are in. All methods are for whoever has the
    condition.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        batch_wait_seconds: float,
        clock: Clock,
        condition: threading.Condition,
        has_deadline: Callable[[], bool],
    ) -> None:
        """Take the lanes, which `start` starts.

        Args:
            lanes: At least one.
            batch_wait_seconds: How long events wait for their request to fill.
            clock: The time.
            condition: Guards the lanes; notified on changes.
            has_deadline: Whether the run has to end soon.
        """
        self._lanes = lanes
        self._batch_wait_seconds = batch_wait_seconds
        self._clock = clock
        self._condition = condition
        self._has_deadline = has_deadline
        self._router = Router(len(lanes))
        self._are_all_used = len(lanes) == 1
        self._in_first: dict[int, EncodedEvent] = {}
        """The unsettled events, by identity, while only the first lane is used."""
        self._is_started = False
        self._is_flushing = False

    @property
    def traffic(self) -> Traffic:
        """What all lanes have sent so far; needs no condition."""
        return sum((lane.traffic for lane in self._lanes), Traffic())

    @property
    def waits(self) -> Waits:
        """What all lanes wait for; needs no condition."""
        return sum((lane.waits for lane in self._lanes), Waits())

    @property
    def waiting_events(self) -> int:
        """The number of events that are in no request yet."""
        return sum([len(lane.backlog) for lane in self._lanes])

    @property
    def filling_bytes(self) -> int:
        """The bytes in memory of events whose requests have yet to fill."""
        backlogs = [lane.backlog for lane in self._lanes]
        return sum([one.memory_bytes for one in backlogs if not one.is_ready])

    @property
    def are_free(self) -> bool:
        """Whether no lane has a request to send."""
        return all(lane.is_free for lane in self._lanes)

    def raise_failure(self) -> None:
        """Raise what ended a lane, if something did."""
        for lane in self._lanes:
            if lane.failure is not None:
                raise lane.failure

    def stop(self) -> None:
        """Let the lanes end."""
        for lane in self._lanes:
            lane.stop()

    def join(self, seconds: float) -> None:
        """Wait for the lanes to end, at most some seconds; without the condition."""
        until = self._clock.now() + seconds
        for lane in self._lanes if self._is_started else ():
            lane.join(max(0.0, until - self._clock.now()))

    def put(self, events: Sequence[EncodedEvent]) -> None:
        """Take events in order; start the lanes with the first."""
        if not self._is_started:
            self._is_started = True
            for lane in self._lanes:
                lane.start()
        self._is_flushing = False
        if self._are_all_used:
            self._route(events, self._clock.now())
        else:
            self._put_in_first(events)

    def settle(self, events: Sequence[EncodedEvent]) -> None:
        """Forget settled events; route those that were parked behind them."""
        if not self._are_all_used:
            for event in events:
                del self._in_first[id(event)]
        elif parked := self._router.settle(events):
            self._route(parked, self._clock.now())
            self.go_on_flushing()

    def _put_in_first(self, events: Sequence[EncodedEvent]) -> None:
        backlog = self._lanes[0].backlog
        backlog.put(events, self._clock.now())
        self._in_first.update(zip(map(id, events), events, strict=True))
        if backlog.is_ready:
            self._condition.notify_all()
            if backlog.requests >= _MOST_REQUESTS_BEHIND:
                self._share_out_first()

    def _share_out_first(self) -> None:
        """Use all lanes, for what waits in the first one as well."""
        backlog = self._lanes[0].backlog
        since = backlog.since
        waiting = backlog.clear()
        for event in waiting:
            del self._in_first[id(event)]
        self._use_all()
        self._route(waiting, since)

    def _use_all(self) -> None:
        """Use all lanes from now on.

        Users who have events in the first one wait until these are settled.
        """
        self._are_all_used = True
        self._router.share(list(self._in_first.values()))
        self._in_first.clear()

    def _route(self, events: Sequence[EncodedEvent], since: float) -> None:
        is_ready = False
        for lane, routed in zip(self._lanes, self._router.route(events), strict=True):
            if routed:
                lane.backlog.put(routed, since)
                is_ready |= lane.backlog.is_ready
        if is_ready:
            self._condition.notify_all()

    # Letting requests leave that are not full

    def flush(self) -> None:
        """Let all events leave, until further ones come."""
        self._is_flushing = True
        self.go_on_flushing()
        self._condition.notify_all()  # so that the lanes look at the time again

    def go_on_flushing(self) -> None:
        """Let all events leave, if that is wanted.

        While events are parked, requests in flight may free them to leave with the
        others: else an input would end in twice as many small requests. A run with a
        deadline has no time for that.
        """
        if not self._is_flushing:
            return
        may_wait = self._router.has_parked and not self._has_deadline()
        if may_wait and not self.are_free:
            return
        join_small_backlogs(self._lanes, self._router)
        self._urge(self._lanes)

    def help_first(self) -> None:
        """Have all lanes send what waits for the first one, where that is sending."""
        if self._lanes[0].is_sending and not self._are_all_used:
            self._share_out_first()

    def urge_overdue(self) -> None:
        """Let free lanes send what has waited long enough."""
        now = self._clock.now()
        overdue = now - self._batch_wait_seconds
        first = self._lanes[0].backlog
        slow = now - _SECONDS_FOR_AN_ANSWER if first.is_full else overdue
        if first.events and first.since <= max(slow, overdue):
            self.help_first()
        self._urge(
            lane
            for lane in self._lanes
            if lane.is_free and lane.backlog.since <= overdue
        )

    def urge_free(self) -> None:
        """Let free lanes send what they have."""
        self.help_first()
        self._urge(lane for lane in self._lanes if lane.is_free)

    def urge_fullest(self) -> None:
        """Let the fullest of the requests leave that have yet to fill."""
        self.help_first()
        if not self._are_all_used:
            self._use_all()
        filling = [lane for lane in self._lanes if not lane.backlog.is_ready]
        self._urge([max(filling, key=lambda lane: len(lane.backlog))])

    def _urge(self, lanes: Iterable[Lane]) -> None:
        """Let all events leave that wait in these lanes."""
        has_urged = False
        for lane in lanes:
            if lane.backlog.events:
                lane.backlog.urge()
                has_urged = True
        if has_urged:
            self._condition.notify_all()
