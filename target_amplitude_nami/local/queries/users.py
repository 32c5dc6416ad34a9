"""Lists users, and shows one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind, NameKind
from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.queries.events import EventPage, list_events
from target_amplitude_nami.local.queries.rows import event_rows
from target_amplitude_nami.local.queries.selection import LAST_MOMENT, Selection
from target_amplitude_nami.local.storage import user_names
from target_amplitude_nami.local.storage.event_index import BY_USER
from target_amplitude_nami.local.storage.user_table import profile_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_MOST_NAMES = 100

_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_numbers = msgspec.json.Decoder(list[int]).decode
_object = msgspec.json.Decoder(JsonObject).decode


class UserRow(msgspec.Struct, frozen=True):
    """A user in a list."""

    key: str
    user_id: str | None
    device_id: str | None
    events: int
    first: int | None
    last: int | None
    kind: Literal["user", "device"]
    """A device is anonymous: no user ever logged in on it."""


class UserPage(msgspec.Struct, frozen=True):
    """A page of the list of users."""

    users: list[UserRow]
    next: str | None


class Property(msgspec.Struct, frozen=True):
    """A user property with its current value, and the event that set it."""

    name: str
    value: str
    set_at: int | None
    event: int | None
    type: str | None


class UserDetails(msgspec.Struct, frozen=True):
    """A user in full."""

    user: UserRow
    devices: list[str]
    nami_ids: list[str]
    fields: JsonObject
    """The last known device, location, language and app version."""
    properties: list[Property]
    timeline: EventPage


def list_users(
    connection: sqlite3.Connection,
    start: str,
    before: int | None,
    limit: int,
) -> UserPage:
    """Return users with an id that starts so, the newest first.

    Args:
        connection: The file.
        start: How an id starts; empty for all users.
        before: The number of the last user of the page before; None for the start.
        limit: How many to return.
    """
    highest = LAST_MOMENT if before is None else before
    if start:
        query = (
            "SELECT user FROM names WHERE user < ? AND instr(names, ?)"
            " ORDER BY user DESC LIMIT ?"
        )
        values: list[object] = [highest, user_names.beginning(start), limit + 1]
    else:
        query = "SELECT number FROM users WHERE number < ? ORDER BY number DESC LIMIT ?"
        values = [highest, limit + 1]
    numbers = [number for (number,) in connection.execute(query, values)]
    shown = numbers[:limit]
    following = str(shown[-1]) if len(numbers) > limit else None
    return UserPage(_rows(connection, shown), following)


def user_details(
    connection: sqlite3.Connection,
    number: int,
    selection: Selection,
) -> UserDetails | None:
    """Return the user of this number in full; None if there is none."""
    rows = _rows(connection, [number])
    if not rows:
        return None
    [[known_as]] = connection.execute(
        "SELECT coalesce(names, '') FROM users"
        " LEFT JOIN names ON user = number WHERE number = ?",
        (number,),
    )
    properties, origins, fields = profile_of(connection, number)
    values = _values(properties)
    events = dict(zip(values, _numbers(origins), strict=True))
    selection = msgspec.structs.replace(selection, user=number)
    return UserDetails(
        rows[0],
        user_names.of_kind(known_as, NameKind.DEVICE_ID)[:_MOST_NAMES],
        user_names.of_kind(known_as, NameKind.NAMI_ID)[:_MOST_NAMES],
        _object(fields),
        _properties(connection, values, events),
        list_events(connection, selection),
    )


def _rows(connection: sqlite3.Connection, numbers: Iterable[int]) -> list[UserRow]:
    times = " UNION ALL ".join(
        f"SELECT time FROM types CROSS JOIN {table}"  # noqa: S608
        " ON type = types.number AND user = ?1 WHERE kind = ?2"
        for table in BY_USER
    )
    query = (
        "SELECT user_id, device_id, counted.* FROM users,"  # noqa: S608
        f" (SELECT count(*), min(time), max(time) FROM ({times})) AS counted"
        " WHERE users.number = ?1"
    )
    return [
        UserRow(
            key=str(number),
            user_id=user_id,
            device_id=device_id,
            events=events,
            first=first,
            last=last,
            kind="device" if user_id is None else "user",
        )
        for number in numbers
        for user_id, device_id, events, first, last in connection.execute(
            query, (number, Kind.EVENT)
        )
    ]


def _properties(
    connection: sqlite3.Connection,
    values: dict[str, msgspec.Raw],
    origins: dict[str, int],
) -> list[Property]:
    numbers = list(set(origins.values()))
    events = {row.number: row for row in event_rows(connection, numbers)}
    found = []
    for name in sorted(values):
        event = events.get(origins.get(name, 0))
        found.append(
            Property(
                name,
                bytes(values[name]).decode(),
                event.time if event else None,
                event.number if event else None,
                event.type if event else None,
            ),
        )
    return found
