"""One lane's thread."""

from __future__ import annotations

import threading
import typing as t

import pytest

from target_amplitude_nami.amplitude.answers import Delivered, Fatal
from target_amplitude_nami.amplitude.courier import Courier
from target_amplitude_nami.amplitude.lane import Barrier, Lane
from target_amplitude_nami.amplitude.outgoing import (
    Clock,
    DeliveryError,
    RequestLimits,
)
from target_amplitude_nami.amplitude.pacing import Pacing
from tests.support.delivery import Book, ScriptedSender, of_many_users, outgoing

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_amplitude_nami.amplitude.answers import Answer

SECONDS = 20


class Road:
    """Lanes that share a condition, a sender and a book, on the real clock."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.sender = ScriptedSender()
        self.book = Book()
        self.clock = Clock()
        self.lanes: list[Lane] = []

    def lane(self) -> Lane:
        def courier(pause: Callable[[float], None]) -> Courier:
            return Courier(
                self.sender,
                self.book,
                Pacing(per_id_per_second=1000),
                retry_for=60,
                now=self.clock.now,
                pause=pause,
                log=lambda _: None,
            )

        lane = Lane(
            f"lane-{len(self.lanes)}",
            courier=courier,
            limits=RequestLimits(2, 1000),
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


def test_a_lane_works_through_its_queue_in_order(road: Road) -> None:
    lane = road.lane()
    lane.queue.extend([of_many_users(3), [outgoing(3), outgoing(4)]])
    assert not lane.is_idle
    lane.start()
    road.wait_until(lambda: lane.is_idle)
    assert road.sender.requests == [[0, 1], [2], [3, 4]]
    assert lane.traffic.requests == 3


def test_an_idle_lane_wakes_for_new_work(road: Road) -> None:
    lane = road.lane()
    lane.start()
    for number in range(5):
        with road.condition:
            lane.queue.append([outgoing(number)])
            road.condition.notify_all()
        road.wait_until(lambda: lane.is_idle)
        assert number in road.book.settled


def test_a_lane_that_holds_events_back_is_not_idle(road: Road) -> None:
    lane = road.lane()
    lane._courier.holds.begin({"user": road.clock.now() + 0.05})
    lane._courier.holds.absorb([outgoing(0)])
    assert not lane.is_idle
    lane.start()
    road.wait_until(lambda: lane.is_idle)
    assert road.book.accepted == [0]


def test_a_stopped_lane_leaves_its_queue_and_closes_its_connection(road: Road) -> None:
    lane = road.lane()
    lane.queue.append(of_many_users(3))
    with road.condition:
        lane.stop()
    lane.start()
    lane.join(SECONDS)
    assert road.book.settled == set()
    assert lane.failure is None
    assert road.sender.is_closed


def test_a_stop_between_two_requests_leaves_the_second(road: Road) -> None:
    lane = road.lane()

    def answer(numbers: t.Sequence[int]) -> Answer:
        with road.condition:
            lane.stop()
        return Delivered(len(numbers))

    road.sender._answer = answer
    lane.queue.append(of_many_users(4))
    lane.start()
    lane.join(SECONDS)
    assert road.book.accepted == [0, 1]


def test_what_ends_a_lane_is_kept_for_the_others_to_see(road: Road) -> None:
    lane = road.lane()
    road.sender.say_next(Fatal("no"))
    lane.queue.append(of_many_users(1))
    lane.start()
    lane.join(SECONDS)
    assert isinstance(lane.failure, DeliveryError)
    assert road.sender.is_closed


def test_nothing_passes_a_barrier_before_what_its_owner_had_before_it(
    road: Road,
) -> None:
    owner, other = road.lane(), road.lane()
    barrier = Barrier(owner)
    other.queue.extend([barrier, [outgoing(1)]])
    other.start()
    owner.queue.extend([[outgoing(0)], barrier, [outgoing(2)]])
    owner.start()
    road.wait_until(lambda: owner.is_idle and other.is_idle)
    assert barrier.is_open
    assert road.sender.requests[0] == [0]
    assert road.book.settled == {0, 1, 2}


def test_a_barrier_stays_closed_while_its_owner_holds_events_back(road: Road) -> None:
    lane = road.lane()
    lane._courier.holds.begin({"user": road.clock.now() + 0.05})
    lane._courier.holds.absorb([outgoing(0)])
    lane.queue.extend([Barrier(lane), [outgoing(1, "another")]])
    lane.start()
    road.wait_until(lambda: lane.is_idle)
    assert road.book.accepted == [0, 1]
