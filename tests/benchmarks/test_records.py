"""The benchmarks' input: varied, of the sizes it is said to have, always the same."""

from __future__ import annotations

import json
from statistics import mean
from typing import Any

import jsonschema_rs
import pytest

from benchmarks import records, templates
from benchmarks.schema import schema
from target_amplitude_nami.nami import catalogue

_USERS = 2_000


def _records(shape: str, count: int = 4_000) -> list[Any]:
    made = records.chunks(shape, count, users=_USERS)
    return [json.loads(text) for chunk in made for text in chunk]


def _line_sizes(shape: str, count: int) -> list[int]:
    lines = b"".join(records.messages(shape, count)).splitlines(keepends=True)
    return [len(line) for line in lines if line.startswith(b'{"type":"RECORD"')]


def _values(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_values, value.values()))
    if isinstance(value, list):
        return sum(map(_values, value))
    return 1


def test_all_types_that_amplitude_is_offered_are_there() -> None:
    types = {record["event_type"] for record in _records("usual")}
    assert types == set(catalogue.OFFERED)


def test_states_differ() -> None:
    states = {
        json.dumps(record["customer_journey_state"])
        + json.dumps([e["sku_ref_id"] for e in record["active_entitlements"]])
        for record in _records("usual")
        if "active_entitlements" in record
    }
    assert len(states) > 30


def test_ids_are_of_so_many_users_and_each_event_has_its_own() -> None:
    made = _records("usual", 20_000)
    assert len({record["id"] for record in made}) == 20_000
    assert len({record["user_id"] for record in made}) == _USERS


def test_the_same_arguments_give_the_same_bytes_and_another_seed_other_events() -> None:
    once, again, other = (
        b"".join(records.messages("usual", 1_500, seed=seed)) for seed in (0, 0, 1)
    )
    assert once == again != other


def test_users_who_take_turns_are_all_there_before_one_comes_again() -> None:
    made = records.chunks("usual", 2_000, users=1_000, in_turn=True)
    users = [json.loads(text)["user_id"] for chunk in made for text in chunk]
    assert len(set(users[:1_000])) == 1_000
    assert users[:1_000] == users[1_000:]


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ("usual", 1_100),
        ("deep", 1_700),
        ("300", 300),
        ("600", 600),
        ("1100", 1_100),
        ("1700", 1_700),
        ("5000", 5_000),
        ("20000", 20_000),
    ],
)
def test_lines_are_as_long_as_is_said(shape: str, size: int) -> None:
    assert mean(_line_sizes(shape, 3_000 if size < 5_000 else 100)) == pytest.approx(
        size, rel=0.07
    )


def test_deep_records_have_more_than_sixty_values() -> None:
    assert min(map(_values, _records("deep"))) > 60


@pytest.mark.parametrize("shape", [*templates.SHAPES, "300", "5000"])
def test_every_record_fits_the_schema(shape: str) -> None:
    validator = jsonschema_rs.Draft202012Validator(schema())
    assert all(validator.is_valid(record) for record in _records(shape, 500))
