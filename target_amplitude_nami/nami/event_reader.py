"""Reads an event from a record's fields."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times, values
from target_amplitude_nami.nami.about_user import take_about_user
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.plain_values import plain_members
from target_amplitude_nami.nami.properties import normalised


def event_type_of(value: object) -> str | None:
    """Return an event type without padding; None for what is none."""
    return (value.strip(values.WHITESPACE) or None) if isinstance(value, str) else None


def read_event(fields: dict[str, t.Any], *, has_ready_made: bool) -> NamiEvent:
    """Read an event (Nami docs, "Webhooks" for its envelope).

    Args:
        fields: The record's, which are changed.
        has_ready_made: Whether there may be ready-made columns among them.

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
    take = fields.pop
    try:
        created = take("created_date", None)
        time = times.milliseconds(created) if type(created) is str else None
        if time is None:  # the slow reader says why
            time = values.time_ms(created, "created_date")
        if time is None:
            raise UnreadableRecord(  # noqa: TRY301 - it is given its type here
                "time_missing", "created_date", "the event has no created_date"
            )
        event_id = values.identifier(take("id", None), "id")
        if event_id is None:
            event_id = values.identifier(take("event_id", None), "id")
        user_id = values.identifier(take("user_id", None), "user_id")
        device_id = values.identifier(take("device_id", None), "device_id")
        state, external_id = take_about_user(
            fields,
            carries_state=event_type.startswith("user."),
            has_ready_made=has_ready_made,
        )
        return NamiEvent(
            event_type,
            time,
            event_id,
            user_id,
            external_id,
            device_id or state.only_device(),
            state,
            plain_members(normalised(fields)),
        )
    except UnreadableRecord as error:
        error.event_type = event_type
        raise
