"""Records of Nami that are still to be filled in, of every type, shape and size.

A template is the JSON text of a record in which what differs from one record to the
next stands as `%(name)s`: ids and times.
"""

from __future__ import annotations

import functools
import json
from random import Random
from typing import Any, Final, TypeAlias

from benchmarks.schema import FLAGS

Record: TypeAlias = dict[str, Any]
Template: TypeAlias = bytes

SHAPES: Final = ("usual", "deep")
"""About 1.1 KB, and about 1.7 KB with more than 60 nested values."""

_SHARES: Final = {
    "device.impression": 430,
    "device.transaction": 136,
    "user.journey.trial.started": 78,
    "user.journey.trial.converted": 40,
    "user.journey.trial.did_not_convert": 33,
    "user.subscription.purchased": 60,
    "user.subscription.renewed": 95,
    "user.subscription.cancelled": 58,
    "user.subscription.expired": 32,
    "user.subscription.in_grace_period": 15,
    "user.subscription.renewal_in_grace_period": 9,
    "user.subscription.paused": 8,
    "user.subscription.resumed": 6,
}
"""Of a thousand events, how many are of a type."""

_FLAG_OF: Final = {
    "user.journey.trial.started": "in_trial_period",
    "user.subscription.cancelled": "is_cancelled",
    "user.subscription.expired": "former_subscriber",
    "user.subscription.in_grace_period": "in_grace_period",
    "user.subscription.paused": "in_pause",
}
_WITHOUT_ACCESS: Final = frozenset(
    {
        "user.journey.trial.did_not_convert",
        "user.subscription.expired",
        "user.subscription.paused",
    }
)
_PRODUCTS: Final = (
    ("radio_weekly", "week", 2.99, ("premium",)),
    ("radio_monthly", "month", 9.99, ("premium",)),
    ("radio_yearly", "year", 59.99, ("premium",)),
    ("radio_family_monthly", "month", 14.99, ("premium", "family")),
)
_STORES: Final = (
    ("apple", "App Store", "9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"),
    ("google", "Google Play", "3f2e1d0c-9b8a-4c7d-a6e5-4d3c2b1a0f9e"),
)
_PAYWALLS: Final = (
    ("welcome", "Welcome to Radio"),
    ("summer_hits_v2", "Sommerhits ohne Werbung ☀️"),
    ("player_upsell", "Écoutez sans pub"),
    ("settings_upgrade", "Go Premium"),
)
_FEATURES_WHEN_DEEP = 52
_ONE_PROPERTY = 15
KINDS_OF_USERS: Final = ("anonymous", "named", "named", "named", "with two devices")
"""By the user's number. Who is anonymous stays so, so that no record's event depends
on the records before it."""


@functools.cache
def templates(shape: str) -> dict[str, list[Template]]:
    """Return as many templates of a type as its share is, for each kind of user."""
    if shape not in SHAPES:
        record = _sized_record(int(shape))
        return {kind: [_template(record)] for kind in KINDS_OF_USERS}
    made: dict[str, list[Template]] = {}
    for kind in KINDS_OF_USERS:
        dice = Random(kind)
        records = [
            _event(event_type, kind, dice)
            for event_type, share in _SHARES.items()
            for _ in range(share)
        ]
        if shape == "deep":
            for record in records:
                record["features"] = _features(_FEATURES_WHEN_DEEP)
        made[kind] = [_template(record) for record in records]
    return made


def _template(record: Record) -> Template:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _features(count: int) -> dict[str, Any]:
    """Return the switches of an app's features, in groups of eight."""
    groups: dict[str, Any] = {}
    for number in range(count):
        value = (number % 7 == 0) if number % 2 else number * 7 % 100
        groups.setdefault(f"group{number // 8}", {})[f"f{number}"] = value
    return groups


def _sized_record(size: int) -> Record:
    """Return an impression whose message has so many bytes, with as many properties."""
    record = _envelope("device.impression") | {"device_id": "%(device)s"}
    named = record | {"external_ids": [_external_id()]}
    if _size_of(named) <= size:
        record = named
    properties: dict[str, Any] = {}
    number = 0
    while size - _size_of(record | {"page": properties}) > _ONE_PROPERTY:
        group = properties.setdefault(f"group{number // 8}", {})
        group[f"field{number}"] = (f"value {number} of it", number, number % 3 == 0)[
            number % 3
        ]
        number += 1
    return record | ({"page": properties} if properties else {})


def _size_of(record: Record) -> int:
    ids = dict.fromkeys(("id", "user", "external", "device"), "-" * 36)
    text = json.dumps(record, separators=(",", ":")) % (ids | {"created": "-" * 32})
    return len(text) + len('{"type":"RECORD","stream":"events","record":}\n')


def _envelope(event_type: str) -> Record:
    return {
        "id": "%(id)s",
        "event_type": event_type,
        "user_id": "%(user)s",
        "created_date": "%(created)s",
    }


