"""A field, or the id of an event, is found wherever a record has it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_amplitude_nami.explanation.found import found_in, names_id
from tests.support.records import DEVICE, NAMI_USER, user_event
from tests.support.shapes import SHAPES, SOURCES

EVENT_ID = user_event()["id"]


@pytest.mark.parametrize("name", [*SHAPES, *SOURCES])
def test_the_id_of_an_event_is_found_in_every_shape(name: str) -> None:
    record = (SHAPES | SOURCES)[name](user_event())
    assert names_id(record, EVENT_ID.upper())
    assert not names_id(record, DEVICE)
    assert not names_id(record, NAMI_USER)


@pytest.mark.parametrize(
    ("record", "field", "path"),
    [
        ({"CREATED_DATE": "x"}, "created_date", "CREATED_DATE"),
        (
            {"body": json.dumps({"createdDate": "x"})},
            "created_date",
            "body.createdDate",
        ),
        ({"devices": [{"id": 1.5}]}, "devices.0.id", "devices[0].id"),
        ({"devices__0__id": 1.5}, "devices", "devices__0__id"),
    ],
)
def test_a_field_is_found_in_any_spelling(
    record: dict[str, Any], field: str, path: str
) -> None:
    assert [source.path for source in found_in(record, field)] == [path]


def test_what_is_not_there_is_not_found() -> None:
    assert found_in({"a": 1}, "created_date") == ()
    assert found_in({"a": 1}, "") == ()
