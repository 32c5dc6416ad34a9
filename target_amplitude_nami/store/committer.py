"""Writes the changes of a run into the file."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.store.calendar import Calendar
    from target_amplitude_nami.store.file import StoreFile


class Part(t.Protocol):
    """A part of the store that keeps in RAM what the file does not have yet."""

    @property
    def backlog(self) -> float:
        """How much the file does not have: 1 is as much as should wait in RAM."""

    def take_unwritten(self) -> None:
        """Select for `write` all changes so far."""

    def write(self, file: StoreFile, calendar: Calendar, /) -> bool:
        """Write what was selected; return whether there was anything."""

    def note_committed(self) -> None:
        """Drop from RAM what can be found in the file from now on."""


class Committer:
    """Writes and commits the parts of a store; not for several threads at once."""

    def __init__(
        self,
        file: StoreFile,
        calendar: Calendar,
        parts: Sequence[Part],
        *,
        forgets: bool,
    ) -> None:
        """Initialise with the parts to write, and their file.

        Args:
            file: The file.
            calendar: The days of this run.
            parts: The parts, in the order in which they are written.
            forgets: Whether nothing is committed: reading is by the very connection
                that writes.
        """
        self._file = file
        self._calendar = calendar
        self._parts = parts
        self._forgets = forgets
        self._is_dirty = False
        self._has_failed = False
        """Whether what must be safe before a commit could not be made so."""

    @property
    def backlog(self) -> float:
        """That of the part that has the most; see `Part`."""
        return max(part.backlog for part in self._parts)

    def write(
        self, first: Callable[[], None] = lambda: None, at_least: float = 0
    ) -> None:
        """Write all changes so far.

        Args:
            first: Called once it is decided what is written, before it is.
            at_least: Leave parts with a smaller backlog as they are.
        """
        parts = [part for part in self._parts if part.backlog >= at_least]
        for part in parts:
            part.take_unwritten()
        try:
            first()
        except BaseException:
            self._has_failed = True
            raise
        self.write_now(*[part.write for part in parts])

    def write_now(self, *writes: Callable[[StoreFile, Calendar], bool]) -> None:
        """Write some things at once, each as `Part.write` does."""
        for write in writes:
            self._is_dirty |= write(self._file, self._calendar)

    def commit(self) -> None:
        """Make what was written survive a crash."""
        self._commit(self._parts)

    def commit_only(self, part: Part) -> None:
        """Write and commit what is ready in one part, unless the run is failing."""
        if self._has_failed:
            return
        self.write_now(part.write)
        self._commit([part])

    def _commit(self, parts: Sequence[Part]) -> None:
        if self._is_dirty and not self._forgets:
            self._file.commit()
            self._is_dirty = False
        for part in parts:
            part.note_committed()
