"""Paths into records: how they are written, followed, and changed at their end."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from target_amplitude_nami.explanation.paths import (
    TEXT,
    Path,
    changes,
    children,
    replaced,
    shown,
    value_at,
)

RECORD: dict[str, Any] = {
    "id": "one",
    "payload": json.dumps({"devices": [{"id": "a"}, {"id": "b"}]}),
    "a.b": [1, {"x y": True}],
    "twice": json.dumps(json.dumps({"deep": 9.99})),
}


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        (("id",), "id", "one"),
        (("payload", TEXT, "devices", 1, "id"), "payload.devices[1].id", "b"),
        (("a.b", 1, "x y"), '["a.b"][1]["x y"]', True),
        (("twice", TEXT, TEXT, "deep"), "twice.deep", Decimal("9.99")),
    ],
)
def test_a_path_leads_through_objects_arrays_and_json_text(
    path: Path, text: str, value: object
) -> None:
    assert shown(path) == text
    assert value_at(RECORD, path) == value


def test_only_the_end_of_a_path_is_replaced_and_the_record_stays() -> None:
    before = json.dumps(RECORD)
    path: Path = ("payload", TEXT, "devices", 0, "id")
    changed = replaced(RECORD, path, "z")
    assert value_at(changed, path) == "z"
    assert value_at(changed, ("payload", TEXT, "devices", 1, "id")) == "b"
    assert {**changed, "payload": RECORD["payload"]} == RECORD
    assert json.dumps(RECORD) == before


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        ({"a": 1}, ["a"]),
        ([5, 6], [0, 1]),
        ('{"a": 1}', [TEXT]),
        ("{no json", []),
        ("plain", []),
        (None, []),
    ],
)
def test_the_parts_of_a_value(value: object, steps: list[Any]) -> None:
    assert children(value) == steps


@pytest.mark.parametrize(
    ("value", "among"),
    [
        (True, False),
        (0, 1),
        (Decimal("1.0"), Decimal("0.0")),
        ("t", "f"),
        ("FALSE", "TRUE"),
        ("USD", "USA"),
        ("2024-05-29T00:57:11Z", "2024-05-29T00:57:12Z"),
        (["a"], []),
        ({"a": 1}, {}),
    ],
)
def test_a_value_is_changed_to_others_of_its_kind(value: object, among: object) -> None:
    others = list(changes(value))
    assert others[0] is None
    assert among in others
    assert value not in others[1:]
