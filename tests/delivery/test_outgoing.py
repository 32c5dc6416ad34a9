"""What travels through delivery."""

from __future__ import annotations

import sys
import threading

import pytest

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.delivery.outgoing import (
    Clock,
    RequestLimits,
    Traffic,
    memory_bytes_of,
)
from target_amplitude_nami.outcomes import Checkpoint, Origin
from tests.support.delivery import outgoing
from tests.support.memory import mark_of


@pytest.mark.parametrize(
    ("limits", "sizes", "requests"),
    [
        (RequestLimits(10, 100), [], []),
        (RequestLimits(10, 100), [9] * 10, [10]),
        (RequestLimits(3, 1000), [9] * 10, [3, 3, 3, 1]),
        (RequestLimits(10, 100), [49, 49, 49], [2, 1]),
        (RequestLimits(10, 100), [49, 50, 49], [1, 1, 1]),
        (RequestLimits(10, 100), [500], [1]),
        (RequestLimits(10, 100), [9, 500, 9], [1, 1, 1]),
    ],
)
def test_events_are_packed_in_order_into_few_requests(
    limits: RequestLimits, sizes: list[int], requests: list[int]
) -> None:
    events = [outgoing(n, body=b"x" * size) for n, size in enumerate(sizes)]
    packed = list(limits.pack(events))
    assert [len(request) for request in packed] == requests
    assert [event for request in packed for event in request] == events


def test_an_event_weighs_its_bytes_and_what_its_origin_keeps() -> None:
    assert memory_bytes_of(b"12345", b"123") - memory_bytes_of(b"", b"") == 8


def test_an_event_weighs_what_its_objects_take() -> None:
    ids = [f"{number:036}" for number in range(3)]  # as long as a UUID
    origin = Origin("label", "stream", b"", mark_of(ids[0], 0), Checkpoint())
    weight = memory_bytes_of(b"", origin.line)
    event = EncodedEvent(b"", ids[1], ids[2], ids[1], origin, weight)
    mark = origin.mark
    objects = (event, event.body, origin, origin.line, mark, mark.key, *ids)
    assert event.memory_bytes >= sum(map(sys.getsizeof, objects))


def test_traffic_adds_up() -> None:
    assert Traffic(1, 2, 3, 4, 5) + Traffic(10, 20, 30, 40, 50) == Traffic(
        11, 22, 33, 44, 55
    )


def test_the_real_clock_goes_on_and_waits_for_a_notice() -> None:
    clock, condition = Clock(), threading.Condition()
    before = clock.now()
    with condition:
        clock.wait(condition, 0.01)
    assert clock.now() >= before + 0.01
