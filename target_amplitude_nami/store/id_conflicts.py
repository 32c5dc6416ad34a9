"""Ids that do not fit together: of several users, or several of one user."""

from __future__ import annotations

import threading
import typing as t

from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
    ConflictKey,
    IdConflict,
)
from target_amplitude_nami.store.pending import MOST_UNWRITTEN
from target_amplitude_nami.store.values import (
    chunks,
    rows_for_pairs,
    run_for_pairs,
    run_for_rows,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import StoreFile

_MOST_NAMED: t.Final = 10
_OWNERS_AT_ONCE: t.Final = 2_000
_OWNED: t.Final = {EXTERNAL_ID: "external_id", DEVICE: "device"}
"""What the table of owners calls what may turn out to be a conflict."""
_ADD_OWNERS: t.Final = """
INSERT OR IGNORE INTO id_owners (kind, id, nami_user_id)
SELECT ?1, key, value FROM {pairs}
"""
_FIND_OTHER_OWNERS: t.Final = """
SELECT o.id, o.nami_user_id FROM (SELECT ?1 AS kind) AS k CROSS JOIN {pairs} AS p
CROSS JOIN id_owners AS o ON o.kind = k.kind AND o.id = p.key
WHERE o.nami_user_id <> p.value
"""
_ADD_CONFLICTS: t.Final = """
INSERT OR IGNORE INTO id_conflicts (kind, id, nami_user_id, other_id)
SELECT * FROM ({rows}) WHERE column1 IS NOT NULL
"""


class IdConflicts:
    """One thread notes what it sees; any thread may write, one at a time."""

    def __init__(self) -> None:
        """Know of none yet."""
        self._lock = threading.Lock()
        self._owners: dict[str, dict[str, str]] = {EXTERNAL_ID: {}, DEVICE: {}}
        """By kind and id, the Nami user seen with it first.

        Without the lock: the writing thread removes but what it has a copy of.
        """
        self._found: dict[ConflictKey, str] = {}
        self._has_file = False
        """Whether the file has owners, of this run or before."""

    def open(self, file: StoreFile) -> None:
        """Take the file that has, or will have, owners of before."""
        [[has_any]] = file.rows("SELECT EXISTS (SELECT 1 FROM id_owners)")
        self._has_file = bool(has_any)

    @property
    def backlog(self) -> float:
        """How much waits to be written; see `Part`."""
        noted = sum(map(len, self._owners.values())) + len(self._found)
        return noted / MOST_UNWRITTEN

    def note_owner(self, kind: str, value: str, user_id: str) -> None:
        """Note that an External ID or a device was seen with a Nami user."""
        first = self._owners[kind].setdefault(value, user_id)
        if first != user_id:
            with self._lock:
                self._found[ConflictKey(kind, value, user_id)] = first

    def note_second_external_id(self, user_id: str, first: str, second: str) -> None:
        """Note that a Nami user has two External IDs."""
        key = ConflictKey(SEVERAL_EXTERNAL_IDS, max(first, second), user_id)
        with self._lock:
            self._found[key] = min(first, second)

    def take_unwritten(self) -> None:
        """Decide nothing: what is noted until it is written goes with it."""

    def note_committed(self) -> None:
        """Drop nothing: what was written is in RAM no more."""

    def write(self, file: StoreFile, _calendar: Calendar) -> bool:
        """Write what was noted; return whether there was anything.

        The first user seen with an id owns it; another one is a conflict.
        """
        found = self._take_found()
        taken = {kind: self._take_owners(kind) for kind in self._owners}
        for kind, owners in taken.items():
            _write_owners(file, kind, owners, found)
            self._has_file |= bool(owners)
        _write_conflicts(file, found)
        return bool(any(taken.values()) or found)

    def write_found(self, file: StoreFile, _calendar: Calendar) -> bool:
        """Write all conflicts so far, for who counts them; owners stay in RAM."""
        found = self._take_found()
        if self._has_file:
            for kind, owners in self._owners.items():
                found |= _conflicts_of(file, kind, owners.copy())
        _write_conflicts(file, found)
        return bool(found)

    def _take_found(self) -> dict[ConflictKey, str]:
        with self._lock:
            found, self._found = self._found, {}
        return found

    def _take_owners(self, kind: str) -> dict[str, str]:
        """Take out the owners of one kind, while others may be noted."""
        owners = self._owners[kind]
        taken = owners.copy()
        for value in taken:
            del owners[value]  # until now, another user is found to be the second
        return taken

    @staticmethod
    def named(file: StoreFile, kinds: Iterable[str]) -> list[IdConflict]:
        """Return some conflicts of each kind."""
        return [
            IdConflict(*row)
            for kind in kinds
            for row in file.rows_of(
                tuple[str, str, str, str],
                "SELECT kind, id, nami_user_id, other_id FROM id_conflicts"
                " WHERE kind = ? LIMIT ?",
                kind,
                _MOST_NAMED,
            )
        ]


def _write_conflicts(file: StoreFile, found: Mapping[ConflictKey, str]) -> None:
    run_for_rows(file, _ADD_CONFLICTS, [(*key, other) for key, other in found.items()])


def _write_owners(
    file: StoreFile, kind: str, owners: Mapping[str, str], found: dict[ConflictKey, str]
) -> None:
    for values in chunks(sorted(owners), _OWNERS_AT_ONCE):
        some = {value: owners[value] for value in values}
        if run_for_pairs(file, _ADD_OWNERS, some, _OWNED[kind]) < len(some):
            found |= _conflicts_of(file, kind, some)


def _conflicts_of(
    file: StoreFile, kind: str, owners: Mapping[str, str]
) -> dict[ConflictKey, str]:
    """Return the owners that the file has in the place of some of these."""
    owned = rows_for_pairs(
        file, tuple[str, str], _FIND_OTHER_OWNERS, owners, _OWNED[kind]
    )
    return {ConflictKey(kind, value, owners[value]): owner for value, owner in owned}
