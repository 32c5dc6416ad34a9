"""Records of Nami as its documentation shows them, and what may vary in them.

Values are what the target's JSON reader makes of a line: numbers with a fraction are
`Decimal`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, TypeAlias

Record: TypeAlias = dict[str, Any]

NAMI_USER: Final = "b1f6c0de-2a34-4c55-8e77-0d9a4f3c2b11"
EXTERNAL_ID: Final = "035b30e2-faf4-462d-aec3-caa0fbe26c49"
DEVICE: Final = "0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5"
PLATFORM: Final = "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"
OTHER_DEVICE: Final = "1a2b3c4d-5e6f-4071-8293-a4b5c6d7e8f9"
OTHER_PLATFORM: Final = "2b3c4d5e-6f70-4182-93a4-b5c6d7e8f90a"
ALL_ZERO: Final = "00000000-0000-0000-0000-000000000000"

FLAGS: Final = (
    "former_subscriber",
    "in_account_hold",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
    "in_pause",
    "is_cancelled",
)


def external_ids(value: object = EXTERNAL_ID, kind: str = "uuid") -> list[Record]:
    """Make `external_ids` as Nami shows them: a store's number comes first."""
    return [
        {
            "key": "original_transaction_id",
            "type": "original_transaction_id",
            "value": "1000000512345678",
        },
        {"key": "external_id", "type": kind, "value": value},
    ]


def entitlement(ref: str = "premium", sku: str = "radio_monthly") -> Record:
    """Make one of `active_entitlements`."""
    return {
        "entitlement_ref_id": ref,
        "sku_ref_id": sku,
        "name": ref.title(),
        "description": "Premium access",
        "expiration": "2024-06-29T00:57:05Z",
        "last_verified": "2024-05-29T00:57:10.356795Z",
        "purchase_platform": "apple",
    }


def device(id_: object = DEVICE, platform: object = PLATFORM) -> Record:
    """Make one of `devices`."""
    return {
        "id": id_,
        "platform": {
            "id": platform,
            "name": "App Store",
            "platform_type": "apple",
            "marketplace_app_id": "com.example.radio",
        },
    }


def journey(*true: str) -> Record:
    """Make a `customer_journey_state` in which the named flags are true."""
    return {flag: flag in true for flag in FLAGS}


def user_event(action: str = "subscription.renewed", **changes: Any) -> Record:
    """Make a `user.*` event (Nami docs, "Event types"); `changes` replace fields."""
    return {
        "id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b1001",
        "event_type": f"user.{action}",
        "event_platform": "apple",
        "user_id": NAMI_USER,
        "created_date": "2024-05-29T00:57:11.227760+00:00",
        "active_entitlements": [entitlement()],
        "customer_journey_state": journey(),
        "devices": [device()],
        "external_ids": external_ids(),
    } | changes


def without(record: Record, *names: str) -> Record:
    """Return a record without some of its fields."""
    return {name: value for name, value in record.items() if name not in names}


def impression(**changes: Any) -> Record:
    """Make a `device.impression`; `changes` replace fields."""
    return {
        "id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b2001",
        "event_type": "device.impression",
        "user_id": NAMI_USER,
        "created_date": "2024-05-29T00:50:01.004000+00:00",
        "event_platform": "apple",
        "app_env": "production",
        "app_platform_id": PLATFORM,
        "name": "Holiday paywall",
        "developer_paywall_id": "holiday_v2",
        "controller_name": "HomeViewController",
        "cta_type": "subscribe",
        "initiator": "nami_rules",
        "device_id": DEVICE,
        "segment": "7d0f6a52-3b1e-4f8f-a0c2-5e9d8b7a6c51",
        "session": "c0ffee00-1111-4222-8333-444455556666",
        "external_ids": external_ids(),
    } | changes


def transaction(**changes: Any) -> Record:
    """Make a `device.transaction`; `changes` replace fields."""
    return {
        "id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b3001",
        "event_type": "device.transaction",
        "user_id": NAMI_USER,
        "created_date": "2024-05-29T00:51:40Z",
        "app_env": "production",
        "purchase_env": "production",
        "source": "user_initiated",
        "original_transaction_id": "1000000512345678",
        "impression_id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b2001",
        "locale": "en_US@currency=USD",
        "subscription_interval": "month",
        "subscription_interval_count": 1,
        "transaction_id": "1000000599999999",
        "sku": "radio_monthly",
        "amount": Decimal("9.99"),
        "currency": "USD",
        "quantity": "1",
        "purchase_date": "2024-05-29T00:51:38Z",
        "device_id": DEVICE,
    } | changes


