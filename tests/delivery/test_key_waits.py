"""Events that wait for another one with their key."""

from __future__ import annotations

import pytest

from target_amplitude_nami.delivery.key_waits import KeyWaits
from tests.support.delivery import numbered

NOW = 1000.0


def test_both_users_of_a_waiting_event_are_deferred() -> None:
    waits = KeyWaits()
    event, other = numbered(0, "u", user_id="name"), numbered(1, "v")
    until = waits.defer([event, other], [event], NOW)
    assert until == {"u": NOW + 0.05, "name": NOW + 0.05}
    assert waits


@pytest.mark.parametrize(
    ("waited", "next_wait"), [(0.01, 0.05), (0.05, 0.05), (0.4, 0.4), (30, 1)]
)
def test_who_has_waited_waits_as_long_again_within_bounds(
    waited: float, next_wait: float
) -> None:
    waits = KeyWaits()
    event = numbered(0)
    waits.defer([event], [event], NOW)
    until = waits.defer([event], [event], NOW + waited)
    assert until["user"] - (NOW + waited) == pytest.approx(next_wait)


def test_who_no_longer_waits_is_forgotten() -> None:
    waits = KeyWaits()
    event = numbered(0)
    waits.defer([event], [event], NOW)
    assert waits.defer([event], [], NOW + 1) == {}
    assert not waits
