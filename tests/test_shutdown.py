"""A stop that was asked for, and the time by which a run must be done."""

from __future__ import annotations

from target_amplitude_nami.shutdown import Shutdown


class Clock:
    """Seconds that a test sets."""

    seconds = 100.0

    def __call__(self) -> float:
        """Return them."""
        return self.seconds


def test_without_a_request_a_run_takes_as_long_as_it_takes() -> None:
    shutdown = Shutdown()
    assert not shutdown.is_requested
    assert shutdown.seconds_left() is None


def test_a_request_sets_the_deadline() -> None:
    clock = Clock()
    shutdown = Shutdown(clock)
    shutdown.request(20)
    clock.seconds += 5
    assert shutdown.is_requested
    assert shutdown.seconds_left() == 15


def test_only_the_first_request_sets_the_deadline() -> None:
    clock = Clock()
    shutdown = Shutdown(clock)
    shutdown.request(20)
    clock.seconds += 30
    shutdown.request(20)
    assert shutdown.seconds_left() == -10


def test_a_limit_asks_for_no_stop() -> None:
    shutdown = Shutdown(Clock())
    shutdown.limit(20)
    assert not shutdown.is_requested
    assert shutdown.seconds_left() == 20


def test_a_request_within_a_limit_keeps_its_deadline() -> None:
    clock = Clock()
    shutdown = Shutdown(clock)
    shutdown.limit(20)
    clock.seconds += 10
    shutdown.request(20)
    assert shutdown.is_requested
    assert shutdown.seconds_left() == 10
