"""Which events one project has: those delivered, in this run and before."""

from __future__ import annotations

import functools
import typing as t

from target_amplitude_nami.outcomes import (
    DEDUP_KEY_BYTES,
    DedupKey,
    Occurrence,
    SentEvent,
)
from target_amplitude_nami.store.file import StoreFile, chunks
from target_amplitude_nami.store.keys import shown

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_FIND: t.Final = """
SELECT j.key, e.name, d.time FROM json_each(?2) AS j
CROSS JOIN delivered AS d ON d.id = substr(?1, j.value, ?3) AND d.project = ?4
LEFT JOIN event_types AS e ON e.number = d.event_type
"""
"""All keys in one piece, and where each starts in it: JSON cannot hold bytes."""
_TIME_BITS: t.Final = 48
_EARLIEST: t.Final = 1 << _TIME_BITS - 1
"""How long before 1970 a time may be: some 4,400 years, as long as after it."""
_ADD: t.Final = """
INSERT INTO delivered (id, project, event_type, time, day)
SELECT substr(?1, key * ?3 + 1, ?3), ?4, value >> 48,
    nullif(value & 0xffffffffffff, 0) - 0x800000000000, ?5
FROM json_each(?2) WHERE true
ON CONFLICT (id, project) DO UPDATE SET day = excluded.day WHERE day < excluded.day
"""
"""All keys in one piece, and for each one number of its event type and its time, which
is read much quicker than two."""


class Delivered:
    """The delivered events of one project.

    Not for several threads at once, but for `prepare` and `before`: they are for the
    thread that reads.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._unwritten: dict[DedupKey, SentEvent] = {}
        self._event_types: dict[str, int] = {}
        """Their numbers in the file."""
        self._has_file = False
        self.remembers_runs = False
        """Whether earlier runs delivered anything."""
        self._asked: Collection[DedupKey] = ()
        self._before: Mapping[DedupKey, Occurrence] = {}
        """Of those that were asked for last."""

    def open(self, writing: StoreFile, reading: StoreFile, project: int) -> None:
        """Take the file that has, or will have, those of before.

        Args:
            writing: The file.
            reading: The same, for the thread that reads.
            project: The project's number in it.
        """
        self._writing, self._reading, self._project = writing, reading, project
        [[has_any]] = writing.rows("SELECT EXISTS (SELECT 1 FROM delivered)")
        self._has_file = self.remembers_runs = bool(has_any)

    @property
    def unwritten(self) -> int:
        """How many of them the file does not have."""
        return len(self._unwritten)

    def prepare(self, keys: Collection[DedupKey]) -> None:
        """Look up in one go which events of the next records earlier runs delivered."""
        if self.remembers_runs:
            self._asked = keys
            self._before = self._find(self._reading, [*keys])

    def before(self, key: DedupKey) -> Occurrence | None:
        """Return the event that an earlier run delivered; quick if it was prepared.

        Once this run has committed, what it delivered itself counts as well.
        """
        if self.remembers_runs and key not in self._asked:
            return self._find(self._reading, [key]).get(key)
        return self._before.get(key)

    def among(self, keys: Sequence[DedupKey]) -> dict[DedupKey, Occurrence]:
        """Return the events that were delivered, where they have one of the keys."""
        known: dict[DedupKey, Occurrence] = {
            key: self._unwritten[key]
            for key in self._unwritten.keys() & keys  # quick where there are none
        }
        if self._has_file:
            known |= self._find(self._writing, keys)
        return known

    def add(self, marks: Iterable[SentEvent]) -> None:
        """Remember events as delivered; those that are remembered, from today."""
        for mark in marks:
            self._unwritten.setdefault(mark.key, mark)

    def write(self, day: int) -> bool:
        """Write those that were added; return whether there were any.

        Args:
            day: Since when they are remembered, days since 1970.
        """
        if not self._unwritten:
            return False
        for keys in chunks(sorted(self._unwritten)):
            marks = [self._unwritten[key] for key in keys]
            self._writing.run(
                _ADD,
                b"".join(keys),
                f"{[*map(self._packed, marks)]}",
                DEDUP_KEY_BYTES,
                self._project,
                day,
            )
        self._unwritten = {}
        self._has_file = True
        return True

    def _packed(self, mark: SentEvent) -> int:
        packed = self._number_of(mark.event_type) << _TIME_BITS
        time = mark.time
        if time is None or not -_EARLIEST < time < _EARLIEST:
            return packed
        return packed | time + _EARLIEST

    def _number_of(self, event_type: str) -> int:
        number = self._event_types.get(event_type)
        if number is None:
            name = shown(event_type)
            self._writing.run(
                "INSERT OR IGNORE INTO event_types (name) VALUES (?)", name
            )
            [[number]] = self._writing.rows_of(
                tuple[int], "SELECT number FROM event_types WHERE name = ?", name
            )
            self._event_types[event_type] = number
        return number

    def _find(
        self, file: StoreFile, keys: Sequence[DedupKey]
    ) -> dict[DedupKey, Occurrence]:
        rows = file.rows_of(
            tuple[int, str, int | None],
            _FIND,
            b"".join(keys),
            _places(len(keys)),
            DEDUP_KEY_BYTES,
            self._project,
        )
        return {
            keys[place]: Occurrence(event_type, time)
            for place, event_type, time in rows
        }


@functools.lru_cache(maxsize=16)
def _places(count: int) -> str:
    return f"{[*range(1, count * DEDUP_KEY_BYTES + 1, DEDUP_KEY_BYTES)]}"
