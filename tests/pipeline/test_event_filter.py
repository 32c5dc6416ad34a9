"""Which events the settings leave out, and what records are counted under."""

from __future__ import annotations

from typing import Any

import pytest

from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.state import NO_STATE
from target_amplitude_nami.outcomes import USERS
from target_amplitude_nami.pipeline.event_filter import OTHER, EventFilter
from tests.support.pipeline_harness import make_settings

MAY_29_MS = 1_716_940_800_000


def event(
    event_type: str = "device.impression", time: int = MAY_29_MS, **properties: Any
) -> NamiEvent:
    return NamiEvent(event_type, time, "id", "user", None, None, NO_STATE, properties)


@pytest.mark.parametrize(
    ("config", "record", "reason"),
    [
        ({}, event(), None),
        ({}, event("device.session.start"), "event_not_chosen"),
        ({"events": ["device.session.start"]}, event("device.session.start"), None),
        ({"events": ["user.*"]}, event(), "event_not_chosen"),
        ({"start_date": "2024-05-29"}, event(), None),
        ({"start_date": "2024-05-29"}, event(time=MAY_29_MS - 1), "before_start_date"),
        ({}, event(purchase_env="sandbox"), None),
        ({"sandbox_purchases": "skip"}, event(purchase_env="sandbox"), "sandbox"),
        ({"sandbox_purchases": "skip"}, event(purchase_env="production"), None),
    ],
)
def test_the_settings_decide_what_is_left_out(
    config: dict[str, Any], record: NamiEvent, reason: str | None
) -> None:
    assert EventFilter(make_settings(**config).mapping).reason_to_skip(record) == reason


def test_a_new_event_type_is_reported_once_and_only_the_first_few() -> None:
    reported: list[str] = []
    event_filter = EventFilter(make_settings().mapping, reported.append)
    for number in [*range(30), *range(30)]:
        event_filter.reason_to_skip(event(f"user.new.{number}"))
    event_filter.reason_to_skip(event("purchase.updated"))

    assert reported == [f"user.new.{number}" for number in range(20)]


def test_records_are_counted_under_a_bounded_number_of_keys() -> None:
    event_filter = EventFilter(make_settings(events=["*", "user.own"]).mapping)
    user = NamiUser("user", None, None, None, NO_STATE)

    assert event_filter.report_key_of(event()) == "device.impression"
    assert event_filter.report_key_of(event("user.own")) == "user.own"
    assert event_filter.report_key_of(event("user.made.up")) == OTHER
    assert event_filter.report_key_of(user) == USERS
    assert event_filter.report_key_of_type("purchase.updated") == "purchase.updated"
    assert event_filter.report_key_of_type(["no", "text"]) == OTHER
