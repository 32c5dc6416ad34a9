"""How many events fit in one request."""

from __future__ import annotations

import pytest

from target_amplitude_nami.delivery.packing import RequestLimits
from tests.support.delivery import numbered


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
    events = [numbered(n, body=b"x" * size) for n, size in enumerate(sizes)]
    packed = list(limits.pack(events))
    assert [len(request) for request in packed] == requests
    assert [event for request in packed for event in request] == events
