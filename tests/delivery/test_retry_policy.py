"""When a request goes again, and when nothing more is tried."""

from __future__ import annotations

import math
import typing as t

import pytest

from target_amplitude_nami.delivery.retry_policy import Retries, RetryPolicy
from target_amplitude_nami.errors import DeliveryError

POLICY = RetryPolicy(retry_for=1800)
GIVE_UP = None


@pytest.mark.parametrize(
    ("attempt", "elapsed", "bounds", "delay"),
    [
        # The back-off doubles up to a minute.
        (1, 0, {}, 1),
        (2, 1, {}, 2),
        (6, 31, {}, 32),
        (7, 63, {}, 60),
        (10_000, 63, {}, 60),
        # Jitter takes a share of it.
        (4, 7, {"jitter": 0.25}, 2),
        (4, 7, {"jitter": 0.0}, 0),
        # The server may ask for longer, and the failure allow no more.
        (1, 0, {"at_least": 120}, 120),
        (7, 0, {"at_least": 5}, 60),
        (7, 0, {"at_most": 5}, 5),
        (1, 0, {"at_least": 120, "at_most": 5}, 5),
        # Without a failed attempt there is no back-off.
        (0, 0, {}, 0),
        (0, 0, {"at_least": 30}, 30),
        # No wait goes beyond the time in all, and then it is over.
        (9, 1790, {}, 10),
        (1, 1000, {"at_least": 3600}, 800),
        (1, 1799.998, {}, pytest.approx(0.002)),
        (1, 1800, {}, GIVE_UP),
        (0, 1800, {"at_least": 30}, GIVE_UP),
        (1, 5000, {"at_most": 5}, GIVE_UP),
        # A rounding error is no time left.
        (1, math.nextafter(1800, 0), {}, GIVE_UP),
    ],
)
def test_the_delay_depends_on_attempts_and_time_alone(
    attempt: int, elapsed: float, bounds: dict[str, t.Any], delay: float | None
) -> None:
    assert POLICY.delay(attempt, elapsed, **bounds) == delay


def test_without_time_to_retry_the_first_failure_is_the_last() -> None:
    assert RetryPolicy(retry_for=0).delay(1, 0) is GIVE_UP


class Failing:
    """Retries on a clock that the test sets, without jitter."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.retries = Retries(RetryPolicy(100), lambda: self.now, lambda: 1.0)


def test_time_counts_from_the_first_failure() -> None:
    lane = Failing()
    assert lane.retries.delay("busy", attempt=3) == 4
    lane.now += 98
    assert lane.retries.delay("busy", attempt=3) == 2
    lane.now += 2
    with pytest.raises(DeliveryError, match=r"nothing for 100 s.*answer was: busy\."):
        lane.retries.delay("busy", attempt=3)


def test_a_success_forgets_the_failures_before() -> None:
    lane = Failing()
    lane.retries.delay("busy")
    lane.now += 99
    lane.retries.succeed()
    lane.now += 99
    assert lane.retries.delay("busy", attempt=3) == 4