def session(end: str, **changes: Any) -> Record:
    """Make a `device.session.start` or `.end`, which Amplitude is not offered."""
    return {
        "id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b5001",
        "event_type": f"device.session.{end}",
        "user_id": NAMI_USER,
        "created_date": "2024-05-29T00:49:00Z",
        "app_env": "production",
        "start_time": "2024-05-29T00:49:00Z",
        "session": "c0ffee00-1111-4222-8333-444455556666",
        "device_id": DEVICE,
    } | changes


def purchase(**changes: Any) -> Record:
    """Make a `purchase.updated`, which Amplitude is not offered."""
    return {
        "id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b4001",
        "event_type": "purchase.updated",
        "user_id": NAMI_USER,
        "created_date": "2024-05-29T01:00:00Z",
        "collapse_key": "apple-1000000512345678",
        "billing_cycles": 3,
        "canceled_at": None,
        "current_term_length": "P1M",
        "is_active": True,
        "is_auto_renewable": True,
        "devices_with_access": [],
        "entitlements": [],
        "external_id": EXTERNAL_ID,
    } | changes


def user(**changes: Any) -> Record:
    """Make a user record: the state half of a `user.*` event."""
    return {
        "user_id": NAMI_USER,
        "external_ids": external_ids(),
        "active_entitlements": [],
        "customer_journey_state": journey("former_subscriber", "is_cancelled"),
        "devices": [device()],
        "updated_at": "2024-07-01T00:00:00Z",
    } | changes


USER_EVENTS: Final[dict[str, Record]] = {
    record["event_type"]: record
    for record in (
        user_event(
            "journey.trial.started", customer_journey_state=journey("in_trial_period")
        ),
        user_event("journey.trial.converted"),
        user_event(
            "journey.trial.did_not_convert",
            active_entitlements=[],
            customer_journey_state=journey("former_subscriber"),
        ),
        user_event(
            "subscription.purchased",
            customer_journey_state=journey("in_intro_offer_period"),
        ),
        user_event("subscription.renewed"),
        user_event(
            "subscription.cancelled",
            customer_journey_state=journey("is_cancelled", "in_trial_period"),
        ),
        user_event(
            "subscription.expired",
            active_entitlements=[],
            customer_journey_state=journey("former_subscriber"),
        ),
        user_event(
            "subscription.in_grace_period",
            customer_journey_state=journey("in_grace_period"),
        ),
        user_event("subscription.renewal_in_grace_period"),
        user_event(
            "subscription.paused",
            event_platform="google",
            active_entitlements=[],
            customer_journey_state=journey("in_pause"),
        ),
        user_event("subscription.resumed", event_platform="google"),
    )
}
"""A record of each `user.*` type."""

OTHER_EVENTS: Final[dict[str, Record]] = {
    record["event_type"]: record
    for record in (
        impression(),
        transaction(),
        session("start"),
        session("end", end_time="2024-05-29T01:49:00Z"),
        purchase(),
    )
}
"""A record of each type of `device.*` and `purchase.*`."""

_TWO_DEVICES = [device(), device(OTHER_DEVICE, OTHER_PLATFORM)]

