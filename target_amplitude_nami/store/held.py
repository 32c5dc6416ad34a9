"""Records that wait for their user's External ID."""

from __future__ import annotations

import hashlib
import threading
import time
import typing as t

from target_amplitude_nami.store.model import Held
from target_amplitude_nami.store.pending import (
    MOST_BYTES_UNWRITTEN,
    MOST_UNWRITTEN,
    Pending,
)
from target_amplitude_nami.store.values import run_for_rows

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import StoreFile

_PAGE: t.Final = 500
_LAST_ONES: t.Final = 20
_BYTES_AROUND_A_RECORD: t.Final = 800
"""What the objects and dicts take beside a record that is not written yet."""
_ADD: t.Final = """
INSERT OR REPLACE INTO held
    (number, nami_user_id, stream, line, record, since, record_hash)
SELECT column1, column2, column3, CAST(column4 AS TEXT), CAST(column5 AS TEXT),
    column6, column7
FROM ({rows}) WHERE column1 IS NOT NULL
"""
_FORGET: t.Final = "DELETE FROM held WHERE number IN (SELECT value FROM json_each(?))"
_READ: t.Final = """
SELECT number, stream, CAST(line AS BLOB), CAST(record AS BLOB) FROM held
"""
_OF_IDENTIFIED_USERS: t.Final = """
JOIN users ON users.nami_user_id = held.nami_user_id AND external_id IS NOT NULL WHERE 1
"""


class _NewRecord(t.NamedTuple):
    """A record that no other connection can see yet."""

    held: Held
    nami_user_id: str
    since: int
    hash: str

    @property
    def size(self) -> int:
        return len(self.held.line) + len(self.held.record) + _BYTES_AROUND_A_RECORD


class _Gone(t.NamedTuple):
    """The numbers of forgotten records that another connection may still see.

    Whoever asks the file has to take them before: later they may have been dropped.
    """

    forgotten: set[int]
    being_written: set[int]

    def has(self, number: int) -> bool:
        return number in self.forgotten or number in self.being_written


