"""A tracking plan says what the settings send, and what an input adds to that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.pipeline.event_builder import EventBuilder
from target_amplitude_nami.pipeline.plan.model import Seen, common_kind
from target_amplitude_nami.pipeline.plan.seen_events import SeenEvents
from target_amplitude_nami.pipeline.plan.tracking_plan import (
    tracking_plan,
    without_examples,
)
from target_amplitude_nami.settings.declared import EXTRA_USER_PROPERTIES
from tests.support.nami import impression, subscription
from tests.support.pipeline_harness import THE_EIGHT, make_settings
from tests.support.records import transaction

if TYPE_CHECKING:
    from target_amplitude_nami.pipeline.plan.model import (
        PlannedEvent,
        PlannedProperty,
        TrackingPlan,
    )

PAUSED, RESUMED = "user.subscription.paused", "user.subscription.resumed"


def plan_of(
    *records: dict[str, Any], only_seen: bool = False, **config: Any
) -> TrackingPlan:
    """Make the plan of settings, with an input where there are records."""
    settings = make_settings(**config)
    if not records:
        return tracking_plan(settings)
    seen = SeenEvents()
    builder = EventBuilder(settings)
    for record in records:
        event = builder.build(record)
        assert isinstance(event, EncodedEvent)
        seen.on_event("main", event)
    return tracking_plan(settings, seen, only_seen=only_seen)


def event_of(plan: TrackingPlan, name: str) -> PlannedEvent:
    """Return the event of a name."""
    return next(event for event in plan.events if event.name == name)


def property_of(event: PlannedEvent, name: str) -> PlannedProperty:
    """Return the event property, or field, of a name."""
    both = (*event.event_properties, *event.fields)
    return next(each for each in both if each.name == name)


def field_names(event: PlannedEvent) -> set[str]:
    """Return the names of an event's fields."""
    return {each.name for each in event.fields}


# The settings


def test_the_plan_has_the_events_that_are_sent_and_then_user_records() -> None:
    names = [event.name for event in plan_of().events]
    assert names == [*catalogue.OFFERED, "$identify"]


def test_a_filter_renames_and_a_prefix_show_in_the_names() -> None:
    plan = plan_of(
        events=[PAUSED, "device.*"],
        event_names=[
            {"event": "device.impression", "name": ""},
            {"event": PAUSED, "name": "Break"},
        ],
        event_prefix="Nami ",
    )
    names = [event.name for event in plan.events]
    assert names == ["Nami device.transaction", "Nami Break", "$identify"]
    assert event_of(plan, "Nami Break").nami_events == (PAUSED,)


def test_types_that_share_a_name_are_one_event() -> None:
    names = [
        {"event": each, "name": "Subscription"}
        for each in (RESUMED, PAUSED, "device.transaction")
    ]
    event = event_of(plan_of(event_names=names), "Subscription")
    assert event.nami_events == ("device.transaction", PAUSED, RESUMED)
    assert event.description.count(".") == 3
    names_of_properties = [each.name for each in event.event_properties]
    assert len(names_of_properties) == len(set(names_of_properties))
    assert property_of(event, "event_platform").present == "sometimes"
    assert event.sets_user_properties


def test_a_type_that_nami_does_not_document_is_planned_by_its_name() -> None:
    event = event_of(plan_of(events=["user.wish.made"]), "user.wish.made")
    assert event.description == "user.wish.made, which Nami does not document."
    assert event.sets_user_properties


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ([], THE_EIGHT),
        (["namiml_user_id"], THE_EIGHT | {"namiml_user_id"}),
        (["*"], THE_EIGHT | set(EXTRA_USER_PROPERTIES)),
    ],
)
def test_user_properties_are_the_eight_and_the_extra_ones(
    extra: list[str], names: set[str]
) -> None:
    plan = plan_of(extra_user_properties=extra)
    assert {each.name for each in plan.user_properties} == names


def test_excluded_properties_are_not_in_the_plan() -> None:
    event = event_of(plan_of(exclude_properties=["campaign*"]), "device.impression")
    assert not [p for p in event.event_properties if p.name.startswith("campaign")]


def test_revenue_is_planned_for_transactions_alone() -> None:
    revenue = {"revenue", "currency", "productId", "revenueType"}
    with_revenue = plan_of(revenue="transactions")
    bought = event_of(with_revenue, "device.transaction")
    assert revenue <= field_names(bought)
    assert not revenue & field_names(event_of(with_revenue, PAUSED))
    assert not revenue & field_names(event_of(plan_of(), "device.transaction"))


