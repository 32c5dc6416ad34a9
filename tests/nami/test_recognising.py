"""What is recognised as Nami's by itself: columns of a schema, and single records."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_amplitude_nami.nami.recognising import NamiDetector, declares_nami
from tests.support import nami


@pytest.mark.parametrize(
    "columns",
    [
        ["event_type"],
        ["ID", "EVENT_TYPE"],
        ["eventType"],
        ["user_id", "active_entitlements"],
        ["id", "devices"],
        ["USERID", "CUSTOMERJOURNEYSTATE"],
        ["user_id", "customer_journey_state__in_pause"],
        ["namiml_user_id", "namiml_active_skus"],
    ],
)
def test_columns_of_nami_are_known_in_every_spelling(columns: list[str]) -> None:
    assert declares_nami(columns, "__")


@pytest.mark.parametrize(
    "columns",
    [
        [],
        ["id", "type", "event"],
        ["user_id", "name"],
        ["user_id", "external_id"],
        ["devices"],
        ["payload", "id"],
        ["_sdc_event_type"],
    ],
)
def test_columns_of_others_are_not_nami_s(columns: list[str]) -> None:
    assert not declares_nami(columns, "__")


def test_the_separator_of_flattened_columns_counts() -> None:
    columns = ["user_id", "devices-platform-id"]
    assert declares_nami(columns, "-")
    assert not declares_nami(columns, "__")


@pytest.mark.parametrize(
    "record",
    [
        nami.impression(1),
        {name.upper(): value for name, value in nami.subscription(1).items()},
        {"event_type": "user.subscription.renewed"},
        {"event_type": "purchase.of_tomorrow"},
        {"id": 1, "payload": json.dumps(nami.impression(1))},
        nami.user(1),
        {"user_id": "1", "customer_journey_state": "no object"},
    ],
)
def test_a_record_looks_like_nami_s_also_when_it_cannot_be_read(
    record: dict[str, Any],
) -> None:
    assert NamiDetector().looks_like_nami(record)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": 1, "name": "x"},
        {"user_id": 1, "name": "x"},
        {"event_type": "PushEvent", "created_date": "2026-06-01"},
        {"event_type": None, "id": 1},
        {"id": 1, "payload": {"a": 1}},
    ],
)
def test_a_record_of_others_does_not_look_like_nami_s(record: dict[str, Any]) -> None:
    assert not NamiDetector().looks_like_nami(record)
