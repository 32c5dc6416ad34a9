"""Where events stand in the page's lists and charts: by time, and by user."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_MOST_FRESH = 50_000

BY_TIME = ("fresh_by_time", "by_time")
"""The tables in which events stand by type, time and number; no event is in both."""

BY_USER = ("fresh_by_user", "by_user")
"""Likewise by type, user, time and number."""


class EventIndex:
    """The tables of places, as a writer sees them.

    Users come in no order: two thousand events touch almost as many pages of a large
    table, and the disk would write all of these for each request. So the places of new
    events stand in small tables of their own, and are moved to the large ones in
    order, fifty thousand at a time.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._fresh = 0

    def load(self) -> None:
        """Learn how many places are fresh in the file."""
        [self._fresh] = self._connection.execute(
            "SELECT count(*) FROM fresh_by_time",
        ).fetchone()

    def add(self, first: int, count: int) -> None:
        """Give the new events, from this number on, their places."""
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
        if self._fresh >= _MOST_FRESH:
            self.merge()

    def merge(self) -> None:
        """Move all that is fresh to the large tables."""
        for fresh, merged in (BY_TIME, BY_USER):
            self._connection.execute(f"INSERT INTO {merged} SELECT * FROM {fresh}")  # noqa: S608
            self._connection.execute(f"DELETE FROM {fresh}")  # noqa: S608
        self._fresh = 0

    def reassign(self, old: int, new: int, types: Iterable[int]) -> None:
        """Make the events of one user those of another."""
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
