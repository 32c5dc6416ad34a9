"""Notes ids that should belong to one user, and were seen with several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest.effects import NameKind
from target_amplitude_nami.local.ingest.identity import Fingerprinter
from target_amplitude_nami.local.jsontext import decode
from target_amplitude_nami.local.storage import user_names

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from target_amplitude_nami.local.ingest.effects import Sharing, User
    from target_amplitude_nami.local.storage.user_table import UserTable
    from target_amplitude_nami.local.storage.write_buffer import WriteBuffer


class SharedIds:
    """Writes the table `shared_ids`: who else has a device, or is a Nami user.

    Args:
        connection: The file.
        owners: The users of ids; those of Nami's user ids are kept in it as well.
        users: The users.
    """

    def __init__(
        self, connection: sqlite3.Connection, owners: WriteBuffer, users: UserTable
    ) -> None:
        self._connection = connection
        self._owners = owners
        self._users = users

    def add(
        self, devices: Sequence[Sharing], nami_users: Sequence[tuple[User, str]]
    ) -> None:
        """Store which users share a device, and who several users of Nami's are.

        Args:
            devices: Devices that passed from one user to another.
            nami_users: Users, each with a Nami user id that an event has set.
        """
        rows = [
            (NameKind.DEVICE_ID, sharing.fingerprint, user.current.number)
            for sharing in devices
            for user in (sharing.before, sharing.now)
        ]
        if nami_users:
            rows += self._of_nami_users(nami_users)
        self._connection.executemany(
            "INSERT OR IGNORE INTO shared_ids VALUES (?,?,?)", rows
        )

    def _of_nami_users(
        self, named: Sequence[tuple[User, str]]
    ) -> list[tuple[NameKind, int, int]]:
        [project] = {user.project for user, _ in named}
        marks = Fingerprinter(project).of_ids(
            NameKind.NAMI_ID, {nami_id for _, nami_id in named}
        )
        known = self._owners.get(marks.values())
        changed: dict[int, int] = {}
        rows = []
        for user, nami_id in named:
            mark, number = marks[nami_id], user.current.number
            before = known.get(mark, number)
            if before != number and user.current.user_id and self._has_user_id(before):
                rows += [(NameKind.NAMI_ID, mark, each) for each in (before, number)]
            known[mark] = changed[mark] = number
        self._owners.put(changed)
        return rows

    def _has_user_id(self, number: int) -> bool:
        user = self._users.get([number]).get(number)
        return user is not None and user.user_id is not None


def note_shared_ids(connection: sqlite3.Connection) -> None:
    """Note the shared ids of a file that was made before they were noted."""
    rows = connection.execute(
        "SELECT number, project, names, coalesce((SELECT changed.properties"
        " FROM changed_users AS changed WHERE changed.user = users.number"
        " ORDER BY changed.number DESC LIMIT 1), properties)"
        " FROM users LEFT JOIN names ON names.user = users.number"
        " WHERE user_id IS NOT NULL ORDER BY number"
    )
    owners: dict[tuple[NameKind, int], list[int]] = {}
    for number, project, names, properties in rows:
        fingerprinter = Fingerprinter(project)
        nami_id = decode(properties).get("namiml_user_id")
        for kind, ids in (
            (NameKind.DEVICE_ID, user_names.of_kind(names or "", NameKind.DEVICE_ID)),
            (NameKind.NAMI_ID, [nami_id] if isinstance(nami_id, str) else []),
        ):
            for mark in fingerprinter.of_ids(kind, ids).values():
                owners.setdefault((kind, mark), []).append(number)
    connection.executemany(
        "INSERT INTO shared_ids VALUES (?,?,?)",
        [
            (kind, mark, number)
            for (kind, mark), numbers in owners.items()
            if len(numbers) > 1
            for number in numbers
        ],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO owners VALUES (?,?)",
        [
            (mark, numbers[-1])
            for (kind, mark), numbers in owners.items()
            if kind is NameKind.NAMI_ID
        ],
    )
