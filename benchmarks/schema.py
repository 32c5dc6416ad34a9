"""The schema of the benchmarks' input, as a tap would declare it."""

from __future__ import annotations

from typing import Any, Final

FLAGS: Final = (
    "former_subscriber",
    "in_account_hold",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
    "in_pause",
    "is_cancelled",
)


def schema() -> dict[str, Any]:
    """Return the schema that a tap would declare, as the example tap does."""
    text = {"type": ["string", "null"]}
    moment = {"type": ["string", "null"], "format": "date-time"}
    flag = {"type": ["boolean", "null"]}
    entitlement = dict.fromkeys(
        ("entitlement_ref_id", "sku_ref_id", "name", "description"), text
    ) | {"expiration": moment, "last_verified": moment, "purchase_platform": text}
    platform = dict.fromkeys(
        ("id", "name", "platform_type", "marketplace_app_id"), text
    )
    external_id = {"key": text, "type": text, "value": {"type": ["string", "integer"]}}
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "event_type": {"type": "string"},
            "user_id": text,
            "created_date": moment,
            "event_platform": text,
            "active_entitlements": _array_of(entitlement),
            "customer_journey_state": _object_of(dict.fromkeys(FLAGS, flag)),
            "devices": _array_of({"id": text, "platform": _object_of(platform)}),
            "external_ids": _array_of(external_id),
            "app_env": text,
            "amount": {"type": ["number", "null"]},
        },
        "additionalProperties": True,
    }


def _object_of(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["object", "null"], "properties": members}


def _array_of(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": _object_of(members)}
