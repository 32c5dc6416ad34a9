"""Lists events, and shows one of them in full."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.queries.export import export_of
from target_amplitude_nami.local.queries.rows import (
    Change,
    EventRow,
    changes_of,
    event_rows,
)
from target_amplitude_nami.local.queries.selection import (
    LAST_MOMENT,
    Selection,
    event_numbers,
    type_numbers,
)
from target_amplitude_nami.local.storage.event_index import BY_TIME, BY_USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class _Shown(msgspec.Struct):
    """The user properties of an exported event."""

    user_properties: dict[str, msgspec.Raw]


_shown = msgspec.json.Decoder(_Shown).decode
_object = msgspec.json.Decoder(JsonObject).decode


class EventPage(msgspec.Struct, frozen=True):
    """A page of a list of events."""

    events: list[EventRow]
    next: str | None


class EventDetails(msgspec.Struct, frozen=True):
    """An event in full."""

    row: EventRow
    sent: str
    stored: str
    property_changes: list[Change]


def list_events(connection: sqlite3.Connection, selection: Selection) -> EventPage:
    """Return the selected events, the latest first."""
    found = list(islice(_positions(connection, selection), selection.limit + 1))
    shown = found[: selection.limit]
    following = "{}.{}".format(*shown[-1]) if len(found) > len(shown) else None
    return EventPage(event_rows(connection, [n for _, n in shown]), following)


def event_details(connection: sqlite3.Connection, number: int) -> EventDetails | None:
    """Return the event of this number in full; None if there is none."""
    rows = event_rows(connection, [number])
    if not rows:
        return None
    [row] = rows
    [[raw, overlay, changes]] = connection.execute(
        "SELECT raw, overlay, changes FROM events WHERE number = ?",
        (number,),
    )
    stored = msgspec.json.encode(
        export_of(
            raw,
            _object(overlay),
            event_type=row.type,
            time=row.time,
            uploaded=row.uploaded,
        ),
    )
    return EventDetails(
        row,
        raw.decode("utf-8", "replace"),
        stored.decode(),
        changes_of(changes, _shown(stored).user_properties),
    )


def _positions(
    connection: sqlite3.Connection,
    selection: Selection,
) -> Iterator[tuple[int, int]]:
    """Yield time and number of the selected events, the latest first.

    The events of each type are in order in two tables, which are merged as they are
    read.
    """
    before = selection.before or (LAST_MOMENT, LAST_MOMENT)
    conditions = "time >= ? AND time < ? AND (time, number) < (?, ?)"
    values: list[Any] = [selection.since, selection.until, *before]
    tables = BY_TIME
    if selection.user is not None:
        tables = BY_USER
        conditions += " AND user = ?"
        values.append(selection.user)
    types = type_numbers(connection, selection.types)
    if selection.request is not None:
        conditions += " AND number BETWEEN ? AND ?"
        values += event_numbers(connection, selection.request)
        query = f"SELECT time, number FROM events WHERE {conditions}"  # noqa: S608
        query += f" AND type IN ({','.join(map(str, types))})"
        yield from sorted(connection.execute(query, values), reverse=True)
        return
    query = (
        "SELECT time, number FROM {}"  # noqa: S608
        f" WHERE type = ? AND {conditions} ORDER BY time DESC, number DESC"
    )
    yield from merge(
        *(
            connection.execute(query.format(table), [number, *values])
            for number in types
            for table in tables
        ),
        reverse=True,
    )
