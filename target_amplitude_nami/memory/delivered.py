"""Which events one project has: the marks of those delivered, now and before."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.memory.file import MemoryFile, chunks, json_array
from target_amplitude_nami.memory.keys import Keys

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Delivered:
    """The delivered events of one project.

    Not for several threads at once, but for `prepare` and `was_delivered_before`: they
    are for the thread that reads.
    """

    def __init__(self, salt: bytes) -> None:
        """Take what tells this project's events from those of another."""
        self._key_of = Keys(salt).of_mark
        self._unwritten: set[str] = set()
        self._has_file = False
        self.remembers_runs = False
        """Whether earlier runs delivered anything."""
        self._asked: Collection[str] = ()
        self._before: set[str] = set()
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

    def prepare(self, marks: Collection[str]) -> None:
        """Look up in one go which events of the next records earlier runs delivered."""
        if self.remembers_runs:
            self._asked = marks
            self._before = self._find(self._reading, marks)

    def was_delivered_before(self, mark: str) -> bool:
        """Whether an event was delivered in an earlier run; quick if it was prepared.

        Once this run has committed, what it delivered itself counts as well.
        """
        if self.remembers_runs and mark not in self._asked:
            return bool(self._find(self._reading, [mark]))
        return mark in self._before

    def among(self, marks: Collection[str]) -> set[str]:
        """Return those of the marks whose events were delivered."""
        known = self._unwritten.intersection(marks)
        if self._has_file:
            known |= self._find(self._writing, marks)
        return known

    def add(self, marks: Iterable[str]) -> None:
        """Remember events as delivered; those that are remembered, from today."""
        self._unwritten.update(marks)

    def write(self, day: int) -> bool:
        """Write those that were added; return whether there were any.

        Args:
            day: Since when they are remembered, days since 1970.
        """
        if not self._unwritten:
            return False
        keys = sorted(self._key_of(mark) for mark in self._unwritten)
        for chunk in chunks(keys):
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

    def _find(self, file: MemoryFile, marks: Iterable[str]) -> set[str]:
        by_key = {self._key_of(mark): mark for mark in marks}
        rows = file.rows(
            "SELECT id FROM delivered WHERE id IN (SELECT value FROM json_each(?))",
            json_array(by_key),
        )
        return {by_key[key] for (key,) in rows}
