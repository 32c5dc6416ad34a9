"""Small rows by name: those put last in RAM, all of them in the file."""

from __future__ import annotations

import itertools
import threading
import typing as t

import msgspec

from target_amplitude_nami.store.pending import MOST_BYTES_UNWRITTEN, Pending
from target_amplitude_nami.store.values import MOST_ROWS, chunks

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import StoreFile
    from target_amplitude_nami.store.rows import Rows

_BYTES_AROUND_A_ROW: t.Final = 120
"""What the objects and the dict take beside the name and the row: measured."""
_DROPPED_AT_ONCE: t.Final = 2_500

_Row = t.TypeVar("_Row", bound=msgspec.Struct)


class CachedTable(t.Generic[_Row]):
    """One thread looks up and puts; any thread may write, one at a time.

    In RAM, rows are MessagePack, a quarter of their size as objects. Whatever has to be
    written stays there until it is committed, so that the thread that looks up never
    waits for one that writes; in a temporary file, for one statement at most.
    """

    def __init__(
        self, empty: _Row, *, most_bytes: int, is_lasting: bool = False
    ) -> None:
        """Begin empty.

        Args:
            empty: What is known of a name that was never put.
            most_bytes: How much RAM the rows may take.
            is_lasting: Whether all that is put goes into the file; else only what finds
                no place in RAM does.
        """
        self._is_lasting = is_lasting
        self._most_bytes_unwritten = MOST_BYTES_UNWRITTEN // (1 if is_lasting else 2)
        self._empty = empty
        self._encode_into = msgspec.msgpack.Encoder().encode_into
        self._packing = bytearray()
        """Rows are copied out of it: what `encode` returns takes too much memory."""
        self._unpack = msgspec.msgpack.Decoder(type(empty)).decode
        self._in_ram: dict[str, bytes] = {}
        """For the thread that looks up; what came first stands first."""
        self._most_bytes = most_bytes
        self._bytes_in_ram = 0
        self._unknown: set[str] = set()
        """The names of the last `prepare` that have no row."""
        self._lock = threading.Lock()
        self._pending: Pending[str, bytes] = Pending()
        self._bytes_unwritten = 0
        self._has_file = False
        self._has_all_in_ram = True

    def open(self, file: StoreFile, rows: Rows[_Row]) -> None:
        """Take the file to look up in, and how it keeps these rows."""
        self._file = file
        self._rows = rows
        self._has_file = rows.has_any(file)
        self._has_all_in_ram = not self._has_file

    @property
    def backlog(self) -> float:
        """How much waits to be written; see `Part`."""
        return self._bytes_unwritten / self._most_bytes_unwritten

    @property
    def is_all_in_ram(self) -> bool:
        """Whether nothing has to be looked up in the file."""
        return self._has_all_in_ram

    def prepare(self, names: Iterable[str]) -> None:
        """Look up in one go, where need be, what will be asked for next.

        Each question to the file lets other threads have the interpreter's lock.
        """
        if self._has_all_in_ram:
            return
        with self._lock:
            added, being_written = self._pending.added, self._pending.being_written
            has_file = self._has_file
        missing = set(names).difference(self._in_ram)
        missing = missing.difference(added).difference(being_written)
        self._unknown = missing
        if missing and has_file:
            for name, row in self._rows.find(self._file, list(missing)):
                missing.discard(name)
                self._keep(name, row)

    def get(self, name: str) -> _Row:
        """Return the row put last under a name, or an empty one.

        Raises:
            StoreUnusable: When the file has something else there.
        """
        packed = self._in_ram.get(name)
        if packed is None:
            if self._has_all_in_ram or name in self._unknown:
                return self._empty
            row = self._find(name)
            if row is None:
                return self._empty
            self._keep(name, row)
            return row
        return self._unpack(packed)

    def put(self, name: str, row: _Row) -> None:
        """Keep a row under a name, in the place of the one before."""
        packed = self._keep(name, row)
        self._unknown.discard(name)
        if self._is_lasting:
            with self._lock:
                self._pending.added[name] = packed
                self._bytes_unwritten += _size_of(name, packed)

    def take_unwritten(self) -> None:
        """Decide what `write` will write: all that was put so far."""
        with self._lock:
            self._pending.take()
            self._bytes_unwritten = 0

    def write(self, file: StoreFile, _calendar: Calendar) -> bool:
        """Write what was taken; return whether there was anything.

        It stays in RAM until `note_committed`: another connection sees it only then.
        """
        taken = self._pending.pop_taken()
        names = sorted(taken)
        for some in chunks(names, MOST_ROWS):  # few rows unpacked at once
            self._rows.write(file, [(name, self._unpack(taken[name])) for name in some])
        return bool(names)

    def note_committed(self) -> None:
        """Drop from RAM what can be found in the file from now on."""
        with self._lock:
            self._has_file |= self._pending.note_committed()

    def _find(self, name: str) -> _Row | None:
        with self._lock:
            packed = self._pending.get(name)
            has_file = self._has_file
        if packed is not None:
            return self._unpack(packed)
        found = self._rows.find(self._file, [name]) if has_file else None
        return found[0][1] if found else None

    def _keep(self, name: str, row: _Row) -> bytes:
        """Keep a row in RAM; return it as it is kept."""
        self._encode_into(row, self._packing)
        packed = bytes(self._packing)
        before = self._in_ram.get(name)
        self._in_ram[name] = packed
        more = _size_of(name, packed) if before is None else len(packed) - len(before)
        if more:
            self._bytes_in_ram += more
            if self._bytes_in_ram > self._most_bytes:
                self._make_room()
        return packed

    def _make_room(self) -> None:
        self._has_all_in_ram = False
        oldest = dict(itertools.islice(self._in_ram.items(), _DROPPED_AT_ONCE))
        for name in oldest:
            del self._in_ram[name]
        size = sum(map(_size_of, oldest, oldest.values()))
        self._bytes_in_ram -= size
        if not self._is_lasting:
            with self._lock:
                self._pending.added |= oldest
                self._bytes_unwritten += size


def _size_of(name: str, packed: bytes) -> int:
    return len(name) + len(packed) + _BYTES_AROUND_A_ROW
