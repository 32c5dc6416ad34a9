"""Indexes events by time and by user, for lists and charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

BY_TIME = ("fresh_by_time", "by_time")
"""The tables of events by type, time and number; no event is in both."""

BY_USER = ("fresh_by_user", "by_user")
"""Likewise by type, user, time and number."""


class EventIndex:
    """Writes the index tables.

    Users come in random order: two thousand events touch almost as many pages of a
    large table, and each request would write them all to the disk. So new events are
    indexed in small tables, and are merged into the large ones in order, many
    at a time.

    Args:
        connection: The file.
        most_fresh: How many events the small tables may contain.
    """

    def __init__(self, connection: sqlite3.Connection, most_fresh: int) -> None:
        self._connection = connection
        self._most_fresh = most_fresh
        self._fresh = 0

    def load(self) -> None:
        """Read how many events the small tables contain."""
        [self._fresh] = self._connection.execute(
            "SELECT count(*) FROM fresh_by_time",
        ).fetchone()

    def add(self, first: int, count: int) -> None:
        """Index new events, from a number on."""
        self._connection.execute(
            "INSERT INTO fresh_by_time"
            " SELECT type, time, number FROM events WHERE number >= ?",
            (first,),
        )
        self._connection.execute(
            "INSERT INTO fresh_by_user"
            " SELECT type, user, time, number FROM events WHERE number >= ?",
            (first,),
        )
        self._fresh += count
        if self._fresh >= self._most_fresh:
            self.merge()

    def merge(self) -> None:
        """Move everything from the small tables to the large ones."""
        for fresh, merged in (BY_TIME, BY_USER):
            self._connection.execute(f"INSERT INTO {merged} SELECT * FROM {fresh}")  # noqa: S608
            self._connection.execute(f"DELETE FROM {fresh}")  # noqa: S608
        self._fresh = 0

    def reassign(self, old: int, new: int, types: Iterable[int]) -> None:
        """Assign the events of one user to another.

        Args:
            old: The number of the user who had the events.
            new: The number of the user who gets them.
            types: The numbers of all event types of the project.
        """
        for event_type in types:
            for table in BY_USER:
                self._connection.execute(
                    f"UPDATE events SET user = ? WHERE number IN (SELECT number"  # noqa: S608
                    f" FROM {table} WHERE type = ? AND user = ?)",
                    (new, event_type, old),
                )
                self._connection.execute(
                    f"UPDATE {table} SET user = ? WHERE type = ? AND user = ?",  # noqa: S608
                    (new, event_type, old),
                )
