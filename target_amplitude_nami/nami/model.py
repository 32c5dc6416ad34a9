"""Types what a record of Nami is: an event, or a user's state."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami.state import UserState


class NamiEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of Nami (Nami docs, "Webhooks"): what happened, when, to which user."""

    event_type: str
    time: int
    """When it happened, ms since 1970."""
    event_id: str | None
    user_id: str | None
    """Nami's own user id."""
    external_id: str | None
    device_id: str | None
    """The record's own device, or the user's only one."""
    state: UserState
    properties: dict[str, t.Any]
    """What is left of the record."""


class NamiUser(msgspec.Struct, frozen=True, gc=False):
    """A user's state as of some time, without an event."""

    user_id: str
    external_id: str | None
    device_id: str | None
    time: int | None
    state: UserState
