"""Rows of every kind of source give the events of the nested records, byte for byte."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from target_amplitude_nami.nami.catalogue import OFFERED
from tests.support import singer
from tests.support.records import OTHER_EVENTS, USER_EVENTS
from tests.support.run_target import run_target
from tests.support.shapes import SOURCES, json_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVENTS: Final = [
    record | {"id": f"5f0b7a3e-91c4-4e0a-9d62-{number:012}"}
    for number, record in enumerate((USER_EVENTS | OTHER_EVENTS).values())
]
TYPES: Final = [str(record["event_type"]) for record in EVENTS]
SETTINGS: Final = {
    "dry_run": True,
    "dry_run_path": "bodies.jsonl",
    "events": TYPES,
    "extra_user_properties": ["*"],
    "revenue": "transactions",
    "parallel_requests": 1,
}


def bodies(folder: Path, rows: list[dict[str, Any]]) -> bytes:
    """Return the request bodies that a run of the target makes of rows."""
    plain = json.loads(json_text(rows))
    run = run_target(folder, SETTINGS, singer.records("events", plain))

    assert run.exit_code == 0, run.log
    assert run.report["delivered"] == len(rows), run.log
    assert run.report["rejected"] == 0
    return (folder / "bodies.jsonl").read_bytes()


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return bodies(tmp_path_factory.mktemp("nested"), EVENTS)


def test_the_nested_records_are_the_13_types_and_more(nested: bytes) -> None:
    [body] = nested.splitlines()
    events = json.loads(body)["events"]

    assert len(OFFERED) == 13
    assert set(OFFERED) < {event["event_type"] for event in events} == set(TYPES)
    assert {
        "namiml_subscription_status": "grace",
        "namiml_in_grace_period": True,
        "namiml_active_skus": ["radio_monthly"],
    }.items() <= events[TYPES.index("user.subscription.in_grace_period")][
        "user_properties"
    ].items()


@pytest.mark.parametrize("source", SOURCES)
def test_rows_of_a_source_are_the_events_of_the_nested_records(
    tmp_path: Path, nested: bytes, source: str
) -> None:
    write: Callable[[dict[str, Any]], dict[str, Any]] = SOURCES[source]

    assert bodies(tmp_path, [write(record) for record in EVENTS]) == nested
