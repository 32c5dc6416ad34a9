"""Finds out which ids of the store belong to one person, and erases that person."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from target_amplitude_nami.erasing.exclusive_sqlite import ExclusiveFile
from target_amplitude_nami.erasing.id_conditions import Condition, among, any_of
from target_amplitude_nami.erasing.person import NO_IDS, Ids, Person
from target_amplitude_nami.store.file import StoreFile
from target_amplitude_nami.store.lock import lock
from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
)
from target_amplitude_nami.store.person_lookup import IS_A_DEVICE
from target_amplitude_nami.store.schema import current_schema

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_BUSY: t.Final = (
    "is open in another program: close that, and run this again; nothing was changed"
)
_NAMES: t.Final = {
    "users": "users",
    "sent_states": "sent states",
    "delivered": "delivered events",
    "held": "held records",
    "id_owners": "owners of ids",
    "id_conflicts": "id conflicts",
}
"""What the tables with personal data hold."""


class ErasableStore:
    """The file of `memory_path`, locked against runs and opened alone."""

    def __init__(self, path: Path) -> None:
        """Open the file, which must exist.

        Raises:
            StoreUnusable: When a run uses it, or it is damaged or something else.
            OutputUnwritable: When another program has it open.
        """
        self.path = path
        real = Path(os.path.realpath(path))
        self._let_go = lock(path, real)
        try:
            # Refuses what is no store of this form, and brings older ones up to date.
            StoreFile(real, current_schema(), is_lasting=True, named=path).close()
            self.file: t.Final = ExclusiveFile(real, busy=_BUSY)
        except BaseException:
            self._let_go()
            raise

    def erase(self, person: Person) -> dict[str, int]:
        """Delete a person's rows; return how many of what.

        What is known by a device alone that somebody else uses as well stays.
        """
        run = self.file.run
        counts: dict[str, int] = {}
        for table, condition in _conditions(person).items():
            counts[_NAMES[table]] = run(
                f"DELETE FROM {table} WHERE {condition.sql}",  # noqa: S608
                *condition.values,
            )
        return counts

    def insert_ids_of(self, person: Person, insert_ids: Iterable[str]) -> set[str]:
        """Return those of some insert ids that a delivered event of a person has."""
        condition = _conditions(person)["delivered"]
        some = among("insert_id", Ids(insert_ids))
        rows = self.file.rows(
            f"SELECT insert_id FROM delivered WHERE ({condition.sql})"  # noqa: S608
            f" AND ({some.sql})",
            *condition.values,
            *some.values,
        )
        return {insert_id for (insert_id,) in rows}

    def move_rejects(
        self, erased: Iterable[bytes], moves: Sequence[tuple[int, int]]
    ) -> None:
        """Follow the lines of the rejects file to where they stand now.

        It is kept whatever fails later: the next run would write them a second time.

        Args:
            erased: The hashes of the lines that are gone.
            moves: From which offset on lines moved towards the start, and how far; up
                to the next such offset.
        """
        run = self.file.run
        for line_hash in erased:
            run("DELETE FROM reject_places WHERE line_hash = ?", line_hash.hex())
        if moves:
            self._move(moves)
        self.file.keep()

    def _move(self, moves: Sequence[tuple[int, int]]) -> None:
        run = self.file.run
        run("CREATE TEMP TABLE moves (start INTEGER PRIMARY KEY, bytes INTEGER)")
        for move in moves:
            run("INSERT INTO moves VALUES (?, ?)", *move)
        run(
            "UPDATE reject_places SET byte_offset = byte_offset - ifnull((SELECT bytes"
            " FROM moves WHERE start <= byte_offset ORDER BY start DESC LIMIT 1), 0)"
        )
        run("DROP TABLE moves")

    def close(self) -> None:
        """Close the file, and let runs use it again."""
        try:
            self.file.close()
        finally:
            self._let_go()


def _conditions(person: Person) -> Mapping[str, Condition]:
    """Return by table what a row of a person fulfils."""
    nami, external = person.nami_user_ids, person.external_ids
    devices, users = person.device_ids, person.user_ids
    # A device alone leaves what is known of its users.
    owned = NO_IDS if person.is_device_alone else devices
    of_nami_user = among("nami_user_id", nami)
    return {
        "users": any_of(
            of_nami_user,
            among("external_id", external),
            # A device that no record named a user of.
            among("device_id", devices).and_(IS_A_DEVICE),
        ),
        "sent_states": any_of(
            among("user_id", users), among("device_id", devices).and_("user_id = ''")
        ),
        "delivered": any_of(among("user_id", users), among("device_id", devices)),
        "held": of_nami_user,
        "id_owners": any_of(
            of_nami_user,
            among("id", external).and_("kind = 'external_id'"),
            among("id", owned).and_("kind = 'device'"),
        ),
        "id_conflicts": any_of(
            of_nami_user,
            among("id", external).and_(f"kind <> '{DEVICE}'"),
            among("id", owned).and_(f"kind = '{DEVICE}'"),
            among("other_id", external).and_(f"kind = '{SEVERAL_EXTERNAL_IDS}'"),
            among("other_id", nami).and_(f"kind IN ('{DEVICE}', '{EXTERNAL_ID}')"),
        ),
    }
