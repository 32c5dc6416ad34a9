"""Which events one project has: those delivered, in this run and before."""

from __future__ import annotations

import threading
import typing as t

from target_amplitude_nami.store.pending import Pending

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from target_amplitude_nami.outcomes import DedupKey, Occurrence, SentEvent
    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.delivered_rows import DeliveredRows
    from target_amplitude_nami.store.file import Files, StoreFile


class Delivered:
    """The delivered events of one project.

    `prepare` and `before` are for the thread that reads; any thread may add and look
    up, and one at a time may write.
    """

    def __init__(self) -> None:
        """Know of none yet."""
        self._lock = threading.Lock()
        self._pending: Pending[DedupKey, Occurrence] = Pending()
        self._has_file = False
        self.remembers_runs = False
        """Whether earlier runs delivered anything."""
        self._asked: Collection[DedupKey] = ()
        self._before: Mapping[DedupKey, Occurrence] = {}
        """Of those that were asked for last."""

    def open(self, files: Files, rows: DeliveredRows[t.Any]) -> None:
        """Take the file that has, or will have, those of before, and its rows."""
        self._files = files
        self._kept, self._find, self._write = rows.kept, rows.find, rows.write
        self._most_unwritten = rows.most_unwritten
        self._has_file = self.remembers_runs = rows.has_any(files.writing)

    @property
    def backlog(self) -> float:
        """How much waits to be written; see `Part`."""
        return len(self._pending.added) / self._most_unwritten

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
        new = self._kept(sent)
        with self._lock:
            added = self._pending.added
            for key in added.keys() & new.keys():
                del new[key]  # the first one stays
            added |= new

    def take_unwritten(self) -> None:
        """Decide what `write` will write: all that was added so far."""
        with self._lock:
            self._pending.take()

    def write(self, file: StoreFile, calendar: Calendar) -> bool:
        """Write those that were taken; return whether there were any."""
        taken = self._pending.pop_taken()
        self._write(file, taken, calendar)
        return bool(taken)

    def note_committed(self) -> None:
        """Drop from RAM what can be found in the file from now on."""
        with self._lock:
            self._has_file |= self._pending.note_committed()
