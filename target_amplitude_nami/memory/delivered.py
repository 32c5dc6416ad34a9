"""Which events one project has: the marks of those delivered, now and before."""

from __future__ import annotations

import functools
import typing as t

from target_amplitude_nami.memory.file import MemoryFile, chunks
from target_amplitude_nami.memory.keys import (
    KEYS_AROUND_A_MARK,
    MARK_KEY_BYTES,
    Mark,
    mark_keys,
    mark_keys_around,
)

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_PROJECT_BYTES: t.Final = 6
_FIND: t.Final = """
SELECT key FROM json_each(?2) CROSS JOIN delivered AS d
ON d.id = substr(?1, value, ?3) AND d.project = ?4
"""
"""All keys in one piece, and where each starts in it: JSON cannot hold bytes."""
_ADD: t.Final = """
INSERT INTO delivered SELECT substr(?1, value, ?3), ?4, ?5 FROM json_each(?2) WHERE true
ON CONFLICT (id, project) DO UPDATE SET day = excluded.day WHERE day < excluded.day
"""


class Delivered:
    """The delivered events of one project.

    Not for several threads at once, but for `prepare` and `was_delivered_before`: they
    are for the thread that reads.
    """

    def __init__(self, salt: bytes) -> None:
        """Take what tells this project's events from those of another."""
        self._project = salt[:_PROJECT_BYTES]
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

    def among(self, marks: Sequence[Mark]) -> set[Mark]:
        """Return those of the marks whose events were delivered."""
        known = self._unwritten.intersection(marks)
        if self._has_file:
            known |= self._find(self._writing, mark_keys(marks), marks)
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
        for chunk in chunks(sorted(self._unwritten)):
            keys = mark_keys(chunk)
            self._writing.run(_ADD, *_pieces(keys), self._project, day)
        self._unwritten = set()
        self._has_file = True
        return True

    def _find_around(self, marks: Collection[Mark]) -> set[Mark]:
        around = [mark for mark in marks for _ in range(KEYS_AROUND_A_MARK)]
        return self._find(self._reading, mark_keys_around(marks), around)

    def _find(self, file: MemoryFile, keys: bytes, marks: Sequence[Mark]) -> set[Mark]:
        return {
            marks[place] for (place,) in file.rows(_FIND, *_pieces(keys), self._project)
        }


def _pieces(keys: bytes) -> tuple[bytes, str, int]:
    return keys, _places(len(keys)), MARK_KEY_BYTES


@functools.lru_cache(maxsize=16)
def _places(size: int) -> str:
    return f"{[*range(1, size + 1, MARK_KEY_BYTES)]}"
