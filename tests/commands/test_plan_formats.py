"""A plan is written so that Amplitude, Markdown and spreadsheets read what is meant."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from target_amplitude_nami.commands.plan_formats import (
    EVENT_COLUMNS,
    USER_COLUMNS,
    as_csv,
    as_markdown,
)
from target_amplitude_nami.pipeline.plan.model import (
    PlannedEvent,
    PlannedProperty,
    Seen,
    TrackingPlan,
)
from target_amplitude_nami.pipeline.plan.tracking_plan import tracking_plan
from tests.support.pipeline_harness import make_settings


def a_property(name: str = "arm", **changes: Any) -> PlannedProperty:
    """Make a property that an input has."""
    kept = {"type": "string", "description": "", "source": "input"}
    return PlannedProperty(name=name, **(kept | changes))


def a_plan(*properties: PlannedProperty, name: str = "shown") -> TrackingPlan:
    """Make a plan of one event with these properties, which users have, too."""
    event = PlannedEvent(
        name=name,
        nami_events=("device.impression",),
        description="A paywall was shown.",
        sets_user_properties=False,
        fields=(),
        event_properties=properties,
    )
    return TrackingPlan(events=(event,), user_properties=properties, notes=())


def rows(text: str) -> list[dict[str, str]]:
    """Read a CSV file, without the cells that are empty."""
    found = csv.DictReader(io.StringIO(text))
    return [{name: cell for name, cell in row.items() if cell} for row in found]


# CSV


def test_the_csv_files_have_the_columns_of_amplitude() -> None:
    files = as_csv(tracking_plan(make_settings()))
    assert files.events.splitlines()[0].split(",") == list(EVENT_COLUMNS)
    assert files.user_properties.splitlines()[0].split(",") == list(USER_COLUMNS)


def test_properties_follow_their_event_and_amplitudes_own_is_left_out() -> None:
    found = rows(
        as_csv(tracking_plan(make_settings(events=["*", "purchase.updated"]))).events
    )
    assert [row["Object Name"] for row in found if "Object Type" in row][-1] == (
        "user.subscription.resumed"
    )
    at = next(
        n for n, row in enumerate(found) if row.get("Object Name") == "purchase.updated"
    )
    assert found[at]["Object Type"] == "Event"
    assert found[at + 1] == {
        "Property Type": "Event Property",
        "Event Property Name": "collapse_key",
        "Property Description": "Key of the purchase: the newest event of each key "
        "holds. Example: apple-1000000512345678",
        "Property Value Type": "string",
    }


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("string", {"Property Value Type": "string"}),
        ("time", {"Property Value Type": "string"}),
        ("number", {"Property Value Type": "number"}),
        ("integer", {"Property Value Type": "number", "Number Is Integer": "True"}),
        ("boolean", {"Property Value Type": "boolean"}),
        (
            "array of string",
            {"Property Value Type": "string", "Property Is Array": "True"},
        ),
        ("array", {"Property Value Type": "any", "Property Is Array": "True"}),
        ("object", {"Property Value Type": "any"}),
        ("any", {"Property Value Type": "any"}),
    ],
)
def test_each_type_has_its_cells(kind: Any, cells: dict[str, str]) -> None:
    found = rows(as_csv(a_plan(a_property(type=kind))).events)[1]
    assert found == {
        "Property Type": "Event Property",
        "Event Property Name": "arm",
        **cells,
    }


def test_what_is_always_there_is_required() -> None:
    found = rows(as_csv(a_plan(a_property(present="always"))).user_properties)
    assert found == [
        {
            "Property Type": "User Property",
            "Property Name": "arm",
            "Property Value Type": "string",
            "Property Required": "True",
        }
    ]


def test_arrays_of_the_users_state_have_no_repeats() -> None:
    found = rows(as_csv(tracking_plan(make_settings())).user_properties)
    unique = {row["Property Name"]: row.get("Array Unique Items") for row in found}
    assert unique["namiml_active_skus"] == "TRUE"
    assert unique["namiml_in_trial_period"] is None


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("a;=1+1", "a;'=1+1"),
        ("a\t+1", "a\\t+1"),
        ("a, =1", "a, '=1"),
        ("de_DE@currency=EUR", "de_DE@currency=EUR"),
        (-2.5, "'-2.5"),
        ('say "a", b', 'say "a", b'),
        ("two\nlines", "two\\nlines"),
    ],
)
def test_an_example_is_no_formula_and_no_second_row(
    example: object, shown: str
) -> None:
    found = rows(as_csv(a_plan(a_property(example=example))).events)
    assert len(found) == 2
    assert found[1]["Property Description"] == f"Example: {shown}"


@pytest.mark.parametrize("name", ["=cmd", "+1", "-a", "@b", " =cmd", "\t=cmd", "\r@x"])
def test_a_property_whose_name_is_a_formula_is_left_out_and_named(name: str) -> None:
    files = as_csv(a_plan(a_property(name), a_property("arm")))
    assert files.left_out == (name,)
    assert [row["Property Name"] for row in rows(files.user_properties)] == ["arm"]


def test_names_with_commas_quotes_and_line_ends_stay_as_they_are() -> None:
    name = 'a, "b"\nc'
    found = rows(as_csv(a_plan(a_property(name))).events)
    assert found[1]["Event Property Name"] == name


# Markdown


def table_row(planned: PlannedProperty) -> str:
    """Return the line of a property."""
    lines = list(as_markdown(a_plan(planned)))
    return lines[lines.index("## User properties") + 4]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a|b", "`a\\|b`"),
        ("a`b", "`` a`b ``"),
        ("`", "`` ` ``"),
        ("a\nb", "`a\\nb`"),
        ("\x1b[31m", "`\\x1b[31m`"),
        ("<b>", "`<b>`"),
        ("", "` `"),
    ],
)
def test_names_and_examples_do_not_break_the_table(text: str, code: str) -> None:
    row = table_row(a_property(text, example=text))
    assert row == f"| {code} | string | sometimes |  | {code} |"


def test_what_the_input_has_stands_in_a_column_of_its_own() -> None:
    seen = Seen(1, ("integer", "string"))
    row = table_row(a_property(type="number", seen=seen))
    assert row == "| `arm` | number | sometimes |  | 1 event, also as string |"


def test_fields_that_all_events_have_stand_once() -> None:
    lines = list(as_markdown(tracking_plan(make_settings(revenue="transactions"))))
    of = {name: sum(f"| `{name}` |" in line for line in lines) for name in FIELDS}
    assert of == FIELDS
    assert "## Fields of every event" in lines


FIELDS = {"insert_id": 2, "user_id": 1, "revenue": 1, "event_type": 0}
"""How often each is in a plan: `$identify` has an insert id of another kind."""


def test_renamed_events_name_those_that_they_come_from() -> None:
    lines = list(as_markdown(a_plan(a_property(), name="Paywall | shown")))
    assert "## `Paywall \\| shown`" in lines
    assert "From `device.impression` of Nami." in lines


def test_properties_that_were_too_many_are_counted() -> None:
    plan = TrackingPlan(events=(), user_properties=(), notes=("A note.",), left_out=1)
    lines = list(as_markdown(plan))
    assert "Not listed: 1 more property of the input." in lines
    assert lines[:3] == ["# Tracking plan", "", "A note."]
    assert "None." in lines
