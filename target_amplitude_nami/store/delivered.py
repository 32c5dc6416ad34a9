"""Which events one project has: those delivered, in this run and before."""

from __future__ import annotations

import functools
import threading
import time
import typing as t

from target_amplitude_nami.outcomes import (
    DEDUP_KEY_BYTES,
    DedupKey,
    Occurrence,
    SentEvent,
)
from target_amplitude_nami.store.pending import MOST_UNWRITTEN, Pending
from target_amplitude_nami.store.values import MOST_ROWS, chunks, run_for_rows

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import Files, StoreFile

_FIND: t.Final = """
SELECT j.key, d.event_type, d.time FROM json_each(?2) AS j
CROSS JOIN delivered AS d ON d.event_key = substr(?1, j.value, ?3) AND d.project = ?4
"""
"""All keys in one piece, and where each starts in it: JSON cannot hold bytes."""
_ADD: t.Final = """
INSERT INTO delivered (project, delivered_time, last_seen_day,
    event_key, insert_id, device_id, user_id, event_type, time)
SELECT ?1, ?2, ?3, * FROM ({rows}) WHERE column1 IS NOT NULL
ON CONFLICT (event_key, project) DO UPDATE SET last_seen_day = excluded.last_seen_day
WHERE last_seen_day < excluded.last_seen_day
"""


class Delivered:
    """The delivered events of one project.

    `prepare` and `before` are for the thread that reads; any thread may add and look
    up, and one at a time may write.
    """

    def __init__(self, *, is_lasting: bool = True) -> None:
        """Know of none yet.

        Args:
            is_lasting: Whether somebody may read the file after the run; else it has
                nothing but what look-ups need.
        """
        self._row_of = _row_of if is_lasting else _row_for_lookups
        self._lock = threading.Lock()
        self._pending: Pending[DedupKey, SentEvent] = Pending()
        self._has_file = False
        self.remembers_runs = False
        """Whether earlier runs delivered anything."""
        self._asked: Collection[DedupKey] = ()
        self._before: Mapping[DedupKey, Occurrence] = {}
        """Of those that were asked for last."""

    def open(self, files: Files, project: int) -> None:
        """Take the file that has, or will have, those of before.

        Args:
            files: The connections to it.
            project: The project's number in it.
        """
        self._files, self._project = files, project
        [[has_any]] = files.writing.rows("SELECT EXISTS (SELECT 1 FROM delivered)")
        self._has_file = self.remembers_runs = bool(has_any)

    @property
    def backlog(self) -> float:
        """How much waits to be written; see `Part`."""
        return len(self._pending.added) / MOST_UNWRITTEN

    def prepare(self, keys: Collection[DedupKey]) -> None:
        """Look up in one go which events of the next records earlier runs delivered."""
        if self.remembers_runs:
            self._asked = keys
            self._before = self._find(self._files.reading, [*keys])

    def before(self, key: DedupKey) -> Occurrence | None:
        """Return the event that an earlier run delivered; quick if it was prepared.

        Once this run has committed, what it delivered itself counts as well.
        """
        if self.remembers_runs and key not in self._asked:
            return self._find(self._files.reading, [key]).get(key)
        return self._before.get(key)

    def among(self, keys: Sequence[DedupKey]) -> dict[DedupKey, Occurrence]:
        """Return the events that were delivered, where they have one of the keys."""
        with self._lock:
            known: dict[DedupKey, Occurrence] = {
                key: kept[key]
                for kept in (self._pending.added, self._pending.being_written)
                for key in kept.keys() & keys  # quick where there are none
            }
            has_file = self._has_file
        if has_file:
            known |= self._find(self._files.looking_up, keys)
        return known

    def add(self, sent: Iterable[SentEvent]) -> None:
        """Remember events as delivered; those that are remembered, from today."""
        with self._lock:
            for event in sent:
                self._pending.added.setdefault(event.key, event)

    def take_unwritten(self) -> None:
        """Decide what `write` will write: all that was added so far."""
        with self._lock:
            self._pending.take()

    def write(self, file: StoreFile, calendar: Calendar) -> bool:
        """Write those that were taken; return whether there were any."""
        taken = self._pending.pop_taken()
        now = int(time.time() * 1000)
        for keys in chunks(sorted(taken), MOST_ROWS):  # few rows in RAM at once
            rows = [self._row_of(taken[key]) for key in keys]
            run_for_rows(file, _ADD, rows, self._project, now, calendar.today)
        calendar.note_events(taken.values())
        return bool(taken)

    def note_committed(self) -> None:
        """Drop from RAM what can be found in the file from now on."""
        with self._lock:
            self._has_file |= self._pending.note_committed()

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


def _row_of(event: SentEvent) -> tuple[object, ...]:
    device_id = event.device_id or ""
    return (
        bytearray(event.key),  # for `bytes`, `sqlite3` looks for an adapter each time
        event.insert_id,
        device_id,
        "" if device_id else event.user_id or "",
        event.event_type,
        event.time,
    )


def _row_for_lookups(event: SentEvent) -> tuple[object, ...]:
    return bytearray(event.key), "", "", "", event.event_type, event.time


@functools.lru_cache(maxsize=16)
def _places(count: int) -> str:
    return f"{[*range(1, count * DEDUP_KEY_BYTES + 1, DEDUP_KEY_BYTES)]}"