def _external_id() -> Record:
    return {"key": "external_id", "type": "uuid", "value": "%(external)s"}


def _event(event_type: str, kind: str, dice: Random) -> Record:
    store = dice.choice(_STORES)
    product = dice.choice(_PRODUCTS)
    if event_type == "device.impression":
        fields = _impression(store, dice)
    elif event_type == "device.transaction":
        fields = _transaction(product, dice)
    else:
        return _user_event(event_type, kind, store, product, dice)
    if kind != "anonymous":
        fields["external_ids"] = [_external_id()]
    return _envelope(event_type) | fields


def _impression(store: tuple[str, ...], dice: Random) -> Record:
    paywall, name = dice.choice(_PAYWALLS)
    return {
        "event_platform": store[0],
        "app_env": dice.choice(("production",) * 19 + ("beta_testing",)),
        "session": "%(session)s",
        "app_platform_id": store[2],
        "developer_paywall_id": paywall,
        "name": name,
        "controller_name": dice.choice(
            ("OnboardingViewController", "HomeViewController")
        ),
        "cta_type": "subscribe",
        "initiator": dice.choice(("nami_rules", "nami_ml", "user")),
        "device_id": "%(device)s",
        "segment": f"7d0f6a52-3b1e-4f8f-a0c2-5e9d8b7a6c{dice.randrange(10, 99)}",
        "launch_id": "%(session)s",
        "campaignId": f"c4e8a1f2-6b3d-4f59-8a07-1e9d5c7b3f{dice.randrange(10, 99)}",
        "campaignName": f"Summer campaign {dice.randrange(40)}",
        "campaignType": dice.choice(("default", "label", "url")),
        "timeSpentOnPaywall": dice.randrange(1, 90_000) / 1_000,
        "url_params": {
            "utm_source": dice.choice(("newsletter", "search", "partner")),
            "utm_medium": dice.choice(("email", "cpc", "social")),
            "utm_campaign": f"summer_{dice.randrange(100)}",
        },
        "app": {
            "version": f"7.{dice.randrange(30)}.{dice.randrange(9)}",
            "build": dice.randrange(1_000, 9_999),
            "locale": dice.choice(("en_US", "en_GB", "de_DE", "fr_FR")),
            "is_first_launch": dice.random() < 0.1,
        },
    }


def _transaction(product: tuple[Any, ...], dice: Random) -> Record:
    sku, interval, amount, _ = product
    locale, currency = dice.choice((("en_US", "USD"), ("de_DE", "EUR")))
    return {
        "created_date": "%(moment)sZ",
        "app_env": "production",
        "purchase_env": "production",
        "source": dice.choice(("user_initiated", "nami_triggered")),
        "original_transaction_id": "%(transaction)s",
        "impression_id": "%(session)s",
        "locale": f"{locale}@currency={currency}",
        "subscription_interval": interval,
        "subscription_interval_count": 1,
        "transaction_id": "%(transaction)s7",
        "sku": sku,
        "amount": amount,
        "currency": currency,
        "quantity": "1",
        "localized_description": f"1 {interval} of Radio",
        "purchase_date": "%(moment)sZ",
        "original_purchase_date": "%(moment)sZ",
        "device_id": "%(device)s",
    }


def _user_event(
    event_type: str,
    kind: str,
    store: tuple[str, ...],
    product: tuple[Any, ...],
    dice: Random,
) -> Record:
    flags = dict.fromkeys(FLAGS, False)
    if event_type in _FLAG_OF:
        flags[_FLAG_OF[event_type]] = True
    flags["in_intro_offer_period"] = dice.random() < 0.15
    names = () if event_type in _WITHOUT_ACCESS else product[3]
    devices = ["device", "second"] if kind == "with two devices" else ["device"]
    number = {
        "key": "original_transaction_id",
        "type": "original_transaction_id",
        "value": "%(transaction)s",
    }
    return {
        **_envelope(event_type),
        "event_platform": store[0],
        "active_entitlements": [
            {
                "entitlement_ref_id": name,
                "sku_ref_id": product[0],
                "name": name.title(),
                "description": "All stations, no advertising, on all of your devices",
                "expiration": "2027-%(day)sT09:30:00Z",
                "last_verified": "%(moment)s.356795Z",
                "purchase_platform": store[0],
            }
            for name in names
        ],
        "customer_journey_state": flags,
        "devices": [_device(place, store) for place in devices],
        "external_ids": [number, *([_external_id()] if kind != "anonymous" else [])],
    }


def _device(place: str, store: tuple[str, ...]) -> Record:
    kind, name, platform = store
    return {
        "id": f"%({place})s",
        "platform": {
            "id": platform,
            "name": name,
            "platform_type": kind,
            "marketplace_app_id": f"com.example.radio.{kind}",
        },
    }
