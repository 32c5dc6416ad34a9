"""Reads at one stroke what a record tells of its user's state, where that is as usual.

Usual are arrays of objects whose ids are text, and flags that are booleans. Whatever is
not goes the long way (`state`), which takes every form and gives the same.
"""

from __future__ import annotations

import operator
import typing as t

import msgspec

from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.state import FLAGS, NO_STATE, UserState
from target_amplitude_nami.nami.values import NO_ID

_Ids: t.TypeAlias = list[str] | None
"""None where there is nothing to tell, or nothing of it is an id."""


class _Entitlement(msgspec.Struct, gc=False):
    entitlement_ref_id: str | None = None
    sku_ref_id: str | None = None
    expiration: str | None = None
    purchase_platform: str | None = None


class _Platform(msgspec.Struct, gc=False):
    id: str | None = None


class _Device(msgspec.Struct, gc=False):
    id: str | None = None
    platform: _Platform | None = None
    app_platform_id: str | msgspec.UnsetType | None = msgspec.UNSET
    platform_id: str | None = None

    def app_platform(self) -> str | None:
        """Return the App Platform's id, never its type, which is free text."""
        if self.platform is not None:
            return self.platform.id
        if self.app_platform_id is not msgspec.UNSET:
            return self.app_platform_id
        return self.platform_id


class _Journey(msgspec.Struct, gc=False):
    former_subscriber: bool | None = None
    in_account_hold: bool | None = None
    in_grace_period: bool | None = None
    in_trial_period: bool | None = None
    in_intro_offer_period: bool | None = None
    in_pause: bool | None = None
    is_cancelled: bool | None = None


class _Told(msgspec.Struct, array_like=True, gc=False):
    active_entitlements: list[_Entitlement] | None
    devices: list[_Device] | None
    customer_journey_state: _Journey | None


_NO_JOURNEY: t.Final = _Journey()
_LIST_OR_NONE: t.Final = frozenset({list, type(None)})
_FLAG_TYPES: t.Final = frozenset({bool, type(None)})


def state_of(
    entitlements: object, devices: object, journey: object
) -> UserState | None:
    """Return the state that a record tells; None where a part is not as usual.

    Args:
        entitlements: The record's `active_entitlements`.
        devices: Its `devices`.
        journey: Its `customer_journey_state`.
    """
    if entitlements is None and devices is None and journey is None:
        return NO_STATE
    try:
        told = msgspec.convert((entitlements, devices, journey), _Told)
    except (msgspec.ValidationError, UnicodeError):
        straight = _straightened(entitlements, devices, journey)
        return straight and state_of(*straight)
    # A stream map can make a tuple or a set, which convert takes for an array.
    if type(entitlements) not in _LIST_OR_NONE or type(devices) not in _LIST_OR_NONE:
        return None
    entitled, skus, expirations, stores = _entitlements(told.active_entitlements)
    device_ids, platforms = _devices(told.devices)
    flags = told.customer_journey_state or _NO_JOURNEY
    return UserState(
        entitled,
        skus,
        device_ids,
        platforms,
        flags.former_subscriber,
        flags.in_grace_period,
        flags.in_trial_period,
        flags.in_intro_offer_period,
        flags.in_account_hold,
        flags.in_pause,
        flags.is_cancelled,
        expirations,
        stores,
    )


def _straightened(
    entitlements: object, devices: object, journey: object
) -> tuple[object, object, object] | None:
    """Return as usual the parts that are JSON text, or whose flags are words.

    None where nothing can be done, or is left to be.
    """
    try:
        flags = values.mapping(journey, "customer_journey_state")
        if flags is not None and not _FLAG_TYPES.issuperset(map(type, flags.values())):
            flags = {name: values.boolean(flags.get(name), name) for name in FLAGS}
        straight = (
            values.array(entitlements, "active_entitlements"),
            values.array(devices, "devices"),
            flags,
        )
    except values.UnreadableRecordError:
        return None
    is_done = all(map(operator.is_, straight, (entitlements, devices, journey)))
    return None if is_done else straight


def _entitlements(
    entitlements: list[_Entitlement] | None,
) -> tuple[_Ids, _Ids, _Ids, _Ids]:
    """Return the ids of entitlements and SKUs, when they expire, where bought."""
    if entitlements is None:
        return None, None, None, None
    if not entitlements:
        return [], [], [], []
    if len(entitlements) == 1:
        only = entitlements[0]
        ref, sku = only.entitlement_ref_id, only.sku_ref_id
        expires, store = only.expiration, only.purchase_platform
        return (
            [ref] if ref and ref != NO_ID else None,
            [sku] if sku and sku != NO_ID else None,
            [expires] if expires and expires != NO_ID else None,
            [store] if store and store != NO_ID else None,
        )
    entitled: dict[str, None] = {}
    skus: dict[str, None] = {}
    expirations: dict[str, None] = {}
    stores: dict[str, None] = {}
    for each in entitlements:
        if (text := each.entitlement_ref_id) and text != NO_ID:
            entitled[text] = None
        if (text := each.sku_ref_id) and text != NO_ID:
            skus[text] = None
        if (text := each.expiration) and text != NO_ID:
            expirations[text] = None
        if (text := each.purchase_platform) and text != NO_ID:
            stores[text] = None
    return _several(entitled), _several(skus), _several(expirations), _several(stores)


def _devices(devices: list[_Device] | None) -> tuple[_Ids, _Ids]:
    """Return the ids of devices and of their App Platforms."""
    if devices is None:
        return None, None
    if not devices:
        return [], []
    if len(devices) == 1:
        device_id, platform = devices[0].id, devices[0].app_platform()
        return (
            [device_id] if device_id and device_id != NO_ID else None,
            [platform] if platform and platform != NO_ID else None,
        )
    ids: dict[str, None] = {}
    platforms: dict[str, None] = {}
    for each in devices:
        if (text := each.id) and text != NO_ID:
            ids[text] = None
        if (text := each.app_platform()) and text != NO_ID:
            platforms[text] = None
    return _several(ids), _several(platforms)


def _several(texts: dict[str, None]) -> _Ids:
    return list(texts) or None
