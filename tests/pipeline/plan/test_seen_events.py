"""The events of an input are noted by name and type, and in bounded memory."""

from __future__ import annotations

import tracemalloc
from typing import Any

import msgspec
import pytest

from target_amplitude_nami.amplitude.event import EncodedEvent, encode
from target_amplitude_nami.pipeline.event_builder import EventBuilder
from target_amplitude_nami.pipeline.plan.model import Seen
from target_amplitude_nami.pipeline.plan.seen_events import SeenEvents
from tests.support.nami import impression, subscription, user
from tests.support.pipeline_harness import make_settings

IMPRESSION = "device.impression"


def seen_in(*records: dict[str, Any], most_properties: int = 2000) -> SeenEvents:
    """Show events to a new observer."""
    builder = EventBuilder(make_settings())
    seen = SeenEvents(most_properties)
    for record in records:
        event = builder.build(record)
        assert isinstance(event, EncodedEvent)
        seen.on_event("main", event)
    return seen


def test_a_property_is_counted_with_the_types_that_it_has() -> None:
    seen = seen_in(
        impression(1, arm="a"),
        impression(2, arm=5),
        impression(3),
        impression(4, arm="b"),
    )
    arm = seen.properties_of(IMPRESSION)["arm"]
    assert seen.events == {IMPRESSION: 4}
    assert arm.seen() == Seen(3, ("integer", "string"))
    assert arm.example == "a"


@pytest.mark.parametrize(
    ("values", "example"),
    [
        ([[], [1]], [1]),
        (["x" * 100, "short"], "short"),
        (["x" * 100], None),
        ([False], False),
        ([0], 0),
        ([{"a": ["b"]}], {"a": ["b"]}),
    ],
)
def test_the_example_is_the_first_short_value_that_says_something(
    values: list[Any], example: object
) -> None:
    records = [impression(n, arm=value) for n, value in enumerate(values)]
    assert seen_in(*records).properties_of(IMPRESSION)["arm"].example == example


def test_user_properties_of_events_and_user_records_are_noted_together() -> None:
    seen = seen_in(subscription(1), user(2))
    assert seen.events == {"user.subscription.renewed": 1, "$identify": 1}
    assert seen.user_properties["namiml_active_skus"].seen() == Seen(
        2, ("array of string",)
    )


def test_properties_without_end_are_counted_and_take_no_memory() -> None:
    seen = SeenEvents(most_properties=50)
    event = EventBuilder(make_settings()).build(impression(1))
    assert isinstance(event, EncodedEvent)

    def show(first: int, end: int) -> int:
        for n in range(first, end):
            properties = {f"{'x' * 500}{n}": "y" * 5000}
            body = encode({"event_type": IMPRESSION, "event_properties": properties})
            seen.on_event("main", msgspec.structs.replace(event, body=body))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        growth = -show(0, 1000) + show(1000, 5000)
    finally:
        tracemalloc.stop()
    assert len(seen.properties_of(IMPRESSION)) == 50
    assert seen.left_out == 500  # and then no more are told apart
    assert growth < 100_000


def test_a_name_that_amplitude_would_not_show_is_left_out() -> None:
    seen = seen_in(impression(1, **{"x" * 1025: 1}))
    assert (seen.properties_of(IMPRESSION), seen.left_out) == ({}, 1)
