"""One lane's thread."""

from __future__ import annotations

import threading
import typing as t

import pytest

from target_amplitude_nami.amplitude.answers import (
    Delivered,
    Fatal,
    Throttle,
    Throttled,
)
from target_amplitude_nami.delivery.batch_sender import BatchSender
from target_amplitude_nami.delivery.clock import Clock
from target_amplitude_nami.delivery.lane import Lane, join_small_backlogs
from target_amplitude_nami.delivery.packing import RequestLimits
from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter
from target_amplitude_nami.delivery.retry_policy import RetryPolicy
from target_amplitude_nami.delivery.router import Router
from target_amplitude_nami.errors import DeliveryError
from tests.support.delivery import (
    NotedOutcomes,
    ScriptedSender,
    number_of,
    numbered,
    of_many_users,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.delivery.deferred_users import DeferredUsers

SECONDS = 20
SLOW = frozenset({"slow"})


class LanesHarness:
    """Lanes that share a condition, a sender and outcomes, on the real clock."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.sender = ScriptedSender()
        self.outcomes = NotedOutcomes()
        self.clock = Clock()
        self.lanes: list[Lane] = []
        self.deferred: list[DeferredUsers] = []
        """Those of each lane."""
        self.batch_wait_seconds = 3600.0
        self.limits = RequestLimits(2, 1000)

    def give(self, lane: Lane, events: Sequence[EncodedEvent]) -> None:
        """Let a lane send events, however few."""
        with self.condition:
            lane.backlog.put(events, self.clock.now())
            lane.backlog.urge()
            self.condition.notify_all()

    def wait_until_settled(self, count: int) -> None:
        self.wait_until(lambda: len(self.outcomes.settled) == count)

    def lane(self) -> Lane:
        def batch_sender(pause: Callable[[float], None]) -> BatchSender:
            sender = BatchSender(
                self.sender,
                self.outcomes,
                PerIdRateLimiter(per_id_per_second=1000),
                retry_policy=RetryPolicy(60),
                now=self.clock.now,
                pause=pause,
                log=lambda _: None,
            )
            self.deferred.append(sender.deferred)
            return sender

        lane = Lane(
            f"lane-{len(self.lanes)}",
            batch_sender=batch_sender,
            limits=self.limits,
            batch_wait_seconds=self.batch_wait_seconds,
            clock=self.clock,
            condition=self.condition,
        )
        self.lanes.append(lane)
        return lane

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        with self.condition:
            assert self.condition.wait_for(is_so, SECONDS)


@pytest.fixture
def harness() -> Iterator[LanesHarness]:
    harness = LanesHarness()
    yield harness
    with harness.condition:
        for lane in harness.lanes:
            lane.stop()
    for lane in harness.lanes:
        if lane.is_alive():
            lane.join(SECONDS)
            assert not lane.is_alive()


def test_a_lane_works_through_its_backlog_in_order(harness: LanesHarness) -> None:
    lane = harness.lane()
    harness.give(lane, [numbered(n) for n in range(5)])
    lane.start()
    harness.wait_until_settled(5)
    assert harness.sender.requests == [[0, 1], [2, 3], [4]]
    assert lane.traffic.requests == 3


def test_an_idle_lane_wakes_for_new_work(harness: LanesHarness) -> None:
    lane = harness.lane()
    lane.start()
    for number in range(5):
        harness.wait_until(lambda: lane.is_free)
        harness.give(lane, [numbered(number)])
        harness.wait_until_settled(number + 1)


def test_a_request_that_is_not_full_waits_for_more(harness: LanesHarness) -> None:
    lane = harness.lane()
    lane.start()
    with harness.condition:
        lane.backlog.put(of_many_users(3), harness.clock.now())
        harness.condition.notify_all()
    harness.wait_until_settled(2)
    assert harness.sender.requests == [[0, 1]]


def test_a_lane_sends_by_itself_what_has_waited_long_enough(
    harness: LanesHarness,
) -> None:
    harness.batch_wait_seconds = 0.05
    lane = harness.lane()
    lane.backlog.put([numbered(0)], harness.clock.now())
    lane.start()
    harness.wait_until_settled(1)


def test_deferred_events_go_when_their_time_has_come(harness: LanesHarness) -> None:
    lane = harness.lane()
    harness.deferred[0].defer({"user": harness.clock.now() + 0.05})
    harness.deferred[0].withhold([numbered(0)])
    lane.start()
    harness.wait_until_settled(1)
    assert harness.outcomes.accepted == [0]


def test_users_who_wait_neither_stop_a_lane_nor_make_its_requests_small(
    harness: LanesHarness,
) -> None:
    lane = harness.lane()
    harness.deferred[0].defer({"slow": harness.clock.now() + 3600})
    harness.give(lane, [numbered(n, "slow" if n % 2 else f"u{n}") for n in range(8)])
    lane.start()
    harness.wait_until_settled(4)
    assert harness.sender.requests == [[0, 2], [4, 6]]


def test_whoever_may_go_again_and_again_leaves_every_second_request_to_others(
    harness: LanesHarness,
) -> None:
    lane = harness.lane()
    deferred = harness.deferred[0]

    def answer(numbers: Sequence[int]) -> Answer:
        if 0 not in numbers:
            return Delivered(len(numbers))
        is_last = len(harness.outcomes.settled) == 3
        return Delivered(1) if is_last else Throttled(Throttle(0, users=SLOW), "429")

    harness.sender.answer_by(answer)
    deferred.defer({"slow": harness.clock.now()})
    deferred.withhold([numbered(0, "slow")])
    harness.give(lane, [numbered(n, f"u{n}") for n in (1, 2, 3)])
    lane.start()
    harness.wait_until_settled(4)
    assert harness.sender.requests == [[0], [1, 2], [0], [3], [0]]


def test_a_stopped_lane_leaves_its_queue_and_closes_its_connection(
    harness: LanesHarness,
) -> None:
    lane = harness.lane()
    harness.give(lane, of_many_users(3))
    with harness.condition:
        lane.stop()
    lane.start()
    lane.join(SECONDS)
    assert harness.outcomes.settled == set()
    assert lane.failure is None
    assert harness.sender.is_closed


def test_a_stop_between_two_requests_leaves_the_second(harness: LanesHarness) -> None:
    lane = harness.lane()

    def answer(numbers: Sequence[int]) -> Answer:
        with harness.condition:
            lane.stop()
        return Delivered(len(numbers))

    harness.sender.answer_by(answer)
    harness.give(lane, of_many_users(4))
    lane.start()
    lane.join(SECONDS)
    assert harness.outcomes.accepted == [0, 1]


def test_what_ends_a_lane_is_kept_for_the_others_to_see(harness: LanesHarness) -> None:
    lane = harness.lane()
    harness.sender.answer_next(Fatal("no"))
    harness.give(lane, of_many_users(1))
    lane.start()
    lane.join(SECONDS)
    assert isinstance(lane.failure, DeliveryError)
    assert harness.sender.is_closed


def test_backlogs_of_free_lanes_join_but_for_users_who_have_to_wait(
    harness: LanesHarness,
) -> None:
    router = Router()
    router.use(3, [])
    harness.limits = RequestLimits(10, 1000)
    lanes = [harness.lane() for _ in range(3)]
    routed = router.route([numbered(n, f"u{n}") for n in range(30)])
    first, second, third = (lane.backlog for lane in lanes)
    first.put(routed[0][:1], 0)
    second.put(routed[1][:1], 0)
    third.put([*routed[2][:1], numbered(99, "slow")], 0)
    third.urge()
    harness.deferred[1].defer({"slower": harness.clock.now() + 3600})
    second.put([numbered(98, "slower")], 0)
    join_small_backlogs(lanes, router)
    assert [len(first) + len(second), len(third)] == [2, 2]
    assert 0 in {len(first), len(second)}
    withheld = harness.deferred[1].take_due(float("inf"))
    assert [number_of(event) for event in withheld] == [98]
