"""Which properties the events of each type carry, of which types, with an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.ingest.clipping import clipped, may_be_long
from target_amplitude_nami.local.jsontext import decode
from target_amplitude_nami.local.storage.counts.kinds import Scope
from target_amplitude_nami.local.storage.counts.properties import OTHERS, set_by

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from target_amplitude_nami.local.model import JsonObject
    from target_amplitude_nami.local.queries.findings.counts import (
        PropertyCount,
        TypeCount,
    )

_LONGEST_EXAMPLE = 200
_AT_ONCE = 500
_SCOPES = {Scope.FIELD: "field", Scope.EVENT: "event", Scope.USER: "user"}

_encode = msgspec.json.Encoder().encode


class Property(msgspec.Struct, frozen=True):
    """A property of one event type."""

    scope: str
    """`field` of the event itself, `event` property or `user` property."""
    name: str
    present: int
    types: dict[str, int]
    """How many values are of each type."""
    is_constant: bool
    """Whether all events that carry it have the same value."""
    example: str | None
    """A value as JSON, cut if it is long."""
    event: int | None
    """The number of the event that the example is from."""


class TypeProperties(msgspec.Struct, frozen=True):
    """The properties of an event type."""

    type: str
    events: int
    properties: list[Property]


def properties(
    connection: sqlite3.Connection, types: Sequence[TypeCount]
) -> list[TypeProperties]:
    """Return the properties of each event type, the most frequent first."""
    counts = [count for each in types for count in each.properties.values()]
    events = _events(connection, {c.example for c in counts if c.example})
    return [
        TypeProperties(
            each.name,
            each.events,
            sorted(
                (_property(count, events) for count in each.properties.values()),
                key=lambda found: (found.scope, -found.present, found.name),
            ),
        )
        for each in types
    ]


def _property(count: PropertyCount, events: dict[int, JsonObject]) -> Property:
    event = events.get(count.example or 0)
    is_shown = event is not None and count.name != OTHERS
    return Property(
        scope=_SCOPES[count.scope],
        name=count.name,
        present=count.present,
        types=count.types,
        is_constant=count.is_constant,
        example=_example(event, count) if event and is_shown else None,
        event=count.example if is_shown else None,
    )


def _example(event: JsonObject, count: PropertyCount) -> str | None:
    part: Any = event
    if count.scope is Scope.EVENT:
        part = event.get("event_properties") or {}
    elif count.scope is Scope.USER:
        part = set_by(event.get("user_properties") or {})
    if count.name not in part:
        return None
    text = _encode(part[count.name]).decode()
    is_long = len(text) > _LONGEST_EXAMPLE
    return f"{text[:_LONGEST_EXAMPLE]}…" if is_long else text


def _events(
    connection: sqlite3.Connection, numbers: Iterable[int]
) -> dict[int, JsonObject]:
    wanted = sorted(numbers)
    found: dict[int, JsonObject] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        places = ",".join("?" * len(some))
        for number, raw in connection.execute(
            f"SELECT number, raw FROM events WHERE number IN ({places})",  # noqa: S608
            some,
        ):
            event = decode(raw)
            found[number] = clipped(event) if may_be_long(raw) else event
    return found
