"""What the pure core makes of a record, of what is known of its user, and settings."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.outcomes import Refusal, dedup_key
from target_amplitude_nami.pipeline.event_builder import EventBuilder
from target_amplitude_nami.pipeline.event_filter import Filtered
from target_amplitude_nami.store.profiles import UNKNOWN_USER, UserProfile
from tests.support.pipeline_harness import make_settings
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    NAMI_USER,
    Record,
    external_ids,
    impression,
    user,
    user_event,
    without,
)

ANONYMOUS = impression(external_ids=external_ids()[:1])
STATELESS = without(
    user_event(), "devices", "active_entitlements", "customer_journey_state"
)
KNOWN = UserProfile(external_id="known-user").with_state(
    UserState(active_skus=["monthly"]), 1_716_944_000_000
)


def build(record: Any, known: UserProfile = UNKNOWN_USER, **config: Any) -> Any:
    return EventBuilder(make_settings(**config)).build(record, known)


def test_an_event_comes_with_all_that_delivery_needs() -> None:
    event = build(impression())

    assert isinstance(event, EncodedEvent)
    insert_id = impression()["id"]
    assert json.loads(event.body)["insert_id"] == insert_id
    assert (event.user_id, event.device_id) == (EXTERNAL_ID, DEVICE)
    assert event.user_key == NAMI_USER
    assert event.sent_event.key == dedup_key(insert_id, DEVICE, EXTERNAL_ID)
    assert event.sent_event.event_type == "device.impression"
    assert (event.origin.report_key, event.origin.stream) == (
        "device.impression",
        "records",
    )


def test_the_same_record_has_the_same_bytes_each_time() -> None:
    builder = EventBuilder(make_settings())
    first, _, again = (
        builder.build(one) for one in (impression(), user(), impression())
    )

    assert isinstance(first, EncodedEvent)
    assert isinstance(again, EncodedEvent)
    assert first.body == again.body


def test_what_is_known_of_a_user_completes_a_record() -> None:
    event = json.loads(build(ANONYMOUS, KNOWN).body)
    assert event["user_id"] == "known-user"

    event = json.loads(build(STATELESS, KNOWN).body)
    assert event["user_properties"] == {"namiml_active_skus": ["monthly"]}
    assert event["user_id"] == EXTERNAL_ID


def test_a_known_state_that_is_newer_is_not_sent_in_an_older_event() -> None:
    older = STATELESS | {"created_date": "2024-05-01"}

    assert "user_properties" not in json.loads(build(older, KNOWN).body)


@pytest.mark.parametrize(
    ("record", "config", "outcome"),
    [
        (impression(), {"events": ["user.*"]}, Filtered("event_not_chosen")),
        (ANONYMOUS, {"anonymous_users": "skip"}, Filtered("anonymous_user")),
        ({"id": 1, "amount": 5}, {}, Filtered("not_nami")),
        (impression(__deleted="true"), {}, Filtered("deleted_at_source")),
        (
            impression(created_date="soon", __deleted="t"),
            {},
            Filtered("deleted_at_source"),
        ),
        (
            impression(created_date="soon"),
            {"events": ["user.*"]},
            Filtered("event_not_chosen"),
        ),
        (
            {"user_id": NAMI_USER, "external_ids": external_ids()},
            {},
            Filtered("nothing_to_set"),
        ),
    ],
)
def test_what_the_settings_leave_out_is_filtered_with_a_reason(
    record: Record, config: dict[str, Any], outcome: Filtered
) -> None:
    assert build(record, **config) == outcome


@pytest.mark.parametrize(
    ("record", "config", "reason", "field"),
    [
        (impression(created_date="soon"), {}, "time_unreadable", "created_date"),
        (impression(event_type=None), {}, "event_type_missing", "event_type"),
        (ANONYMOUS, {"anonymous_users": "reject"}, "anonymous_user", "external_ids"),
        (impression(x=Decimal("NaN")), {}, "number_not_finite", "event_properties"),
        (impression(x=object()), {}, "value_not_json", "x"),
        (impression(x=["y" * 1000] * 1000), {}, "event_too_large", ""),
        (
            ANONYMOUS,
            {"anonymous_users": "hold", "memory_path": "memory.db"},
            "anonymous_user",
            "external_ids",
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_reason_and_a_field(
    record: Record, config: dict[str, Any], reason: str, field: str
) -> None:
    refusal = build(record, **config)

    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (reason, field)
    assert refusal.detail


def test_a_record_that_was_read_before_is_taken_as_it_is() -> None:
    event = NamiEvent(
        event_type="device.impression",
        time=1_716_944_000_000,
        event_id="event-1",
        user_id=NAMI_USER,
        external_id=EXTERNAL_ID,
        device_id=None,
        state=NO_STATE,
        properties={"name": "paywall"},
    )

    assert json.loads(build(event).body)["event_properties"] == {"name": "paywall"}


def test_streams_that_the_settings_name_hold_what_they_say() -> None:
    builder = EventBuilder(make_settings(event_streams=["events"]))

    assert isinstance(builder.build(impression(), stream="events"), EncodedEvent)
    assert builder.build(impression(), stream="others") == Filtered("not_nami")
