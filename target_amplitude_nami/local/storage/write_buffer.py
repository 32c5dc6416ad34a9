"""Buffers writes to tables of numbers by fingerprint."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

from target_amplitude_nami.local.storage.row_cache import RowCache

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping


class WriteBuffer:
    """Reads and writes one such table; new rows wait until there are many.

    Fingerprints come in random order: two thousand of them touch almost as many pages
    of a large table, and each request would write them all to the disk. So new rows are
    written to `waiting`, those of a request as one, and are moved to their table in
    order, many at a time.

    Args:
        connection: The file.
        table: The name of the table.
        most_waiting: How many rows may wait.
        cached: How many rows to cache because they may be needed again.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        table: str,
        *,
        most_waiting: int,
        cached: int = 0,
    ) -> None:
        self._connection = connection
        self._most_waiting = most_waiting
        self._table = table
        self._waiting: dict[int, int] = {}
        self._recent = RowCache[int](cached)

    def load(self) -> None:
        """Read the waiting rows from the file, and clear the cache."""
        self._waiting.clear()
        self._recent.clear()
        for (packed,) in self._connection.execute(
            "SELECT packed FROM waiting WHERE name = ? ORDER BY rowid",
            (self._table,),
        ):
            numbers = array("q", packed)
            self._waiting.update(zip(numbers[::2], numbers[1::2], strict=True))

    def get(self, keys: Collection[int]) -> dict[int, int]:
        """Return the numbers of the keys that are known."""
        found: dict[int, int] = {}
        for known in (self._recent.rows, self._waiting):
            shared = known.keys() & keys
            found.update(zip(shared, map(known.__getitem__, shared), strict=True))
        missing = [key for key in keys if key not in found]
        if missing:
            places = ",".join("?" * len(missing))
            rows = self._connection.execute(
                f"SELECT key, value FROM {self._table} WHERE key IN ({places})",  # noqa: S608
                missing,
            )
            read: dict[int, int] = dict(rows.fetchall())
            self._recent.add(read)
            found.update(read)
        return found

    def put(self, rows: Mapping[int, int]) -> None:
        """Store the numbers of these keys."""
        if not rows:
            return
        self._connection.execute(
            "INSERT INTO waiting VALUES (?, ?)",
            (self._table, array("q", chain.from_iterable(rows.items())).tobytes()),
        )
        self._waiting.update(rows)
        if len(self._waiting) >= self._most_waiting:
            self.flush()

    def flush(self) -> None:
        """Move all waiting rows to the table."""
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?)",  # noqa: S608
            sorted(self._waiting.items()),
        )
        self._connection.execute("DELETE FROM waiting WHERE name = ?", (self._table,))
        self._recent.add(self._waiting)
        self._waiting.clear()
