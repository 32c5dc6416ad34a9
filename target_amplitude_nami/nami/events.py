"""Reads an event out of a record's fields."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times, values
from target_amplitude_nami.nami.about_user import take_about_user
from target_amplitude_nami.nami.ids import only_device, read_id
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.plain_values import plain_members
from target_amplitude_nami.nami.properties import normalised


def event_type_of(value: object) -> str | None:
    """Return an event type without padding; None for what is none."""
    return (values.trimmed(value) or None) if isinstance(value, str) else None


def read_event(fields: dict[str, t.Any], *, is_plain: bool) -> NamiEvent:
    """Read an event (Nami docs, "Webhooks" for its envelope).

    Args:
        fields: The record's, which are changed.
        is_plain: Whether all of them are surely named as Nami names them.

    Raises:
        UnreadableRecord: For a part that is missing or not understood.
    """
    event_type = event_type_of(fields.pop("event_type", None))
    if event_type is None:
        raise UnreadableRecord(
            "event_type_missing",
            "event_type",
            "the stream holds events, but this record names no event type",
        )
    try:
        return _read_event_of_type(event_type, fields, is_plain)
    except UnreadableRecord as error:
        error.event_type = event_type
        raise


def _read_event_of_type(
    event_type: str,
    fields: dict[str, t.Any],
    is_plain: bool,  # noqa: FBT001 - a call by name takes longer
) -> NamiEvent:
    take = fields.pop
    created = take("created_date", None)
    time = times.milliseconds(created) if type(created) is str else None
    if time is None:  # the slow reader says why
        time = values.time_ms(created, "created_date")
    if time is None:
        raise UnreadableRecord(
            "time_missing", "created_date", "the event has no created_date"
        )
    event_id = read_id(take("id", None), "id")
    if event_id is None:
        event_id = read_id(take("event_id", None), "id")
    user_id = read_id(take("user_id", None), "user_id")
    device_id = read_id(take("device_id", None), "device_id")
    state, external_id = take_about_user(
        fields,
        carries_state=event_type.startswith("user."),
        has_ready_made=not is_plain,
    )
    return NamiEvent(
        event_type,
        time,
        event_id,
        user_id,
        external_id,
        device_id or only_device(state),
        state,
        plain_members(normalised(fields)),
    )
