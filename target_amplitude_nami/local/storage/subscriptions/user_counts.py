"""Keeps how many users count as what, from which day on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.local.storage.subscriptions.journey import Counts

_TABLE: Final = "subscription_users"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    list[tuple[tuple[str, str, int, int], int]],
).decode


class UserCounts:
    """Writes the table `subscription_users`; changes wait until there are many.

    Events that come in no order of time change the counts of thousands of days and
    values with each request. So the changes of a request are written to `waiting`, as
    one row, and are added to the table many at a time.

    Args:
        connection: The file.
        most_waiting: How many changes may wait.
    """

    def __init__(self, connection: sqlite3.Connection, most_waiting: int) -> None:
        self._connection = connection
        self._most_waiting = most_waiting
        self._waiting: Counts = {}
        self._written = 0
        """How many changes there are in `waiting`."""

    def load(self) -> None:
        """Read the waiting changes from the file."""
        self._waiting, self._written = _waiting_in(self._connection)

    def add(self, counts: Counts) -> None:
        """Add to the counts."""
        changes = [change for change in counts.items() if change[1]]
        if not changes:
            return
        self._connection.execute(
            "INSERT INTO waiting VALUES (?, ?)", (_TABLE, _encode(changes))
        )
        self._written += len(changes)
        _add_to(self._waiting, changes)
        if self._written >= self._most_waiting:
            self.flush()

    def flush(self) -> None:
        """Add all waiting changes to the table."""
        self._connection.executemany(
            "INSERT INTO subscription_users VALUES (?, ?, ?, ?, ?) ON CONFLICT"
            " DO UPDATE SET users = users + excluded.users",
            sorted([(*key, users) for key, users in self._waiting.items() if users]),
        )
        self._connection.execute("DELETE FROM waiting WHERE name = ?", (_TABLE,))
        self._waiting.clear()
        self._written = 0


class UserSums:
    """Sums up the counts of a file.

    Args:
        connection: The file, in a transaction.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting, _ = _waiting_in(connection)

    def of(
        self, kind: str, since: int, until: int, *, by: Literal["day", "parts"]
    ) -> dict[tuple[str, int], int]:
        """Return how many users there are by value, and by day or parts.

        Args:
            kind: As what users count.
            since: The first day, since 1970.
            until: The day after the last one.
            by: What distinguishes the sums beside the value.
        """
        sums: dict[tuple[str, int], int] = {
            (value, part): users
            for value, part, users in self._connection.execute(
                f"SELECT value, {by}, sum(users) FROM subscription_users"  # noqa: S608
                f" WHERE kind = ? AND day >= ? AND day < ? GROUP BY value, {by}",
                (kind, since, until),
            )
        }
        for (of_kind, value, day, parts), users in self._waiting.items():
            if of_kind == kind and since <= day < until:
                key = value, day if by == "day" else parts
                sums[key] = sums.get(key, 0) + users
        return sums


def _waiting_in(connection: sqlite3.Connection) -> tuple[Counts, int]:
    """Return the changes that wait, and how many were written."""
    counts: Counts = {}
    written = 0
    for (packed,) in connection.execute(
        "SELECT packed FROM waiting WHERE name = ?", (_TABLE,)
    ):
        changes = _decode(packed)
        written += len(changes)
        _add_to(counts, changes)
    return counts, written


def _add_to(
    counts: Counts, changes: list[tuple[tuple[str, str, int, int], int]]
) -> None:
    for key, users in changes:
        counts[key] = counts.get(key, 0) + users
