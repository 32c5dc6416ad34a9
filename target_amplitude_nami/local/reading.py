"""Reads the file of a local Amplitude, while it runs or afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.model import (
    JsonObject,
    LoggedRequest,
    StoredEvent,
    Summary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Reader:
    """Looks into the file of a local Amplitude; every look sees the newest commit."""

    def __init__(self, path: Path) -> None:
        """Remember the path; the file itself is opened for each look."""
        self._path = path

    def summary(self) -> Summary:
        """Return what the file holds, in numbers."""
        with closing(self._connect()) as connection:
            events = connection.execute(
                "SELECT event_type, count(*) FROM events WHERE listed = 1"
                " GROUP BY event_type ORDER BY event_type",
            ).fetchall()
            [[identifies]] = connection.execute(
                "SELECT count(*) FROM events WHERE listed = 0",
            )
            [[users]] = connection.execute("SELECT count(*) FROM users")
            [[duplicates, requests, refused]] = connection.execute(
                "SELECT coalesce(sum(duplicates), 0), count(*),"
                " coalesce(sum(status NOT BETWEEN 200 AND 399), 0) FROM requests",
            )
        return Summary(dict(events), identifies, users, duplicates, requests, refused)

    def events(self, *, listed: bool = True) -> Iterator[StoredEvent]:
        """Yield the events in the order of arrival.

        With `listed=False`, what `$identify` and `$groupidentify` brought instead.
        """
        query = (
            "SELECT export, raw, project FROM events WHERE listed = ? ORDER BY number"
        )
        for export, raw, project in self._rows(query, int(listed)):
            yield StoredEvent(msgspec.json.decode(export), raw, project)

    def requests(self) -> Iterator[LoggedRequest]:
        """Yield the request log in the order of arrival."""
        for row in self._rows("SELECT * FROM requests ORDER BY number"):
            yield LoggedRequest(*row)

    def user_properties(self, name: str) -> JsonObject | None:
        """Return the current properties of the user of this id.

        Without such a user, those of the anonymous device of this id; if several
        projects know it, the one that was updated last; None if nobody knows it.
        """
        query = (
            "SELECT properties FROM users"
            " WHERE user_id = ? OR (user_id IS NULL AND device_id = ?)"
            " ORDER BY user_id IS NULL, updated DESC LIMIT 1"
        )
        for (properties,) in self._rows(query, name, name):
            document: JsonObject = msgspec.json.decode(properties)
            return document
        return None

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with closing(self._connect()) as connection:
            yield from connection.execute(query, values)

    def _connect(self) -> sqlite3.Connection:
        # Opened for reading and writing, because a reader of a file in WAL mode may
        # have to make its shared memory; never created, since an empty file is no news.
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
        )
        connection.execute("PRAGMA query_only = ON")
        return connection
