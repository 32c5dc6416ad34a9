"""Takes what a record says about its user out of its fields, in any form.

Containers exactly as Nami sends them take a fast path; any other form is normalised by
`containers` first and then read in the same way.
"""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import containers, values
from target_amplitude_nami.nami.state import (
    NO_STATE,
    READY_MADE_COLUMNS,
    Ids,
    UserState,
    with_ready_made,
)
from target_amplitude_nami.nami.values import NO_ID, WHITESPACE

# What Nami sends, exactly: `containers` normalises any other form.


class _Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """An object with the keys that Nami documents.

    Others must not be passed over: they may be spellings of keys that count.
    """


class _ExternalId(_Strict):
    key: str | None = None
    value: str | None = None
    type: t.Any = None

    def says_nothing(self) -> bool:
        """Return whether it is to be looked at again, by `containers`.

        It has no key, its key is a part of another form, or one of both is JSON text.
        """
        key, value = self.key, self.value
        return (
            not key
            or key in _PARTS_OF_AN_ENTRY
            or key[0] in _JSON_OPENINGS
            or (bool(value) and t.cast("str", value)[0] in _JSON_OPENINGS)
        )


class _Entitlement(_Strict):
    entitlement_ref_id: str | None = None
    sku_ref_id: str | None = None
    expiration: str | None = None
    purchase_platform: str | None = None
    name: t.Any = None
    description: t.Any = None
    last_verified: t.Any = None

    def says_nothing(self) -> bool:
        """Return whether it has none of the keys that count, or all are null."""
        return (
            self.entitlement_ref_id is None
            and self.sku_ref_id is None
            and self.expiration is None
            and self.purchase_platform is None
        )


class _Platform(_Strict):
    id: str | None = None
    name: t.Any = None
    platform_type: t.Any = None
    marketplace_app_id: t.Any = None


class _Device(_Strict):
    id: str | None = None
    platform: _Platform | None = None
    app_platform_id: str | None = None
    platform_id: str | None = None

    def says_nothing(self) -> bool:
        """Return whether it has none of the keys that count, or all are null."""
        return (
            self.id is None
            and self.platform is None
            and self.app_platform_id is None
            and self.platform_id is None
        )

    def app_platform(self) -> str | None:
        """Return the App Platform's id, never its type, which is free text."""
        own = None if self.platform is None else self.platform.id
        return own or self.app_platform_id or self.platform_id


class _Journey(_Strict):
    former_subscriber: bool | None = None
    in_account_hold: bool | None = None
    in_grace_period: bool | None = None
    in_trial_period: bool | None = None
    in_intro_offer_period: bool | None = None
    in_pause: bool | None = None
    is_cancelled: bool | None = None


class _AboutUser(msgspec.Struct, array_like=True, gc=False):
    external_ids: list[_ExternalId] | None
    active_entitlements: list[_Entitlement] | None
    devices: list[_Device] | None
    customer_journey_state: _Journey | None


class _SaysNothing(Exception):  # noqa: N818 - it never leaves this module
    """A member of an array has none of the keys that count."""


_Member = t.TypeVar("_Member", _ExternalId, _Entitlement, _Device)

_NO_IDS: t.Final = frozenset({"", NO_ID})
_EXTERNAL_ID: t.Final = "external_id"
_NAMELESS: t.Final = ""
"""In the place of an External ID: a value that might be it, without a key."""
_PARTS_OF_AN_ENTRY: t.Final = frozenset({"key", "type", "value"})
"""What keys are where an entry is itself a map from key to value."""
_JSON_OPENINGS: t.Final = frozenset('[{"')
_OTHER_KINDS: t.Final = frozenset({"original_transaction_id"})
_NO_JOURNEY: t.Final = _Journey()
_LIST_OR_NONE: t.Final = frozenset({list, type(None)})


