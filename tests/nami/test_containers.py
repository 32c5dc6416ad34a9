"""What a record says about its user is in the event, or the record is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.outcomes import Refusal
from tests.support.pipeline_harness import PipelineHarness
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    OTHER_DEVICE,
    OTHER_PLATFORM,
    PLATFORM,
    Record,
    device,
    entitlement,
    external_ids,
    impression,
    journey,
    user,
    user_event,
    without,
)
from tests.support.shapes import (
    ARRAY_FORMS,
    CONTAINERS,
    FORMATS,
    SHAPES,
    as_map,
    json_text,
    typed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FULL: dict[str, Any] = {
    "active_entitlements": [entitlement(), entitlement("gold", "radio_yearly")],
    "devices": [device(), device(OTHER_DEVICE, OTHER_PLATFORM)],
    "external_ids": external_ids(),
    "customer_journey_state": journey("in_trial_period", "is_cancelled"),
}
"""Two of everything, so that one can be lost."""

EXTRAS: Record = {"extra_user_properties": ["*"]}
HARNESS = PipelineHarness(**EXTRAS)
EVENT = HARNESS.result(user_event(**FULL))
USER = HARNESS.result(user(**FULL))


def refused(field: str, value: object) -> Refusal:
    """Return why a record with this value is refused."""
    outcome = HARNESS.encode(user_event() | {field: value})
    assert isinstance(outcome, Refusal), outcome
    return outcome


# Every form, nested at random


def size(value: object) -> int:
    """Return the number of members, as a page of results tells it."""
    return len(value) if isinstance(value, list | dict) else 1


STRANGE: dict[str, Callable[[Any], Any]] = {
    "in another object": lambda value: {"rows": value},
    "in another array": lambda value: [value],
    "Python's words": repr,
    "columns": lambda value: {"f": [{"v": value}]},
    "beside nothing": lambda value: [value, None],
    "beside something": lambda value: [value, {"x": 1}],
    "an empty key": lambda value: {"": value},
    "a map": lambda value: as_map(value) if isinstance(value, dict) else value,
    "pairs": lambda value: (
        [[name, member] for name, member in value.items()]
        if isinstance(value, dict)
        else value
    ),
    "an element": lambda value: {"element": value},
    "typed text": lambda value: {"S": json_text(value)},
    "a byte order mark": lambda value: "\ufeff" + json_text(value),
    "nulls for keys": lambda value: (
        dict.fromkeys(value) if isinstance(value, dict) else value
    ),
    "a page of more": lambda value: {"next": "https://…?page=2", "results": value},
    "text in a page": lambda value: {"count": size(value), "results": json_text(value)},
    "a typed page": lambda value: typed({"count": size(value), "results": value}),
    "the first of a page": lambda value: {
        "count": size(value),
        "results": json_text(value[:1] if isinstance(value, list) else value),
    },
    "the first one": lambda value: value[:1] if isinstance(value, list) else value,
}
LESS = {"nulls for keys", "the first one"}
"""Forms that lose something themselves: nobody could know."""


@st.composite
def written(draw: st.DrawFn, whole: Any) -> Any:
    """Write a container in one form within another, as a whole or member by member."""
    forms = {
        **{name: write for name, write in STRANGE.items() if name not in LESS},
        **FORMATS,
    }
    value = whole
    for _ in range(draw(st.integers(1, 4))):
        if isinstance(value, list) and draw(st.booleans()):
            write = draw(st.sampled_from([*forms.values()]))
            value = [write(item) if draw(st.booleans()) else item for item in value]
        elif isinstance(value, list):
            value = draw(st.sampled_from([*forms.values(), *ARRAY_FORMS.values()]))(
                value
            )
        else:
            value = draw(st.sampled_from([*forms.values()]))(value)
    return value


@settings(deadline=None, max_examples=500)
@given(data=st.data(), container=st.sampled_from(CONTAINERS))
def test_any_form_of_a_container_gives_the_whole_event_or_a_reject(
    data: st.DataObject, container: str
) -> None:
    value = data.draw(written(FULL[container]))

    for record, expected in (
        (user_event(**FULL), EVENT),
        (user(**FULL), USER),
    ):
        outcome = HARNESS.encode(record | {container: value})
        if isinstance(outcome, EncodedEvent):
            assert outcome.body == expected
        else:
            assert outcome.reason in {
                *["not_understood", "not_json", "not_an_array", "not_an_object"],
                *["not_an_id", "not_a_boolean"],
            }
            assert outcome.field
            assert outcome.detail


@pytest.mark.parametrize("shape", SHAPES)
def test_two_of_everything_arrive_in_every_shape(shape: str) -> None:
    road = PipelineHarness() if "ready-made" in shape else PipelineHarness(**EXTRAS)
    expected = road.result(user_event(**FULL))

    assert road.result(SHAPES[shape](user_event(**FULL))) == expected


# What is understood


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_ids", {"external_id": EXTERNAL_ID}),
        ("external_ids", {"EXTERNAL_ID": EXTERNAL_ID, "original_transaction_id": 7}),
        ("external_ids", as_map({"external_id": EXTERNAL_ID})),
        ("external_ids", [["external_id", EXTERNAL_ID]]),
        ("external_ids", [{"KEY": "external_id   ", "VALUE": f"{EXTERNAL_ID}\r"}]),
        ("external_ids", [{"key": "EXTERNAL_ID", "value": EXTERNAL_ID}]),
        ("external_ids", [None, {}, {"type": "uuid"}, *external_ids()]),
        ("external_ids", as_map(external_ids()[1])),
        ("external_ids", as_map(external_ids()[1])["key_value"]),
        ("external_ids", [{"key": '"external_id"', "value": f'"{EXTERNAL_ID}"'}]),
        ("external_ids", [{"key": "external_id", "value": f'"{EXTERNAL_ID}"'}]),
        ("external_ids", [{"key": "\ufeffexternal_id", "value": EXTERNAL_ID}]),
        (
            "external_ids",
            [{"key": {"v": "external_id"}, "value": {"v": EXTERNAL_ID}}],
        ),
        ("devices", [{"v": {"id": {"v": DEVICE}, "platform": device()["platform"]}}]),
        ("customer_journey_state", {k: {"v": v} for k, v in journey().items()}),
        ("devices", [{"id": DEVICE, "platform__id": PLATFORM}]),
        ("devices", [{"id": DEVICE, "platform.id": PLATFORM}]),
        ("devices", [{"id": DEVICE, "PLATFORM_ID": PLATFORM}]),
        ("devices", [{"id": DEVICE, "appPlatformId": PLATFORM}]),
        ("devices", [{"id": DEVICE, "platform": json_text({"ID": PLATFORM})}]),
        ("devices", {"M": {"id": {"S": DEVICE}, "platform_id": {"S": PLATFORM}}}),
        ("devices", [device(f"{DEVICE}   ", f"\t{PLATFORM}")]),
        ("active_entitlements", [entitlement() | {"description": {"en": "?"}}]),
        ("active_entitlements", [{"name": "?"}, None, entitlement()]),
        ("active_entitlements", {"count": 1, "next": None, "results": [entitlement()]}),
        ("customer_journey_state", typed(journey())),
        (
            "customer_journey_state",
            [{"key": k, "value": v} for k, v in journey().items()],
        ),
        ("customer_journey_state", journey() | {"new_flag": True, "note": {"a": 1}}),
        ("customer_journey_state", {k.title(): str(v) for k, v in journey().items()}),
    ],
    ids=repr,
)
def test_every_form_of_a_container_gives_the_same_event(
    field: str, value: object
) -> None:
    plain = user_event()

    assert HARNESS.result(plain | {field: value}) == HARNESS.result(plain)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("active_entitlements", None),
        ("active_entitlements", ""),
        ("active_entitlements", "null"),
        ("devices", '"null"'),
        ("devices", {"NULL": True}),
        ("devices", {}),
        ("external_ids", "{}"),
        ("active_entitlements", "{}"),
        ("customer_journey_state", {}),
        ("customer_journey_state", {"key_value": []}),
        ("customer_journey_state", dict.fromkeys(journey())),
        ("external_ids", "  "),
    ],
    ids=repr,
)
def test_an_empty_form_of_a_container_says_nothing(field: str, value: object) -> None:
    plain = user_event() | {"external_id": EXTERNAL_ID}

    assert HARNESS.result(plain | {field: value}) == HARNESS.result(
        without(plain, field)
    )


@pytest.mark.parametrize("value", [[], "[]", '"[]"', {"L": []}, {"list": []}], ids=repr)
def test_an_empty_array_is_one_in_every_form(value: object) -> None:
    event = HARNESS.event(user_event(active_entitlements=value))

    assert event["user_properties"]["namiml_active_entitlements"] == []


# What is refused


@pytest.mark.parametrize("more", [{}, {"type": "uuid"}, {"key": None}])
def test_a_value_without_its_key_is_nobody_for_certain(more: Record) -> None:
    record = user_event(external_ids=[{"value": EXTERNAL_ID} | more])
    beside = {"external_id": EXTERNAL_ID}

    assert HARNESS.result(record) == "not_understood"
    assert HARNESS.result(record | beside) == HARNESS.result(user_event())


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("active_entitlements", [{"foo": 1}], "but 'foo'"),
        ("active_entitlements", [entitlement(), {"foo": 1}], "but 'foo'"),
        ("active_entitlements", ["premium"], "the member 'premium'"),
        ("active_entitlements", [{"name": "?"}], "no member with any of"),
        ("active_entitlements", [None], "no member with any of"),
        ("active_entitlements", [{}], "no member with any of"),
        ("active_entitlements", {"premium": entitlement()}, "but 'premium'"),
        ("active_entitlements", [[entitlement()]], "is not an object"),
        (
            "active_entitlements",
            {"count": 3, "results": [entitlement()]},
            "has 1 of 3 results",
        ),
        (
            "active_entitlements",
            {"count": "3", "results": json_text([entitlement()])},
            "has 1 of 3 results",
        ),
        (
            "active_entitlements",
            typed({"count": 3, "results": [entitlement()]}),
            "has 1 of 3 results",
        ),
        (
            "active_entitlements",
            {"next": "https://…?page=2", "results": [entitlement()]},
            "has a next page",
        ),
        (
            "active_entitlements",
            {"total_pages": 2, "results": [entitlement()]},
            "one page of 2",
        ),
        ("devices", [{"v": {"f": [{"v": DEVICE}]}}], "but 'f'"),
        ("devices", [DEVICE], f"the member '{DEVICE}'"),
        ("devices", [{"id": DEVICE, "platform": "apple"}], "the platform 'apple'"),
        ("devices", [{"id": DEVICE, "platform": {"uuid": PLATFORM}}], "with 'uuid'"),
        ("external_ids", [{"name": EXTERNAL_ID}], "but 'name'"),
        ("external_ids", {"name": EXTERNAL_ID}, "but 'name'"),
        ("external_ids", [{"name": "external_id", "value": EXTERNAL_ID}], "as its"),
        ("external_ids", [{"type": "external_id", "value": EXTERNAL_ID}], "as its"),
        (
            "external_ids",
            [{"key": "external_id", "value": '[{"a": 1}]'}],
            "where value should be an id",
        ),
        ("customer_journey_state", {"trial": True}, "but 'trial'"),
        (
            "customer_journey_state",
            as_map(journey()) | {"in_pause": True},
            "more beside its flags",
        ),
        (
            "customer_journey_state",
            typed(journey()) | {"in_pause": True},
            "more beside its flags",
        ),
        (
            "customer_journey_state",
            {"count": 1, "results": json_text(journey()), "in_pause": True},
            "has results beside",
        ),
        (
            "customer_journey_state",
            {"in_pause": True, "rows": json_text(json_text(journey()))},
            "more beside its flags",
        ),
        ("customer_journey_state", {f"f{n}": 1 for n in range(20)}, "and 12 more"),
    ],
    ids=repr,
)
def test_what_is_not_understood_is_refused_with_what_was_found(
    field: str, value: object, found: str
) -> None:
    refusal = refused(field, value)

    assert (refusal.reason, refusal.field) == ("not_understood", field)
    assert found in refusal.detail


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("devices", "apple", "not_json"),
        ("devices", 7, "not_an_array"),
        ("devices", {"id": [DEVICE, OTHER_DEVICE]}, "not_an_id"),
        ("external_ids", [{"key": "external_id", "value": {"a": 1}}], "not_an_id"),
        ("customer_journey_state", "trial", "not_json"),
        ("customer_journey_state", [], "not_an_object"),
        ("customer_journey_state", {"in_pause": "perhaps"}, "not_a_boolean"),
    ],
    ids=repr,
)
def test_a_value_of_another_kind_is_refused(
    field: str, value: object, reason: str
) -> None:
    assert refused(field, value).reason == reason


def test_endless_wrappers_are_refused() -> None:
    value: Any = [device()]
    for _ in range(100):
        value = {"list": value}

    assert refused("devices", value).reason == "not_understood"


# Records whose state is never sent


@pytest.mark.parametrize("field", ["active_entitlements", "customer_journey_state"])
def test_the_state_of_a_device_event_is_not_looked_at(field: str) -> None:
    plain = impression()

    assert HARNESS.result(plain | {field: [{"foo": 1}]}) == HARNESS.result(plain)


@pytest.mark.parametrize("field", ["external_ids", "devices"])
def test_containers_with_the_ids_of_a_device_event_are_checked(field: str) -> None:
    outcome = HARNESS.encode(impression(**{field: [{"foo": 1}]}))

    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.field) == ("not_understood", field)


# Ready-made arrays


@pytest.mark.parametrize(
    "value",
    [
        ["a", "b"],
        '["a", "b"]',
        '"[\\"a\\", \\"b\\"]"',
        {"list": [{"element": "a"}, {"element": "b"}]},
        [{"item": "a"}, {"item": "b"}],
        [{"v": "a"}, {"v": "b"}],
        ['"a"', '"b"'],
        ["a ", "\tb"],
        {"L": [{"S": "a"}, {"S": "b"}]},
        {"SS": ["a", "b"]},
        {"count": 2, "results": ["a", "b"]},
        ["a", None, "b"],
        '\ufeff["a", "b"]',
    ],
    ids=repr,
)
def test_a_ready_made_array_is_understood_in_the_same_forms(value: object) -> None:
    record = without(user_event(), "active_entitlements") | {
        "namiml_active_skus": value
    }

    assert HARNESS.event(record)["user_properties"]["namiml_active_skus"] == ["a", "b"]


@pytest.mark.parametrize(
    "value", ["a", '"a"', '"\\"a\\""', {"S": "a"}, {"v": "a"}, ["a"]], ids=repr
)
def test_one_ready_made_id_is_an_array_of_one(value: object) -> None:
    record = without(user_event(), "active_entitlements") | {
        "namiml_active_skus": value
    }

    assert HARNESS.event(record)["user_properties"]["namiml_active_skus"] == ["a"]


@pytest.mark.parametrize(
    "column", ["NAMIML_ACTIVE_SKUS", "namimlActiveSkus", "NamimlActiveSkus"]
)
def test_a_ready_made_column_is_known_in_any_spelling(column: str) -> None:
    record = without(user_event(), "active_entitlements")

    assert HARNESS.result(record | {column: ["a"]}) == HARNESS.result(
        record | {"namiml_active_skus": ["a"]}
    )


@pytest.mark.parametrize("value", ["null", None, {"NULL": True}, {}, "{}"], ids=repr)
def test_a_ready_made_null_is_nothing(value: object) -> None:
    record = without(user_event(), "active_entitlements") | {
        "namiml_active_skus": value
    }

    assert "namiml_active_skus" not in HARNESS.event(record)["user_properties"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([None], "not_understood"),
        ([{"x": "a"}], "not_an_id"),
        ([["a"]], "not_an_id"),
        ([True], "not_an_id"),
        ([Decimal("1.5")], "not_an_id"),
        ("{a,b}", "not_json"),
        ({"count": 9, "results": ["a"]}, "not_understood"),
    ],
    ids=repr,
)
def test_a_ready_made_array_is_understood_or_refused(
    value: object, reason: str
) -> None:
    record = user_event(namiml_device_ids=value)
    outcome = HARNESS.encode(without(record, "devices"))

    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.field) == (reason, "namiml_device_ids")


# Names
