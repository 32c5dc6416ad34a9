"""Records as Nami tells them, each with ids of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

PLATFORM_ID = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"


def identifier(kind: int, number: int) -> str:
    """Return a stable UUID; those of different kinds never meet."""
    return str(UUID(int=(0x5F0B7A3E << 96) + (kind << 64) + number, version=4))


def event_id(number: int) -> str:
    """Return the id of the event of this number."""
    return identifier(1, number)


def impression(number: int, **fields: Any) -> dict[str, Any]:
    """Return a `device.impression` of an anonymous user with a device of his own.

    Args:
        number: Makes the ids.
        fields: Fields to add or to replace; a field that is None is left out.
    """
    return _with(
        {
            "id": event_id(number),
            "event_type": "device.impression",
            "user_id": identifier(2, number),
            "created_date": "2026-06-01T08:00:00.250000+00:00",
            "device_id": identifier(3, number),
        },
        fields,
    )


def subscription(
    number: int, event_type: str = "user.subscription.renewed", **fields: Any
) -> dict[str, Any]:
    """Return a `user.*` event of a user with an External ID and one device.

    Args:
        number: Makes the ids.
        event_type: Any `user.*` type.
        fields: Fields to add or to replace; a field that is None is left out.
    """
    return _with(
        {
            "id": event_id(number),
            "event_type": event_type,
            "event_platform": "apple",
            "created_date": "2026-06-01T09:30:00.000000+00:00",
            **_user(number),
        },
        fields,
    )


def user(number: int, **fields: Any) -> dict[str, Any]:
    """Return a user record of the same user as `subscription` of this number."""
    return _with(_user(number) | {"updated_at": "2026-06-02T00:00:00Z"}, fields)


def external_id(number: int) -> str:
    """Return the External ID of the user of this number."""
    return identifier(4, number)


def device_id(number: int) -> str:
    """Return the device of the user of this number."""
    return identifier(3, number)


def _user(number: int) -> dict[str, Any]:
    return {
        "user_id": identifier(2, number),
        "active_entitlements": [
            {
                "entitlement_ref_id": "premium",
                "sku_ref_id": "radio_monthly",
                "name": "Premium",
                "description": "Premium access",
                "expiration": "2026-07-01T00:00:00Z",
                "last_verified": "2026-06-01T09:29:59.123456Z",
                "purchase_platform": "apple",
            }
        ],
        "customer_journey_state": {
            "former_subscriber": False,
            "in_account_hold": False,
            "in_grace_period": False,
            "in_trial_period": False,
            "in_intro_offer_period": False,
            "in_pause": False,
            "is_cancelled": False,
        },
        "devices": [
            {
                "id": device_id(number),
                "platform": {
                    "id": PLATFORM_ID,
                    "name": "App Store",
                    "platform_type": "apple",
                    "marketplace_app_id": "com.example.radio",
                },
            }
        ],
        "external_ids": [
            {
                "key": "original_transaction_id",
                "type": "original_transaction_id",
                "value": "1000000512345678",
            },
            {"key": "external_id", "type": "uuid", "value": external_id(number)},
        ],
    }


def _with(record: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    whole = record | fields
    return {name: value for name, value in whole.items() if value is not None}
