"""Every field of an event has a source, and the source named really decides it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.explanation.paths import changes, children, replaced, shown
from target_amplitude_nami.pipeline.event_builder import EventBuilder
from target_amplitude_nami.settings import Settings
from tests.explanation.cases import EVERYTHING, explained
from tests.support.records import OTHER_EVENTS, USER_EVENTS, user
from tests.support.shapes import SHAPES, SOURCES, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_amplitude_nami.explanation.model import Explanation

EVENT_TYPES = [*USER_EVENTS.values(), *OTHER_EVENTS.values(), user()]
SETTINGS_ALONE = {"$skip_user_properties_sync", "event_type of a user"}
SHAPES_OF_EVENTS: dict[str, Shape] = SHAPES | SOURCES


@pytest.fixture(scope="module")
def builder() -> EventBuilder:
    return EventBuilder(Settings.load(EVERYTHING))


def flat(event: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in event.items():
        if name in {"event_properties", "user_properties", "$set"}:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def event_of(builder: EventBuilder, record: dict[str, Any]) -> dict[str, Any] | None:
    event = builder.build(record, stream="events")
    if not isinstance(event, EncodedEvent):
        return None
    return dict(flat(json.loads(event.body)))


def all_paths(record: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    paths: list[tuple[Any, ...]] = [(name,) for name in record]
    values = {paths[n]: record[name] for n, name in enumerate(record)}
    for path in paths:
        for step in children(values[path]):
            inner = values[path]
            values[*path, step] = json.loads(inner) if step is None else inner[step]
            paths.append((*path, step))
    return {shown(path): path for path in paths}


def undecided(
    builder: EventBuilder, record: dict[str, Any], explanation: Explanation
) -> list[str]:
    """Return the fields that stay as they are, whatever their sources become."""
    event, paths = event_of(builder, record), all_paths(record)
    assert event is not None
    found = []
    for field in explanation.fields:
        for source in field.sources:
            *_, path = (p for text, p in paths.items() if text == source.path)
            value: Any = record
            for step in path:
                value = json.loads(value) if step is None else value[step]
            others = (
                event_of(builder, replaced(record, path, other))
                for other in changes(value)
            )
            if all(
                other is not None and other.get(field.name) == event[field.name]
                for other in others
            ):
                found.append(f"{field.name} by {source.path}")
    return found


@pytest.mark.parametrize("name", SHAPES_OF_EVENTS)
def test_each_field_has_a_source_that_decides_it(
    name: str, builder: EventBuilder
) -> None:
    for record in EVENT_TYPES:
        shaped = SHAPES_OF_EVENTS[name](record)
        event = event_of(builder, shaped)
        if event is None:
            continue  # a user whose state the shape has left out
        explanation = explained(shaped)
        assert [field.name for field in explanation.fields] == list(event)
        without = [
            field.name
            for field in explanation.fields
            if not field.sources
            and not (field.name == "event_type" and "event_type" not in record)
        ]
        assert not without, (record.get("event_type"), without)
        assert not undecided(builder, shaped, explanation)
