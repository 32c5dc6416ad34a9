"""Reads and writes the journeys of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.storage.row_cache import RowCache
from target_amplitude_nami.local.storage.subscriptions.journey import Journey

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

_encode = msgspec.msgpack.Encoder().encode
unpacked = msgspec.msgpack.Decoder(Journey).decode

_AT_ONCE = 10_000
"""How many numbers a query names at most."""


class Journeys:
    """Reads and writes the tables `journeys` and `changed_journeys`.

    Users come in random order: a request touches almost as many pages of a large table
    as it has users. So changes are appended to `changed_journeys`, and are moved to
    `journeys` in order, many at a time.

    Args:
        connection: The file.
        most_waiting: How many rows `changed_journeys` may contain.
        cached: How many journeys to cache.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, most_waiting: int, cached: int
    ) -> None:
        self._connection = connection
        self._most_waiting = most_waiting
        self._recent = RowCache[bytes](cached)
        self._waiting: dict[int, bytes] = {}
        self._written = 0
        """How many rows there are in `changed_journeys`."""

    def load(self) -> None:
        """Forget what is cached, and read the waiting changes from the file."""
        self._recent.clear()
        rows = self._connection.execute(
            "SELECT user, packed FROM changed_journeys ORDER BY number"
        ).fetchall()
        self._waiting = dict(rows)
        self._written = len(rows)

    def get(self, users: Collection[int]) -> dict[int, Journey]:
        """Return the journeys of users who have one, as new objects."""
        return {user: unpacked(row) for user, row in self.packed(users).items()}

    def packed(self, users: Collection[int]) -> dict[int, bytes]:
        """Return the rows of users who have one."""
        found: dict[int, bytes] = {}
        missing: list[int] = []
        for user in users:
            packed = self._waiting.get(user) or self._recent.rows.get(user)
            if packed is None:
                missing.append(user)
            else:
                found[user] = packed
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            places = ",".join("?" * len(some))
            found.update(
                self._connection.execute(
                    f"SELECT user, packed FROM journeys WHERE user IN ({places})",  # noqa: S608
                    some,
                ).fetchall()
            )
        return found

    def put(self, journeys: Mapping[int, Journey]) -> None:
        """Store changed journeys by user."""
        rows = {user: _encode(journey) for user, journey in journeys.items()}
        self._connection.executemany(
            "INSERT INTO changed_journeys VALUES (NULL, ?, ?)", rows.items()
        )
        self._waiting.update(rows)
        self._written += len(rows)
        if self._written >= self._most_waiting:
            self.flush()

    def flush(self) -> None:
        """Move all changes to the table `journeys`."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO journeys VALUES (?, ?)",
            sorted(self._waiting.items()),
        )
        self._connection.execute("DELETE FROM changed_journeys")
        self._recent.add(self._waiting)
        self._waiting = {}
        self._written = 0

    def delete(self, users: Collection[int]) -> None:
        """Delete the journeys of users."""
        for user in users:
            self._waiting.pop(user, None)
            self._recent.rows.pop(user, None)
        values = [(user,) for user in users]
        for table in ("journeys", "changed_journeys"):
            self._connection.executemany(
                f"DELETE FROM {table} WHERE user = ?",  # noqa: S608
                values,
            )
