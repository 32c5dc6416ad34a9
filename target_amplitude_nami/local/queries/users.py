"""Shows one user in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind, NameKind
from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.queries.events import EventPage, list_events
from target_amplitude_nami.local.queries.rows import event_rows
from target_amplitude_nami.local.queries.user_list import UserRow, user_row
from target_amplitude_nami.local.storage import user_names
from target_amplitude_nami.local.storage.event_index import BY_USER
from target_amplitude_nami.local.storage.user_list.platforms import platforms_in
from target_amplitude_nami.local.storage.user_table import profile_of

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.local.queries.selection import Selection

_MOST_NAMES = 100

_values = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_numbers = msgspec.json.Decoder(list[int]).decode
_object = msgspec.json.Decoder(JsonObject).decode


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
    first: int | None
    """When the first event happened, in milliseconds since 1970."""
    devices: list[str]
    nami_ids: list[str]
    fields: JsonObject
    """The last known device, location, language and app version."""
    properties: list[Property]
    platforms: dict[str, str]
    """The names of platforms whose ids are among the properties, by id."""
    timeline: EventPage


def user_details(
    connection: sqlite3.Connection,
    number: int,
    selection: Selection,
) -> UserDetails | None:
    """Return the user of this number in full; None if there is none."""
    row = user_row(connection, number)
    if row is None:
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
        row,
        _first_event(connection, number),
        user_names.of_kind(known_as, NameKind.DEVICE_ID)[:_MOST_NAMES],
        user_names.of_kind(known_as, NameKind.NAMI_ID)[:_MOST_NAMES],
        _object(fields),
        _properties(connection, values, events),
        platforms_in(connection, properties.decode()),
        list_events(connection, selection),
    )


def _first_event(connection: sqlite3.Connection, number: int) -> int | None:
    """Return when the first event of a user happened that charts can show."""
    times = " UNION ALL ".join(
        f"SELECT time FROM types CROSS JOIN {table}"  # noqa: S608
        " ON type = types.number AND user = ?1 WHERE kind = ?2"
        for table in BY_USER
    )
    [[first]] = connection.execute(
        f"SELECT min(time) FROM ({times})",  # noqa: S608
        (number, Kind.EVENT),
    )
    return None if first is None else int(first)


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
