"""The tracking plan says of events what the mapping makes of records, and no more."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import pytest

from target_amplitude_nami.amplitude.event import AmplitudeEvent, EncodedEvent
from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.pipeline.event_builder import EventBuilder
from target_amplitude_nami.pipeline.plan.model import PlannedProperty, fits, kind_of
from target_amplitude_nami.pipeline.plan.seen_events import SeenEvents
from target_amplitude_nami.pipeline.plan.tracking_plan import tracking_plan
from tests.support.nami import impression as anonymous_impression
from tests.support.pipeline_harness import make_settings
from tests.support.records import (
    OTHER_EVENTS,
    RECORDS,
    USER_EVENTS,
    Record,
    transaction,
    user,
)
from tests.support.shapes import FORMS, SHAPES, SOURCES, Shape

ALL_EVENTS: Final = ["*", *catalogue.NAMES]
DOCUMENTED: Final = (
    USER_EVENTS
    | OTHER_EVENTS
    | {
        "user": user(),
        "anonymous": anonymous_impression(1),
        "refund": transaction(amount=-5, currency=None),
    }
)
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "defaults": {},
    "history": {"backfill": True},
    "revenue": {"revenue": "transactions"},
    "Nami's ids": {"user_source": "nami_user_id"},
    "Nami's ids for the anonymous": {"anonymous_users": "nami_user_id"},
    "without the anonymous": {"anonymous_users": "skip"},
    "all user properties": {"extra_user_properties": ["*"]},
    "fewer event properties": {"exclude_properties": ["app_*", "amount"]},
    "other names": {
        "event_prefix": "nami ",
        "event_names": [
            {"event": "user.subscription.paused", "name": "break"},
            {"event": "user.subscription.resumed", "name": "break"},
            {"event": "device.transaction", "name": "break"},
        ],
    },
}
OF_LANDING_TABLES: Final = {"received_at", "source", "event_id"}
"""What the shapes with a payload have beside it."""


def sent(config: dict[str, Any], records: dict[str, Record], shape: Shape) -> list[Any]:
    """Return what the events of records are, decoded."""
    builder = EventBuilder(make_settings(events=ALL_EVENTS, **config))
    built = [builder.build(shape(record)) for record in records.values()]
    return [json.loads(each.body) for each in built if isinstance(each, EncodedEvent)]


def by_name(properties: tuple[PlannedProperty, ...]) -> dict[str, PlannedProperty]:
    """Return properties by name."""
    return {each.name: each for each in properties}


def differences(config: dict[str, Any], events: list[Any]) -> set[str]:
    """Return what the events have and the plan has not, or has otherwise."""
    plan = tracking_plan(make_settings(events=ALL_EVENTS, **config))
    events_by_name = {event.name: event for event in plan.events}
    of_users = by_name(plan.user_properties)
    wrong = set()
    for event in events:
        name = event["event_type"]
        planned = events_by_name[name]
        fields = {k: v for k, v in event.items() if not k.endswith("_properties")}
        set_by = event.get("user_properties", {})
        for found, known in (
            (fields, by_name(planned.fields)),
            (event.get("event_properties", {}), by_name(planned.event_properties)),
            (set_by.get("$set", set_by), of_users),
        ):
            for key, value in found.items():
                if key not in known:
                    if key not in OF_LANDING_TABLES:
                        wrong.add(f"{name} has {key}")
                elif not fits(kind_of(value), known[key].type):
                    wrong.add(f"{name} has {key} as {kind_of(value)}")
            wrong |= {
                f"{name} lacks {key}"
                for key, each in known.items()
                if each.present == "always" and key not in found
            }
        if set_by and not planned.sets_user_properties and "backfill" not in config:
            wrong.add(f"{name} sets user properties")
    return wrong


@pytest.mark.parametrize("settings", SETTINGS)
def test_all_that_is_sent_is_planned(settings: str) -> None:
    config = SETTINGS[settings]
    events = sent(config, DOCUMENTED, SHAPES["nested"])
    assert {event["event_type"] for event in events} >= {"$identify"}
    assert len(events) >= 14  # all but those of an anonymous user without a device
    assert differences(config, events) == set()


@pytest.mark.parametrize("shape", [*SHAPES, *SOURCES])
def test_it_is_planned_whatever_the_shape_of_the_record(shape: str) -> None:
    config = {"extra_user_properties": ["*"], "revenue": "transactions"}
    events = sent(config, DOCUMENTED, (SHAPES | SOURCES)[shape])
    assert len(events) == len(DOCUMENTED)
    assert differences(config, events) == set()


@pytest.mark.parametrize("form", FORMS)
def test_it_is_planned_whatever_the_form_of_values(form: str) -> None:
    config = {"extra_user_properties": ["*"]}
    events = sent(config, DOCUMENTED, FORMS[form])
    assert len(events) == len(DOCUMENTED)
    assert differences(config, events) == set()


def test_a_documented_record_has_all_that_it_usually_has() -> None:
    config = {"extra_user_properties": ["*"]}
    plan = tracking_plan(make_settings(events=ALL_EVENTS, **config))
    planned = {event.name: event for event in plan.events}
    usual_of_users = {p.name for p in plan.user_properties if p.present == "usually"}
    for event in sent(config, DOCUMENTED, SHAPES["nested"]):
        of_event = planned[event["event_type"]].event_properties
        usual = {p.name for p in of_event if p.present == "usually"}
        assert usual <= event.get("event_properties", {}).keys()
        if planned[event["event_type"]].sets_user_properties:
            found = event["user_properties"]
            assert usual_of_users <= found.get("$set", found).keys()


def test_any_record_is_planned_once_it_was_seen() -> None:
    settings = make_settings(events=ALL_EVENTS)
    builder = EventBuilder(settings)
    seen = SeenEvents()
    events = []
    for record in RECORDS.values():
        built = builder.build(record)
        if isinstance(built, EncodedEvent):
            seen.on_event("main", built)
            events.append(json.loads(built.body))
    plan = tracking_plan(settings, seen)
    planned = {event.name: by_name(event.event_properties) for event in plan.events}

    assert len(events) > 50
    for event in events:
        for key, value in event.get("event_properties", {}).items():
            found = planned[event["event_type"]][key]
            assert found.seen is not None
            assert any(fits(kind_of(value), kind) for kind in found.seen.types)


def test_every_field_of_an_event_is_planned_where_the_settings_send_it() -> None:
    planned: set[str] = set()
    for config in SETTINGS.values():
        for event in tracking_plan(make_settings(**config)).events:
            planned |= {each.name for each in event.fields}
    properties = {"event_properties", "user_properties"}
    fields = {each.encode_name for each in msgspec.structs.fields(AmplitudeEvent)}
    assert planned == fields - properties