def take_about_user(
    fields: dict[str, t.Any], *, carries_state: bool, has_ready_made: bool
) -> tuple[UserState, str | None]:
    """Take what a record says about its user out of its fields.

    The record's other properties are left. Where a nested field and a ready-made
    `namiml_*` column say the same thing, the nested field wins.

    Args:
        fields: The record's, which are changed.
        carries_state: Whether the user's state counts. That of other records, of
            `device.*` events above all, is never sent; only ids count there.
        has_ready_made: Whether there may be ready-made columns.

    Returns:
        The state, and the External ID.

    Raises:
        UnreadableRecord: For a part that is there and is not understood.
    """
    take = fields.pop
    entries, column = take("external_ids", None), take("external_id", None)
    entitlements, devices = take("active_entitlements", None), take("devices", None)
    journey = take("customer_journey_state", None)
    if not carries_state:
        entitlements = journey = None
    if entitlements is devices is journey is None:
        # As on most events of devices.
        state, external_id = NO_STATE, None
        if entries is not None:
            external_id = _read_external_id(entries)
    else:
        state, external_id = _read(entries, entitlements, devices, journey)
    if has_ready_made and not READY_MADE_COLUMNS.isdisjoint(fields):
        state = with_ready_made(state, fields, carries_state=carries_state)
    if not external_id:
        beside = None if column is None else values.external_id(column, _EXTERNAL_ID)
        if external_id is not None and beside is None:
            raise UnreadableRecord(
                "not_understood",
                "external_ids",
                "external_ids has a value without its key, so nothing says whether it "
                "is the External ID: add the key, or give the External ID in a column "
                "external_id",
            )
        external_id = beside
    return state, external_id


def _read_external_id(entries: object) -> str | None:
    if type(entries) is list:
        try:
            return _external_id_of(
                msgspec.convert(entries, list[_ExternalId]), may_be_empty=False
            )
        except (msgspec.ValidationError, UnicodeError, _SaysNothing):
            pass
    return _external_id_of(_EXTERNAL_IDS.read(entries), may_be_empty=True)


def _read(
    entries: object, entitlements: object, devices: object, journey: object
) -> tuple[UserState, str | None]:
    # A stream map can make a tuple or a set, which `convert` takes for an array.
    if _LIST_OR_NONE.issuperset((type(entries), type(entitlements), type(devices))):
        try:
            return _facts_of(
                msgspec.convert((entries, entitlements, devices, journey), _AboutUser),
                may_be_empty=False,
            )
        except (msgspec.ValidationError, UnicodeError, _SaysNothing):
            pass
    about = _AboutUser(
        _EXTERNAL_IDS.read(entries),
        _ENTITLEMENTS.read(entitlements),
        _DEVICES.read(devices),
        _read_journey(journey),
    )
    return _facts_of(about, may_be_empty=True)


