"""Tables of numbers by short forms of ids, which take many new rows in a second."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

_MOST_WAITING = 50_000


class Spill:
    """One such table; what is new waits until it is worth the writing.

    Short forms come in no order: two thousand of them touch almost as many pages of a
    large table, and the disk would write all of these for each request. So new rows
    are written to `waiting`, those of a request as one, and are put into their table
    in order, fifty thousand at a time.
    """

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        self._connection = connection
        self._table = table
        self._waiting: dict[int, int] = {}

    def load(self) -> None:
        """Learn what is waiting in the file."""
        self._waiting.clear()
        for (packed,) in self._connection.execute(
            "SELECT packed FROM waiting WHERE name = ? ORDER BY rowid",
            (self._table,),
        ):
            numbers = array("q", packed)
            self._waiting.update(zip(numbers[::2], numbers[1::2], strict=True))

    def get(self, keys: Collection[int]) -> dict[int, int]:
        """Return the numbers of those of the keys that are known."""
        places = ",".join("?" * len(keys))
        found: dict[int, int] = dict(
            self._connection.execute(
                f"SELECT key, value FROM {self._table} WHERE key IN ({places})",  # noqa: S608
                list(keys),
            ),
        )
        waiting = self._waiting
        found.update({key: waiting[key] for key in keys if key in waiting})
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
            self.settle()

    def settle(self) -> None:
        """Put all that waits into the table."""
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?)",  # noqa: S608
            sorted(self._waiting.items()),
        )
        self._connection.execute("DELETE FROM waiting WHERE name = ?", (self._table,))
        self._waiting.clear()
