"""The lists that the page shows, and what it shows of one of their rows."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.model import JsonObject, Kind
from target_amplitude_nami.local.queries.exports import export_of
from target_amplitude_nami.local.queries.faulty_events import Mark, marks_of, upload_in
from target_amplitude_nami.local.queries.rows import (
    REQUEST_COLUMNS,
    Change,
    EventRow,
    RequestRow,
    changes_of,
    events_of,
    request_row,
)
from target_amplitude_nami.local.storage.event_index import BY_TIME, BY_USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

FIRST_MOMENT, LAST_MOMENT = -(2**62), 2**62
MOST_SHOWN = 20
"""How many events of a request are shown with it."""
_MOST_MARKED = 100


class _Shown(msgspec.Struct):
    """What an event shows of its user."""

    user_properties: dict[str, msgspec.Raw]


_shown = msgspec.json.Decoder(_Shown).decode
_object = msgspec.json.Decoder(JsonObject).decode


class Wanted(msgspec.Struct, frozen=True):
    """Which rows of a list are asked for."""

    since: int = FIRST_MOMENT
    until: int = LAST_MOMENT
    types: tuple[str, ...] = ()
    user: int | None = None
    request: int | None = None
    before: tuple[int, ...] = ()
    """The place in the list after which to go on."""
    limit: int = 100


class Events(msgspec.Struct, frozen=True):
    """A page of a list of events."""

    events: list[EventRow]
    next: str | None


class OneEvent(msgspec.Struct, frozen=True):
    """All about an event."""

    row: EventRow
    sent: str
    stored: str
    property_changes: list[Change]


class Requests(msgspec.Struct, frozen=True):
    """A page of the list of requests."""

    requests: list[RequestRow]
    next: str | None


class OneRequest(msgspec.Struct, frozen=True):
    """All about a request."""

    request: RequestRow
    answer: str
    marked: list[Mark]
    marked_in_all: int
    first_events: list[str]
    body_kept: bool


def events(connection: sqlite3.Connection, wanted: Wanted) -> Events:
    """Return the events that are asked for, the latest first."""
    places = list(islice(_places(connection, wanted), wanted.limit + 1))
    shown = places[: wanted.limit]
    following = "{}.{}".format(*shown[-1]) if len(places) > len(shown) else None
    return Events(events_of(connection, [number for _, number in shown]), following)


def event(connection: sqlite3.Connection, number: int) -> OneEvent | None:
    """Return all about the event of this number."""
    rows = events_of(connection, [number])
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
    return OneEvent(
        row,
        raw.decode("utf-8", "replace"),
        stored.decode(),
        changes_of(changes, _shown(stored).user_properties),
    )


def requests(
    connection: sqlite3.Connection,
    wanted: Wanted,
    status: str,
) -> Requests:
    """Return the requests that are asked for, the newest first.

    `status` is a status, `refused` for all that took nothing in, or empty for all.
    """
    condition, values = "1", [*(wanted.before or (LAST_MOMENT,)), wanted.limit + 1]
    if status == "refused":
        condition = "status NOT BETWEEN 200 AND 399"
    elif status:
        condition = "status = ?"
        values.insert(0, int(status))
    rows = connection.execute(
        f"SELECT {REQUEST_COLUMNS} FROM requests"  # noqa: S608
        f" WHERE {condition} AND number < ? ORDER BY number DESC LIMIT ?",
        values,
    ).fetchall()
    shown = [request_row(row) for row in rows[: wanted.limit]]
    following = str(shown[-1].number) if len(rows) > len(shown) else None
    return Requests(shown, following)


def request(connection: sqlite3.Connection, number: int) -> OneRequest | None:
    """Return all about the request of this number."""
    row = connection.execute(
        f"SELECT answer, body, {REQUEST_COLUMNS} FROM requests"  # noqa: S608
        " LEFT JOIN bodies ON request = number WHERE number = ?",
        (number,),
    ).fetchone()
    if row is None:
        return None
    answer, body, *columns = row
    found = request_row(columns)
    upload = None if body is None else upload_in(body, found.api)
    marks = marks_of(upload, answer) if upload and found.error else []
    sent = upload.raws if upload else _stored_of(connection, number)
    return OneRequest(
        found,
        answer.decode("utf-8", "replace"),
        marks[:_MOST_MARKED],
        len(marks),
        [raw.decode("utf-8", "replace") for raw in sent[:MOST_SHOWN]],
        body is not None,
    )


def _stored_of(connection: sqlite3.Connection, number: int) -> list[bytes]:
    rows = connection.execute(
        "SELECT raw FROM events WHERE number BETWEEN ? AND ? ORDER BY number",
        _span(connection, number, MOST_SHOWN),
    )
    return [raw for (raw,) in rows]


def type_numbers(
    connection: sqlite3.Connection,
    names: Iterable[str] = (),
    *,
    listed: bool = False,
) -> dict[int, str]:
    """Return the event types of these names, or all; if asked, those of charts only."""
    wanted = set(names)
    return {
        number: name
        for number, name, kind in connection.execute(
            "SELECT number, name, kind FROM types ORDER BY name, number",
        )
        if (not wanted or name in wanted) and (not listed or kind == Kind.EVENT)
    }


def _places(
    connection: sqlite3.Connection,
    wanted: Wanted,
) -> Iterator[tuple[int, int]]:
    """Yield time and number of the events that are asked for, the latest first.

    Each type stands in order in two tables; as many as are wanted are drawn from all.
    """
    before = wanted.before or (LAST_MOMENT, LAST_MOMENT)
    conditions = "time >= ? AND time < ? AND (time, number) < (?, ?)"
    values: list[Any] = [wanted.since, wanted.until, *before]
    tables = BY_TIME
    if wanted.user is not None:
        tables = BY_USER
        conditions += " AND user = ?"
        values.append(wanted.user)
    if wanted.request is not None:
        conditions += " AND number BETWEEN ? AND ?"
        values += _span(connection, wanted.request)
        query = f"SELECT time, number FROM events WHERE {conditions}"  # noqa: S608
        types = type_numbers(connection, wanted.types)
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
            for number in type_numbers(connection, wanted.types)
            for table in tables
        ),
        reverse=True,
    )


def _span(
    connection: sqlite3.Connection,
    request_number: int,
    most: int = LAST_MOMENT,
) -> tuple[int, int]:
    """Return the first and the last number that a request's events can have."""
    row = connection.execute(
        "SELECT first_event, events - duplicates FROM requests"
        " WHERE number = ? AND status BETWEEN 0 AND 399",
        (request_number,),
    ).fetchone()
    first, count = row or (0, 0)
    return first, first + min(count, most) - 1
