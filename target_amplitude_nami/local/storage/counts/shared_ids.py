"""Notes ids that should belong to one user, and were seen with several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest.effects import NameKind
from target_amplitude_nami.local.ingest.identity import Fingerprinter

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
