"""The rows of delivered events, in a lasting file and in a temporary one."""

from __future__ import annotations

import functools
import time
import typing as t

import msgspec

from target_amplitude_nami.outcomes import (
    DEDUP_KEY_BYTES,
    DedupKey,
    Occurrence,
    SentEvent,
)
from target_amplitude_nami.store.pending import MOST_UNWRITTEN
from target_amplitude_nami.store.values import MOST_ROWS, chunks, run_for_rows

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import StoreFile

_FIND: t.Final = """
SELECT j.key, {columns} FROM json_each(?2) AS j CROSS JOIN {table} AS d
ON d.event_key = substr(?1, j.value, ?3) AND d.project = ?4
"""
"""All keys in one piece, and where each starts in it: JSON cannot hold bytes."""
_FIND_LASTING: t.Final = _FIND.format(columns="event_type, time", table="delivered")
_ADD_LASTING: t.Final = """
INSERT INTO delivered (project, delivered_time, last_seen_day,
    event_key, insert_id, device_id, user_id, event_type, time)
SELECT ?1, ?2, ?3, * FROM ({rows}) WHERE column1 IS NOT NULL
ON CONFLICT (event_key, project) DO UPDATE SET last_seen_day = excluded.last_seen_day
WHERE last_seen_day < excluded.last_seen_day
"""
_FIND_OF_RUN: t.Final = _FIND.format(columns="occurrence", table="delivered_in_run")
_ADD_OF_RUN: t.Final = """
INSERT OR IGNORE INTO delivered_in_run (project, event_key, occurrence)
SELECT ?4, substr(?1, 1 + key * ?3, ?3), value FROM json_each(?2)
"""
_OF_RUN_AT_ONCE: t.Final = 2_000
"""Rows in one statement, while which nobody else can use the file."""

_Kept = t.TypeVar("_Kept", bound=Occurrence)


class DeliveredRows(t.Protocol[_Kept]):
    """The rows of one project."""

    @property
    def most_unwritten(self) -> int:
        """So many events may wait in RAM until they are written."""

    def has_any(self, file: StoreFile, /) -> bool:
        """Return whether earlier runs delivered anything."""

    def kept(self, events: Iterable[SentEvent], /) -> dict[DedupKey, _Kept]:
        """Return what is kept in RAM of events until they are written."""

    def find(
        self, file: StoreFile, keys: Sequence[DedupKey], /
    ) -> dict[DedupKey, Occurrence]:
        """Return the events that the file has with some keys."""

    def write(
        self, file: StoreFile, events: Mapping[DedupKey, _Kept], calendar: Calendar, /
    ) -> None:
        """Write events; those that are there stay as they are, and are seen today."""


class LastingRows:
    """The table `delivered`, which later runs and people read."""

    most_unwritten: t.Final = MOST_UNWRITTEN

    def __init__(self, project: int) -> None:
        """Take the project's number in the file."""
        self._project = project

    def has_any(self, file: StoreFile) -> bool:
        """Return whether earlier runs delivered anything, to whatever project."""
        return bool(file.rows("SELECT EXISTS (SELECT 1 FROM delivered)")[0][0])

    def kept(self, events: Iterable[SentEvent]) -> dict[DedupKey, SentEvent]:
        """Return all of them: the file has their ids for people."""
        return {event.key: event for event in events}

    def find(
        self, file: StoreFile, keys: Sequence[DedupKey]
    ) -> dict[DedupKey, Occurrence]:
        """Return the events that the file has with some keys."""
        rows = file.rows_of(
            tuple[int, str, int | None],
            _FIND_LASTING,
            b"".join(keys),
            _places(len(keys)),
            DEDUP_KEY_BYTES,
            self._project,
        )
        return {
            keys[place]: Occurrence(event_type, time)
            for place, event_type, time in rows
        }

    def write(
        self, file: StoreFile, events: Mapping[DedupKey, SentEvent], calendar: Calendar
    ) -> None:
        """Write events; those that are there stay as they are, and are seen today."""
        now = int(time.time() * 1000)
        for keys in chunks(sorted(events), MOST_ROWS):  # few rows in RAM at once
            rows = [_row_of(events[key]) for key in keys]
            run_for_rows(file, _ADD_LASTING, rows, self._project, now, calendar.today)
        calendar.note_events(events.values())


class _KeptOfRun(Occurrence, frozen=True, gc=False, array_like=True):
    """A delivered event, of which look-ups within the run need no ids."""


class RowsOfRun:
    """The table `delivered_in_run`, which only the run itself reads.

    All that goes into a statement is two values: SQLite takes them apart, outside the
    interpreter's lock.
    """

    most_unwritten: t.Final = 2 * MOST_UNWRITTEN
    """Without its ids, an event takes less than half as much."""

    def __init__(self, project: int) -> None:
        """Take the project's number in the file."""
        self._project = project

    def has_any(self, _file: StoreFile) -> bool:
        """Return whether earlier runs delivered anything: never."""
        return False

    def kept(self, events: Iterable[SentEvent]) -> dict[DedupKey, _KeptOfRun]:
        """Return them without their ids."""
        return {event.key: _KeptOfRun(event.event_type, event.time) for event in events}

    def find(
        self, file: StoreFile, keys: Sequence[DedupKey]
    ) -> dict[DedupKey, Occurrence]:
        """Return the events that the file has with some keys."""
        rows = file.rows_of(
            tuple[int, str],
            _FIND_OF_RUN,
            b"".join(keys),
            _places(len(keys)),
            DEDUP_KEY_BYTES,
            self._project,
        )
        return {keys[place]: _decode(occurrence) for place, occurrence in rows}

    def write(
        self, file: StoreFile, events: Mapping[DedupKey, _KeptOfRun], _: Calendar
    ) -> None:
        """Write events; those that are there stay as they are."""
        for keys in chunks(sorted(events), _OF_RUN_AT_ONCE):
            file.run(
                _ADD_OF_RUN,
                b"".join(keys),
                _encode([events[key] for key in keys]).decode(),
                DEDUP_KEY_BYTES,
                self._project,
            )


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


@functools.lru_cache(maxsize=16)
def _places(count: int) -> str:
    return f"{[*range(1, count * DEDUP_KEY_BYTES + 1, DEDUP_KEY_BYTES)]}"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_KeptOfRun).decode
