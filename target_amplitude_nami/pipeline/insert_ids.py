"""Gives each event the insert id that Amplitude recognises it by."""

from __future__ import annotations

import hashlib
import typing as t

import msgspec

from target_amplitude_nami.amplitude.event import encode
from target_amplitude_nami.pipeline.user_properties import ATTRIBUTES

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.store.profiles import SentState

_NO_EVENT_ID = "00000000-0000-0000-0000-000000000000"
"""What Nami's own examples show as an event's id: many records may have it."""
_LONGEST_INSERT_ID = 255


def insert_id_of(event: NamiEvent, properties: dict[str, t.Any]) -> str:
    """Return an event's insert id: Nami's own event id.

    Without one it is a hash of the event's contents.

    Args:
        event: The event.
        properties: Those that are sent. Others are no part of the hash, as they may
            change each time that the row is loaded.
    """
    event_id = event.event_id
    if (
        event_id is not None
        and event_id != _NO_EVENT_ID
        and len(event_id) <= _LONGEST_INSERT_ID
    ):
        return event_id
    # Ready-made columns hold the eight attributes and not what lies behind them.
    state = {name: getattr(event.state, name) for name in ATTRIBUTES}
    return hash_of(msgspec.structs.replace(event, properties=properties), state)


def hash_of(record: NamiEvent | NamiUser, state: dict[str, t.Any]) -> str:
    """Return a stable id made of all that a record says in every shape.

    Args:
        record: The record.
        state: What counts as its state.
    """
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    return hashlib.sha256(encode(fields | {"state": state})).hexdigest()


def with_sequential_id(
    mapped: AmplitudeEvent, sent: SentState, *, is_repeat: bool
) -> AmplitudeEvent:
    """Give a `$identify` without a time an insert id made of the one before it.

    State may change and change back: the third of A, B, A is no copy of the first. But
    one that repeats the state sent last is a copy of the `$identify` that sent it. It
    never takes the id of an event, and so is never dropped as a copy of that.

    Args:
        mapped: The `$identify`.
        sent: What was sent to the same user before.
        is_repeat: Whether it repeats that.
    """
    if not sent.key:
        return mapped
    insert_id = sent.insert_id
    if not (is_repeat and sent.was_identify):
        ids = f"{insert_id}\n{mapped.insert_id}".encode("utf-8", "surrogatepass")
        insert_id = hashlib.sha256(ids).hexdigest()
    return msgspec.structs.replace(mapped, insert_id=insert_id)
