"""Reads at one stroke what a record tells of its user, where its parts are as usual.

Usual are arrays of objects whose ids are text, and flags that are booleans. Whatever is
not goes the long way (`state`), which takes every form and gives the same.
"""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.state import FLAGS, NO_STATE, UserState

if t.TYPE_CHECKING:
    from collections.abc import Mapping

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


class _ExternalId(msgspec.Struct, gc=False):
    key: t.Any = None
    value: t.Any = None


class Fields(msgspec.Struct, gc=False):
    """A record's fields that the reader understands, in the order of Nami's records."""

    id: t.Any = None
    event_type: t.Any = None
    user_id: t.Any = None
    created_date: t.Any = None
    active_entitlements: list[_Entitlement] | None = None
    customer_journey_state: _Journey | None = None
    devices: list[_Device] | None = None
    external_ids: list[_ExternalId] | None = None
    external_id: t.Any = None
    device_id: t.Any = None
    updated_at: t.Any = None

    def external_id_told(self) -> str | None:
        """Return the External ID: the entry of `external_ids` with that key.

        Raises:
            UnreadableRecordError: For one that makes no sense.
        """
        if self.external_ids is not None:
            for entry in self.external_ids:
                if entry.key == "external_id":
                    told = values.identifier(entry.value, "external_ids")
                    if told is not None:
                        return told
        return values.identifier(self.external_id, "external_id")

    def state(self) -> UserState:
        """Return the user's state."""
        if (
            self.active_entitlements is None
            and self.devices is None
            and self.customer_journey_state is None
        ):
            return NO_STATE
        entitled, skus, expirations, stores = _entitlements(self.active_entitlements)
        devices, platforms = _devices(self.devices)
        flags = self.customer_journey_state or _NO_JOURNEY
        return UserState(
            entitled,
            skus,
            devices,
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

    def is_a_user(self) -> bool:
        """Return whether it is surely a user's: an id, and state or external ids."""
        has_state = not (
            self.customer_journey_state is None
            and self.active_entitlements is None
            and self.devices is None
        )
        if self.user_id is None:
            return has_state and self.id is not None
        return has_state or self.external_ids is not None


_NO_JOURNEY: t.Final = _Journey()
_JOURNEY: t.Final = "customer_journey_state"
_ARRAYS: t.Final = ("external_ids", "active_entitlements", "devices")
_LIST_OR_NONE: t.Final = frozenset({list, type(None)})
_FLAG_TYPES: t.Final = frozenset({bool, type(None)})


def fields_of(record: Mapping[str, t.Any]) -> Fields | None:
    """Return what a record's fields tell; None where a part is not as usual."""
    try:
        told = msgspec.convert(record, Fields)
    except (msgspec.ValidationError, UnicodeError):
        straight = _straightened(record)
        return fields_of({**record, **straight}) if straight else None
    # A stream map can make a tuple or a set, which convert takes for an array.
    get = record.get
    if (
        type(get("active_entitlements")) in _LIST_OR_NONE
        and type(get("devices")) in _LIST_OR_NONE
        and type(get("external_ids")) in _LIST_OR_NONE
    ):
        return told
    return None


def _straightened(fields: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return as usual the parts that are JSON text, or whose flags are words."""
    straight: dict[str, t.Any] = {}
    try:
        for name in _ARRAYS:
            told = fields.get(name)
            if told is not None and type(told) is not list:
                straight[name] = values.array(told, name)
        told = fields.get(_JOURNEY)
        flags = values.mapping(told, _JOURNEY)
        if flags is not None and not _FLAG_TYPES.issuperset(map(type, flags.values())):
            flags = {name: values.boolean(flags.get(name), name) for name in FLAGS}
        if flags is not told:
            straight[_JOURNEY] = flags
    except values.UnreadableRecordError:
        return {}
    return straight


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
        return (
            _one(only.entitlement_ref_id),
            _one(only.sku_ref_id),
            _one(only.expiration),
            _one(only.purchase_platform),
        )
    entitled: dict[str, None] = {}
    skus: dict[str, None] = {}
    expirations: dict[str, None] = {}
    stores: dict[str, None] = {}
    for each in entitlements:
        if (text := each.entitlement_ref_id) and text != values.NO_ID:
            entitled[text] = None
        if (text := each.sku_ref_id) and text != values.NO_ID:
            skus[text] = None
        if (text := each.expiration) and text != values.NO_ID:
            expirations[text] = None
        if (text := each.purchase_platform) and text != values.NO_ID:
            stores[text] = None
    return _several(entitled), _several(skus), _several(expirations), _several(stores)


def _devices(devices: list[_Device] | None) -> tuple[_Ids, _Ids]:
    """Return the ids of devices and of their App Platforms."""
    if devices is None:
        return None, None
    if not devices:
        return [], []
    if len(devices) == 1:
        return _one(devices[0].id), _one(devices[0].app_platform())
    ids: dict[str, None] = {}
    platforms: dict[str, None] = {}
    for each in devices:
        if (text := each.id) and text != values.NO_ID:
            ids[text] = None
        if (text := each.app_platform()) and text != values.NO_ID:
            platforms[text] = None
    return _several(ids), _several(platforms)


def _one(text: str | None) -> _Ids:
    return [text] if text and text != values.NO_ID else None


def _several(texts: dict[str, None]) -> _Ids:
    return list(texts) or None
