"""Which events one project has: the marks of those delivered, now and before."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.memory.file import MemoryFile, chunks, json_array
from target_amplitude_nami.memory.keys import Mark, MarkKeys

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Delivered:
    """The delivered events of one project.

    Not for several threads at once, but for `prepare` and `was_delivered_before`: they
    are for the thread that reads.
    """

    def __init__(self, salt: bytes) -> None:
        """Take what tells this project's events from those of another."""
        self._keys = MarkKeys(salt)
        self._unwritten: set[Mark] = set()
        self._has_file = False
        self.remembers_runs = False
        """Whether earlier runs delivered anything."""
        self._asked: Collection[Mark] = ()
        self._before: set[Mark] = set()
        """Of those that were asked for last."""

    def open(self, writing: MemoryFile, reading: MemoryFile) -> None:
        """Take the file that has, or will have, those of before."""
        self._writing, self._reading = writing, reading
        [[has_any]] = writing.rows("SELECT EXISTS (SELECT 1 FROM delivered)")
        self._has_file = self.remembers_runs = bool(has_any)

    @property
    def unwritten(self) -> int:
        """How many of them the file does not have."""
        return len(self._unwritten)

    def prepare(self, marks: Collection[Mark]) -> None:
        """Look up in one go which events of the next records earlier runs delivered."""
        if self.remembers_runs:
            self._asked = marks
            self._before = self._find_around(marks)

    def was_delivered_before(self, mark: Mark) -> bool:
        """Whether an event was delivered in an earlier run; quick if it was prepared.

        Once this run has committed, what it delivered itself counts as well.
        """
        if self.remembers_runs and mark not in self._asked:
            return bool(self._find_around([mark]))
        return mark in self._before

    def among(self, marks: Collection[Mark]) -> set[Mark]:
        """Return those of the marks whose events were delivered."""
        known = self._unwritten.intersection(marks)
        if self._has_file:
            keys = self._keys.of_all(marks)
            known |= _find(self._writing, dict(zip(keys, marks, strict=True)))
        return known

    def add(self, marks: Iterable[Mark]) -> None:
        """Remember events as delivered; those that are remembered, from today."""
        self._unwritten.update(marks)

    def write(self, day: int) -> bool:
        """Write those that were added; return whether there were any.

        Args:
            day: Since when they are remembered, days since 1970.
        """
        if not self._unwritten:
            return False
        for chunk in chunks(self._keys.of_all(sorted(self._unwritten))):
            self._writing.run(
                "INSERT INTO delivered SELECT value, ? FROM json_each(?) WHERE true"
                " ON CONFLICT (id) DO UPDATE SET day = excluded.day"
                " WHERE day < excluded.day",
                day,
                json_array(chunk),
            )
        self._unwritten = set()
        self._has_file = True
        return True

    def _find_around(self, marks: Collection[Mark]) -> set[Mark]:
        return _find(self._reading, self._keys.around(marks))


def _find(file: MemoryFile, by_key: Mapping[str, Mark]) -> set[Mark]:
    rows = file.rows(
        "SELECT d.id FROM json_each(?) CROSS JOIN delivered AS d ON d.id = value",
        json_array(by_key),
    )
    return {by_key[key] for (key,) in rows}
