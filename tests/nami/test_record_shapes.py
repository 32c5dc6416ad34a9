"""What a record's columns mean, described for people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from target_amplitude_nami.nami.shapes import shape_of
from tests.support.nami import subscription, user

RENEWAL = subscription(1)
JSON_TEXT = {
    name: json.dumps(value) if isinstance(value, dict | list) else value
    for name, value in RENEWAL.items()
}
FLATTENED = {
    "id": "1",
    "event_type": "user.subscription.renewed",
    "customer_journey_state__in_pause": False,
    "devices__0__id": "device-1",
}


@pytest.mark.parametrize(
    ("record", "forms"),
    [
        (RENEWAL, ["nested objects"]),
        (JSON_TEXT, ["JSON text in columns"]),
        (FLATTENED, ["flattened columns"]),
        ({"payload": RENEWAL}, ["the whole webhook in column payload"]),
        ({"DATA": json.dumps(RENEWAL)}, ["the whole webhook in column DATA"]),
        ({"eventType": "device.impression"}, ["columns in another spelling"]),
        (
            {"event_type": "user.subscription.renewed", "namiml_in_pause": False},
            ["ready-made namiml_ columns"],
        ),
        ({"event_type": "device.impression", "sku": "a"}, []),
        ({"event_type": "device.impression", "payload": "{"}, []),
    ],
)
def test_the_form_of_the_fields_is_named(
    record: dict[str, Any], forms: list[str]
) -> None:
    assert list(shape_of(record).forms) == forms


def test_columns_are_used_become_properties_or_are_a_loaders() -> None:
    shape = shape_of(
        {
            "EVENT_TYPE": "device.impression",
            "SKU": "monthly",
            "_sdc_batched_at": "2026-06-01",
            "device_id": None,
        }
    )
    assert shape.used == {"EVENT_TYPE"}
    assert shape.fields == {
        "EVENT_TYPE": "event_type",
        "SKU": "sku",
        "_sdc_batched_at": "",
        "device_id": "device_id",
    }


def test_the_time_of_a_user_is_a_property_of_an_event() -> None:
    record = user(1)
    assert "updated_at" in shape_of(record, is_user=True).used
    assert "updated_at" not in shape_of(record).used
