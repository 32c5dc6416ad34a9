"""Reads and writes users and the names by which they can be looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from target_amplitude_nami.local.ingest.effects import NewName, Profile, User
from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.storage import user_names
from target_amplitude_nami.local.storage.row_cache import RowCache

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping


_Row: TypeAlias = tuple[int, str, str | None, str | None, int, bytes, bytes, bytes]
"""A row of the table `users`."""

_NOTHING = b"{}"

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(JsonObject).decode


class UserTable:
    """Reads and writes the tables `users`, `changed_users` and `names`.

    Users come in random order: a request touches almost as many pages of a large table
    as it has users. So changes of users who existed before are appended to
    `changed_users`, and are moved to `users` in order, many at a time.

    Args:
        connection: The file.
        most_waiting: How many rows `changed_users` may contain.
        cached: How many users to cache.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        most_waiting: int,
        cached: int,
    ) -> None:
        self._connection = connection
        self._most_waiting = most_waiting
        self._recent = RowCache[_Row](cached)
        self._waiting: dict[int, _Row] = {}
        self._written = 0
        """How many rows there are in `changed_users`."""
        self._newest = 0

    def load(self) -> None:
        """Forget what is cached, and read the waiting changes from the file."""
        self._recent.clear()
        rows = self._connection.execute(
            "SELECT user, project, user_id, device_id, changed.active,"
            " changed.properties, changed.origins, changed.fields"
            " FROM changed_users AS changed JOIN users ON users.number = user"
            " ORDER BY changed.number",
        )
        self._waiting = {row[0]: row for row in rows}
        [[self._written, self._newest]] = self._connection.execute(
            "SELECT (SELECT count(*) FROM changed_users),"
            " (SELECT coalesce(max(number), 0) FROM users)",
        )

    def get(self, numbers: Collection[int]) -> dict[int, User]:
        """Return the users of these numbers, as new objects."""
        found: dict[int, _Row] = {}
        for rows in (self._recent.rows, self._waiting):
            found.update({number: rows[number] for number in numbers if number in rows})
        missing = [number for number in numbers if number not in found]
        if missing:
            places = ",".join("?" * len(missing))
            read = self._connection.execute(
                f"SELECT * FROM users WHERE number IN ({places})",  # noqa: S608
                missing,
            )
            fetched: dict[int, _Row] = {row[0]: row for row in read}
            self._recent.add(fetched)
            found.update(fetched)
        return {number: _user(row) for number, row in found.items()}

    def put(self, users: Iterable[User], new_names: Iterable[NewName]) -> None:
        """Store new and changed users, and new names."""
        rows = {user.number: _row(user) for user in users}
        self._connection.executemany(
            "INSERT INTO users VALUES (?,?,?,?,?,?,?,?)",
            sorted(row for row in rows.values() if row[0] > self._newest),
        )
        self._change({n: row for n, row in rows.items() if n <= self._newest})
        self._newest = max(self._newest, *rows, 0)
        self._recent.add(rows)
        added: dict[int, str] = {}
        for user, kind, name in new_names:
            number = user.current.number
            added[number] = added.get(number, "") + user_names.entry(kind, name)
        self._add_names(added)

    def _change(self, rows: dict[int, _Row]) -> None:
        """Store changes of users who existed before."""
        self._connection.executemany(
            "UPDATE users SET user_id = ? WHERE number = ?",
            [
                (row[2], n)
                for n, row in rows.items()
                if self._stored_user_id(n) != row[2]
            ],
        )
        self._connection.executemany(
            "INSERT INTO changed_users VALUES (NULL,?,?,?,?,?)",
            [(row[0], *row[4:]) for row in rows.values()],
        )
        self._waiting.update(rows)
        self._written += len(rows)
        if self._written >= self._most_waiting:
            self.flush()

    def _stored_user_id(self, number: int) -> str | None:
        """Return the user id that is stored for a user, as far as it is cached."""
        row = self._waiting.get(number) or self._recent.rows.get(number)
        return None if row is None else row[2]

    def flush(self) -> None:
        """Move all changes to the table `users`."""
        self._connection.executemany(
            "UPDATE users SET active = ?, properties = ?, origins = ?, fields = ?"
            " WHERE number = ?",
            [(*row[4:], number) for number, row in sorted(self._waiting.items())],
        )
        self._connection.execute("DELETE FROM changed_users")
        self._waiting = {}
        self._written = 0

    def join(self, joined: User) -> None:
        """Assign an anonymous device's names to its user, and delete the device."""
        old = (joined.number,)
        self._recent.rows.pop(joined.number, None)
        self._waiting.pop(joined.number, None)
        known_as = self._connection.execute(
            "DELETE FROM names WHERE user = ? RETURNING names",
            old,
        ).fetchall()
        for (text,) in known_as:
            self._add_names({joined.current.number: text})
        self._connection.execute("DELETE FROM users WHERE number = ?", old)

    def _add_names(self, added: Mapping[int, str]) -> None:
        self._connection.executemany(
            "INSERT INTO names VALUES (?, ?) ON CONFLICT (user) DO UPDATE"
            " SET names = names || excluded.names"
            " WHERE instr(names, excluded.names) = 0",
            sorted(added.items()),
        )


def profile_of(connection: sqlite3.Connection, number: int) -> tuple[bytes, ...]:
    """Return a user's properties, their origins and the fields, each as JSON."""
    columns = "properties, origins, fields"
    row: tuple[bytes, ...] = (
        connection.execute(
            f"SELECT {columns} FROM changed_users WHERE user = ?"  # noqa: S608
            " ORDER BY number DESC LIMIT 1",
            (number,),
        ).fetchone()
        or connection.execute(
            f"SELECT {columns} FROM users WHERE number = ?",  # noqa: S608
            (number,),
        ).fetchone()
    )
    return row


def _user(row: _Row) -> User:
    number, project, user_id, device_id, active, properties, origins, known = row
    return User(
        number,
        project,
        user_id,
        device_id,
        Profile(properties, origins),
        {} if known == _NOTHING else _object(known),
        bool(active),
    )


def _row(user: User) -> _Row:
    return (
        user.number,
        user.project,
        user.user_id,
        user.device_id,
        user.active,
        *user.profile.encoded(),
        _encode(user.fields) if user.fields else _NOTHING,
    )
