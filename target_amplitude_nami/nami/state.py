"""A user's state of subscription, as Nami's records have it."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami import containers, values
from target_amplitude_nami.nami.container_keys import FLAGS

if t.TYPE_CHECKING:
    from collections.abc import Mapping


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

    def only_device(self) -> str | None:
        """Return the user's device where it is the only one.

        One of several would tie unrelated devices together in Amplitude.
        """
        devices = self.device_ids
        return devices[0] if devices is not None and len(devices) == 1 else None


NO_STATE: t.Final = UserState()

Ids: t.TypeAlias = list[str] | None
"""None where there is no such value, or none of it is an id."""

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


def with_ready_made(
    state: UserState, fields: Mapping[str, t.Any], *, carries_state: bool
) -> UserState:
    """Complete a state from `namiml_*` columns among a record's fields."""
    found: dict[str, t.Any] = {}
    for name, column in _READY_MADE_ARRAYS.items():
        value = fields.get(column)
        if carries_state or name == "device_ids":
            found[name] = _ready_made_ids(value, column)
    for name, column in _READY_MADE_FLAGS.items():
        value = fields.get(column)
        if carries_state:
            found[name] = values.boolean(value, column)
    status = fields.get(_STATUS_COLUMN)
    if carries_state:
        found["subscription_status"] = values.identifier(status, _STATUS_COLUMN)
    missing = {
        name: value
        for name, value in found.items()
        if value is not None and getattr(state, name) is None
    }
    return msgspec.structs.replace(state, **missing) if missing else state


def _ready_made_ids(value: object, column: str) -> Ids:
    ids = containers.ids(value, column)
    if not ids:
        return ids
    found = dict.fromkeys([values.identifier(item, column) for item in ids])
    found.pop(None, None)
    return t.cast("list[str]", list(found)) or None
