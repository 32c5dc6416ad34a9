"""Tables of numbers by short forms of ids, which take many new rows in a second."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

from target_amplitude_nami.local.storage.row_cache import RowCache

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

_MOST_WAITING = 50_000


class WriteBuffer:
    """One such table; what is new waits until it is worth the writing.

    Short forms come in no order: two thousand of them touch almost as many pages of a
    large table, and the disk would write all of these for each request. So new rows
    are written to `waiting`, those of a request as one, and are put into their table
    in order, fifty thousand at a time.

    Args:
        connection: The file.
        table: The name of the table.
        at_hand: How many rows are kept at hand because they may be asked for again.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        table: str,
        at_hand: int = 0,
    ) -> None:
        self._connection = connection
        self._table = table
        self._waiting: dict[int, int] = {}
        self._recent = RowCache[int](at_hand)

    def load(self) -> None:
        """Learn what is waiting in the file, and forget what is no more certain."""
        self._waiting.clear()
        self._recent.clear()
        for (packed,) in self._connection.execute(
            "SELECT packed FROM waiting WHERE name = ? ORDER BY rowid",
            (self._table,),
        ):
            numbers = array("q", packed)
            self._waiting.update(zip(numbers[::2], numbers[1::2], strict=True))

    def get(self, keys: Collection[int]) -> dict[int, int]:
        """Return the numbers of those of the keys that are known."""
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
        """Set the numbers of these keys."""
        if not rows:
            return
        self._connection.execute(
            "INSERT INTO waiting VALUES (?, ?)",
            (self._table, array("q", chain.from_iterable(rows.items())).tobytes()),
        )
        self._waiting.update(rows)
        if len(self._waiting) >= _MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Put all that waits into the table."""
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?)",  # noqa: S608
            sorted(self._waiting.items()),
        )
        self._connection.execute("DELETE FROM waiting WHERE name = ?", (self._table,))
        self._recent.add(self._waiting)
        self._waiting.clear()
