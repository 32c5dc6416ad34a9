"""What waits for the next request of a lane."""

from __future__ import annotations

import typing as t

import pytest

from target_amplitude_nami.delivery.backlog import Backlog
from target_amplitude_nami.delivery.deferred_users import DeferredUsers
from target_amplitude_nami.delivery.packing import RequestLimits
from tests.support.delivery import number_of, numbered, of_many_users

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

NOW = 100.0


def numbers(events: Sequence[EncodedEvent]) -> list[int]:
    return [number_of(event) for event in events]


def of_size(number: int, size: int) -> EncodedEvent:
    return numbered(number, f"u{number}", body=b"x" * size)


@pytest.fixture
def backlog() -> Backlog:
    return Backlog(RequestLimits(events=4, event_bytes=1000))


def test_a_request_leaves_when_it_is_full_and_the_rest_waits(backlog: Backlog) -> None:
    backlog.put(of_many_users(3), NOW)
    assert backlog.take(DeferredUsers(), NOW) == []
    backlog.put(of_many_users(3), NOW + 1)
    assert backlog.since == NOW
    assert numbers(backlog.take(DeferredUsers(), NOW + 2)) == [0, 1, 2, 0]
    assert len(backlog) == 2
    assert backlog.since == NOW + 2
    assert backlog.take(DeferredUsers(), NOW + 3) == []


def test_a_backlog_is_full_when_an_event_exceeds_the_bytes_of_a_request(
    backlog: Backlog,
) -> None:
    backlog.put([of_size(0, 499), of_size(1, 499)], NOW)
    assert backlog.take(DeferredUsers(), NOW) == []
    backlog.put([of_size(2, 10)], NOW)
    assert backlog.is_full
    assert numbers(backlog.take(DeferredUsers(), NOW)) == [0, 1]


def test_an_event_larger_than_a_request_goes_alone(backlog: Backlog) -> None:
    backlog.put([of_size(0, 5000), of_size(1, 10)], NOW)
    assert numbers(backlog.take(DeferredUsers(), NOW)) == [0]


def test_what_is_urged_leaves_and_what_comes_later_waits(backlog: Backlog) -> None:
    backlog.put(of_many_users(5), NOW)
    backlog.urge()
    backlog.put([numbered(5, "u5")], NOW)
    assert numbers(backlog.take(DeferredUsers(), NOW)) == [0, 1, 2, 3]
    assert numbers(backlog.take(DeferredUsers(), NOW)) == [4, 5]
    backlog.put([numbered(6, "u6")], NOW)
    assert not backlog.is_ready


def test_users_who_wait_make_no_request_smaller(backlog: Backlog) -> None:
    deferred = DeferredUsers()
    deferred.defer({"slow": NOW + 30})
    backlog.put([numbered(n, "slow" if n % 2 else f"u{n}") for n in range(6)], NOW)
    assert backlog.take(deferred, NOW) == []
    assert len(backlog) == 3
    backlog.put([numbered(n, "slow" if n % 2 else f"u{n}") for n in range(6, 12)], NOW)
    assert numbers(backlog.take(deferred, NOW)) == [0, 2, 4, 6]
    assert numbers(deferred.take_due(NOW + 30)) == [1, 3, 5, 7, 9, 11]


def test_when_all_have_to_wait_nothing_leaves(backlog: Backlog) -> None:
    deferred = DeferredUsers()
    deferred.defer({"slow": NOW + 30})
    backlog.put([numbered(n, "slow") for n in range(6)], NOW)
    backlog.urge()
    assert backlog.take(deferred, NOW) == []
    assert not backlog.is_ready
    assert backlog.memory_bytes == 0


@pytest.mark.parametrize(
    ("sizes", "requests"), [([], 0), ([9] * 2, 0.5), ([9] * 6, 1.5), ([1999, 499], 2.5)]
)
def test_what_waits_fills_so_many_requests(
    backlog: Backlog, sizes: list[int], requests: float
) -> None:
    backlog.put([of_size(n, size) for n, size in enumerate(sizes)], NOW)
    assert backlog.requests == requests


def test_memory_is_that_of_what_waits(backlog: Backlog) -> None:
    events = [numbered(n, f"u{n}", kept_bytes=100) for n in range(5)]
    backlog.put(events, NOW)
    assert backlog.memory_bytes == sum(event.memory_bytes for event in events)
    backlog.take(DeferredUsers(), NOW)
    assert backlog.memory_bytes == events[4].memory_bytes


@pytest.mark.parametrize(
    ("sizes", "fits"), [([9], True), ([9, 9], False), ([899], True), ([901], False)]
)
def test_two_backlogs_fit_in_one_request_or_do_not(
    backlog: Backlog, *, sizes: list[int], fits: bool
) -> None:
    backlog.put([of_size(n, 32) for n in range(3)], NOW)
    other = Backlog(RequestLimits(events=4, event_bytes=1000))
    other.put([of_size(n, size) for n, size in enumerate(sizes)], NOW)
    assert backlog.has_room_for(other) is fits
    assert len(other.clear()) == len(sizes)
    assert len(other) == other.memory_bytes == 0
