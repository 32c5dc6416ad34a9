"""What is known of a user, and what Amplitude was told, one record after another."""

from __future__ import annotations

import pytest

from target_amplitude_nami.memory import UNKNOWN, UNTOLD, Known, Told, digest, newer
from target_amplitude_nami.nami.state import NO_STATE, UserState
from tests.support.memory import HALF_AN_EMOJI


@pytest.mark.parametrize(
    ("told", "known_as"),
    [
        ([("a", 1), ("b", 2)], "b"),
        ([("b", 2), ("a", 1)], "b"),
        ([("a", 2), ("b", 2)], "b"),
        ([("a", None), ("b", None)], "b"),
        ([("a", 5), ("b", None)], "b"),
        ([("a", None), ("b", 5)], "b"),
        ([("a", 1), ("a", 5), ("b", 3)], "a"),
        ([("a", 5), ("b", None), ("a", 4)], "b"),
    ],
)
def test_the_external_id_of_the_newest_record_counts(
    told: list[tuple[str, int | None]], known_as: str
) -> None:
    known = UNKNOWN
    for external_id, time in told:
        known = known.with_external_id(external_id, time)
    assert known.external_id == known_as


def test_an_external_id_leaves_all_else_as_it_is() -> None:
    known = Known("old", 1, "device", UserState(in_pause=True), 7)
    assert known.with_external_id("new", 2) == Known(
        "new", 2, "device", UserState(in_pause=True), 7
    )


def test_a_newer_state_keeps_what_it_does_not_say() -> None:
    merged = newer(
        UserState(active_skus=["a"], in_pause=True),
        UserState(active_skus=[], is_cancelled=True),
    )
    assert merged == UserState(active_skus=[], in_pause=True, is_cancelled=True)


def test_the_first_state_is_taken_as_it_is() -> None:
    assert newer(None, NO_STATE) == NO_STATE


@pytest.mark.parametrize(
    ("newest", "time", "expected"),
    [(5, 4, True), (5, 5, False), (5, 6, False), (None, 4, False), (5, None, False)],
)
def test_only_an_earlier_time_is_older(
    newest: int | None, time: int | None, *, expected: bool
) -> None:
    assert Known(state_time=newest).is_newer_than(time) is expected
    assert Told(time=newest).is_newer_than(time) is expected
    assert not UNKNOWN.is_newer_than(time)
    assert not UNTOLD.is_newer_than(time)


SAID: list[dict[str, object]] = [
    {},
    {"skus": []},
    {"skus": ["a", "b"]},
    {"skus": ["b", "a"]},
    {"skus": ["a,b"]},
    {"skus": [HALF_AN_EMOJI]},
    {"paused": True},
    {"paused": False},
    {"cancelled": True},
    {"paused": "true"},
]


def test_all_that_can_be_said_has_a_digest_of_its_own() -> None:
    digests = [digest(said) for said in SAID]
    assert len(set(digests)) == len(SAID)
    assert digests == [digest(said) for said in SAID]
    assert all(0 <= number < 1 << 63 for number in digests)


def test_the_order_of_properties_says_nothing() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
