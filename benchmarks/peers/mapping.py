"""The mapping of Nami's records to Amplitude's events, as short as it can be.

What all peers send. It takes the records of `benchmarks.records` and trusts every one
of them: no other shape, no check, no memory of users.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TAKEN = frozenset(
    {
        "id",
        "event_type",
        "created_date",
        "user_id",
        "device_id",
        "external_ids",
        "active_entitlements",
        "customer_journey_state",
        "devices",
    }
)


def event_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return the event that a record becomes."""
    created = record["created_date"]
    if isinstance(created, str):  # the SDK's default reader has parsed it
        created = datetime.fromisoformat(created)
    event = {
        "event_type": record["event_type"],
        "insert_id": record["id"],
        "time": (created - _EPOCH) // _MILLISECOND,
        "event_properties": {
            name: value for name, value in record.items() if name not in _TAKEN
        },
    }
    for entry in record.get("external_ids", ()):
        if entry["key"] == "external_id":
            event["user_id"] = entry["value"]
            break
    if "devices" not in record:
        event["device_id"] = record["device_id"]
        return event
    entitlements, devices = record["active_entitlements"], record["devices"]
    flags = record["customer_journey_state"]
    if len(devices) == 1:
        event["device_id"] = devices[0]["id"]
    event["user_properties"] = {
        "namiml_active_entitlements": list(
            dict.fromkeys([item["entitlement_ref_id"] for item in entitlements])
        ),
        "namiml_active_skus": list(
            dict.fromkeys([item["sku_ref_id"] for item in entitlements])
        ),
        "namiml_device_ids": list(dict.fromkeys([item["id"] for item in devices])),
        "namiml_device_platforms": list(
            dict.fromkeys([item["platform"]["id"] for item in devices])
        ),
        "namiml_former_subscriber": flags["former_subscriber"],
        "namiml_in_grace_period": flags["in_grace_period"],
        "namiml_in_trial_period": flags["in_trial_period"],
        "namiml_in_intro_offer_period": flags["in_intro_offer_period"],
    }
    return event
