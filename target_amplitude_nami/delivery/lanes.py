"""Distributes events to the lanes, and lets requests leave that are not full."""

from __future__ import annotations

import math
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

_REQUESTS_BEHIND: t.Final = 3
"""When one request waits for each of the lanes in use, and so many besides, they fall
behind: two or three gather while a lane writes to the disk."""

_SECONDS_FOR_AN_ANSWER: t.Final = 1.0
"""So long a full request waits for its lane to end another one, and lanes that were
opened have to show that they are enough."""


class Lanes:
    """The lanes of a delivery: one at first, and twice as many when they fall behind.

    Few lanes make the fewest requests, and take the least time and memory: requests
    fill sooner, and with one lane nobody has to note where each user's events are. All
    methods are for whoever has the condition.
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
        """Take the lanes, each of which starts with its first events.

        Args:
            lanes: At least one.
            batch_wait_seconds: How long events wait for their request to fill.
            clock: The time.
            condition: Guards the lanes; notified on changes.
            has_deadline: Whether the run has to end soon.
        """
        self._lanes = lanes
        self._used = lanes[:1]
        self._opened_at = -math.inf
        self._batch_wait_seconds = batch_wait_seconds
        self._clock = clock
        self._condition = condition
        self._has_deadline = has_deadline
        self._router = Router()
        self._in_first: dict[int, EncodedEvent] = {}
        """The unsettled events, by identity, while only the first lane is used."""
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
        for lane in self._lanes:
            if lane.is_alive():
                lane.join(max(0.0, until - self._clock.now()))

    def put(self, events: Sequence[EncodedEvent]) -> None:
        """Take events in order."""
        self._is_flushing = False
        if self._route(events, self._clock.now()) and self._are_behind:
            self._open(2 * len(self._used))

    def settle(self, events: Sequence[EncodedEvent]) -> None:
        """Forget settled events; route those that were parked behind them."""
        if self._is_first_alone:
            for event in events:
                del self._in_first[id(event)]
        elif parked := self._router.settle(events):
            self._route(parked, self._clock.now())
            self.go_on_flushing()

    @property
    def _is_first_alone(self) -> bool:
        return len(self._used) == 1

    @property
    def _are_behind(self) -> bool:
        waiting = sum([lane.backlog.requests for lane in self._used])
        return waiting >= len(self._used) + _REQUESTS_BEHIND

    def _open_more(self) -> None:
        """Use twice as many lanes, where the last were not opened just now."""
        if self._clock.now() - self._opened_at >= _SECONDS_FOR_AN_ANSWER:
            self._open(2 * len(self._used))

    def _open(self, lanes: int) -> None:
        """Use so many lanes, or all, from now on, for what waits as well.

        They are more than before. Users who have events on their way wait until these
        are settled.
        """
        if len(self._used) == len(self._lanes):
            return
        backlogs = [lane.backlog for lane in self._used if lane.backlog.events]
        now = self._clock.now()
        since = min([backlog.since for backlog in backlogs], default=now)
        is_urged = any(backlog.is_urged for backlog in backlogs)
        waiting = [event for backlog in backlogs for event in backlog.clear()]
        if self._is_first_alone:
            self._router.share(self._in_first.values())
            self._in_first.clear()
        self._used = self._lanes[:lanes]
        self._opened_at = now
        self._route(self._router.use(len(self._used), waiting), since)
        if is_urged:
            self._urge(self._used)

    def _route(self, events: Sequence[EncodedEvent], since: float) -> bool:
        """Give each lane its events; return whether a request may leave."""
        routed: Sequence[Sequence[EncodedEvent]] = [events]
        if self._is_first_alone:
            self._in_first.update(zip(map(id, events), events, strict=True))
        else:
            routed = self._router.route(events)
        is_ready = False
        for lane, own in zip(self._used, routed, strict=True):
            if own:
                lane.put(own, since)
                is_ready |= lane.backlog.is_ready
        if is_ready:
            self._condition.notify_all()
        return is_ready

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

    def help_at_once(self) -> None:
        """Use all lanes, where a busy one keeps events waiting."""
        if any(_keeps_events_waiting(lane) for lane in self._used):
            self._open(len(self._lanes))

    def urge_overdue(self) -> None:
        """Let free lanes send what has waited long enough."""
        now = self._clock.now()
        overdue = now - self._batch_wait_seconds
        slow = max(overdue, now - _SECONDS_FOR_AN_ANSWER)
        if any(
            lane.backlog.since <= (slow if lane.backlog.is_full else overdue)
            for lane in self._used
            if _keeps_events_waiting(lane)
        ):
            self._open_more()
        self._urge(
            lane
            for lane in self._lanes
            if lane.is_free and lane.backlog.since <= overdue
        )

    def urge_free(self) -> None:
        """Let free lanes send what they have."""
        if any(_keeps_events_waiting(lane) for lane in self._used):
            self._open_more()
        self._urge(lane for lane in self._lanes if lane.is_free)

    def urge_fullest(self) -> None:
        """Let the fullest of the requests leave that have yet to fill."""
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


def _keeps_events_waiting(lane: Lane) -> bool:
    return lane.is_sending and bool(lane.backlog.events)
