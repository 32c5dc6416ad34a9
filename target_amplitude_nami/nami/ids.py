"""Reads the ids that events and user records share."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.values import NO_ID

if t.TYPE_CHECKING:
    from target_amplitude_nami.nami.state import UserState


def read_id(value: object, field: str) -> str | None:
    """Return an id; text without padding is handled here, as a call costs more."""
    if type(value) is str and value and value[0] > " " and value[-1] > " ":
        return None if value == NO_ID else value
    return None if value is None else values.identifier(value, field)


def only_device(state: UserState) -> str | None:
    """Return the user's device where it is the only one."""
    # One of several would tie unrelated devices together in Amplitude.
    devices = state.device_ids
    return devices[0] if devices is not None and len(devices) == 1 else None
