"""Which of Nami's fields a column is, whatever its spelling."""

from __future__ import annotations

from typing import Any

import pytest

from target_amplitude_nami.nami.columns import _MOST_COLUMNS, Columns


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


@pytest.mark.parametrize("value", [{"b": 1}, [1], 7])
def test_of_a_value_and_a_text_the_value_counts(value: object) -> None:
    assert Columns().arrange({"x": "text", "X": value}) == {"x": value}
    assert Columns().arrange({"X": value, "x": "text"}) == {"x": value}


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


def test_columns_that_are_each_another_field_are_named_as_fields() -> None:
    names = ("EVENT_TYPE", "_sdc_batched_at", "createdDate", "note", "_dlt_id")
    fields = ("event_type", "", "created_date", "note", "")
    assert Columns().fields_of(names) == fields


@pytest.mark.parametrize("column", ["_id", "url_params__utm", "devices__0__id"])
def test_columns_that_have_to_be_put_together_are_no_fields(column: str) -> None:
    assert Columns().fields_of(("id", "note", column)) is None


def test_a_documented_property_is_no_misfit() -> None:
    columns = Columns()

    assert columns.arrange({"devices_with_access": []}) == {"devices_with_access": []}
    assert not columns.misfits