@pytest.mark.parametrize(
    ("config", "present", "words"),
    [
        ({}, "sometimes", "absent while a user has none"),
        ({"anonymous_users": "nami_user_id"}, "always", "or Nami's own user id"),
        ({"anonymous_users": "skip"}, "always", "left out"),
        ({"anonymous_users": "reject"}, "always", "rejected"),
        ({"anonymous_users": "hold", "memory_path": "m.db"}, "always", "wait for it"),
        ({"user_source": "nami_user_id"}, "usually", "Nami's own user id."),
    ],
)
def test_the_user_id_is_what_the_settings_make_it(
    config: dict[str, Any], present: str, words: str
) -> None:
    user_id = property_of(event_of(plan_of(**config), PAUSED), "user_id")
    assert user_id.present == present
    assert words in user_id.description


def test_in_a_backfill_user_records_alone_set_user_properties() -> None:
    plan = plan_of(backfill=True)
    skip = "$skip_user_properties_sync"
    assert property_of(event_of(plan, PAUSED), skip).present == "always"
    assert [e.name for e in plan.events if e.sets_user_properties] == ["$identify"]
    assert skip not in field_names(event_of(plan, "$identify"))
    assert any("`backfill`" in note for note in plan.notes)


def test_without_protection_from_old_state_nothing_is_kept_from_user_properties() -> (
    None
):
    plan = plan_of(stale_user_properties="send")
    assert "$skip_user_properties_sync" not in field_names(event_of(plan, PAUSED))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"sandbox_purchases": "skip"}, "not production"),
        ({"sandbox_api_key": "a" * 32}, "`sandbox_api_key`"),
        ({"start_date": "2026-06-01"}, "before 2026-06-01T00:00:00+00:00"),
    ],
)
def test_what_else_the_settings_do_is_noted(config: dict[str, Any], words: str) -> None:
    assert any(words in note for note in plan_of(**config).notes)
    assert not any(words in note for note in plan_of().notes)


# An input


def test_an_input_adds_its_properties_to_the_documented_ones() -> None:
    plan = plan_of(impression(1, arm="b", name="Summer"), impression(2, arm="a"))
    event = event_of(plan, "device.impression")
    arm, name = property_of(event, "arm"), property_of(event, "name")
    assert event.seen == 2
    assert (arm.type, arm.source, arm.seen) == ("string", "input", Seen(2, ("string",)))
    assert (name.source, name.example, name.seen) == (
        "nami",
        "Summer",
        Seen(1, ("string",)),
    )
    assert property_of(event, "cta_type").seen is None
    assert event_of(plan, PAUSED).seen == 0


def test_a_documented_property_keeps_the_spelling_of_the_input() -> None:
    record = impression(1, campaign_name="Summer", campaignId="c-1")
    event = event_of(plan_of(record), "device.impression")
    name = property_of(event, "campaign_name")
    assert (name.source, name.description) == ("nami", "Name of the campaign.")
    assert "campaignName" not in {each.name for each in event.event_properties}


def test_what_nami_documents_for_other_events_has_its_meaning_everywhere() -> None:
    event = event_of(plan_of(subscription(1, PAUSED, amount="5")), PAUSED)
    amount = property_of(event, "amount")
    assert (amount.source, amount.type) == ("input", "number")
    assert amount.description == "What was paid, in `currency`."


def test_a_type_that_does_not_fit_the_documented_one_shows() -> None:
    odd = transaction(amount="nine", quantity="2")
    event = event_of(plan_of(odd), "device.transaction")
    assert property_of(event, "amount").type == "number"
    assert property_of(event, "amount").unexpected_types == ("string",)
    assert property_of(event, "purchase_date").unexpected_types == ()


def test_only_what_was_seen_remains_if_that_is_wanted() -> None:
    plan = plan_of(impression(1, arm="b"), only_seen=True)
    assert [event.name for event in plan.events] == ["device.impression"]
    assert [each.name for each in plan.events[0].event_properties] == ["arm"]
    assert plan.user_properties == ()


def test_without_examples_nothing_of_anybody_is_left() -> None:
    plan = without_examples(plan_of(impression(1, arm="b"), subscription(2)))
    properties = [
        *plan.user_properties,
        *(each for event in plan.events for each in event.event_properties),
        *(each for event in plan.events for each in event.fields),
    ]
    assert {each.example for each in properties} == {None}


@pytest.mark.parametrize(
    ("kinds", "common"),
    [
        (["string"], "string"),
        (["integer", "number"], "number"),
        (["array", "array of string"], "array"),
        (["string", "integer"], "any"),
        ([], "any"),
    ],
)
def test_the_type_of_a_property_of_the_input_is_the_narrowest_that_holds(
    kinds: list[Any], common: str
) -> None:
    assert common_kind(kinds) == common
