"""Erases users from the file of a local Amplitude; what is of others stays right."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from target_amplitude_nami.erasing.id_conditions import among
from target_amplitude_nami.erasing.person import is_uuid
from target_amplitude_nami.local.ingest.clipping import clipped, may_be_long
from target_amplitude_nami.local.ingest.effects import Kind, NameKind
from target_amplitude_nami.local.ingest.identity import (
    Fingerprinter,
    device_of,
    ids_of,
)
from target_amplitude_nami.local.jsontext import decode
from target_amplitude_nami.local.storage import user_names
from target_amplitude_nami.local.storage.counts.counters import (
    CountedEvent,
    Counters,
    stored_events,
)
from target_amplitude_nami.local.storage.event_index import BY_TIME, BY_USER
from target_amplitude_nami.local.storage.subscriptions.counters import (
    SubscriptionCounters,
)
from target_amplitude_nami.local.storage.write_buffer import WriteBuffer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from target_amplitude_nami.erasing.person import Person
    from target_amplitude_nami.local.model import JsonObject

_AT_ONCE = 500


class ErasedUsers(NamedTuple):
    """How much of users was deleted."""

    users: int = 0
    events: int = 0


def users_of(connection: sqlite3.Connection, person: Person) -> list[int]:
    """Return the numbers of a person's users.

    Users are found by their user id, by the Nami user id among their properties, and
    where nobody ever logged in, by their devices.
    """
    condition = among("user_id", person.user_ids)
    found = _numbers(
        connection,
        f"SELECT number FROM users WHERE {condition.sql}",  # noqa: S608
        condition.values,
    )
    for kind, ids, also in (
        (NameKind.NAMI_ID, person.nami_user_ids, "1"),
        (NameKind.DEVICE_ID, person.device_ids, "user_id IS NULL"),
    ):
        for each in ids:
            entry = user_names.entry(kind, each)
            names = "lower(names)" if is_uuid(each) else "names"
            found |= _numbers(
                connection,
                "SELECT number FROM names JOIN users ON number = user"  # noqa: S608
                f" WHERE instr({names}, ?) AND {also}",
                (entry.lower() if is_uuid(each) else entry,),
            )
    return sorted(found)


def users_of_project(
    connection: sqlite3.Connection, project: str, user_ids: Sequence[str]
) -> dict[str, int]:
    """Return by user id the number of each user that a project has, spelt just so."""
    places = ",".join("?" * len(user_ids))
    return dict(
        connection.execute(
            "SELECT user_id, number FROM users"  # noqa: S608
            f" WHERE project = ? AND user_id IN ({places})",
            (project, *user_ids),
        ).fetchall()
    )


def erase_users(connection: sqlite3.Connection, numbers: Sequence[int]) -> ErasedUsers:
    """Delete users, their events, and that these events ever came.

    Args:
        connection: The file, in a transaction.
        numbers: The numbers of the users.
    """
    if not numbers:
        return ErasedUsers()
    execute = connection.execute
    # What waits to be written is hard to take rows from: it is written first.
    for table in ("seen", "owners", "newest_states"):
        buffer = WriteBuffer(connection, table, most_waiting=0)
        buffer.load()
        buffer.flush()
    execute("CREATE TEMP TABLE erased_users (number INTEGER PRIMARY KEY)")
    execute(
        "CREATE TEMP TABLE erased_events"
        " (number INTEGER PRIMARY KEY, type INTEGER, time INTEGER)"
    )
    connection.executemany(
        "INSERT INTO erased_users VALUES (?)", [(number,) for number in numbers]
    )
    for table in BY_USER:
        execute(
            "INSERT INTO erased_events SELECT e.number, e.type, e.time"  # noqa: S608
            f" FROM erased_users AS u CROSS JOIN types CROSS JOIN {table} AS e"
            " ON e.type = types.number AND e.user = u.number"
        )
    _forget_that_they_came(connection)
    subscriptions = SubscriptionCounters(connection, most_waiting=0, cached=0)
    subscriptions.load()
    subscriptions.remove(numbers, _erased_events(connection))
    for table in BY_TIME:
        execute(
            f"DELETE FROM {table} WHERE (type, time, number) IN"  # noqa: S608
            " (SELECT type, time, number FROM erased_events)"
        )
    for table in BY_USER:
        execute(
            f"DELETE FROM {table} WHERE (type, user) IN (SELECT types.number,"  # noqa: S608
            " erased_users.number FROM types CROSS JOIN erased_users)"
        )
    events = execute(
        "DELETE FROM events WHERE number IN (SELECT number FROM erased_events)"
    ).rowcount
    execute(
        "DELETE FROM late_events WHERE leaves_user_alone IN (0, 1)"
        " AND number IN (SELECT number FROM erased_events)"
    )
    _recount(connection)
    theirs = "IN (SELECT number FROM erased_users)"
    execute(
        "UPDATE totals SET active = active - (SELECT count(*) FROM users"  # noqa: S608
        f" WHERE number {theirs} AND ifnull((SELECT changed.active"
        " FROM changed_users AS changed WHERE user = users.number"
        " ORDER BY changed.number DESC LIMIT 1), users.active))"
    )
    for table, column in (
        ("names", "user"),
        ("owners", "value"),
        ("newest_states", "key"),
        ("shared_ids", "user"),
        ("changed_users", "user"),
        ("user_list", "user"),
        ("fresh_user_list", "user"),
        ("users", "number"),
    ):
        execute(f"DELETE FROM {table} WHERE {column} {theirs}")  # noqa: S608
    execute(
        "UPDATE sizes SET user_ids = (SELECT count(user_id) FROM users),"
        " late = (SELECT count(*) FROM late_events WHERE leaves_user_alone),"
        " overwrote = (SELECT count(*) FROM late_events WHERE NOT leaves_user_alone)"
    )
    execute("DROP TABLE erased_events")
    execute("DROP TABLE erased_users")
    return ErasedUsers(len(numbers), events)


def _erased_events(connection: sqlite3.Connection) -> Iterator[CountedEvent]:
    for number, event_type, name, kind, user, time, raw in connection.execute(
        "SELECT e.number, e.type, name, kind, user, e.time, raw FROM erased_events AS e"
        " JOIN events ON events.number = e.number JOIN types ON types.number = e.type"
    ):
        sent = decode(raw)
        yield CountedEvent(number, event_type, name, Kind(kind), user, time, sent)


def _recount(connection: sqlite3.Connection) -> None:
    """Count the types of the erased events anew: no example of theirs may stay."""
    types = [
        number
        for (number,) in connection.execute("SELECT DISTINCT type FROM erased_events")
    ]
    counters = Counters(connection, most_waiting=0, cached=0)
    counters.recount(stored_events(connection, types), types)


def _forget_that_they_came(connection: sqlite3.Connection) -> None:
    """Delete the fingerprints of the erased events: one that comes again is new."""
    rows = connection.execute(
        "SELECT project, raw FROM erased_events AS e"
        " JOIN events ON events.number = e.number JOIN types ON types.number = e.type"
    )
    while some := rows.fetchmany(_AT_ONCE):
        marks = [mark for project, raw in some for mark in _marks_of(project, raw)]
        connection.executemany(
            "DELETE FROM seen WHERE key = ?", [(mark,) for mark in marks]
        )


def _marks_of(project: str, raw: bytes) -> list[int]:
    """Return the fingerprints that an event may have; see `Acceptance`."""
    event: JsonObject = decode(raw)
    if may_be_long(raw):
        event = clipped(event)
    ids = ids_of(event)
    parts: tuple[object, ...] = (event.get("insert_id"),)
    if parts == (None,):
        parts = event.get("event_id"), event.get("time")
    device_id = ids.device_id or device_of(ids.user_id or "")
    return Fingerprinter(project).of_events([(device_id, parts)])


def _numbers(
    connection: sqlite3.Connection, query: str, values: Iterable[str]
) -> set[int]:
    return {number for (number,) in connection.execute(query, tuple(values))}
