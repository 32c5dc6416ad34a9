"""Where in the rejects file the rejected records of earlier runs stand."""

from __future__ import annotations

import threading
import typing as t

from target_amplitude_nami.store.model import RejectPlace
from target_amplitude_nami.store.pending import MOST_UNWRITTEN, Pending
from target_amplitude_nami.store.values import run_for_rows

if t.TYPE_CHECKING:
    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import Files, StoreFile

_FIND: t.Final = (
    "SELECT byte_offset, length, line_hash FROM reject_places WHERE record_hash = ?"
)
_ADD: t.Final = """
INSERT OR REPLACE INTO reject_places
    (byte_offset, length, line_hash, last_seen_day, record_hash)
SELECT column1, column2, column3, ?1, column4 FROM ({rows}) WHERE column1 IS NOT NULL
"""


class RejectPlaces:
    """The places by a hash of the record; for any thread, but one writes at a time."""

    def __init__(self, files: Files) -> None:
        """Take the file that has them."""
        self._files = files
        self._lock = threading.Lock()
        self._pending: Pending[bytes, RejectPlace] = Pending()

    @property
    def backlog(self) -> float:
        """How much waits to be written; see `Part`."""
        return len(self._pending.added) / MOST_UNWRITTEN

    def find(self, key: bytes) -> RejectPlace | None:
        """Return where a record was written; only the file can tell if it still is."""
        with self._lock:
            new = self._pending.get(key)
        if new is not None:
            return new
        rows = self._files.looking_up.rows_of(tuple[int, int, str], _FIND, key.hex())
        if not rows:
            return None
        [(at, length, line_hash)] = rows
        try:
            return RejectPlace(at, length, bytes.fromhex(line_hash))
        except ValueError as error:
            raise self._files.writing.damaged() from error

    def note(self, key: bytes, place: RejectPlace) -> None:
        """Remember where a record was written."""
        with self._lock:
            self._pending.added[key] = place

    def take_unwritten(self) -> None:
        """Decide what `write` will write: all that was noted so far."""
        with self._lock:
            self._pending.take()

    def write(self, file: StoreFile, calendar: Calendar) -> bool:
        """Write what was taken; return whether there was anything."""
        rows = [
            (place.at, place.length, place.digest.hex(), key.hex())
            for key, place in self._pending.pop_taken().items()
        ]
        run_for_rows(file, _ADD, rows, calendar.today)
        return bool(rows)

    def note_committed(self) -> None:
        """Drop from RAM what can be found in the file from now on."""
        with self._lock:
            self._pending.note_committed()
