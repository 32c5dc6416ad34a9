"""Properties have the form that the nested shape of their record has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.plain_values import plain_members, plain_value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ("", ""),
        (0, 0),
        (False, False),
        ([], []),
        ([None, {"a": None}, "[1]"], [None, {"a": None}, "[1]"]),
        ({}, None),
        ({"a": None}, None),
        ({"a": {"b": {}}, "c": None}, None),
        ({"a": {"b": None}, "c": 1}, {"c": 1}),
        ({"a": "[1]"}, {"a": [1]}),
        ('{"a": {"b": null}, "c": 1}', {"c": 1}),
        ("[]", []),
        ("{}", None),
        ("[1", "[1"),
        ("{a}", "{a}"),
        (" [1]", " [1]"),
        (r'["cut \ud83d"]', ["cut \ufffd"]),
        ("null", "null"),
        ("12", "12"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_value_is_as_the_nested_shape_has_it(value: object, expected: object) -> None:
    assert plain_value(value) == expected


ANYTHING: Final[list[Any]] = [
    None, "", "x", "0", "true", "null", "[]", "{}", "[1", "\ufffd", True, False,
    0, 1, 7, 2**70, 1.5, float("nan"), Decimal("7.0"), Decimal("7.5"), Decimal("NaN"),
    [], {}, [None], ["x"], [[]], [{}], {"id": "x"}, (), ({"id": "x"},), {"x"},
]  # fmt: skip
PROPERTIES: Final = [
    *ANYTHING,
    {"a": {"b": [None, {}], "c": "text"}, "d": 1},
    {"a": {"b": None}, "c": 'it — "has" {some} [signs]'},
    '{"a": {"b": null}, "c": [1, {}]}',
    {"a": '{"b": {}}', "c": {"d": "[1"}, "e": {}},
    {"a": 123, "b": 192, "c": 128, "d": 91, "e": "—", "f": Decimal("1.10")},
]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.sampled_from(PROPERTIES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
)


@given(members=st.dictionaries(st.text(), VALUES))
def test_an_object_is_looked_through_to_its_last_member(
    members: dict[str, Any],
) -> None:
    assert repr(plain_members(members)) == repr(plain_value(members) or {})


@pytest.mark.parametrize(
    "members",
    [
        {"a": None},
        {"a": {}},
        {"a": {"b": {"c": None}}},
        {"a": {"b": {"c": "{}"}}},
        {"a": [], "b": "[1]"},
        {"a": "[1", "b": {}},
        {"a": '{"half":"\\ud83d"}'},
        {"a": 2**70, "b": None},
        {"a": {1}, "b": None},
        {"a": "— and ☀️", "b": {}},
        {"a": {"b": [{"c": {}}], "d": {}}, "e": "—"},
        {"—": None},
    ],
    ids=repr,
)
def test_what_has_to_change_is_found(members: dict[str, Any]) -> None:
    assert plain_members(members) == (plain_value(members) or {})
    assert plain_members(members) != members


def test_what_is_plain_is_not_copied() -> None:
    for text in ("text", "Écoutez — “sans pub” ☀️"):
        members = {"a": {"b": ["x", {"c": Decimal("1.10")}], "d": True}, "e": text}
        assert plain_members(members) is members


@pytest.mark.parametrize("levels", [201, 100_000])
def test_text_that_is_nested_too_deep_is_refused(levels: int) -> None:
    with pytest.raises(UnreadableRecord) as refusal:
        plain_value("[" * levels + "]" * levels)
    assert refusal.value.reason == "too_deep"
