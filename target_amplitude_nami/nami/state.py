"""A user's state of subscription, as Nami's records tell it."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami import values


class UserState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a record says of its user; None where it says nothing.

    Nami docs, "Event types": `active_entitlements`, `customer_journey_state` and
    `devices`, one shape for all `user.*` events. Arrays keep the record's order,
    without repeats. Flags are copied, never computed.
    """

    active_entitlements: list[str] | None = None
    active_skus: list[str] | None = None
    device_ids: list[str] | None = None
    device_platforms: list[str] | None = None
    former_subscriber: bool | None = None
    in_grace_period: bool | None = None
    in_trial_period: bool | None = None
    in_intro_offer_period: bool | None = None
    in_account_hold: bool | None = None
    in_pause: bool | None = None
    is_cancelled: bool | None = None
    entitlement_expirations: list[str] | None = None
    purchase_platforms: list[str] | None = None
    subscription_status: str | None = None
    """Only where the record has it ready made."""


NO_STATE: t.Final = UserState()

FLAGS = (
    "former_subscriber",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
    "in_account_hold",
    "in_pause",
    "is_cancelled",
)
_ARRAYS = (
    "active_entitlements",
    "active_skus",
    "device_ids",
    "device_platforms",
    "entitlement_expirations",
    "purchase_platforms",
)
_PREFIX = "namiml_"
_READY_MADE_ARRAYS = {name: _PREFIX + name for name in _ARRAYS}
_READY_MADE_FLAGS = {name: _PREFIX + name for name in FLAGS}
_STATUS_COLUMN = _PREFIX + "subscription_status"
READY_MADE_COLUMNS = frozenset(
    {*_READY_MADE_ARRAYS.values(), *_READY_MADE_FLAGS.values(), _STATUS_COLUMN}
)


def take_state(fields: dict[str, t.Any]) -> UserState:
    """Take the state out of a record's fields; what is left are its properties.

    Where a fact is told twice, Nami's own nested field wins over a ready-made
    `namiml_*` column.

    Raises:
        UnreadableRecordError: For a part that is there but makes no sense.
    """
    told: dict[str, t.Any] = {}
    if not READY_MADE_COLUMNS.isdisjoint(fields):
        _tell_ready_made(told, fields)
    _tell_entitlements(told, fields.pop("active_entitlements", None))
    _tell_devices(told, fields.pop("devices", None))
    _tell_flags(told, fields.pop("customer_journey_state", None))
    return UserState(**told) if told else NO_STATE


def _tell(told: dict[str, t.Any], name: str, value: object) -> None:
    if value is not None:
        told[name] = value


def _tell_ready_made(told: dict[str, t.Any], fields: dict[str, t.Any]) -> None:
    for name, column in _READY_MADE_ARRAYS.items():
        _tell(told, name, _ready_made_array(fields.pop(column, None), column))
    for name, column in _READY_MADE_FLAGS.items():
        _tell(told, name, values.boolean(fields.pop(column, None), column))
    status = fields.pop(_STATUS_COLUMN, None)
    _tell(told, "subscription_status", values.identifier(status, _STATUS_COLUMN))


def _ready_made_array(value: object, column: str) -> list[str] | None:
    if isinstance(value, str) and value[:1] not in {"[", "{"}:
        value = [value] if value else []
    items = values.array(value, column)
    return None if items is None else _distinct(items, column)


def _tell_entitlements(told: dict[str, t.Any], value: object) -> None:
    entitlements = values.array(value, "active_entitlements")
    if entitlements is None:
        return
    for name, key in (
        ("active_entitlements", "entitlement_ref_id"),
        ("active_skus", "sku_ref_id"),
        ("entitlement_expirations", "expiration"),
        ("purchase_platforms", "purchase_platform"),
    ):
        _tell(told, name, _collect(entitlements, key, "active_entitlements"))


def _tell_devices(told: dict[str, t.Any], value: object) -> None:
    devices = values.array(value, "devices")
    if devices is None:
        return
    _tell(told, "device_ids", _collect(devices, "id", "devices"))
    # The App Platform's id, never `platform_type`, which is free text.
    platforms = [_platform_of(device) for device in devices]
    _tell(told, "device_platforms", _collect(platforms, "id", "devices"))


def _platform_of(device: object) -> object:
    if not isinstance(device, dict):
        return {}
    platform = device.get("platform")
    if isinstance(platform, dict):
        return platform
    return {"id": device.get("app_platform_id", device.get("platform_id"))}


def _tell_flags(told: dict[str, t.Any], value: object) -> None:
    flags = values.mapping(value, "customer_journey_state")
    if flags is None:
        return
    for name in FLAGS:
        _tell(told, name, values.boolean(flags.get(name), name))


def _collect(items: list[t.Any], key: str, field: str) -> list[str] | None:
    """Return one member of every item, as `_distinct` does."""
    return _distinct(
        [item.get(key) if isinstance(item, dict) else None for item in items], field
    )


def _distinct(items: list[t.Any], field: str) -> list[str] | None:
    """Return ids without repeats; None when there are items but none is an id."""
    texts: dict[str, None] = {}
    for item in items:
        text = values.identifier(item, field)
        if text is not None:
            texts[text] = None
    return list(texts) if texts or not items else None
