"""Recognises user records, and reads a user from a record's fields."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import containers, values
from target_amplitude_nami.nami.about_user import user_in
from target_amplitude_nami.nami.model import NamiUser
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS

if t.TYPE_CHECKING:
    from collections.abc import Mapping


def read_user(fields: Mapping[str, t.Any]) -> NamiUser:
    """Read a user record: the state half of a `user.*` event, without an event.

    Nami documents none; its fields are those of events (Nami docs, "Event types").

    Args:
        fields: The record's.

    Raises:
        UnreadableRecord: For a part that is missing or not understood.
    """
    own_id = fields.get("user_id")
    user_id = values.identifier(
        fields.get("id") if own_id is None else own_id, "user_id"
    )
    if user_id is None:
        raise UnreadableRecord(
            "user_id_missing", "user_id", "the user record has no user_id"
        )
    state, external_id = user_in(
        fields,
        carries_state=True,
        has_ready_made=not READY_MADE_COLUMNS.isdisjoint(fields),
    )
    return NamiUser(
        user_id,
        external_id,
        values.identifier(fields.get("device_id"), "device_id") or state.only_device(),
        values.time_ms(fields.get("updated_at"), "updated_at"),
        state,
    )


def looks_like_user(fields: Mapping[str, t.Any]) -> bool:
    """Return whether fields name a user and something of the user's state or ids."""
    get = fields.get
    devices = get("devices")
    has_state = (
        get("customer_journey_state") is not None
        or get("active_entitlements") is not None
        or any(
            name.startswith("namiml_") for name in fields if fields[name] is not None
        )
    )
    if not has_state and devices is not None:
        # A table of anything may count devices, or list them beside its own `id`.
        has_state = get("user_id") is not None or _are_devices(devices)
    if get("user_id") is not None:
        return (
            has_state
            or get("external_ids") is not None
            or get("external_id") is not None
        )
    return has_state and get("id") is not None


def _are_devices(devices: object) -> bool:
    """Return whether there are devices among them as Nami describes them."""
    try:
        return any(
            device.get("id") is not None
            for device in containers.members(devices, "devices") or ()
        )
    except UnreadableRecord:
        return False
