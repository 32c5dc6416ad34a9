"""Keeps, for each user, what the list of users shows and is sorted by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.storage.event_index import BY_USER
from target_amplitude_nami.local.storage.user_list.status import status_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from target_amplitude_nami.local.ingest.effects import NewEvent, User

NEVER: Final = -(10**16)
"""When a user was last seen who has no event."""

_object = msgspec.json.Decoder(JsonObject).decode
_AT_ONCE = 2_000

_ADD = """
INSERT INTO fresh_user_list VALUES (?, ?, ?, ?, ?) ON CONFLICT (user) DO UPDATE SET
    name = coalesce(excluded.name, name),
    status = coalesce(excluded.status, status),
    events = events + excluded.events,
    last = max(last, excluded.last)
"""
_MERGE = (
    """
    INSERT INTO user_list
    SELECT user, coalesce(name, ''), coalesce(status, 0), events, last
    FROM fresh_user_list WHERE user > ?
    """,
    """
    DELETE FROM fresh_user_list WHERE user > ?
    """,
    """
    UPDATE user_list SET
        events = user_list.events + fresh.events,
        last = max(user_list.last, fresh.last)
    FROM fresh_user_list AS fresh
    WHERE fresh.user = user_list.user AND fresh.events > 0
    """,
    """
    UPDATE user_list SET name = fresh.name FROM fresh_user_list AS fresh
    WHERE fresh.user = user_list.user AND fresh.name <> user_list.name
    """,
    """
    UPDATE user_list SET status = fresh.status FROM fresh_user_list AS fresh
    WHERE fresh.user = user_list.user AND fresh.status <> user_list.status
    """,
    """
    DELETE FROM fresh_user_list
    """,
)


_Row: TypeAlias = tuple[int, str | None, int | None, int, int]
"""A row of `fresh_user_list`."""
_UNCHANGED = (None, None)
"""For name and status."""


class UserList:
    """Writes the tables `user_list` and `fresh_user_list`.

    Every request would change as many places of each index as it has users. So changes
    go to a small table without one, and are merged many at a time, as in `EventIndex`.

    Args:
        connection: The file.
        most_waiting: How many changes may wait.
    """

    def __init__(self, connection: sqlite3.Connection, most_waiting: int) -> None:
        self._connection = connection
        self._most_waiting = most_waiting
        self._waiting = 0

    def load(self) -> None:
        """Read how many users have changes that wait."""
        [self._waiting] = self._connection.execute(
            "SELECT count(*) FROM fresh_user_list"
        ).fetchone()

    def add(self, events: Iterable[NewEvent], users: Iterable[User]) -> None:
        """Count new events, and note what has changed about users.

        Args:
            events: The events.
            users: Those that are new or changed.
        """
        counts: dict[int, int] = {}
        latest: dict[int, int] = {}
        for event in events:
            if event.kind is Kind.EVENT:
                user, time = event.user, event.time
                number = user.number if user.joined is None else user.current.number
                counts[number] = counts.get(number, 0) + 1
                if time > latest.get(number, NEVER):
                    latest[number] = time
        changes: dict[int, tuple[str, int | None]] = {}
        for user in users:
            known = user.profile.decoded
            status = None if known is None else status_of(known)
            changes[user.number] = user.name, status
        self._write(
            [
                (number, *changes.get(number, _UNCHANGED), counts.get(number, 0), last)
                for number in counts.keys() | changes.keys()
                for last in (latest.get(number, NEVER),)
            ]
        )

    def join(self, old: int, new: int) -> None:
        """Add the events of one user to another, and take the one from the list."""
        for table in ("user_list", "fresh_user_list"):
            gone = self._connection.execute(
                f"DELETE FROM {table} WHERE user = ? RETURNING events, last",  # noqa: S608
                (old,),
            ).fetchall()
            self._write([(new, *_UNCHANGED, count, last) for count, last in gone])

    def _write(self, rows: list[_Row]) -> None:
        rows.sort()  # users are distinct: nothing else is compared
        self._connection.executemany(_ADD, rows)
        self._waiting += len(rows)
        if self._waiting >= self._most_waiting:
            self.merge()

    def merge(self) -> None:
        """Move all changes to the large table."""
        [[newest]] = self._connection.execute(
            "SELECT coalesce(max(user), 0) FROM user_list"
        )
        for statement in _MERGE:
            values = (newest,) if "?" in statement else ()
            self._connection.execute(statement, values)
        self._waiting = 0


def fill(connection: sqlite3.Connection) -> None:
    """List the users of a file in which there is no list yet.

    Args:
        connection: The file, in a transaction.
    """
    # Not a subquery for each user: the table of changes has no index by user.
    changed: dict[int, bytes] = dict(
        connection.execute(
            "SELECT user, properties FROM changed_users ORDER BY number"
        ).fetchall()
    )
    rows = connection.execute(
        "SELECT number, coalesce(user_id, device_id, ''), properties FROM users"
    )
    while some := rows.fetchmany(_AT_ONCE):
        connection.executemany(
            "INSERT INTO user_list VALUES (?, ?, ?, 0, ?)",
            [
                (
                    number,
                    name,
                    status_of(_object(changed.get(number, properties))),
                    NEVER,
                )
                for number, name, properties in some
            ],
        )
    for table in BY_USER:
        connection.execute(
            "UPDATE user_list SET events = events + counted.more,"  # noqa: S608
            " last = max(last, counted.latest) FROM (SELECT user AS who,"
            f" count(*) AS more, max(time) AS latest FROM types CROSS JOIN {table}"
            " ON type = types.number WHERE kind = ? GROUP BY user) AS counted"
            " WHERE user = who",
            (Kind.EVENT,),
        )