def _facts_of(about: _AboutUser, *, may_be_empty: bool) -> tuple[UserState, str | None]:
    """Return the state, and the External ID.

    Raises:
        _SaysNothing: For a member without any key that counts, unless it may be empty.
    """
    external_id = _external_id_of(about.external_ids, may_be_empty)
    entitled, skus, expirations, stores = _entitlements(
        about.active_entitlements, may_be_empty
    )
    device_ids, platforms = _devices(about.devices, may_be_empty)
    flags = about.customer_journey_state or _NO_JOURNEY
    state = UserState(
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
    return state, external_id


# The booleans below go by place: a call by name takes longer.
# ruff: noqa: FBT001


def _external_id_of(
    entries: list[_ExternalId] | None, may_be_empty: bool
) -> str | None:
    """Return the External ID: the entry of `external_ids` with that key.

    `_NAMELESS` where an entry has a value without a key, and no other has the key.

    The other entries are ids of store transactions and the like, also when they come
    first (Nami docs, "Event types", the example of `user.*`).
    """
    found = None
    for entry in entries or ():
        key, value = entry.key, entry.value
        if key != _EXTERNAL_ID:
            if key in _OTHER_KINDS:
                continue
            if not may_be_empty and entry.says_nothing():
                raise _SaysNothing
            if key is None:
                if found is None and value:
                    found = _NAMELESS
                continue
            if not containers.is_external_id(key):
                continue
        elif value and value[0] in _JSON_OPENINGS and not may_be_empty:
            raise _SaysNothing
        found = found or values.external_id(value, "external_ids")
    return found


def _entitlements(  # noqa: C901 - four times the same: calls would take longer
    entitlements: list[_Entitlement] | None, may_be_empty: bool
) -> tuple[Ids, Ids, Ids, Ids]:
    """Return the ids of entitlements and SKUs, when they expire, where bought."""
    if entitlements is None:
        return None, None, None, None
    if not entitlements:
        return [], [], [], []
    if not may_be_empty:
        for each in entitlements:
            if each.entitlement_ref_id is None and each.says_nothing():
                raise _SaysNothing
    entitled: dict[str, None] = {}
    skus: dict[str, None] = {}
    expirations: dict[str, None] = {}
    stores: dict[str, None] = {}
    for each in entitlements:
        text = each.entitlement_ref_id
        if text and (text := text.strip(WHITESPACE)) not in _NO_IDS:
            entitled[text] = None
        text = each.sku_ref_id
        if text and (text := text.strip(WHITESPACE)) not in _NO_IDS:
            skus[text] = None
        text = each.expiration
        if text and (text := text.strip(WHITESPACE)) not in _NO_IDS:
            expirations[text] = None
        text = each.purchase_platform
        if text and (text := text.strip(WHITESPACE)) not in _NO_IDS:
            stores[text] = None
    return (
        list(entitled) or None,
        list(skus) or None,
        list(expirations) or None,
        list(stores) or None,
    )


def _devices(devices: list[_Device] | None, may_be_empty: bool) -> tuple[Ids, Ids]:
    """Return the ids of devices and of their App Platforms."""
    if devices is None:
        return None, None
    if not devices:
        return [], []
    if not may_be_empty:
        for each in devices:
            if each.id is None and each.says_nothing():
                raise _SaysNothing
    ids: dict[str, None] = {}
    platforms: dict[str, None] = {}
    for each in devices:
        text = each.id
        if text and (text := text.strip(WHITESPACE)) not in _NO_IDS:
            ids[text] = None
        text = each.app_platform()
        if text and (text := text.strip(WHITESPACE)) not in _NO_IDS:
            platforms[text] = None
    return list(ids) or None, list(platforms) or None


# Containers in other forms


class _Container(t.Generic[_Member]):
    """Reads one array in any form as Nami would send it."""

    def __init__(self, field: str, kind: type[_Member]) -> None:
        """Take the container's name, and what its members are."""
        self._field = field
        self._kind: type[t.Any] = kind
        self._members: t.Any = list[kind]  # type: ignore[valid-type]
        self._decode = msgspec.json.Decoder(self._members).decode

    def read(self, value: object) -> list[_Member] | None:
        """Return the members; None where there is no container."""
        if value is None:
            return None
        members = self._read_to_the_letter(value)
        if members is not None:
            return members
        found = containers.members(value, self._field)
        if found is None:
            return None
        return [
            msgspec.convert(_ids_as_text(member, self._field), self._kind)
            for member in found
        ]

    def _read_to_the_letter(self, value: object) -> list[_Member] | None:
        """Return the members where they, or JSON text of them, are as Nami sends."""
        try:
            if isinstance(value, str):
                members: list[_Member] = self._decode(value)
            elif isinstance(value, list):
                members = msgspec.convert(value, self._members)
            else:
                return None
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        return None if any(member.says_nothing() for member in members) else members


_EXTERNAL_IDS: t.Final = _Container("external_ids", _ExternalId)
_ENTITLEMENTS: t.Final = _Container("active_entitlements", _Entitlement)
_DEVICES: t.Final = _Container("devices", _Device)
_decode_journey: t.Final = msgspec.json.Decoder(_Journey).decode


def _ids_as_text(member: dict[str, t.Any], field: str) -> dict[str, t.Any]:
    texts: dict[str, t.Any] = {}
    for name, value in member.items():
        if name == "platform" and value is not None:
            texts[name] = value | {"id": values.identifier(value.get("id"), field)}
        else:
            texts[name] = containers.no_container(
                values.identifier(value, field), name, field
            )
    return texts


def _read_journey(value: object) -> _Journey | None:
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return _decode_journey(value)
        return msgspec.convert(value, _Journey)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        flags = containers.flags(value)
    if flags is None:
        return None
    return _Journey(**{name: values.boolean(flags[name], name) for name in flags})
