"""Events that wait behind their own user."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.delivery.deferred_users import DeferredUsers
from tests.support.delivery import number_of, numbered

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

NOW = 100.0


def numbers(events: Sequence[EncodedEvent]) -> list[int]:
    return [number_of(event) for event in events]


def test_nobody_is_deferred_at_first() -> None:
    deferred = DeferredUsers()
    events = [numbered(0), numbered(1)]
    assert not deferred
    assert deferred.withhold(events) is events
    assert deferred.take_due(NOW) == []
    assert deferred.seconds_until_due(NOW) is None


def test_only_events_of_deferred_users_are_kept() -> None:
    deferred = DeferredUsers()
    deferred.defer({"a": NOW + 30})
    free = deferred.withhold([numbered(0, "a"), numbered(1, "b"), numbered(2, "a")])
    assert numbers(free) == [1]
    assert deferred
    assert numbers(deferred.take_due(NOW + 30)) == [0, 2]
    assert not deferred


def test_each_deferred_user_goes_at_a_time_of_their_own() -> None:
    deferred = DeferredUsers()
    deferred.defer({"a": NOW + 30, "b": NOW + 10})
    deferred.withhold([numbered(0, "a"), numbered(1, "b")])
    assert deferred.seconds_until_due(NOW) == 10
    assert numbers(deferred.take_due(NOW + 10)) == [1]
    assert deferred.seconds_until_due(NOW + 10) == 20
    assert numbers(deferred.take_due(NOW + 30)) == [0]


def test_of_two_times_the_later_one_counts() -> None:
    deferred = DeferredUsers()
    deferred.defer({"a": NOW + 30})
    deferred.defer({"a": NOW + 10})
    assert deferred.seconds_until_due(NOW) == 30
    deferred.defer({"a": NOW + 60})
    assert deferred.seconds_until_due(NOW) == 60


def test_what_comes_later_waits_behind_what_came_first() -> None:
    deferred = DeferredUsers()
    deferred.defer({"a": NOW})
    deferred.withhold([numbered(0, "a")])
    deferred.withhold([numbered(1, "a")])
    assert numbers(deferred.take_due(NOW)) == [0, 1]


def test_what_is_overdue_is_due_at_once() -> None:
    deferred = DeferredUsers()
    deferred.defer({"a": NOW})
    assert deferred.seconds_until_due(NOW + 5) == 0


def test_an_event_waits_behind_its_nami_user_and_behind_amplitudes() -> None:
    deferred = DeferredUsers()
    deferred.defer({"u": NOW + 30})
    events = [
        numbered(0, "u", user_id="name"),
        numbered(1, "v", user_id="name"),
        numbered(2, "v", user_id="another"),
        numbered(3, "w", user_id="free"),
    ]
    assert numbers(deferred.withhold(events)) == [3]
    assert numbers(deferred.take_due(NOW + 30)) == [0, 1, 2]
    assert not deferred


def test_an_event_of_two_who_wait_joins_them_until_both_may_go() -> None:
    deferred = DeferredUsers()
    deferred.defer({"u": NOW + 10, "v": NOW + 30})
    deferred.withhold([numbered(0, "u"), numbered(1, "v")])
    deferred.withhold([numbered(2, "u", user_id="v")])
    assert deferred.take_due(NOW + 29) == []
    assert numbers(deferred.take_due(NOW + 30)) == [0, 1, 2]
    assert not deferred


def test_a_user_deferred_by_a_later_event_keeps_the_place_before_it() -> None:
    deferred = DeferredUsers()
    deferred.defer({"v": NOW + 30})
    events = [
        numbered(0, "u", user_id="name"),
        numbered(1, "v", user_id="another"),
        numbered(2, "v", user_id="name"),
    ]
    assert deferred.withhold(events) == []
    assert numbers(deferred.take_due(NOW + 30)) == [0, 1, 2]


def test_a_long_chain_of_users_who_took_over_names_is_followed_at_once() -> None:
    """The newest record first: each event brings the key of the one behind it."""
    events = [
        numbered(n, f"user-{n // 2}", user_id=f"name-{(n + 1) // 2}")
        for n in reversed(range(20_000))
    ]
    deferred = DeferredUsers()
    deferred.defer({"name-0": NOW + 30})
    assert deferred.withhold(events) == []
    assert deferred.take_due(NOW + 30) == events