class HeldRecords:
    """One thread keeps and reads; any thread may forget, and one at a time may write.

    What is kept and forgotten stays in RAM until it is committed, so that nobody waits
    for the disk.
    """

    def __init__(self) -> None:
        """Start with no record."""
        self.waiting = 0
        """How many wait."""
        self._has_file = False
        self._number = 0
        self._lock = threading.Lock()
        self._new: Pending[int, _NewRecord] = Pending()
        self._by_hash: dict[str, int] = {}
        self._by_user: dict[str, dict[int, _NewRecord]] = {}
        """Of both, with records that were forgotten while they were being written."""
        self._gone = _Gone(set(), set())
        self._deletable: set[int] = set()
        """What was taken and is not deleted yet."""
        self._bytes_unwritten = 0

    def open(self, writing: StoreFile, reading: StoreFile) -> None:
        """Take the file that has them, to write and to read."""
        self._reading = reading
        [[self.waiting, self._number]] = writing.rows_of(
            tuple[int, int], "SELECT count(*), ifnull(max(number), 0) FROM held"
        )
        self._has_file = self.waiting > 0

    @property
    def backlog(self) -> float:
        """How much waits to be written; see `Part`."""
        return max(self.backlog_of_new, len(self._gone.forgotten) / MOST_UNWRITTEN)

    @property
    def backlog_of_new(self) -> float:
        """How much of that are records that were kept."""
        return self._bytes_unwritten / MOST_BYTES_UNWRITTEN

    def keep(
        self, user_id: str, stream: str, line: bytes, record: bytes, *, is_of_now: bool
    ) -> bool:
        """Keep a record that waits; return False when the same is kept already.

        Args:
            user_id: Its Nami user.
            stream: The stream that it was read from.
            line: The message that it was read from.
            record: What was understood of it.
            is_of_now: Whether it has no time: its state holds from now on, so that only
                the last one that is kept can be the same.
        """
        hashed = hashlib.sha256(record)
        if is_of_now:
            last, last_record = self._last_of(user_id)
            if last_record == record:
                return False
            hashed.update(f"{last}".encode())
        name = hashed.hexdigest()
        if self._is_kept(name):
            return False
        self._number += 1
        held = Held(self._number, stream, line, record)
        new = _NewRecord(held, user_id, int(time.time() * 1000), name)
        with self._lock:
            self.waiting += 1
            self._bytes_unwritten += new.size
            self._new.added[held.number] = new
            self._by_hash[name] = held.number
            self._by_user.setdefault(user_id, {})[held.number] = new
        return True

    def forget(self, numbers: Iterable[int]) -> None:
        """Forget records that are settled."""
        with self._lock:
            for number in numbers:
                new = self._new.added.pop(number, None)
                if new is not None:
                    self._bytes_unwritten -= new.size
                    self._drop(new)
                    self.waiting -= 1
                elif not self._gone.has(number):
                    self._gone.forgotten.add(number)
                    self.waiting -= 1

    def take_unwritten(self) -> None:
        """Select for `write` all records that were kept and forgotten so far."""
        with self._lock:
            self._take_new()
            self._deletable |= self._gone.forgotten
            self._gone = _Gone(set(), self._gone.forgotten | self._gone.being_written)

    def take_new(self) -> None:
        """Select for `write` all records that were kept so far."""
        with self._lock:
            self._take_new()

    def write(self, file: StoreFile, _calendar: Calendar) -> bool:
        """Write the selected records; return whether there were any."""
        new = self._new.pop_taken()
        gone, self._deletable = self._deletable, set()
        if gone:
            missing = len(gone) - file.run(_FORGET, f"{[*gone]}")
            with self._lock:
                self.waiting += missing
        if new:
            rows = [
                (
                    record.held.number,
                    record.nami_user_id,
                    record.held.stream,
                    record.held.line,
                    record.held.record,
                    record.since,
                    record.hash,
                )
                for record in new.values()
            ]
            run_for_rows(file, _ADD, rows)
        return bool(new or gone)

    def note_committed(self) -> None:
        """Drop from RAM what can be found in the file from now on."""
        with self._lock:
            for new in self._new.being_written.values():
                self._drop(new)
            self._has_file |= self._new.note_committed()
            self._gone = _Gone(self._gone.forgotten, set())

    def oldest(self, file: StoreFile) -> int | None:
        """Return since when the oldest record in the file waits, in ms since 1970."""
        [[since]] = file.rows_of(tuple[int | None], "SELECT min(since) FROM held")
        return since

    # In the order held

    def of_user(self, user_id: str) -> Iterator[Held]:
        """Yield the records of one user."""
        return self._all("WHERE nami_user_id = ?", [user_id])

    def of_identified_users(self) -> Iterator[Held]:
        """Yield records of earlier runs whose user's External ID is known now."""
        return self._all(_OF_IDENTIFIED_USERS, [], with_new=False)

    def of_all(self) -> Iterator[Held]:
        """Yield the records of all users."""
        return self._all("WHERE 1", [])

    def _all(
        self, condition: str, user: list[str], *, with_new: bool = True
    ) -> Iterator[Held]:
        after = 0
        while self.waiting:
            with self._lock:
                new: dict[int, _NewRecord] = {}
                if with_new:
                    new = self._new_of(*user)
                has_file, gone = self._has_file, self._gone
            page = {number: r.held for number, r in new.items() if number > after}
            if has_file:
                found = self._page(condition, user, after)
                if len(found) == _PAGE:  # new ones have higher numbers: they come later
                    page = {n: h for n, h in page.items() if n <= found[-1].number}
                page |= {held.number: held for held in found}
            if not page:
                return
            for number in sorted(page):
                if not gone.has(number):
                    yield page[number]
            after = max(page)

    def _page(self, condition: str, values: Sequence[object], after: int) -> list[Held]:
        statement = f"{_READ} {condition} AND number > ? ORDER BY number LIMIT {_PAGE}"
        return [
            Held(*row)
            for row in self._reading.rows_of(
                tuple[int, str, bytes, bytes], statement, *values, after
            )
        ]

    def _new_of(self, user_id: str | None = None) -> dict[int, _NewRecord]:
        """Return the records of a user, or all, that the file may not have."""
        if user_id is None:
            return self._new.being_written | self._new.added
        return dict(self._by_user.get(user_id, {}))

    def _last_of(self, user_id: str) -> tuple[int | None, bytes | None]:
        """Return the number of a user's last record, and that record."""
        with self._lock:
            new = self._new_of(user_id)
            has_file, gone = self._has_file, self._gone
        for number in sorted(new, reverse=True):
            if not gone.has(number):
                return number, new[number].held.record
        before = self._number + 1
        while has_file:
            rows = self._reading.rows_of(
                tuple[int, bytes],
                "SELECT number, CAST(record AS BLOB) FROM held WHERE nami_user_id = ?"
                " AND number < ? ORDER BY number DESC LIMIT ?",
                user_id,
                before,
                _LAST_ONES,
            )
            for number, record in rows:
                if not gone.has(number):
                    return number, record
            if len(rows) < _LAST_ONES:
                break
            before = rows[-1][0]
        return None, None

    def _is_kept(self, name: str) -> bool:
        with self._lock:
            number = self._by_hash.get(name)
            has_file, gone = self._has_file, self._gone
        if number is None and has_file:
            rows = self._reading.rows_of(
                tuple[int], "SELECT number FROM held WHERE record_hash = ?", name
            )
            number = rows[0][0] if rows else None
        return number is not None and not gone.has(number)

    def _take_new(self) -> None:
        self._new.take()
        self._bytes_unwritten = 0

    def _drop(self, new: _NewRecord) -> None:
        number = new.held.number
        if self._by_hash.get(new.hash) == number:
            del self._by_hash[new.hash]
        of_user = self._by_user[new.nami_user_id]
        del of_user[number]
        if not of_user:
            del self._by_user[new.nami_user_id]
