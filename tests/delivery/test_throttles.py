"""Which events of a request a throttle concerns."""

from __future__ import annotations

import pytest

from target_amplitude_nami.amplitude.answers import Throttle
from target_amplitude_nami.delivery.throttles import at_indexes, sort_throttled
from tests.support.delivery import number_of, numbered

EVENTS = [
    numbered(0, "u0"),
    numbered(1, "u1", user_id="name", device_id="d1"),
    numbered(2, "u2", user_id=None, device_id="d2"),
]
UNTIL = 1030.0


@pytest.mark.parametrize(
    ("throttle", "deferred", "over_quota"),
    [
        (Throttle(60), set(), {}),
        (Throttle(30, frozenset({1, 7})), {"u1", "name"}, {}),
        (Throttle(30, users=frozenset({"u0", "x"})), {"u0"}, {}),
        (Throttle(30, devices=frozenset({"d1", "d2"})), {"u1", "name", "u2", "d2"}, {}),
        (Throttle(30, quota_users=frozenset({"name"})), set(), {1: "user_id"}),
        (Throttle(30, quota_devices=frozenset({"d2"})), set(), {2: "device_id"}),
        # Over its quota, an event does not wait for anything else.
        (
            Throttle(30, frozenset({1}), quota_devices=frozenset({"d1"})),
            set(),
            {1: "device_id"},
        ),
    ],
)
def test_users_are_deferred_or_over_their_quota(
    throttle: Throttle, deferred: set[str], over_quota: dict[int, str]
) -> None:
    found = sort_throttled(throttle, EVENTS, UNTIL, "HTTP 429")
    assert found.until == dict.fromkeys(deferred, UNTIL)
    assert {number_of(e): refusal.field for e, refusal in found.over_quota} == (
        over_quota
    )
    assert [number_of(e) for e in found.rest] == [
        n for n in range(3) if n not in over_quota
    ]
    for _, refusal in found.over_quota:
        assert (refusal.reason, refusal.status) == ("amplitude_daily_quota", 429)
        assert "HTTP 429" in refusal.detail


def test_indexes_are_counted_among_the_events_that_are_left() -> None:
    throttle = Throttle(30, frozenset({1, 3, 4}), users=frozenset({"u"}))
    assert at_indexes(throttle, [0, 3, 4]) == Throttle(
        30, frozenset({1, 2}), users=frozenset({"u"})
    )
