"""Which of Nami's fields a column is, whatever its spelling."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.nami.columns import (
    _MOST_COLUMNS,
    Columns,
    plain_members,
    plain_value,
)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        # fields that the reader understands, in any spelling
        ("event_type", {"event_type": 1}),
        ("EVENT_TYPE", {"event_type": 1}),
        ("eventType", {"event_type": 1}),
        ("Event_Type", {"event_type": 1}),
        ("EVENTTYPE", {"event_type": 1}),
        ("createdDate", {"created_date": 1}),
        ("ID", {"id": 1}),
        ("namiml_user_id", {"user_id": 1}),
        ("NAMI_USER_ID", {"user_id": 1}),
        # others keep their name, but for upper case
        ("app_env", {"app_env": 1}),
        ("APP_ENV", {"app_env": 1}),
        ("campaignName", {"campaignName": 1}),
        ("CAMPAIGNNAME", {"campaignName": 1}),
        ("Some_Name", {"Some_Name": 1}),
        ("someName", {"someName": 1}),
        ("Ünïcode 名", {"Ünïcode 名": 1}),
        ("a.b", {"a.b": 1}),
        ("42", {"42": 1}),
        # flattened
        ("experiment__arm", {"experiment": {"arm": 1}}),
        ("EXPERIMENT__ARM", {"experiment": {"arm": 1}}),
        ("a__b__c", {"a": {"b": {"c": 1}}}),
        (
            "customerJourneyState__in_pause",
            {"customer_journey_state": {"in_pause": 1}},
        ),
        ("PAYLOAD__CAMPAIGNNAME", {"payload": {"campaignName": 1}}),
        ("a__B", {"a": {"B": 1}}),
        ("external_ids__external_id", {"external_ids": {"external_id": 1}}),
        # no parts at all
        ("__a", {"__a": 1}),
        ("a__", {"a__": 1}),
        ("__", {"__": 1}),
        # Singer's own
        ("_sdc_sequence", {}),
        ("_SDC_EXTRACTED_AT", {}),
        ("_sdc_x__y", {}),
    ],
)
def test_a_column_is_the_field_that_its_name_means(
    column: str, expected: dict[str, Any]
) -> None:
    columns = Columns()

    assert columns.arrange({column: 1}) == expected
    assert columns.arrange({column: 1}) == expected  # and so it stays


def test_another_separator_takes_the_place_of_two_underscores() -> None:
    columns = Columns(separator=".")

    assert columns.arrange({"a.b": 1, "a__b": 2}) == {"a": {"b": 1}, "a__b": 2}


def test_nulls_are_no_fields() -> None:
    assert Columns().arrange({"a": None, "b__c": None, "d": 0}) == {"d": 0}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a": {"b": 1}}, {"a__c": 2}),
        ({"a": '{"b": 1}'}, {"a__c": 2}),
        ({"a__b": 1}, {"a__c": 2}),
        ({"a": {"b": 1}}, {"A": {"c": 2}}),
        ({"a": '{"b": 1}'}, {"A": '{"c": 2}'}),
    ],
    ids=repr,
)
def test_what_several_columns_tell_of_an_object_comes_together(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert Columns().arrange(first | second) == {"a": {"b": 1, "c": 2}}
    assert Columns().arrange(second | first) == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize("told", [{"b": 1}, [1], 7])
def test_of_a_value_and_a_text_the_value_counts(told: object) -> None:
    assert Columns().arrange({"x": "text", "X": told}) == {"x": told}
    assert Columns().arrange({"X": told, "x": "text"}) == {"x": told}


def test_arranging_leaves_the_record_alone() -> None:
    record = {"a": {"b": {"c": 1}}, "a__b__d": 2, "A__E": 3}

    assert Columns().arrange(record) == {"a": {"b": {"c": 1, "d": 2}, "e": 3}}
    assert record == {"a": {"b": {"c": 1}}, "a__b__d": 2, "A__E": 3}


def test_names_that_never_come_again_are_not_kept_for_ever() -> None:
    columns = Columns()

    for number in range(3 * _MOST_COLUMNS):
        assert columns.arrange({f"a__{number}": 1}) == {"a": {f"{number}": 1}}

    assert len(columns._paths) <= _MOST_COLUMNS


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
        ("[" * 100_000 + "]" * 100_000, "[" * 100_000 + "]" * 100_000),
        (" [1]", " [1]"),
        ("null", "null"),
        ("12", "12"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_value_is_as_the_nested_shape_has_it(value: object, expected: object) -> None:
    assert plain_value(value) == expected


@pytest.mark.parametrize(
    ("known", "beside"),
    [
        ([{"id": "d"}], {"devices__count": 1}),
        ("Holiday paywall", {"devices__lang": "en"}),
        ({"id": "d"}, {"devices__id__part": 1}),
    ],
)
@pytest.mark.parametrize("comes_first", [True, False])
def test_a_part_of_what_has_no_parts_keeps_its_own_column(
    known: Any, beside: dict[str, Any], *, comes_first: bool
) -> None:
    whole = {"devices": known}
    record = whole | beside if comes_first else beside | whole
    assert Columns().arrange(record) == whole | beside


# Parts of containers


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("devices__0__id", {"devices": {"0": {"id": 1}}}),
        ("devices.0.id", {"devices": {"0": {"id": 1}}}),
        ("devices_0_id", {"devices": {"0": {"id": 1}}}),
        ("devices[0].platform.id", {"devices": {"0": {"platform": {"id": 1}}}}),
        ("DEVICES__0__PLATFORM__ID", {"devices": {"0": {"platform": {"id": 1}}}}),
        ("external_ids__11", {"external_ids": {"11": 1}}),
        ("externalIds__0__value", {"external_ids": {"0": {"value": 1}}}),
        ("devices__list", {"devices": {"list": 1}}),
        ("active_entitlements__results", {"active_entitlements": {"results": 1}}),
        (
            "customer_journey_state_in_pause",
            {"customer_journey_state": {"in_pause": 1}},
        ),
        (
            "customer_journey_state.in_pause",
            {"customer_journey_state": {"in_pause": 1}},
        ),
        ("_airbyte_data", {"_airbyte_data": 1}),
        ("User ID", {"user_id": 1}),
    ],
)
def test_a_part_of_a_container_is_known_by_its_name(
    column: str, expected: dict[str, Any]
) -> None:
    columns = Columns()

    assert columns.arrange({column: 1}) == expected
    assert not columns.misfits


@pytest.mark.parametrize(
    "column",
    [
        *["devices_count", "devices__count", "external_ids_hash", "DEVICES_SEEN"],
        *["customer_journey_state_new", "customer_journey_state__new"],
        "activeEntitlementsText",
    ],
)
def test_a_column_that_begins_like_a_container_and_fits_nowhere_is_a_misfit(
    column: str,
) -> None:
    columns = Columns()
    name = column.lower() if column.isupper() else column

    for _ in range(2):
        assert columns.arrange({column: 1}) == {name: 1}
        assert columns.misfits == {name}
        assert not columns.are_plain({column: 1})


def test_a_documented_property_is_no_misfit() -> None:
    columns = Columns()

    assert columns.arrange({"devices_with_access": []}) == {"devices_with_access": []}
    assert not columns.misfits


# Properties

ANYTHING: Final[list[Any]] = [
    None, "", "x", "0", "true", "null", "[]", "{}", "[1", "\ud83d", True, False,
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
    | st.text(st.characters(codec=None, exclude_categories=()))
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
        {"\ud83d": {}, "a": "\ud83d"},
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
