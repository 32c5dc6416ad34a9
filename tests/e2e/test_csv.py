"""Rows of a CSV file, where all is text, arrive as the records that they were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.model import project_of
from tests.support import singer
from tests.support.records import OTHER_EVENTS, USER_EVENTS, transaction
from tests.support.run_target import API_KEY, run_target
from tests.support.shapes import csv_row, json_text

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude

OTHER_KEY = "fedcba9876543210fedcba9876543210"
EVENTS = USER_EVENTS | OTHER_EVENTS
SETTINGS = {"events": list(EVENTS), "revenue": "transactions"}


def deliver(
    folder: Path, local: LocalAmplitude, records: list[dict[str, Any]], api_key: str
) -> list[dict[str, Any]]:
    """Deliver events, each with an id of its own, and return what has arrived."""
    config = {"api_key": api_key, "endpoint": local.endpoint("http_v2")} | SETTINGS
    plain = json.loads(json_text(records))
    run = run_target(folder, config, singer.records("events", plain))

    assert run.exit_code == 0, run.log
    assert run.report["delivered"] == len(records)
    project = project_of(api_key)
    return [json.loads(e.raw) for e in local.events() if e.project == project]


def test_rows_of_text_are_the_events_of_the_records(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    records = [
        record | {"id": f"5f0b7a3e-91c4-4e0a-9d62-{number:012}"}
        for number, record in enumerate(EVENTS.values())
    ]
    rows = [csv_row(record) for record in records]

    arrived = deliver(tmp_path / "json", local_amplitude, records, API_KEY)
    in_text = deliver(tmp_path / "csv", local_amplitude, rows, OTHER_KEY)

    assert in_text == arrived
    assert len(arrived) == len(EVENTS)


@pytest.mark.parametrize(
    "fields",
    [
        {
            "amount": "9.99",
            "subscription_interval_count": "1.0",
            "purchase_date": "2024-05-29 02:51:38.000 +02:00",
            "currency": "USD  ",
            "created_date": "2024-05-29 00:51:40 UTC",
            "external_id": "NaN",
            "localized_description": "",
        },
        {
            "amount": 9.99,
            "subscription_interval_count": 1.0,
            "quantity": 1,
            "purchase_date": 1716943898000,
            "created_date": 1716943900000000,
            "transaction_id": 1000000599999999,
            "external_id": None,
        },
    ],
    ids=["text", "numbers"],
)
def test_a_row_of_other_types_is_the_event_of_the_record(
    tmp_path: Path, local_amplitude: LocalAmplitude, fields: dict[str, object]
) -> None:
    [arrived] = deliver(tmp_path / "a", local_amplitude, [transaction()], API_KEY)
    row = transaction(**fields)
    [other] = deliver(tmp_path / "b", local_amplitude, [row], OTHER_KEY)

    assert other == arrived
    assert other["event_properties"]["amount"] == 9.99
    assert other["event_properties"]["purchase_date"] == "2024-05-29T00:51:38Z"
    assert "user_id" not in other
