"""Buffers rows until they are in the file."""

from __future__ import annotations

import typing as t

MOST_UNWRITTEN: t.Final = 20_000
MOST_BYTES_UNWRITTEN: t.Final = 8_000_000
"""What may wait in RAM until it is committed."""

_Key = t.TypeVar("_Key")
_Row = t.TypeVar("_Row")


class Pending(t.Generic[_Key, _Row]):
    """Rows that the file does not have yet; used under the owner's lock.

    Deciding what to write, writing it and committing it are three steps, since only the
    first two have to wait for each other, and only the first for those who add.
    """

    __slots__ = ("_taken", "added", "being_written")

    def __init__(self) -> None:
        """Start with no row."""
        self.added: dict[_Key, _Row] = {}
        self._taken: dict[_Key, _Row] = {}
        self.being_written: dict[_Key, _Row] = {}
        """What was taken and is not committed: no other connection can see it yet."""

    def take(self) -> None:
        """Select the rows to write next: all that were added so far."""
        self._taken = _merged(self._taken, self.added)
        self.being_written = _merged(self.being_written, self.added)
        self.added = {}

    def pop_taken(self) -> dict[_Key, _Row]:
        """Return and forget the rows that were selected and not written yet."""
        taken, self._taken = self._taken, {}
        return taken

    def get(self, key: _Key) -> _Row | None:
        """Return the row of a key that the file may not have."""
        row = self.added.get(key)
        return self.being_written.get(key) if row is None else row

    def note_committed(self) -> bool:
        """Drop what can be found in the file; return whether there was anything."""
        had_any = bool(self.being_written)
        self.being_written = {}
        return had_any


def _merged(old: dict[_Key, _Row], new: dict[_Key, _Row]) -> dict[_Key, _Row]:
    return old | new if old else new