VARIANTS: Final[dict[str, Record]] = {
    # several devices and ids
    "two devices": user_event(devices=_TWO_DEVICES),
    "two devices on one platform": user_event(
        devices=[device(), device(OTHER_DEVICE, PLATFORM)]
    ),
    "two devices and one of its own": impression(
        devices=_TWO_DEVICES, device_id=OTHER_DEVICE
    ),
    "no device": user_event(devices=[]),
    "a device without an id": user_event(devices=[device("nami_device_id_not_set")]),
    "an anonymous user": user_event(external_ids=[]),
    "an anonymous user of two devices": user_event(
        external_ids=[], devices=_TWO_DEVICES
    ),
    "an anonymous user without a device": without(
        transaction(device_id="nami_device_id_not_set"), "external_ids"
    ),
    "only a store's number": user_event(external_ids=external_ids()[:1]),
    "a hash as External ID": user_event(external_ids=external_ids("5e" * 32, "sha256")),
    "a number as External ID": user_event(
        external_ids=external_ids(10420077, "numeric")
    ),
    "a short number as External ID": user_event(
        external_ids=external_ids(1042, "numeric")
    ),
    "a short External ID": user_event(external_ids=external_ids("1042", "numeric")),
    "a forbidden External ID": user_event(external_ids=external_ids(ALL_ZERO)),
    "an External ID in a column": without(
        transaction(external_id=EXTERNAL_ID), "external_ids"
    ),
    "External ID null": user_event(external_ids=external_ids(None)),
    # what they say of the user
    "two entitlements": user_event(
        active_entitlements=[entitlement(), entitlement("family", "radio_family")]
    ),
    "two entitlements behind one SKU": user_event(
        active_entitlements=[entitlement("premium"), entitlement("archive")]
    ),
    "an entitlement without SKU": user_event(
        active_entitlements=[without(entitlement(), "sku_ref_id")]
    ),
    "an entitlement for life": user_event(
        active_entitlements=[entitlement() | {"expiration": None, "description": None}]
    ),
    "no state": without(
        user_event(), "active_entitlements", "customer_journey_state", "devices"
    ),
    "null state": user_event(
        active_entitlements=None, customer_journey_state=None, devices=None
    ),
    "half of the flags": user_event(
        customer_journey_state={"in_trial_period": True, "in_pause": None}
    ),
    "empty arrays everywhere": user_event(
        active_entitlements=[], devices=[], external_ids=[], notes=[]
    ),
    # what else they say
    "an emoji": user_event(nickname="Zoë 🎧 日本", mood="🙂"),
    "half of an emoji": user_event(nickname="cut \ufffd", places=["\ufffd here"]),
    "controls and separators": user_event(note='a\tb\n"c"\\d\x00e\u2028f\x7f'),
    "exact numbers": transaction(
        amount=Decimal("9.990"), rate=Decimal("1E+2"), tiny=Decimal("1E-7")
    ),
    "a double's worst": transaction(amount=Decimal("0.1000000000000000055511151231")),
    "big integers": transaction(
        cents=2**63, more=-(10**30), nested={"id": 18446744073709551616}
    ),
    "a number that is none": transaction(amount=Decimal("NaN")),
    "a number that is none, deep down": transaction(a={"b": [{"c": Decimal("NaN")}]}),
    "unknown nested fields": impression(
        experiment={"name": "price_test", "arm": {"label": "b", "weight": 3}},
        tags=["x", {"y": None, "z": []}, None],
    ),
    "camel case of the SDKs": impression(
        campaignName="Summer", paywallId="p-1", timeSpentOnPaywall=12
    ),
    "nulls and empty objects": impression(
        app_env=None, experiment={"name": None, "arm": {}}, nothing={}
    ),
    "text that looks like JSON": impression(
        name="[not json", note="{neither}", more="{", less="[]"
    ),
    "text that is JSON": impression(name='{"first":"[1,2]","then":null}', note="[1]"),
    "flags as properties": impression(is_rewarded=True, was_closed=False),
    "an empty text": impression(name=""),
    "a long text": impression(name="ü" * 1500, notes=["🎧" * 1025]),
    "a sandbox purchase": transaction(purchase_env="sandbox", app_env="beta_testing"),
    # what identifies and dates them
    "no id": without(user_event(), "id"),
    "no id, on a device": without(transaction(), "id"),
    "the id of Nami's example": user_event(id=ALL_ZERO),
    "an id without end": user_event(id="x" * 256),
    "a number as id": user_event(id=7000000001),
    "whole seconds": user_event(created_date="2024-05-29T00:57:11Z"),
    "long ago": user_event(created_date="1999-12-31T23:59:59Z"),
    "no time": without(user_event(), "created_date"),
    # users
    "a user": user(),
    "a user under `id`": without(user(id=NAMI_USER), "user_id"),
    "an anonymous user record": user(external_ids=[]),
    "a user without a time": without(user(), "updated_at"),
    "a user of two devices": user(
        devices=_TWO_DEVICES, active_entitlements=[entitlement()]
    ),
}
"""What taps have to cope with, by name."""

RECORDS: Final[dict[str, Record]] = USER_EVENTS | OTHER_EVENTS | VARIANTS
