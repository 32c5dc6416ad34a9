"""What is known of a user, and what was sent, one record after another."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.store.profiles import (
    NEVER_SENT,
    UNKNOWN_USER,
    SentState,
    UserProfile,
    properties_hash,
)


@pytest.mark.parametrize(
    ("seen", "known_as"),
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
    seen: list[tuple[str, int | None]], known_as: str
) -> None:
    known = UNKNOWN_USER
    for external_id, time in seen:
        known = known.with_external_id(external_id, time)
    assert known.external_id == known_as


def test_an_external_id_leaves_all_else_as_it_is() -> None:
    known = UserProfile("old", 1, "device").with_state(UserState(in_pause=True), 7)
    assert known.with_external_id("new", 2) == UserProfile(
        "new", 2, "device"
    ).with_state(UserState(in_pause=True), 7)


def test_a_device_leaves_all_else_as_it_is() -> None:
    known = UserProfile("external", 1, "old").with_state(UserState(in_pause=True), 7)
    assert known.with_device("new") == UserProfile("external", 1, "new").with_state(
        UserState(in_pause=True), 7
    )


def test_a_newer_state_keeps_the_facts_that_it_leaves_open() -> None:
    known = UserProfile().with_state(UserState(active_skus=["a"], in_pause=True), 5)
    known = known.with_state(UserState(active_skus=[], is_cancelled=True), 6)
    assert known.state == UserState(active_skus=[], in_pause=True, is_cancelled=True)
    assert known.state_time == 6


def test_the_first_state_is_taken_as_it_is() -> None:
    assert UNKNOWN_USER.state is None
    assert UNKNOWN_USER.with_state(NO_STATE, 1).state == NO_STATE


_ODD_TEXTS = ["", "a", "\x00", "ü" * 96, "À", "x" * 192]


def _states(absent: st.SearchStrategy[None]) -> st.SearchStrategy[UserState]:
    texts = absent | st.lists(st.sampled_from(_ODD_TEXTS), max_size=3)
    flags = absent | st.booleans()
    status = st.none() | st.sampled_from(_ODD_TEXTS)
    return st.builds(UserState, *[texts] * 4, *[flags] * 7, *[texts] * 2, status)


STATES = _states(st.none()) | _states(st.nothing())


@given(st.lists(STATES, min_size=1, max_size=4))
def test_the_newest_value_of_each_fact_is_the_state(states: list[UserState]) -> None:
    known, expected = UNKNOWN_USER, msgspec.structs.astuple(NO_STATE)
    for state in states:
        known = known.with_state(state, 1)
        new = msgspec.structs.astuple(state)
        expected = tuple(
            before if now is None else now
            for before, now in zip(expected, new, strict=True)
        )
        assert known.state == UserState(*expected)


@pytest.mark.parametrize(
    ("newest", "time", "expected"),
    [(5, 4, True), (5, 5, False), (5, 6, False), (None, 4, False), (5, None, False)],
)
def test_only_an_earlier_time_is_older(
    newest: int | None, time: int | None, *, expected: bool
) -> None:
    assert UserProfile(state_time=newest).is_newer_than(time) is expected
    assert SentState(time=newest).is_newer_than(time) is expected
    assert not UNKNOWN_USER.is_newer_than(time)
    assert not NEVER_SENT.is_newer_than(time)


PROPERTIES: list[dict[str, object]] = [
    {},
    {"skus": []},
    {"skus": ["a", "b"]},
    {"skus": ["b", "a"]},
    {"skus": ["a,b"]},
    {"paused": True},
    {"paused": False},
    {"cancelled": True},
    {"paused": "true"},
]


def test_no_two_sets_of_properties_have_one_hash() -> None:
    hashes = [properties_hash(some) for some in PROPERTIES]
    assert len(set(hashes)) == len(PROPERTIES)
    assert hashes == [properties_hash(some) for some in PROPERTIES]
    assert all(0 <= number < 1 << 63 for number in hashes)


def test_the_order_of_properties_does_not_count() -> None:
    assert properties_hash({"a": 1, "b": 2}) == properties_hash({"b": 2, "a": 1})
