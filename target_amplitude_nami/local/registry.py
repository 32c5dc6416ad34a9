"""The users and the names by which they can be looked up, as the store keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local import names
from target_amplitude_nami.local.model import JsonObject, NewName, User

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping


class Profile(msgspec.Struct, array_like=True, gc=False):
    """What is known of a user, as one JSON text."""

    properties: JsonObject
    origins: dict[str, int]
    fields: JsonObject


_encode = msgspec.json.Encoder().encode
_profile = msgspec.json.Decoder(Profile).decode


class Registry:
    """The tables `users` and `names`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, numbers: Collection[int]) -> dict[int, User]:
        """Return the users of these numbers, each as an object of its own."""
        places = ",".join("?" * len(numbers))
        rows = self._connection.execute(
            "SELECT number, project, user_id, device_id, active, profile FROM users"  # noqa: S608
            f" WHERE number IN ({places})",
            list(numbers),
        )
        users = {}
        for number, project, user_id, device_id, active, text in rows:
            profile = _profile(text)
            users[number] = User(
                number,
                project,
                user_id,
                device_id,
                profile.properties,
                profile.origins,
                profile.fields,
                bool(active),
            )
        return users

    def put(self, users: Iterable[User], new_names: Iterable[NewName]) -> None:
        """Keep users who are new or changed, and names that are new."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO users VALUES (?,?,?,?,?,?)",
            [
                (
                    user.number,
                    user.project,
                    user.user_id,
                    user.device_id,
                    user.active,
                    _encode(Profile(user.properties, user.origins, user.fields)),
                )
                for user in users
            ],
        )
        added: dict[int, str] = {}
        for user, kind, name in new_names:
            number = user.current.number
            added[number] = added.get(number, "") + names.entry(kind, name)
        self._add_names(added)

    def join(self, joined: User) -> None:
        """Give an anonymous device's names to its user, and forget it."""
        old = (joined.number,)
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
