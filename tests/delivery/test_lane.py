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
from target_amplitude_nami.delivery.lane import Lane, join_small_backlogs
from target_amplitude_nami.delivery.outgoing import (
    Clock,
    DeliveryError,
    RequestLimits,
)
from target_amplitude_nami.delivery.rate_limits import PerIdRateLimiter
from target_amplitude_nami.delivery.router import Router
from tests.support.delivery import (
    Book,
    ScriptedSender,
    number_of,
    numbered,
    of_many_users,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.event import EncodedEvent

SECONDS = 20
SLOW = frozenset({"slow"})


class Road:
    """Lanes that share a condition, a sender and a book, on the real clock."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.sender = ScriptedSender()
        self.book = Book()
        self.clock = Clock()
        self.lanes: list[Lane] = []
        self.batch_wait_seconds = 3600.0
        self.limits = RequestLimits(2, 1000)

    def give(self, lane: Lane, events: Sequence[EncodedEvent]) -> None:
        """Let a lane send events, however few."""
        with self.condition:
            lane.backlog.put(events, self.clock.now())
            lane.backlog.urge()
            self.condition.notify_all()

    def wait_until_settled(self, count: int) -> None:
        self.wait_until(lambda: len(self.book.settled) == count)

    def lane(self) -> Lane:
        def courier(pause: Callable[[float], None]) -> BatchSender:
            return BatchSender(
                self.sender,
                self.book,
                PerIdRateLimiter(per_id_per_second=1000),
                retry_for=60,
                now=self.clock.now,
                pause=pause,
                log=lambda _: None,
            )

        lane = Lane(
            f"lane-{len(self.lanes)}",
            courier=courier,
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
def road() -> Iterator[Road]:
    road = Road()
    yield road
    with road.condition:
        for lane in road.lanes:
            lane.stop()
    for lane in road.lanes:
        if lane.is_alive():
            lane.join(SECONDS)
            assert not lane.is_alive()


def test_a_lane_works_through_its_backlog_in_order(road: Road) -> None:
    lane = road.lane()
    road.give(lane, [numbered(n) for n in range(5)])
    lane.start()
    road.wait_until_settled(5)
    assert road.sender.requests == [[0, 1], [2, 3], [4]]
    assert lane.traffic.requests == 3


def test_an_idle_lane_wakes_for_new_work(road: Road) -> None:
    lane = road.lane()
    lane.start()
    for number in range(5):
        road.wait_until(lambda: lane.is_free)
        road.give(lane, [numbered(number)])
        road.wait_until_settled(number + 1)


def test_a_request_that_is_not_full_waits_for_more(road: Road) -> None:
    lane = road.lane()
    lane.start()
    with road.condition:
        lane.backlog.put(of_many_users(3), road.clock.now())
        road.condition.notify_all()
    road.wait_until_settled(2)
    assert road.sender.requests == [[0, 1]]


def test_a_lane_sends_by_itself_what_has_waited_long_enough(road: Road) -> None:
    road.batch_wait_seconds = 0.05
    lane = road.lane()
    lane.backlog.put([numbered(0)], road.clock.now())
    lane.start()
    road.wait_until_settled(1)


def test_events_held_back_go_when_their_time_has_come(road: Road) -> None:
    lane = road.lane()
    lane._batch_sender.holds.begin({"user": road.clock.now() + 0.05})
    lane._batch_sender.holds.absorb([numbered(0)])
    lane.start()
    road.wait_until_settled(1)
    assert road.book.accepted == [0]


def test_users_who_wait_neither_stop_a_lane_nor_make_its_requests_small(
    road: Road,
) -> None:
    lane = road.lane()
    lane._batch_sender.holds.begin({"slow": road.clock.now() + 3600})
    road.give(lane, [numbered(n, "slow" if n % 2 else f"u{n}") for n in range(8)])
    lane.start()
    road.wait_until_settled(4)
    assert road.sender.requests == [[0, 2], [4, 6]]


def test_whoever_may_go_again_and_again_leaves_every_second_request_to_others(
    road: Road,
) -> None:
    lane = road.lane()
    holds = lane._batch_sender.holds

    def answer(numbers: Sequence[int]) -> Answer:
        if 0 not in numbers:
            return Delivered(len(numbers))
        is_last = len(road.book.settled) == 3
        return Delivered(1) if is_last else Throttled(Throttle(0, users=SLOW), "429")

    road.sender._answer = answer
    holds.begin({"slow": road.clock.now()})
    holds.absorb([numbered(0, "slow")])
    road.give(lane, [numbered(n, f"u{n}") for n in (1, 2, 3)])
    lane.start()
    road.wait_until_settled(4)
    assert road.sender.requests == [[0], [1, 2], [0], [3], [0]]


def test_a_stopped_lane_leaves_its_queue_and_closes_its_connection(road: Road) -> None:
    lane = road.lane()
    road.give(lane, of_many_users(3))
    with road.condition:
        lane.stop()
    lane.start()
    lane.join(SECONDS)
    assert road.book.settled == set()
    assert lane.failure is None
    assert road.sender.is_closed


def test_a_stop_between_two_requests_leaves_the_second(road: Road) -> None:
    lane = road.lane()

    def answer(numbers: Sequence[int]) -> Answer:
        with road.condition:
            lane.stop()
        return Delivered(len(numbers))

    road.sender._answer = answer
    road.give(lane, of_many_users(4))
    lane.start()
    lane.join(SECONDS)
    assert road.book.accepted == [0, 1]


def test_what_ends_a_lane_is_kept_for_the_others_to_see(road: Road) -> None:
    lane = road.lane()
    road.sender.say_next(Fatal("no"))
    road.give(lane, of_many_users(1))
    lane.start()
    lane.join(SECONDS)
    assert isinstance(lane.failure, DeliveryError)
    assert road.sender.is_closed


def test_backlogs_of_free_lanes_join_but_for_users_who_have_to_wait(
    road: Road,
) -> None:
    router = Router(3)
    road.limits = RequestLimits(10, 1000)
    lanes = [road.lane() for _ in range(3)]
    routed = router.route([numbered(n, f"u{n}") for n in range(30)])
    first, second, third = (lane.backlog for lane in lanes)
    first.put(routed[0][:1], 0)
    second.put(routed[1][:1], 0)
    third.put([*routed[2][:1], numbered(99, "slow")], 0)
    third.urge()
    lanes[1]._batch_sender.holds.begin({"slower": road.clock.now() + 3600})
    second.put([numbered(98, "slower")], 0)
    join_small_backlogs(lanes, router)
    assert [len(first) + len(second), len(third)] == [2, 2]
    assert 0 in {len(first), len(second)}
    held = lanes[1]._batch_sender.holds.take_due(float("inf"))
    assert [number_of(event) for event in held] == [98]
