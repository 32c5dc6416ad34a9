"""Reads an event from a record's fields."""

from __future__ import annotations

import functools
import typing as t

import msgspec

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times, values
from target_amplitude_nami.nami.about_user import user_in
from target_amplitude_nami.nami.container_keys import CONTAINERS
from target_amplitude_nami.nami.deleted import may_mark
from target_amplitude_nami.nami.event_properties import (
    Documented,
    documented_among,
    read_properties,
)
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NO_PROPERTIES: t.Final = frozenset(
    {"event_type", "created_date", "id", "user_id", "device_id", "external_id"}
    | {*CONTAINERS}
    | READY_MADE_COLUMNS
)
"""Fields that are read into other parts of an event than its properties."""
_TYPE: t.Final = "event_type"
_OTHER_ID: t.Final = "event_id"
"""What counts where there is no `id`; beside one it is a property."""


class Plan(msgspec.Struct, frozen=True):
    """How to read events that have certain columns."""

    fields: tuple[str, ...] | None
    """The names of their fields, where they are not those of the columns."""
    type_column: str
    """Where the event type is, if there is one."""
    no_properties: tuple[str, ...]
    """The fields that are not among the event's properties."""
    documented: Documented
    """Among the properties."""
    has_ready_made: bool
    may_be_deleted: bool
    """Whether a column may mark a row that was deleted at its source."""
    without_id: Plan | None
    """The plan for such events without an `id`, if it is another one."""


def plan_for(columns: Sequence[str], fields: Sequence[str]) -> Plan:
    """Plan how to read events.

    Args:
        columns: Their columns.
        fields: The field that each column is, another one each; empty for metadata,
            which says nothing.
    """
    return _plan_for(columns, fields, _NO_PROPERTIES)


def _plan_for(
    columns: Sequence[str], fields: Sequence[str], no_properties: frozenset[str]
) -> Plan:
    is_named_so = columns == fields or all(map(_is_named_so, columns, fields))
    left_out: dict[str, None] = {}
    properties = []
    for column, field in zip(columns, fields, strict=True):
        name = column if is_named_so else field
        if not field or field in no_properties:
            left_out[name] = None
        else:
            properties.append(name)
    without_id = None
    if _OTHER_ID in properties:
        without_id = _plan_for(columns, fields, no_properties | {_OTHER_ID})
    return Plan(
        None if is_named_so else tuple(fields),
        columns[fields.index(_TYPE)] if _TYPE in fields else "",
        tuple(left_out),
        documented_among(tuple(properties)),
        not READY_MADE_COLUMNS.isdisjoint(fields),
        any(map(may_mark, columns)),
        without_id,
    )


def _is_named_so(column: str, field: str) -> bool:
    return not field or column == field


@functools.lru_cache(maxsize=1024)
def _plan_for_fields(names: tuple[str, ...]) -> Plan:
    return plan_for(names, names)


def event_type_of(value: object) -> str | None:
    """Return an event type without padding; None for what is none."""
    return (value.strip(values.WHITESPACE) or None) if isinstance(value, str) else None


def read_fields(fields: Mapping[str, t.Any]) -> NamiEvent:
    """Read an event from its fields: see `read_event`."""
    return read_event(fields, _plan_for_fields(tuple(fields)))


def read_event(record: Mapping[str, t.Any], plan: Plan) -> NamiEvent:
    """Read an event (Nami docs, "Webhooks" for its envelope).

    Args:
        record: Its columns; null says the same as no column.
        plan: For the names of its columns.

    Raises:
        UnreadableRecord: For a part that is missing or not understood.
    """
    names = plan.fields
    fields = record if names is None else dict(zip(names, record.values(), strict=True))
    get = fields.get
    event_type = event_type_of(get(_TYPE))
    if event_type is None:
        raise UnreadableRecord(
            "event_type_missing",
            "event_type",
            "the stream holds events, but this record names no event type",
        )
    try:
        created = get("created_date")
        time = times.milliseconds(created) if type(created) is str else None
        if time is None:  # the slow reader says why
            time = values.time_ms(created, "created_date")
        if time is None:
            raise UnreadableRecord(  # noqa: TRY301 - it is given its type here
                "time_missing", "created_date", "the event has no created_date"
            )
        event_id = values.identifier(get("id"), "id")
        if event_id is None and plan.without_id is not None:
            plan = plan.without_id
            event_id = values.identifier(get(_OTHER_ID), "id")
        user_id = values.identifier(get("user_id"), "user_id")
        device_id = values.identifier(get("device_id"), "device_id")
        state, external_id = user_in(
            fields,
            carries_state=event_type.startswith("user."),
            has_ready_made=plan.has_ready_made,
        )
        properties = dict(fields)
        for name in plan.no_properties:
            del properties[name]
        return NamiEvent(
            event_type,
            time,
            event_id,
            user_id,
            external_id,
            device_id or state.only_device(),
            state,
            read_properties(properties, plan.documented),
        )
    except UnreadableRecord as error:
        error.event_type = event_type
        raise
